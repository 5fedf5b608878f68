"""The image and what stands around it."""

import shutil
from pathlib import Path

import pytest

from engine import PROGRAM, ROOT, Engine
from stand import Folder


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def engine():
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def image(engine, tmp_path_factory):
    context = tmp_path_factory.mktemp("context")
    shutil.copy(PROGRAM, context)
    shutil.copy(ROOT / "LICENSE", context)
    return engine.build("actiongate:test", context, ROOT / "deploy/Dockerfile", "--target", "prebuilt")


@pytest.fixture(scope="session")
def busybox(engine, tmp_path_factory):
    """A shell and a web server, for what is not ours."""
    context = tmp_path_factory.mktemp("busybox")
    shutil.copy(shutil.which("busybox"), context / "busybox")
    text = 'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
    (context / "Dockerfile").write_text(text + "USER 65533:65532\n")
    return engine.build("busybox:test", context, context / "Dockerfile")


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def shared(tmp_path) -> Path:
    """A folder that all the containers of a test may write to."""
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(0o777)
    return path
