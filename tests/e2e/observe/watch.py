"""A gateway with something to tell, and a real Prometheus that watches it.

Every process and server started is ended by `Watch.stop`.
"""

import json
import math
import re
import shutil
import signal
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from program import PATIENCE, Program

DEPLOY = Path(__file__).parents[3] / "deploy"
TEXT = "text/plain;version=0.0.4"
# A server of the demo's project.
SERVER = "/v2.1/4f5e3d2c1b0a49788796a5b4c3d2e1f0/servers/8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"

Found = TypeVar("Found")


def tool(name: str) -> str:
    """Where a program of Debian's package `prometheus` is."""
    path = shutil.which(name)
    assert path, f"there is no {name}: install the package prometheus"
    return path


def soon(ask: Callable[[], Found]) -> Found:
    """The first answer that is not false or empty."""
    end = time.monotonic() + PATIENCE
    while not (found := ask()):
        assert time.monotonic() < end, f"still {found!r} after {PATIENCE} s"
        time.sleep(0.05)
    return found


def fetch(url: str, accept: str = "*/*") -> tuple[str, str]:
    """The answer's media type and content."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


class Relay(ThreadingHTTPServer):
    """Hands the metrics on as text, as an old Prometheus would read them, and notes what it is asked for."""

    daemon_threads = True

    def __init__(self, url: str):
        self.url = url
        self.accepted: set[str] = set()
        super().__init__(("127.0.0.1", 0), Relayed)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Relayed(BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        self.server.accepted.add(self.headers["Accept"])
        media_type, content = fetch(self.server.url, TEXT)
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        pass


class Watch:
    """The demo's compute API and tokens, a gateway of our own before it, and Prometheus."""

    def __init__(self, folder: Path):
        self._stops: list[Callable[[], None]] = []
        try:
            self._start(folder)
        except BaseException:
            self.stop()
            raise

    def _start(self, folder: Path) -> None:
        self._tokens = folder / "demo"
        demo = self._run("demo", "--listen", "127.0.0.1:0", "--dir", str(self._tokens), cwd=folder)
        demo.err.find("listening on ")
        self._config = self._tokens / "watched.toml"
        written = (self._tokens / "actiongate.toml").read_text().replace("audit.jsonl", "watched.jsonl")
        self._config.write_text(written)
        self._gateway = self._run("run", "--config", self._config.name, cwd=self._tokens)
        self.url = self._gateway.err.find(r"listening on (http://[0-9.:]+[0-9])").group(1)
        self.direct = self._gateway.err.find(r"telling about itself on ([0-9.:]+[0-9])").group(1)
        self.relay = Relay(self.metrics_url)
        self._stops.append(self.relay.stop)
        self.as_text = f"127.0.0.1:{self.relay.server_port}"

        # The config that is delivered, but for where the gateway is, and with less patience.
        config = (DEPLOY / "prometheus/prometheus.yml").read_text()
        for delivered, wanted in (
            ('["actiongate:9090"]', json.dumps([self.direct, self.as_text])),
            ("scrape_interval: 15s", "scrape_interval: 500ms"),
            ("evaluation_interval: 15s", "evaluation_interval: 500ms"),
        ):
            assert delivered in config
            config = config.replace(delivered, wanted)
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(DEPLOY / "prometheus/alerts.yml", folder)
        prometheus = self._run(
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.listen-address=127.0.0.1:0",
            cwd=folder,
            program=tool("prometheus"),
        )
        self._prometheus = prometheus.err.find(r'msg="Listening on" address=(\S+)').group(1)
        prometheus.err.find("Server is ready to receive web requests")

    def _run(self, *arguments: str, **settings: Any) -> Program:
        program = Program(*arguments, **settings)
        self._stops.append(program.stop)
        return program

    def stop(self) -> None:
        while self._stops:
            self._stops.pop()()

    @property
    def metrics_url(self) -> str:
        return f"http://{self.direct}/metrics"

    def names(self) -> set[str]:
        """Of all that the gateway and Prometheus tell about it."""
        _, text = fetch(self.metrics_url, TEXT)
        return {"up", *re.findall(r"^([a-z]\w*)[ {]", text, re.MULTILINE)}

    def send(self, token: str | None, method: str, path: str) -> int:
        """The status of the gateway's answer."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        if token:
            request.add_header("X-Auth-Token", (self._tokens / f"{token}.token").read_text().strip())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def ask(self, what: str, **parameters: str) -> Any:
        """What Prometheus answers; an expression that it cannot evaluate is an error."""
        _, answer = fetch(f"http://{self._prometheus}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        return json.loads(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression as of now."""
        try:
            return self.ask("query", query=expression)["result"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{expression}: {error.read().decode()}")

    def value(self, expression: str) -> float:
        """The value of the only sample; not a number as long as there is none."""
        samples = self.query(expression)
        assert len(samples) <= 1, samples
        return float(samples[0]["value"][1]) if samples else math.nan

    def break_config(self) -> Callable[[], None]:
        """Has the gateway read a config that it cannot use; what is returned sets it right."""
        right = self._config.read_text()

        def reload(text: str) -> None:
            self._config.write_text(text)
            self._gateway.process.send_signal(signal.SIGHUP)

        reload("nonsense")
        return lambda: reload(right)
