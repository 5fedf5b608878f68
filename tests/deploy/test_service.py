"""The units in a real systemd: it is process 1 of a container that has this machine's /usr and little else."""

import re
import subprocess
from pathlib import Path

import pytest

from engine import PATIENCE, PROGRAM, ROOT, Container
from stand import CONFIG, METADATA, TABLE, Server

UNITS = ROOT / "deploy/systemd"
GATEWAY, ADMIN = "http://127.0.0.1:8774", "http://127.0.0.1:9090"
CREDENTIALS = "/run/credentials/actiongate.service/actiongate_"
MORE = f"""
[admin]
address = "127.0.0.1:9090"
token_file = "{CREDENTIALS}admin.token"

[audit]
file = "/var/log/actiongate/audit.jsonl"
"""
# Mounts must spread from process 1, or no service sees its credentials; Docker makes them private.
DOCKERFILE = """
FROM scratch
COPY . /
ENV container=docker
ENTRYPOINT ["/bin/sh", "-c", "mount --make-rshared / && exec /lib/systemd/systemd \\"$@\\"", "-"]
CMD ["--unit=basic.target", "--log-target=console"]
"""
# What it takes to be a system: mounts, and the users of services.
RIGHTS = ["--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "NET_ADMIN", "--tty"]
RIGHTS += ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
RIGHTS += ["--security-opt", "systempaths=unconfined", "--cgroupns", "private", "--network", "none"]
RIGHTS += ["--tmpfs", "/run", "--tmpfs", "/tmp"]
# Since this version systemd itself knows how a reload is done.
OWN_RELOAD = 253


@pytest.fixture
def usr(tmp_path):
    """This machine's /usr with the program in it."""
    upper, work, usr = (tmp_path / name for name in ("upper", "work", "usr"))
    for folder in (upper, work, usr):
        folder.mkdir()
    (upper / "bin").mkdir()
    (upper / "bin/actiongate").write_bytes(PROGRAM.read_bytes())
    (upper / "bin/actiongate").chmod(0o755)
    overlay = f"lowerdir=/usr,upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", overlay, str(usr)], check=True)
    yield usr
    subprocess.run(["umount", str(usr)], check=True)


@pytest.fixture
def image_of_system(engine, tmp_path) -> str:
    context = tmp_path / "system"
    for folder in ("etc/systemd/system", "etc/actiongate", "etc/credstore/actiongate", "run/nova", "usr", "var"):
        (context / folder).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (context / name).symlink_to(f"usr/{name}")
    (context / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    (context / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (context / "etc/nsswitch.conf").write_text("passwd: files systemd\ngroup: files systemd\n")
    (context / "etc/systemd/journald.conf").write_text("[Journal]\nForwardToConsole=yes\n")
    (context / "etc/machine-id").write_text("")
    (context / "etc/ld.so.cache").write_bytes(Path("/etc/ld.so.cache").read_bytes())
    secrets = context / "etc/credstore/actiongate"
    secrets.chmod(0o700)
    (secrets / "admin.token").write_text("opensesame")
    (secrets / "admin.token").chmod(0o600)
    for unit in UNITS.iterdir():
        (context / "etc/systemd/system" / unit.name).write_text(unit.read_text())
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return engine.build("system:test", context, tmp_path / "Dockerfile")


def show(system: Container, property: str) -> str:
    return do(system, "systemctl", "show", "--value", "--property", property, "actiongate.service")


def do(system: Container, *command: str) -> str:
    ran = system.run(*command)
    log = "" if ran.returncode == 0 else system.run("journalctl", "--no-pager", "--unit", "actiongate").stdout
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}{log}"
    return ran.stdout.strip()


def ask(system: Container, url: str, header: str = "X-None: none") -> str:
    """The status, and the reason if the gateway refused it."""
    form = "%{http_code} %header{x-actiongate-reason}"
    return do(system, "curl", "-sS", "--max-time", str(PATIENCE), "-o", "/dev/null", "-w", form, "-H", header, url)


def test_serves_as_a_unit(engine, image_of_system, usr, folder, shared):
    gateway = {"address": '"systemd:actiongate"', "drain_timeout": "30s", "upstream": "unix:/run/nova/api.sock"}
    folder.write({"actiongate.toml": CONFIG.format(**gateway, keys="jwks.json", admin=MORE), "table.toml": TABLE})
    mounts = [*folder.mount, "--volume", f"{usr}:/usr:ro", "--volume", f"{shared}:/run/nova"]
    allowed = f"X-Auth-Token: {folder.token('ecs:servers:listMetadata')}"
    other = f"X-Auth-Token: {folder.token('ecs:servers:list')}"
    with Server(shared / "api.sock") as nova, Container(engine, image_of_system, options=[*RIGHTS, *mounts]) as system:
        system.log.find("Startup finished")
        version = int(do(system, "systemctl", "--version").split()[1])
        if version < OWN_RELOAD:
            # As the unit says.
            line = re.search("`(ExecReload=.+)`", (UNITS / "actiongate.service").read_text())[1]
            drop_in = "/etc/systemd/system/actiongate.service.d"
            do(system, "sh", "-c", f"mkdir {drop_in} && printf '[Service]\\n%s\\n' '{line}' >{drop_in}/reload.conf")
        do(system, "systemctl", "enable", "--now", "actiongate.socket", "actiongate.service")
        # It has told systemd that it is ready, or this would have waited.
        assert show(system, "ActiveState") == "active"
        process = show(system, "MainPID")
        assert ask(system, GATEWAY + METADATA, allowed) == "200"
        assert ask(system, GATEWAY + METADATA, other) == "403 action_missing"
        assert nova.paths == [METADATA]
        # It reads the secret that only root can read elsewhere, and writes the audit.
        assert ask(system, f"{ADMIN}/metrics") == "401"
        assert ask(system, f"{ADMIN}/metrics", "Authorization: Bearer opensesame") == "200"
        assert "action_missing" in do(system, "cat", "/var/log/actiongate/audit.jsonl")
        status = dict(line.split(":\t") for line in do(system, "cat", f"/proc/{process}/status").splitlines())
        assert int(status["Uid"].split()[0]) >= 61184, "not a dynamic user"
        assert (int(status["CapBnd"], 16), status["NoNewPrivs"], status["Seccomp"]) == (0, "1", "2")
        # A reload is in place.
        folder.write({"table.toml": TABLE.replace("/cgi-bin/wait", "/healthcheck")})
        do(system, "systemctl", "reload", "actiongate")
        system.log.find("Reloaded actiongate.service")
        system.log.find("the config was reloaded")
        assert ask(system, f"{GATEWAY}/healthcheck") == "200"
        assert show(system, "MainPID") == process
        # Clients wait at the socket while the gateway is away, and the first one starts it.
        do(system, "systemctl", "stop", "actiongate.service")
        assert (show(system, "ActiveState"), show(system, "Result")) == ("inactive", "success")
        assert ask(system, GATEWAY + METADATA, allowed) == "200"
        assert show(system, "MainPID") not in (process, "0")
