"""Keystone's API over HTTP/1.1: reads requests, writes answers, counts and spoils both."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCESS_RULES_HEADER = "OpenStack-Identity-Access-Rules"


class Refusal(Exception):
    """An error in Keystone's form."""

    def __init__(self, code: int, title: str, message: str):
        super().__init__(message)
        self.code = code
        self.body = {"error": {"code": code, "title": title, "message": message}}


UNAUTHORIZED = (401, "Unauthorized", "The request you have made requires authentication.")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type, keystone: Any):
        super().__init__(address, handler)
        self.keystone = keystone


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for head and body, and no waiting between two.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/v3/auth/tokens":
            self.serve("validate", lambda: self.validate(query))
        elif path in ("/v3", "/v3/"):
            self.serve("discover", lambda: (200, {"version": self.version()}, {}))
        elif path == "/":
            self.serve("discover", lambda: (300, {"versions": {"values": [self.version()]}}, {}))
        else:
            self.serve("unknown", self.refuse_path)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.path.partition("?")[0] == "/v3/auth/tokens":
            self.serve("authenticate", lambda: self.authenticate(body))
        else:
            self.serve("unknown", self.refuse_path)

    def serve(self, kind: str, answer: Any) -> None:
        keystone = self.server.keystone
        keystone.count(kind)
        if keystone.trouble is not None and kind in keystone.troubled:
            if keystone.trouble == "slow":
                keystone.wait_out_trouble()
            elif keystone.trouble == "garbage":
                self.send(200, b"<html>not what you expect", {"X-Subject-Token": "?"})
                return
            else:
                self.send(keystone.trouble, Refusal(keystone.trouble, "Trouble", "As asked.").body, {})
                return
        try:
            status, body, headers = answer()
        except Refusal as refusal:
            status, body, headers = refusal.code, refusal.body, {}
            if status == 401:
                headers = {"WWW-Authenticate": f'Keystone uri="{keystone.url}"'}
        except (KeyError, TypeError, ValueError):
            refusal = Refusal(400, "Bad Request", "The request body is not as the schema says.")
            status, body, headers = refusal.code, refusal.body, {}
        self.send(status, body, headers)

    def send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in {**headers, "Vary": "X-Auth-Token", "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            # The caller had enough of waiting.
            self.close_connection = True

    def refuse_path(self) -> Any:
        raise Refusal(404, "Not Found", "The resource could not be found.")

    def version(self) -> dict[str, Any]:
        return {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{self.server.keystone.url}/"}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
        }

    def authenticate(self, body: bytes) -> Any:
        keystone = self.server.keystone
        token = keystone.authenticate(json.loads(body))
        return 201, keystone.shown(token), {"X-Subject-Token": token}

    def validate(self, query: str) -> Any:
        subject = self.headers.get("X-Subject-Token", "")
        body = self.server.keystone.validate(
            self.headers.get("X-Auth-Token", ""),
            subject,
            reads_rules=self.headers.get(ACCESS_RULES_HEADER) == "1.0",
            with_catalog="nocatalog" not in query,
        )
        return 200, body, {"X-Subject-Token": subject}
