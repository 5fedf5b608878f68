"""The image beside a backend, whose only way in it is.

A container that only waits holds the network namespace, as the pause container of a Pod does. Its
namespace has loopback and, where a test gives it one, an address that the host reaches.
"""

import contextlib
import os
import socket
import subprocess

import pytest

from engine import HARDENED, PATIENCE, Call, Container
from stand import METADATA, Server, get

GATEWAY, HOST = "10.231.77.2", "10.231.77.1"
PORT, BACKEND = 8080, 8774
WAIT = """#!/bin/sh
echo here > /shared/begun
read line < /shared/go
printf 'Content-Type: text/plain\\r\\n\\r\\n%s' "$line"
"""


@pytest.fixture
def pod(engine, busybox):
    with Container(engine, busybox, "sh", "-c", "sleep infinity & wait", options=["--network", "none"]) as pod:
        yield pod


@pytest.fixture
def inside(pod):
    """What a container needs to be in the Pod."""
    return ["--network", f"container:{pod.id}", *HARDENED]


@pytest.fixture
def address(pod):
    """Gives the Pod an address, at the other end of a cable to the host."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True)

    name = f"ag{pod.pid}"
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pod.pid))
    try:
        run("ip", "address", "add", f"{HOST}/30", "dev", name)
        run("ip", "link", "set", name, "up")
        enter = ["nsenter", "--net", "--target", str(pod.pid), "ip"]
        run(*enter, "address", "add", f"{GATEWAY}/30", "dev", "eth0")
        run(*enter, "link", "set", "eth0", "up")
        yield GATEWAY
    finally:
        run("ip", "link", "delete", name)


@contextlib.contextmanager
def backend(engine, busybox, inside, folder, shared):
    """busybox's web server on loopback, with one file and one script."""
    www = folder.path.parent / "www"
    file = www / METADATA.removeprefix("/")
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    (www / "cgi-bin").mkdir()
    (www / "cgi-bin/wait").write_text(WAIT)
    (www / "cgi-bin/wait").chmod(0o755)
    for name in ("begun", "go"):
        os.mkfifo(shared / name)
        (shared / name).chmod(0o666)
    serve = ["httpd", "-f", "-vv", "-p", f"127.0.0.1:{BACKEND}", "-h", "/www"]
    mounts = ["--volume", f"{www}:/www:ro", "--volume", f"{shared}:/shared"]
    with Container(engine, busybox, *serve, options=[*inside, *mounts]) as container:
        subprocess.run(
            ["nsenter", "--net", "--target", str(container.pid), "busybox", "sh", "-c"]
            + [f"until busybox wget -q -O /dev/null http://127.0.0.1:{BACKEND}{METADATA}; do :; done"],
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        yield container


def test_is_the_only_way_to_a_backend_on_loopback(engine, image, busybox, pod, inside, address, folder, shared):
    folder.config([f"0.0.0.0:{PORT}", "unix:/shared/api.sock"], f"http://127.0.0.1:{BACKEND}")
    token, other = folder.token("ecs:servers:listMetadata"), folder.token("ecs:servers:list")
    mounts = [*folder.mount, "--volume", f"{shared}:/shared"]
    with Container(engine, image, options=[*inside, *mounts]) as gateway:
        gateway.address()
        gateway.log.find("unix:/shared/api.sock")
        ways = [f"{address}:{PORT}", shared / "api.sock"]
        # The gateway starts first, as a native sidecar does: it says that there is no backend yet.
        for way in ways:
            assert get(way, token=token)[:2] == (502, "upstream_connect")
        with backend(engine, busybox, inside, folder, shared):
            for way in ways:
                assert get(way, token=token) == (200, None, "{}")
                assert get(way, token=other)[:2] == (403, "action_missing")
                assert get(way)[:2] == (401, "token_missing")
            # Around it: neither by the Pod's address nor by the host's own loopback.
            for host in (address, "127.0.0.1"):
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((host, BACKEND), PATIENCE)


def test_is_the_only_way_to_a_backend_on_a_socket(engine, image, pod, inside, address, folder, shared):
    folder.config(f"0.0.0.0:{PORT}", "unix:/shared/nova.sock")
    mounts = [*folder.mount, "--volume", f"{shared}:/shared"]
    with Server(shared / "nova.sock") as nova, Container(engine, image, options=[*inside, *mounts]) as gateway:
        gateway.address()
        way = f"{address}:{PORT}"
        assert get(way, token=folder.token("ecs:servers:listMetadata"))[0] == 200
        assert get(way, token=folder.token("ecs:servers:list"))[:2] == (403, "action_missing")
        assert nova.paths == [METADATA]


def test_stops_after_its_requests_and_before_the_backend(
    engine, image, busybox, pod, inside, address, folder, shared
):
    folder.config(f"0.0.0.0:{PORT}", f"http://127.0.0.1:{BACKEND}")
    with (
        backend(engine, busybox, inside, folder, shared) as server,
        Container(engine, image, options=[*inside, *folder.mount]) as gateway,
    ):
        gateway.address()
        way = f"{address}:{PORT}"
        waiting = Call(get, way, "/cgi-bin/wait")
        assert (shared / "begun").read_text() == "here\n"
        gateway.signal("TERM")
        gateway.log.find("SIGTERM: letting running requests finish")
        # Nobody new comes in, and who is in gets an answer.
        with pytest.raises(OSError):
            for _ in range(1000):
                get(way, "/cgi-bin/none")
        assert waiting.is_running
        (shared / "go").write_text("done\n")
        assert waiting.result() == (200, None, "done")
        assert gateway.end() == 0
        assert engine.inspect(server.id)["State"]["Running"]


def test_outlives_the_backend_that_stops_first(engine, image, busybox, pod, inside, address, folder, shared):
    # Kubernetes ends native sidecars last.
    folder.config(f"0.0.0.0:{PORT}", f"http://127.0.0.1:{BACKEND}")
    token = folder.token("ecs:servers:listMetadata")
    with Container(engine, image, options=[*inside, *folder.mount]) as gateway:
        gateway.address()
        way = f"{address}:{PORT}"
        with backend(engine, busybox, inside, folder, shared) as server:
            assert get(way, token=token)[0] == 200
            server.signal("KILL")
            server.end()
            assert get(way, token=token)[:2] == (502, "upstream_connect")
        gateway.signal("TERM")
        assert gateway.end() == 0


def test_cuts_off_at_the_deadline_and_says_so(engine, image, busybox, pod, inside, address, folder, shared):
    folder.config(f"0.0.0.0:{PORT}", f"http://127.0.0.1:{BACKEND}", drain_timeout="1ms")
    with (
        backend(engine, busybox, inside, folder, shared),
        Container(engine, image, options=[*inside, *folder.mount]) as gateway,
    ):
        gateway.address()

        def cut_off() -> str:
            with pytest.raises(ConnectionResetError) as raised:
                get(f"{address}:{PORT}", "/cgi-bin/wait")
            return raised.typename

        waiting = Call(cut_off)
        (shared / "begun").read_text()
        gateway.signal("TERM")
        assert gateway.end() == 4
        assert waiting.result() in ("RemoteDisconnected", "ConnectionResetError")
