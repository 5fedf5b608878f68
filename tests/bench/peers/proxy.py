"""A proxy as a process: configured in a folder of its own, pinned to its cores, and stopped again."""

import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from process import cpu_ns, resident_bytes
from table import METADATA, Route
from tokens import Keys

PATIENCE_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Setting:
    """In what a case's proxies differ from the plain one."""

    tls: bool = False
    http2: bool = False
    log: bool = False
    workers: int = 1


@dataclass
class Site:
    """What all proxies share."""

    folder: Path
    gateway: Path
    """The gateway's program."""
    keys: Keys
    routes: list[Route]
    table: Path
    upstream_port: int = field(default_factory=free_port)


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
                    return
        raise SystemExit(f"{self.name} does not run:\n{(self.folder / 'err').read_text()[-2000:]}")

    def await_answer(self, token: str) -> float:
        """Seconds from exec to the first byte of an answer: accepted by the program, not only by the kernel for it."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as client:
            client.sendall(request_text(token))
            assert client.recv(65536).startswith(b"HTTP/1.1 200"), f"{self.name} did not answer with 200"
        return time.monotonic() - self.started

    def cpu_ns(self) -> int:
        """Processor time until now, read when it stands still: the last connections are closed."""
        before = cpu_ns(self._process.pid)
        for _ in range(50):
            time.sleep(0.02)
            now = cpu_ns(self._process.pid)
            if now - before < 100_000:
                return now
            before = now
        return before

    def resident_bytes(self) -> int:
        return resident_bytes(self._process.pid)


def request_text(token: str, path: str = METADATA) -> bytes:
    """A whole GET over HTTP/1.1 as a client of the API sends it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json\r\nUser-Agent: python-novaclient\r\n\r\n"
    ).encode()
