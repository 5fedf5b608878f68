"""An issuer, a config as Kubernetes mounts one, and a compute API; clients of all of them."""

import http.client
import json
import os
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import PATIENCE

ISSUER = "https://iam.example.com"
METADATA = "/v2.1/a1/servers/s1/metadata"
CONFIG = """
[listen]
address = {address}
unix_mode = "0666"
drain_timeout = "{drain_timeout}"

[upstream]
url = "{upstream}"
profile = "generic"

[table]
files = ["table.toml"]

[[issuer]]
name = "https://iam.example.com"
audiences = ["ecs"]
keys = "{keys}"

[issuer.claims]
project = "/project_id"
actions = "/actions"
{admin}
"""
# A script of the backend in the container; what the test waits in is up to the script.
TABLE = """
[[operation]]
permission = "Waiting"
routes = ["GET /cgi-bin/wait"]
access = "public"
"""
MORE = """
[[operation]]
permission = "Asking how the service is"
routes = ["GET /healthcheck"]
access = "public"
"""


class Folder:
    """A folder with a config, its files behind a link that is swapped, as Kubernetes does it."""

    def __init__(self, path: Path):
        self.path = path / "etc"
        self.path.mkdir()
        self._key = Ed25519PrivateKey.generate()
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        self._files = {"jwks.json": json.dumps({"keys": [public | {"kid": "1", "alg": "EdDSA", "use": "sig"}]})}
        self._version = 0

    def config(
        self,
        address: str | list[str],
        upstream: str,
        *,
        drain_timeout: str = "30s",
        keys: str = "jwks.json",
        admin: str | None = None,
    ) -> None:
        text = CONFIG.format(
            address=json.dumps(address),
            upstream=upstream,
            drain_timeout=drain_timeout,
            keys=keys,
            admin="" if admin is None else f'[admin]\naddress = "{admin}"\nallow_public = true',
        )
        self.write({"actiongate.toml": text, "table.toml": TABLE})

    def write(self, files: dict[str, str]) -> None:
        """Takes all the files up at once."""
        self._files |= files
        self._version += 1
        version = self.path / f"..{self._version}"
        version.mkdir()
        for name, text in self._files.items():
            (version / name).write_text(text)
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        (self.path / "..new").symlink_to(version.name)
        os.replace(self.path / "..new", self.path / "..data")

    def token(self, *actions: str) -> str:
        claims = {"iss": ISSUER, "aud": "ecs", "sub": "a", "exp": int(time.time()) + 3600}
        claims |= {"project_id": "a1", "actions": list(actions)}
        return jwt.encode(claims, self._key, "EdDSA", {"kid": "1"})

    @property
    def mount(self) -> list[str]:
        return ["--volume", f"{self.path}:/etc/actiongate:ro"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body = self.server.answer
        self.server.paths.append(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def address_string(self) -> str:
        return "a client"

    def log_message(self, *_: object) -> None:
        pass


class _Threads(socketserver.ThreadingMixIn):
    daemon_threads = True
    request_queue_size = 64


class _Tcp(_Threads, socketserver.TCPServer):
    pass


class _Unix(_Threads, socketserver.UnixStreamServer):
    pass


class Server:
    """Gives one answer to every GET, over loopback or a Unix socket, and remembers the paths."""

    def __init__(self, socket_path: Path | None = None):
        server = _Tcp(("127.0.0.1", 0), _Handler) if socket_path is None else _Unix(str(socket_path), _Handler)
        server.answer, server.paths = (200, '{"metadata":{}}'), []
        if socket_path is None:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
        else:
            socket_path.chmod(0o666)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def paths(self) -> list[str]:
        return self._server.paths

    def answer(self, status: int, body: str) -> None:
        self._server.answer = (status, body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str):
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


def get(where: str | Path, path: str = METADATA, token: str | None = None) -> tuple[int, str | None, str]:
    """The status, the reason if the gateway refused it, and the body; `where` is `host:port` or a socket."""
    if isinstance(where, Path):
        connection = _UnixConnection(str(where))
    else:
        connection = http.client.HTTPConnection(where, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={} if token is None else {"X-Auth-Token": token})
        answer = connection.getresponse()
        return answer.status, answer.headers["X-Actiongate-Reason"], answer.read().decode()
    finally:
        connection.close()
