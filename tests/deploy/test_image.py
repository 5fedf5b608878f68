"""The image by itself, and as a gateway in front of a backend."""

import io
import subprocess
import tarfile

from engine import HARDENED, Container
from stand import METADATA, MORE, Server, get

MAX_SIZE = 15_000_000
# What the engine puts into every container.
ENGINES = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}


def test_holds_the_program_and_its_license_only(engine, image):
    about = engine.inspect(image, kind="image")
    print(f"the image has {about['Size']} bytes")
    assert about["Size"] <= MAX_SIZE
    config = about["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/actiongate"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/actiongate", "health", "--config", "/etc/actiongate/actiongate.toml"]
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert labels >= {"title", "description", "licenses", "version", "revision"}
    container = engine.do("create", image)
    exported = subprocess.run(
        ["docker", "export", container], env=engine.environment, capture_output=True, check=True
    ).stdout
    engine.do("rm", container)
    with tarfile.open(fileobj=io.BytesIO(exported)) as files:
        names = {file.name for file in files if not file.isdir()}
    assert names - ENGINES == {"actiongate", "LICENSE"}
    shell = engine.ask("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image)
    assert shell.returncode == 127, shell
    assert engine.do("run", "--rm", "--network", "none", *HARDENED, image, "--version").startswith("actiongate ")


def test_serves_in_front_of_a_backend(engine, image, folder):
    allowed, other = folder.token("ecs:servers:listMetadata"), folder.token("ecs:servers:list")
    with Server() as backend:
        folder.config("127.0.0.1:0", backend.url)
        with Container(engine, image, options=["--network", "host", *HARDENED, *folder.mount]) as gateway:
            address = gateway.address()
            assert get(address, token=allowed) == (200, None, '{"metadata":{}}')
            assert get(address, token=other)[:2] == (403, "action_missing")
            assert get(address)[:2] == (401, "token_missing")
            assert backend.paths == [METADATA]
            owner = engine.do("top", gateway.id, "-o", "pid,uid,gid,comm").splitlines()[1].split()
            assert owner[1:] == ["65532", "65532", "actiongate"]
            # A config that cannot be used, then one that can, each a link that is swapped.
            folder.write({"table.toml": "nonsense"})
            gateway.log.find("the last good one stays in use")
            assert get(address, token=allowed)[0] == 200
            assert get(address, "/healthcheck")[0] == 401
            folder.write({"table.toml": MORE})
            gateway.log.find("the config was reloaded")
            assert get(address, "/healthcheck")[0] == 200
            assert engine.do("diff", gateway.id).replace("C /etc\nA /etc/actiongate", "") == ""
            gateway.signal("TERM")
            assert gateway.end() == 0
            gateway.log.find("every request was answered")


def test_cannot_start_from_a_bad_config(engine, image, folder):
    folder.config("127.0.0.1:0", "ftp://nova")
    with Container(engine, image, options=["--network", "none", *HARDENED, *folder.mount]) as gateway:
        assert gateway.end() == 1
        gateway.log.find(r"/etc/actiongate/actiongate.toml:8: `upstream.url` is `ftp://nova`")


def test_probes_itself(engine, image, folder):
    # In a network of its own, where the port is free.
    options = ["--network", "none", *HARDENED, *folder.mount, "--health-interval", "1s"]
    ask = ["/actiongate", "health", "--config", "/etc/actiongate/actiongate.toml"]
    folder.config("127.0.0.1:0", "http://127.0.0.1:9", admin="0.0.0.0:9191")
    with Container(engine, image, options=options) as gateway:
        gateway.find_event("health_status: healthy")
        ran = gateway.run(*ask)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ready\n", "")
    folder.config("127.0.0.1:0", "http://127.0.0.1:9", admin="0.0.0.0:9191", keys="http://127.0.0.1:9/jwks.json")
    with Container(engine, image, options=[*options, "--health-retries", "1"]) as gateway:
        gateway.address()
        gateway.find_event("health_status: unhealthy")
        ran = gateway.run(*ask)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("actiongate: not ready: 503 Service Unavailable: "), ran.stderr
        assert "the keys of https://iam.example.com" in ran.stderr
        ran = gateway.run(*ask, "--live")
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "live\n", "")


def test_says_that_it_brings_no_authorities(engine, image, folder):
    folder.config("127.0.0.1:0", "https://127.0.0.1:9")
    with Container(engine, image, options=["--network", "none", *HARDENED, *folder.mount]) as gateway:
        assert gateway.end() == 1
        gateway.log.find("the system has no root certificates, name a file of them in `ca`")
