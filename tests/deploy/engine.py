"""A Docker engine for the tests, and its containers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Static, as it is in the image.
PROGRAM = ROOT / "target/x86_64-unknown-linux-musl/release/actiongate"
sys.path.insert(0, str(ROOT / "tests/e2e"))
from program import PATIENCE, Lines  # noqa: E402

# As one runs it: it has no rights and writes nothing.
HARDENED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64"]


class Engine:
    """The engine that answers already, or one of our own, which touches neither network nor rules."""

    def __init__(self):
        self._folder: str | None = None
        self._daemon: subprocess.Popen[str] | None = None
        self.environment = dict(os.environ)
        if subprocess.run(["docker", "version"], capture_output=True).returncode != 0:
            self._start()

    def _start(self) -> None:
        assert os.geteuid() == 0, "no Docker engine answers, and only root can start one"
        # A short path: it is the address of a socket.
        self._folder = tempfile.mkdtemp(prefix="actiongate-docker-")
        address = f"unix://{self._folder}/docker.sock"
        self._daemon = subprocess.Popen(
            ["dockerd", "--host", address, "--data-root", f"{self._folder}/data", "--exec-root", f"{self._folder}/exec"]
            + ["--pidfile", f"{self._folder}/pid", "--storage-driver", "vfs"]
            + ["--bridge", "none", "--iptables=false", "--ip6tables=false"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log = Lines(self._daemon.stderr)
        self.environment["DOCKER_HOST"] = address
        self._log.find("API listen on")

    def stop(self) -> None:
        if self._daemon is None:
            return
        self._daemon.terminate()
        self._daemon.wait(PATIENCE)
        self._log.join()
        self._daemon.stderr.close()
        # It leaves the folder of its network namespaces mounted.
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(self._folder)]):
            subprocess.run(["umount", mount], check=True)
        shutil.rmtree(self._folder)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs docker to its end, however that is."""
        command = ["docker", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def do(self, *arguments: str) -> str:
        """What docker prints, which must succeed."""
        ran = self.ask(*arguments)
        assert ran.returncode == 0, f"docker {' '.join(arguments)}: {ran.stderr}"
        return ran.stdout.strip()

    def build(self, name: str, context: Path, dockerfile: Path, *arguments: str) -> str:
        self.do("build", "-q", "-t", name, "-f", str(dockerfile), *arguments, str(context))
        return name

    def inspect(self, name: str, *, kind: str = "container") -> dict:
        return json.loads(self.do("inspect", "--type", kind, name))[0]


class Container:
    """A container that runs until it is left, and its log."""

    def __init__(self, engine: Engine, image: str, *command: str, options: list[str]):
        self.engine = engine
        self.id = engine.do("run", "--detach", *options, image, *command)
        self._follower = subprocess.Popen(
            ["docker", "logs", "--follow", self.id],
            env=engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = Lines(self._follower.stdout)

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.ask("rm", "--force", self.id)
        self._follower.wait(PATIENCE)
        self.log.join()
        self._follower.stdout.close()

    @property
    def pid(self) -> int:
        return self.engine.inspect(self.id)["State"]["Pid"]

    def address(self) -> str:
        """Where the gateway in it listens."""
        return self.log.find(r'"address":"([^"]+)"')[1]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.engine.ask("exec", self.id, *command)

    def find_event(self, pattern: str) -> None:
        """Waits until the engine has told this of it."""
        watch = ["docker", "events", "--since", "10m", "--filter", f"container={self.id}", "--format", "{{.Status}}"]
        watcher = subprocess.Popen(watch, env=self.engine.environment, stdout=subprocess.PIPE, text=True)
        events = Lines(watcher.stdout)
        try:
            events.find(pattern)
        finally:
            watcher.terminate()
            watcher.wait(PATIENCE)
            events.join()
            watcher.stdout.close()

    def signal(self, name: str) -> None:
        self.engine.do("kill", "--signal", name, self.id)

    def end(self) -> int:
        """Waits for the end it comes to by itself: its exit code."""
        return int(self.engine.do("wait", self.id))


class Call:
    """A function on a thread of its own, whose result is waited for."""

    def __init__(self, function, *arguments):
        self._result = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments))
        self._thread.start()

    def _run(self, function, arguments) -> None:
        self._result = function(*arguments)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def result(self):
        self._thread.join(PATIENCE)
        assert not self.is_running, "no result"
        return self._result
