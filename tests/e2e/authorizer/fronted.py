"""The demo with its compute API, a gateway that answers each product's questions, and one product between."""

import json
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
from products import PRODUCTS, Product
from recorder import PATIENCE, Recorder, once

from program import Program

PROJECT = "4f5e3d2c1b0a49788796a5b4c3d2e1f0"
OTHER_PROJECT = "0a1b2c3d4e5f40718293a4b5c6d7e8f9"
SERVER = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes

    @property
    def request_id(self) -> str | None:
        found = re.search(r"(?im)^x-openstack-request-id: *(req-[0-9a-f-]+)", self.head)
        return found and found[1]

    @property
    def reason(self) -> str | None:
        found = re.search(r"(?im)^x-actiongate-reason: *([a-z_]+)", self.head)
        return found and found[1]


def parse(answer: bytes) -> Answer:
    if not answer:
        # As nginx's log calls it.
        return Answer(444, "", b"")
    head, _, body = answer.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    status = re.match(r"HTTP/1\.[01] (\d{3})", text)
    assert status, answer
    return Answer(int(status[1]), text, body)


class Base:
    """What all products share."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.demo = Program("demo", "--dir", "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", cwd=folder)
        self.demo.err.find("listening on http")
        self.key = (folder / "demo/key.pem").read_text()
        config = (folder / "demo/actiongate.toml").read_text()
        upstream = re.search(r'url = "http://([0-9.]+):(\d+)"', config)
        self.recorder = Recorder((upstream[1], int(upstream[2])))
        config = re.sub(r"\[admin\]\n.*\n", "", config)
        for product in PRODUCTS:
            config += f"""
[[authorizer]]
address = "127.0.0.1:0"
for = "{product.name}"
trusted = "127.0.0.1"
"""
        (folder / "demo/authorizer.toml").write_text(config.replace("audit.jsonl", "authorizer.jsonl"))
        self.gateway = Program("run", "--config", "authorizer.toml", cwd=folder / "demo")
        address = self.gateway.err.find(r"listening on http://([0-9.]+):(\d+)")
        self.address = (address[1], int(address[2]))

    def port_for(self, product: Product) -> int:
        return int(self.gateway.err.find(rf"questions of {product.name} on [0-9.]+:(\d+)")[1])

    def token(self, *actions: str, project: str = PROJECT) -> str:
        now = int(time.time())
        claims = {"iss": "https://iam.demo.example", "aud": "ecs", "sub": "tester", "iat": now, "exp": now + 3600,
                  "project_id": project, "actions": list(actions)}
        return jwt.encode(claims, self.key, "ES256", {"kid": "demo-1"})

    def audited(self, request_id: str) -> dict:
        """The audit's line of this request, now or soon."""
        started = time.monotonic()
        while True:
            text = (self.folder / "demo/authorizer.jsonl").read_text()
            for line in text.splitlines():
                if request_id in line and (found := json.loads(line))["request_id"] == request_id:
                    return found
            assert time.monotonic() - started < PATIENCE, text
            time.sleep(0.05)

    def stop(self) -> None:
        self.gateway.stop()
        self.demo.stop()
        self.recorder.stop()


class Stand:
    """One product in front of the compute API."""

    def __init__(self, base: Base, product: Product, folder: Path):
        self.base, self.product = base, product
        self.port = free_port()
        command = product.command(folder, self.port, base.port_for(product), base.recorder.port)
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(command, cwd=folder, stdout=self.log, stderr=self.log)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        base.recorder.take()

    def _wait(self) -> None:
        """Until it decides: a proxy may listen before it has its routes."""
        started = time.monotonic()
        while True:
            try:
                if self.send(self.head("GET", "/nowhere")).reason:
                    return
            except OSError:
                pass
            self.log.flush()
            waited = time.monotonic() - started
            assert waited < PATIENCE and self.process.poll() is None, Path(self.log.name).read_text()
            time.sleep(0.05)

    def head(self, method: str, target: str, *headers: str, token: str | None = None) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: api.test:{self.port}", *headers]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, head: bytes, body: bytes = b"", source: str = "127.0.0.1") -> Answer:
        """Sends these bytes, with the body's length."""
        return parse(once(("127.0.0.1", self.port), head, body, source))

    def judged(self, head: bytes, body: bytes = b"") -> Answer:
        """What the gateway itself answers to a request."""
        return parse(once(self.base.address, head, body))

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


