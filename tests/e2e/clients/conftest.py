"""One stand for all tests, for each form of token that the gateway takes."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection
from stand import Stand

FORMS = ["plain", "jws", "fernet"]


@pytest.fixture(scope="session", params=FORMS)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(request.param, tmp_path_factory.mktemp(request.param))
    yield stand
    stand.stop()


@pytest.fixture(scope="session")
def alice(stand: Stand) -> Iterator[Connection]:
    """May do everything in her project."""
    with stand.connect("alice") as connection:
        yield connection


@pytest.fixture(scope="session")
def bob(stand: Stand) -> Iterator[Connection]:
    """May only look."""
    with stand.connect("bob") as connection:
        yield connection


@pytest.fixture(scope="session")
def carol(stand: Stand) -> Iterator[Connection]:
    """Is known, and may do nothing."""
    with stand.connect("carol") as connection:
        yield connection
