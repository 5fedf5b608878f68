"""A proxy as a process: configured in a folder of its own, pinned to its cores, and stopped again."""

import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from process import cpu_ns, resident_bytes, spent_ns
from table import METADATA, Route
from tokens import Keys

PATIENCE_S = 20
ENDPOINTS = 8


def free_ports(count: int) -> list[int]:
    """Different ones: all are held until the last is found."""
    with ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in found]


def free_port() -> int:
    return free_ports(1)[0]


@dataclass(frozen=True)
class Setting:
    """In what a case's proxies differ from the plain one."""

    tls: bool = False
    http2: bool = False
    log: bool = False
    workers: int = 1
    endpoints: int = 1
    """Of the upstream, at most `ENDPOINTS`. Only the gateway knows this setting and the next."""
    table: Path | None = None
    """Another than the site's."""


@dataclass
class Site:
    """What all proxies share."""

    folder: Path
    gateway: Path
    """The gateway's program."""
    keys: Keys
    routes: list[Route]
    table: Path
    upstream_ports: list[int] = field(default_factory=lambda: free_ports(ENDPOINTS))

    @property
    def upstream_port(self) -> int:
        return self.upstream_ports[0]


class Proxy(ABC):
    """One proxy, running while the context is open."""

    name: str
    authorizes = True

    def __init__(self, site: Site, setting: Setting, cores: list[int]):
        self.site, self.setting, self._cores = site, setting, cores
        self.port = free_port()
        # Nothing of an earlier run is left: no log that grows, no socket.
        self.folder = site.folder / self.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    @abstractmethod
    def configure(self) -> list[str]:
        """Writes the configuration; the command that runs the proxy in the foreground."""

    def __enter__(self) -> "Proxy":
        command = ["taskset", "-c", ",".join(map(str, self._cores)), *self.configure()]
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.started = time.monotonic()
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=err)
        try:
            self._await_connection()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_connection(self) -> None:
        while time.monotonic() < self.started + PATIENCE_S:
            if self._process.poll() is not None:
                break
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    self.accepted_s = time.monotonic() - self.started
                    """From exec to the first connection that the kernel accepts for the program."""
                    return
        raise SystemExit(f"{self.name} does not run:\n{(self.folder / 'err').read_text()[-2000:]}")

    def await_answer(self, token: str) -> float:
        """Seconds from exec to the first byte of an answer: accepted by the program, not only by the kernel for it."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as client:
            client.sendall(request_text(token))
            assert client.recv(65536).startswith(b"HTTP/1.1 200"), f"{self.name} did not answer with 200"
        return time.monotonic() - self.started

    def cpu_ns(self) -> dict[int, int]:
        """Processor time until now, by thread, read when it stands still: the last connections are closed."""
        before = cpu_ns(self._process.pid)
        for _ in range(50):
            time.sleep(0.02)
            now = cpu_ns(self._process.pid)
            if spent_ns(before, now) < 100_000:
                return now
            before = now
        raise SystemExit(f"{self.name} does not come to rest: its processor time would not be the load's alone")

    def resident_bytes(self) -> int:
        return resident_bytes(self._process.pid)


def request_text(token: str, path: str = METADATA) -> bytes:
    """A whole GET over HTTP/1.1 as a client of the API sends it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json\r\nUser-Agent: python-novaclient\r\n\r\n"
    ).encode()
