"""The page before answers that no gateway of today gives, and what it computes from two of them."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser

PAGE = Path(__file__).parents[3] / "src/admin/page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
COMPUTE = """
const [before, after, done] = arguments;
import("/series.js").then(({Series}) => {
    const series = new Series();
    series.add(before);
    const change = series.add(after);
    const {all, refused, own} = series.points.at(-1);
    done({all, refused, own, operation: change.ofOperation(after.operations[0]), points: series.points.length});
});
"""


class Double:
    """The page's files, and a status that the test sets."""

    def __init__(self) -> None:
        double = self
        self.status: Any = {}
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/status":
                    content, kind = json.dumps(double.status).encode(), "application/json"
                    double.asked += 1
                    double.answers.wait(4)
                else:
                    file = PAGE / (self.path.strip("/") or "page.html")
                    content, kind = file.read_bytes(), TYPES[file.suffix]
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def double() -> Iterator[Double]:
    double = Double()
    yield double
    double.stop()


SPARSE = [
    {},
    {"ready": True, "a member of tomorrow": {"x": [1]}},
    {"ready": True, "operations": [{"permission": "a"}, {}], "issuers": [{}], "endpoints": [{}], "refusals": [{}, {}], "reasons": [{}]},
    {name: None for name in ("version", "now", "config", "requests", "durations", "operations", "issuers", "refusals", "cache")},
    {"config": {}, "requests": {}, "durations": {"own": [1]}, "connections": {}, "cache": {}, "audit": {}},
]


@pytest.mark.parametrize("status", SPARSE)
def test_unknown_and_missing_members_are_borne(browser: Browser, double: Double, status: Any):
    double.status = status
    browser.open(double.url)
    browser.wait(lambda: double.asked > 2, "the page goes on asking")
    assert browser.text("#state") == ("ready" if status.get("ready") else "not ready")
    assert len(browser.texts("#operations tbody")) == len(status.get("operations") or [])
    assert browser.complaints() == []


@pytest.mark.parametrize("when", ["between two polls", "during a poll"])
def test_nothing_is_asked_while_nobody_can_look(browser: Browser, double: Double, when: str):
    hide = """
        Object.defineProperty(document, "hidden", {value: arguments[0], configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    """
    double.status = {"ready": True}
    browser.open(double.url)
    browser.wait(lambda: browser.text("#state") == "ready", "it is ready")
    if when == "during a poll":
        double.answers.clear()
        asked = double.asked
        browser.wait(lambda: double.asked > asked, "the page asks")
    browser.run(hide, True)
    asked = double.asked
    double.answers.set()
    time.sleep(2.5)  # Longer than from one poll to the next: that nothing happens gives no signal.
    # One may have been on its way.
    assert double.asked - asked <= (when == "between two polls")
    asked = double.asked
    browser.run(hide, False)
    browser.wait(lambda: double.asked > asked + 1, "the page asks again")


def test_rates_and_quantiles_are_those_between_two_polls(browser: Browser, double: Double):
    def status(second: int, permitted: int, denied: int, own: list[int]) -> dict[str, Any]:
        return {
            "started": "2026-11-29T02:00:00Z",
            "now": f"2026-11-29T02:00:{second:02}Z",
            "requests": {"permitted": permitted, "denied": denied, "rejected": 0},
            "durations": {"bounds_seconds": [0.001, 0.002, 0.01], "own": own},
            "operations": [{"permission": "a", "permitted": permitted, "denied": denied}],
        }

    browser.open(double.url)
    before, after = status(10, 100, 50, [100, 50, 0, 0]), status(14, 140, 70, [110, 80, 10, 0])
    found = browser.driver.execute_async_script(COMPUTE, before, after)
    assert (found["all"], found["refused"], found["operation"], found["points"]) == (15, 5, 15, 2)
    # Of 50 requests 10 took up to 1 ms, 30 up to 2 ms and 10 up to 10 ms.
    assert found["own"]["p50"] == pytest.approx(0.0015)
    assert found["own"]["p99"] == pytest.approx(0.002 + 0.008 * 0.95)
    # Another process counts from zero: between it and the one before it there is no rate.
    found = browser.driver.execute_async_script(COMPUTE, before, {**after, "started": "2026-11-29T02:00:12Z"})
    assert (found["all"], found["operation"], found["points"], found["own"]["p50"]) == (None, None, 1, None)
