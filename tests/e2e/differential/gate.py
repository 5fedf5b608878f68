"""A gateway with an upstream behind it, their configuration, and what both wrote down."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

HERE = Path(__file__).parent
TARGET = HERE.parents[2] / "target"
GATEWAY = TARGET / "debug" / "actiongate"
REPORTS = TARGET / "e2e"
ISSUER = "https://iam.example"
PROJECT = "4f5e3d2c1b0a49788796a5b4c3d2e1f0"
SERVERS = ("uwsgi", "gunicorn", "eventlet", "wsgiref")


def routes():
    """The operations of the built-in table."""
    text = subprocess.run([GATEWAY, "routes", "--format", "json"], check=True, capture_output=True).stdout
    return json.loads(text)


class Upstream:
    """The upstream under one of the servers that OpenStack is run with."""

    def __init__(self, folder, server):
        self.log = folder / "upstream.log"
        self.log.touch()
        listed = {(route["method"], route["path"]) for operation in routes() for route in operation["routes"]}
        shapes = {(method, shape(path)) for method, path in listed}
        besides = {(method, path) for method, path in nova_routes() if (method, shape(path)) not in shapes}
        table = folder / "routes.json"
        table.write_text(json.dumps(sorted(listed | besides)))
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        fd = listener.fileno()
        self.port = listener.getsockname()[1]
        bin_folder = Path(sys.executable).parent
        command = {
            "uwsgi": [
                *(bin_folder / "uwsgi", "--http-socket", f"fd://{fd}", "--processes", "2", "--master", "--die-on-term"),
                *("--module", "upstream:load()", "--buffer-size", "32768", "--listen", "100"),
                *("--add-header", "Connection: close", "--disable-logging"),
            ],
            "gunicorn": [
                *(bin_folder / "gunicorn", "--bind", f"fd://{fd}", "--workers", "2", "--worker-class", "gthread"),
                *("--threads", "32", "--keep-alive", "60", "upstream:load()"),
            ],
            "eventlet": [sys.executable, HERE / "serve.py", "eventlet", str(fd)],
            "wsgiref": [sys.executable, HERE / "serve.py", "wsgiref", str(fd)],
        }[server]
        environment = dict(
            os.environ, PYTHONPATH=str(HERE), DIFFERENTIAL_ROUTES=str(table), DIFFERENTIAL_LOG=str(self.log)
        )
        self.output = open(folder / "upstream.out", "wb")
        self.process = subprocess.Popen(
            command, env=environment, cwd=HERE, pass_fds=[fd], stdout=self.output, stderr=self.output
        )
        listener.close()

    def exchange(self, wire):
        """Sends one request past the gateway."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(wire)
            while connection.recv(65536):
                pass

    def lines(self):
        return read_lines(self.log)

    def stop(self):
        end(self.process)
        self.output.close()


class Gateway:
    """actiongate with its audit in a file and one caller who may do everything in [`PROJECT`]."""

    def __init__(self, folder, upstream_port):
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k", "alg": "ES256"}
        (folder / "keys.json").write_text(json.dumps({"keys": [jwk]}))
        claims = {"iss": ISSUER, "aud": "ecs", "sub": "caller", "exp": int(time.time()) + 24 * 3600}
        claims |= {"project_id": PROJECT, "actions": ["*:*:*"]}
        self.token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k"}).encode()
        self.audit = folder / "audit.log"
        config = folder / "actiongate.toml"
        config.write_text(
            f"""
[listen]
address = "127.0.0.1:0"
[upstream]
url = "http://127.0.0.1:{upstream_port}"
[[issuer]]
name = "{ISSUER}"
audiences = ["ecs"]
keys = "keys.json"
[issuer.claims]
project = "/project_id"
actions = "/actions"
[audit]
file = "audit.log"
[log]
format = "text"
"""
        )
        self.log = folder / "gateway.out"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen([GATEWAY, "run", "--config", config], stdout=output, stderr=output)
        self.port = self.listening()

    def listening(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.01)
        raise RuntimeError(self.log.read_text())

    def lines(self):
        return read_lines(self.audit)

    def stop(self):
        end(self.process)


class Stand:
    """Both of them; `with` ends both, and then their records are whole."""

    def __init__(self, folder, server):
        self.upstream = Upstream(folder, server)
        self.gateway = Gateway(folder, self.upstream.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gateway.stop()
        self.upstream.stop()


def shape(path):
    """A template without the names of its parameters and the slash of a version document."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


def nova_routes():
    """Routes that Nova has besides."""
    for line in (HERE / "nova.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            methods, path = line.split()
            for method in methods.split(","):
                for version in ("v2", "v2.1"):
                    yield method, f"/{version}/{{project_id}}{path}"


def read_lines(path):
    with open(path, "rb") as file:
        for line in file:
            yield json.loads(line)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
