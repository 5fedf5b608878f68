"""The upstream's door: notes every request byte for byte, and hands it to the demo's compute API."""

import re
import socket
import threading
from dataclasses import dataclass

PATIENCE = 20


@dataclass(frozen=True)
class Seen:
    """A request as a proxy has sent it."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        method, target, _ = self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        return f"{method} {target}"

    def header(self, name: str) -> list[str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.split(":", 1) for line in lines if line)
        return [value.strip() for key, value in pairs if key.lower() == name]


def read(stream) -> Seen | None:
    """One request; of bodies those that the proxies send."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length:
        return Seen(head, stream.read(int(length[1])))
    if not re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        return Seen(head, b"")
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return Seen(head, body)


def once(address: tuple[str, int], head: bytes, body: bytes, source: str = "127.0.0.1") -> bytes:
    """Sends a request on a connection of its own; all that is answered, nothing if it is reset before."""
    kept = [line for line in head.rstrip(b"\r\n").split(b"\r\n")
            if not re.match(rb"(?i)(connection|content-length|transfer-encoding) *:", line)]
    kept += [b"Connection: close", b"Content-Length: %d" % len(body)]
    answer = b""
    with socket.create_connection(address, PATIENCE, (source, 0)) as sending:
        try:
            sending.sendall(b"\r\n".join(kept) + b"\r\n\r\n" + body)
            while piece := sending.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer


class Recorder:
    """Listens until it is stopped."""

    def __init__(self, upstream: tuple[str, int]):
        self.upstream = upstream
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            seen = read(stream)
            if seen is None:
                return
            with self._lock:
                self._seen.append(seen)
            connection.sendall(once(self.upstream, seen.head, seen.body))

    def take(self) -> list[Seen]:
        """What came since the last time."""
        with self._lock:
            seen, self._seen = self._seen, []
        return seen

    def stop(self) -> None:
        self._listener.close()
