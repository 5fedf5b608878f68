"""What the page is looked at on: a gateway, compute APIs behind it, issuers beside it, and load.

Every process, server and thread started is ended by `Scene.stop`.
"""

import http.client
import http.server
import itertools
import json
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import jwt

from program import Program

PROJECT = "4f5e3d2c1b0a49788796a5b4c3d2e1f0"
SERVER = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"
SERVER_PATH = f"/v2.1/{PROJECT}/servers/{SERVER}"
ISSUER = "https://iam.demo.example"
ADMIN_TOKEN = "a-token-that-only-operators-have"
# What a page that took text for markup would run.
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"

METADATA = "Querying ECS Metadata (Native OpenStack API)"
# A persona, a request of it, and what it is answered.
CALLS = [
    *[("operator", "GET", f"{SERVER_PATH}/metadata", None, 200)] * 6,
    ("operator", "GET", f"/v2.1/{PROJECT}/servers/detail", None, 200),
    ("reader", "GET", SERVER_PATH, None, 200),
    ("reader", "GET", f"/v2.1/{PROJECT}/servers", None, 200),
    ("auditor", "GET", f"/v2.1/{PROJECT}/flavors/detail", None, 200),
    ("helpdesk", "GET", f"{SERVER_PATH}/metadata", None, 200),
    ("metadata-only", "PUT", f"{SERVER_PATH}/metadata", {"metadata": {"a": "b"}}, 403),
    ("auditor", "POST", f"{SERVER_PATH}/action", {"os-start": None}, 403),
    ("other-project", "GET", f"{SERVER_PATH}/metadata", None, 403),
    ("nobody", "GET", f"{SERVER_PATH}/metadata", None, 401),
    ("reader", "GET", "/v2.1/nowhere", None, 404),
]


def call(port: int, method: str, path: str, token: str | None, body: Any = None, connection: Any = None) -> int:
    """Sends a request and returns the status of its answer."""
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"content-type": "application/json"} if body is not None else {}
    if token is not None:
        headers["x-auth-token"] = token
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    with connection.getresponse() as answer:
        answer.read()
        return answer.status


class Load(threading.Thread):
    """Sends `CALLS` over one connection again and again, and counts what was answered."""

    def __init__(self, port: int, tokens: dict[str, str]):
        super().__init__()
        self._port, self._tokens = port, tokens
        self._is_over = threading.Event()
        self.sent: Counter[tuple[str, str, str, int]] = Counter()
        self.failure: Exception | None = None
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        for persona, method, path, body, expected in itertools.cycle(CALLS):
            if self._is_over.is_set():
                return
            try:
                status = call(self._port, method, path, self._tokens.get(persona), body, connection)
                assert status == expected, (persona, method, path, status)
            except Exception as failure:
                self.failure = failure
                return
            self.sent[persona, method, path, status] += 1
            if body is not None:
                # The gateway may refuse before all of a body has come, and then reads no more here.
                connection.close()

    def stop(self) -> None:
        self._is_over.set()
        self.join()


class KeyServer:
    """Serves a set of keys at one port, from when it is started."""

    def __init__(self, keys: bytes):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_: Any) -> None:
                pass

        # Bound, and yet nobody is answered before it is started.
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._server.server_bind()
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)

    def start(self) -> None:
        self._server.server_activate()
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class Scene:
    """A gateway with an admin listener; started and stopped again at the same addresses."""

    def __init__(self, folder: Path, with_token: bool = False):
        self._stops: list[Any] = []
        self.folder = folder
        try:
            self._prepare(with_token)
            self.start()
        except BaseException:
            self.stop()
            raise

    def _prepare(self, with_token: bool) -> None:
        backends = []
        for name in ("demo", "demo-2"):
            demo = Program("demo", "--listen", "127.0.0.1:0", "--dir", str(self.folder / name), cwd=self.folder)
            self._stops.append(demo.stop)
            backends.append(demo.out.find(r"a compute API in memory behind it (http://[0-9.:]+[0-9])").group(1))
        demo_folder = self.folder / "demo"
        self.tokens = {path.stem: path.read_text() for path in demo_folder.glob("*.token")}
        key = json.loads((demo_folder / "jwks.json").read_text())["keys"][0]
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [key, {**key, "kid": "demo-2"}]}))
        self.keys = KeyServer(json.dumps({"keys": [{**key, "kid": "2026-11"}]}).encode())
        self._stops.append(self.keys.stop)
        claims = jwt.decode(self.tokens["metadata-only"], options={"verify_signature": False})
        secret = (demo_folder / "key.pem").read_text()
        self.tokens["hostile"] = jwt.encode({**claims, "sub": HOSTILE}, secret, "ES256", {"kid": "demo-1"})

        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.admin_port}/"
        (self.folder / "admin.token").write_text(ADMIN_TOKEN)
        demanded = 'token_file = "admin.token"' if with_token else ""
        (self.folder / "actiongate.toml").write_text(f"""
[listen]
address = "127.0.0.1:{self.port}"

[admin]
address = "127.0.0.1:{self.admin_port}"
{demanded}

[upstream]
urls = {json.dumps(backends)}

[audit]
enabled = false

[[issuer]]
name = "{ISSUER}"
audiences = ["ecs"]
keys = "jwks.json"

[issuer.claims]
project = "/project_id"
actions = "/actions"
roles = "/roles"

[issuer.roles]
operator = "ECS FullAccess"
helpdesk = "ECS CommonOperations"
auditor = "ECS ReadOnlyAccess"

[[issuer]]
name = "https://login.partner.example"
audiences = ["ecs"]
keys = "http://127.0.0.1:{self.keys.port}/jwks.json"
cooldown = "1s"

[issuer.claims]
project = "/project_id"
actions = "/actions"
""")

    def start(self) -> None:
        self.gateway = Program("run", "--config", "actiongate.toml", cwd=self.folder)
        self.gateway.err.find(r"listening on http://")

    def end(self) -> None:
        self.gateway.stop()

    def call(self, persona: str, method: str, path: str, body: Any = None) -> int:
        return call(self.port, method, path, self.tokens.get(persona), body)

    def load(self) -> Load:
        return Load(self.port, self.tokens)

    def stop(self) -> None:
        if hasattr(self, "gateway"):
            self.end()
        while self._stops:
            self._stops.pop()()


def free_port() -> int:
    """A port to listen at, again after a restart."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
