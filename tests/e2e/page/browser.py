"""Debian's Chromium, and the page in it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_core_python
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
DRIVER = os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver")
SCREENSHOTS = Path(__file__).parents[3] / "target/e2e/screenshots"
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
PATIENCE = 30
# Nothing is fetched that the test does not ask for.
ARGUMENTS = """--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions
    --force-device-scale-factor=1 --no-proxy-server""".split()


class Browser:
    """A browser with a profile of its own."""

    def __init__(self, profile: Path):
        assert Path(CHROMIUM).exists() and Path(DRIVER).exists(), "install Debian's chromium and chromium-driver"
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in [*ARGUMENTS, f"--user-data-dir={profile}"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(DRIVER))
        self.size(1280, 900)

    def stop(self) -> None:
        self.driver.quit()

    def size(self, width: int, height: int) -> None:
        """Of the page, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """Prefers `light` or `dark`."""
        features = {"features": [{"name": "prefers-color-scheme", "value": name}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def open(self, url: str) -> None:
        self.driver.get_log("browser")
        self.driver.get(url)

    def complaints(self) -> list[str]:
        """What the browser wrote to its console since the last look: errors, refused resources, warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """The text of an element that the page may be changing."""
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)

    def shown(self, selector: str) -> bool:
        return self.run("return document.querySelector(arguments[0])?.checkVisibility() ?? false", selector)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """What is true, now or soon."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, f"{what}\n{self.text('body')}"
            time.sleep(0.05)
        return value

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(key).perform()

    def tab_to(self, selector: str) -> None:
        """Goes on by the key Tab until this has the focus."""
        for _ in range(60):
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"no way to {selector} by keyboard")

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.1 AA and its own good practices."""
        self.run(AXE)
        found = self.driver.execute_async_script("axe.run(document, {resultTypes: ['violations']}).then(arguments[0])")
        return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found["violations"] for node in each["nodes"]]
