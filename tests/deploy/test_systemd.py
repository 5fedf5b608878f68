"""The units: what systemd says to them, and the gateway under the system calls that its unit allows."""

import json
import mmap
import re
import socket
import subprocess

import pytest

from engine import HARDENED, PROGRAM, ROOT, Container
from stand import Server, get

UNITS = ROOT / "deploy/systemd"
# Of a systemd before 253, which the unit takes into account.
OLD = re.compile(r".*: Failed to parse service type, ignoring: notify-reload\n")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def values(directive: str) -> list[str]:
    text = (UNITS / "actiongate.service").read_text()
    return re.findall(rf"^{directive}=(.*)$", text, re.MULTILINE)


def test_is_understood(tmp_path):
    text = (UNITS / "actiongate.service").read_text()
    # It is not installed here.
    (tmp_path / "actiongate.service").write_text(text.replace("/usr/bin/actiongate run", f"{PROGRAM} run"))
    (tmp_path / "actiongate.socket").write_text((UNITS / "actiongate.socket").read_text())
    units = [str(tmp_path / name) for name in ("actiongate.service", "actiongate.socket")]
    ran = analyze("verify", "--man=no", *units)
    assert (ran.returncode, OLD.sub("", ran.stderr)) == (0, "")
    (tmp_path / "actiongate.service").write_text(text.replace("NoNewPrivileges", "NoNewPrivilege"))
    ran = analyze("verify", "--man=no", *units)
    assert re.search("Unknown key.*'NoNewPrivilege'", ran.stderr), ran.stderr


def test_is_hardened():
    unit = str(UNITS / "actiongate.service")
    ran = analyze("security", "--offline=true", "--no-pager", "--threshold=20", unit)
    assert ran.returncode == 0, ran.stdout
    (level,) = re.findall(r"Overall exposure level for actiongate.service: ([0-9.]+)", ran.stdout)
    print(f"exposure level {level}")
    assert float(level) <= 2.0
    # The threshold is one.
    assert analyze("security", "--offline=true", "--no-pager", "--threshold=1", unit).returncode != 0


def system_calls(name: str) -> set[str]:
    """Those of a set such as `@system-service`, and of the sets in it."""
    listed = analyze("syscall-filter", name).stdout.splitlines()[1:]
    listed = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    groups = [system_calls(line) for line in listed if line.startswith("@")]
    return {line for line in listed if not line.startswith("@")}.union(*groups)


@pytest.fixture
def allowed() -> set[str]:
    allow, deny = values("SystemCallFilter")
    allowed = system_calls(allow)
    for name in deny.removeprefix("~").split():
        denied = system_calls(name)
        assert denied, name
        allowed -= denied
    assert {"read", "accept4", "epoll_wait"} <= allowed
    assert not {"setuid", "mount", "mlock", "ptrace", "setrlimit"} & allowed
    return allowed


def allow(name: str, index: int, mask: int, value: int) -> dict:
    """Allows the call where the bits of `mask` in that argument are `value`."""
    argument = {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
    return {"names": [name], "args": [argument], "action": "SCMP_ACT_ALLOW"}


def test_serves_with_the_system_calls_it_may_use(engine, image, folder, tmp_path, allowed):
    families = [getattr(socket, name) for name in values("RestrictAddressFamilies")[0].split()]
    assert values("MemoryDenyWriteExecute") == ["yes"]
    # Memory is never both written and run, and never becomes code later; sockets are of the unit's families.
    write, execute = mmap.PROT_WRITE, mmap.PROT_EXEC
    conditional = [allow("mmap", 2, write | execute, bits) for bits in (0, write, execute)]
    conditional += [allow("mprotect", 2, execute, 0)]
    conditional += [allow("socket", 0, 0xFFFF, family) for family in families]
    allowed -= {"mmap", "mprotect", "pkey_mprotect", "shmat", "socket"}
    profile = {
        # EPERM, as the unit says.
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}, *conditional],
    }
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    options = ["--network", "host", *HARDENED, "--security-opt", f"seccomp={tmp_path}/profile.json"]
    assert values("SystemCallErrorNumber") == ["EPERM"]
    token, other = folder.token("ecs:servers:listMetadata"), folder.token("ecs:servers:list")
    with Server() as backend:
        folder.config("127.0.0.1:0", backend.url)
        with Container(engine, image, options=[*options, *folder.mount]) as gateway:
            address = gateway.address()
            assert get(address, token=token)[0] == 200
            assert get(address, token=other)[:2] == (403, "action_missing")
            gateway.signal("HUP")
            gateway.log.find("the config was reloaded")
            assert get(address, token=token)[0] == 200
            gateway.signal("TERM")
            assert gateway.end() == 0
