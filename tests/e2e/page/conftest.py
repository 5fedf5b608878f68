"""One browser for all tests, a gateway for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from scene import Scene


@pytest.fixture(scope="session")
def session_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.stop()


@pytest.fixture
def browser(session_browser: Browser) -> Iterator[Browser]:
    """On no page, 1280 pixels wide and light."""
    session_browser.size(1280, 900)
    session_browser.scheme("light")
    yield session_browser
    session_browser.open("about:blank")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A gateway that has all keys, and so is ready."""
    scene = Scene(tmp_path)
    scene.keys.start()
    yield scene
    scene.stop()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Scene]:
    """A gateway that wants a token, and waits for the keys of an issuer."""
    scene = Scene(tmp_path, with_token=True)
    yield scene
    scene.stop()
