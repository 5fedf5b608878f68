"""One stand for all tests, for each form of token that the gateway takes."""

from collections.abc import Iterator

import pytest
from stand import SERVER, Stand

FORMS = ["plain"]


@pytest.fixture(scope="session", params=FORMS)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(request.param, tmp_path_factory.mktemp(request.param))
    yield stand
    stand.stop()


@pytest.fixture(scope="session")
def alice(stand: Stand):
    with stand.connect("alice") as connection:
        yield connection


@pytest.fixture(scope="session")
def bob(stand: Stand):
    with stand.connect("bob") as connection:
        yield connection


@pytest.fixture(scope="session")
def server() -> str:
    return SERVER
