"""actiongate and commands as processes of a test, and what they print."""

import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

PROGRAM = Path(__file__).parents[2] / "target/debug/actiongate"
PATIENCE = 20


class Lines:
    """The lines of a pipe, read by a thread so that it never fills; they can be waited for."""

    def __init__(self, pipe: TextIO):
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,))
        self._thread.start()

    def _read(self, pipe: TextIO) -> None:
        for line in pipe:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def find(self, pattern: str) -> re.Match[str]:
        """The first match in a line, now or soon."""

        def found() -> re.Match[str] | None:
            return next((match for line in self._lines if (match := re.search(pattern, line))), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE)
            match = found()
        assert match, f"no line with {pattern!r}: {self.text()}"
        return match

    def text(self) -> str:
        return "".join(self._lines)

    def join(self) -> None:
        self._thread.join()


class Program:
    """actiongate, unless told otherwise, running."""

    def __init__(self, *arguments: str, cwd: Path, program: str | Path = PROGRAM):
        self.process = subprocess.Popen(
            [str(program), *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.out.join()
        self.err.join()
        self.process.stdout.close()
        self.process.stderr.close()


def start_gateway(folder: Path, upstream: str, more: str = "") -> Program:
    """One with an issuer whose tokens nobody has, in front of this URL; `more` is what else its config says."""
    public = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key())
    (folder / "jwks.json").write_text(f'{{"keys": [{public}]}}')
    (folder / "actiongate.toml").write_text(f"""
[listen]
address = "127.0.0.1:0"

[upstream]
url = "{upstream}"

[[issuer]]
name = "issuer"
audiences = ["ecs"]
keys = "jwks.json"

[issuer.claims]
project = "/project_id"
actions = "/actions"

{more}
""")
    return Program("run", "--config", "actiongate.toml", cwd=folder)


@dataclass
class Ran:
    """What became of a command."""

    status: int
    out: str
    err: str
