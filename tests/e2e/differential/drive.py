"""Sends numbered requests to the gateway over several connections and counts its answers."""

import multiprocessing
import re
import socket
from collections import Counter

BATCH = 64
WAIT = 30
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
REASON = re.compile(rb"\r\nx-actiongate-reason: *(\w+)", re.IGNORECASE)


def drive(gateway, line_of, numbers, processes=2):
    """The answers, counted by status and reason."""
    client = Client(gateway, line_of)
    parts = [numbers[start::processes] for start in range(processes)]
    with multiprocessing.get_context("fork").Pool(processes, initializer=take, initargs=(client,)) as pool:
        return sum(pool.map(send_part, parts, chunksize=1), Counter())


def take(client):
    global CLIENT  # noqa: PLW0603 - a closure cannot be handed to another process
    CLIENT = client


def send_part(numbers):
    return CLIENT.send_all(numbers)


class Client:
    """One process's connections."""

    def __init__(self, gateway, line_of):
        self.address = ("127.0.0.1", gateway.port)
        self.token = gateway.token
        self.line_of = line_of
        self.connection = None
        self.answers = Counter()

    def send_all(self, numbers):
        batch, alone = [], []
        for number in numbers:
            line = self.line_of(number)
            request = (line.wire(self.token, b"line-%d" % number), line.method == b"HEAD")
            (batch if line.is_plain() else alone).append(request)
            if len(batch) == BATCH:
                self.send_batch(batch)
                batch = []
        self.send_batch(batch)
        for request in alone:
            self.send_alone(*request)
        return self.answers

    def connect(self):
        connection = socket.create_connection(self.address, timeout=WAIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send_alone(self, wire, is_head):
        """What may end the connection, on one of its own."""
        self.finish()
        self.connection = self.connect()
        self.connection.sendall(wire)
        if not list(self.read([(wire, is_head)])):
            self.answers["none", "-"] += 1
        self.finish()

    def finish(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send_batch(self, batch):
        """Pipelined; what is not answered when the connection ends is sent again on the next."""
        while batch:
            # The gateway ends a connection after so many requests.
            is_new = self.connection is None
            if is_new:
                self.connection = self.connect()
            answered = 0
            try:
                self.connection.sendall(b"".join(wire for wire, _ in batch))
            except (ConnectionResetError, BrokenPipeError):
                pass
            for _ in self.read(batch):
                answered += 1
            if answered < len(batch):
                self.finish()
                if answered == 0 and is_new:
                    raise RuntimeError(f"no answer to {batch[0][0]!r}")
            batch = batch[answered:]

    def read(self, batch):
        buffer = b""
        for _, is_head in batch:
            while (end := buffer.find(b"\r\n\r\n")) < 0 or buffer.startswith(b"HTTP/1.1 1"):
                if end >= 0:
                    buffer = buffer[end + 4 :]
                    continue
                part = self.receive()
                if not part:
                    return
                buffer += part
            head = buffer[:end]
            length = LENGTH.search(head)
            body = int(length[1]) if length and not is_head else 0
            while len(buffer) < end + 4 + body:
                part = self.receive()
                if not part:
                    return
                buffer += part
            buffer = buffer[end + 4 + body :]
            self.count(head)
            yield head

    def receive(self):
        try:
            return self.connection.recv(262144)
        except ConnectionResetError:
            return b""

    def count(self, head):
        reason = REASON.search(head)
        status = head[9:12].decode() or "none"
        self.answers[status, reason[1].decode() if reason else "-"] += 1
