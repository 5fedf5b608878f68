"""One gateway and one Prometheus for all tests, after requests of every decision."""

from collections.abc import Iterator

import pytest
from watch import SERVER, Watch

# Token, method, path's end, answer; and under which labels it counts.
SENT = [
    ("operator", "GET", "/metadata", 200, ("permit", "ok")),
    ("operator", "GET", "/metadata", 200, ("permit", "ok")),
    ("reader", "GET", "/metadata", 200, ("permit", "ok")),
    ("reader", "DELETE", "", 403, ("deny", "action_missing")),
    ("other-project", "GET", "/metadata", 403, ("deny", "project_mismatch")),
    (None, "GET", "/metadata", 401, ("reject", "token_missing")),
    (None, "GET", "/metadata", 401, ("reject", "token_missing")),
    ("operator", "GET", "/nowhere", 404, ("reject", "route_unknown")),
]


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    watch = Watch(tmp_path_factory.mktemp("observe"))
    yield watch
    watch.stop()


@pytest.fixture(scope="session")
def sent(watch: Watch) -> dict[tuple[str, str], int]:
    """How often each decision and reason must have been counted."""
    expected: dict[tuple[str, str], int] = {}
    for token, method, end, status, labels in SENT:
        assert watch.send(token, method, f"{SERVER}{end}") == status, (token, method, end)
        expected[labels] = expected.get(labels, 0) + 1
    return expected
