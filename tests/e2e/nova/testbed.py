"""A real Keystone and Nova on this machine, and a gateway in front of them.

The testbed's folder has `up.sh`, which starts them and leaves alone what runs already, and `seed.py`, which
makes users and servers: alice is a member and bob a reader of project gw-a, carol is a member of gw-b.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection
from program import Program, Ran

FOLDER = Path(os.environ.get("OPENSTACK_TESTBED", "."))
STATE = Path(os.environ.get("STATE", "/tmp/openstack-testbed"))
# Starting all of it from nothing takes three minutes, and longer where packages have to come first.
PATIENCE = 1200
PASSWORD = "the gateway's own"

ROLES = """
[issuer.roles]
member = "ECS FullAccess"
reader = "ECS ReadOnlyAccess"
"""
SERVICE = """
[issuer.service]
username = "gateway"
user_domain = "Default"
project = "service"
project_domain = "Default"
password_file = "gateway.password"
"""


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Testbed:
    """What the scripts started."""

    __test__ = False

    def __init__(self) -> None:
        self._ran_before = answers(5000)
        environment = os.environ | {"EXTRA": "jws", "STATE": str(STATE)}
        for script in ("up.sh", "seed.py"):
            command = [str(FOLDER / script)]
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
        self.facts: dict[str, Any] = json.loads((STATE / "seed.json").read_text())
        self.clouds: dict[str, Any] = json.loads((STATE / "clouds.yaml").read_text())["clouds"]
        self.project: str = self.facts["project_id"]
        self.server: str = self.facts["server_id"]
        self._make_service_user()

    def stop(self) -> None:
        """Ends it, unless it ran before."""
        if self._ran_before:
            return
        subprocess.run([str(FOLDER / "down.sh")], stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)

    def url(self, name: str) -> str:
        return self.facts["endpoints"][name]

    def admin(self) -> Connection:
        return self.connect("admin")

    def _make_service_user(self) -> None:
        """Whoever asks Keystone about tokens needs the role `service`, and no more."""
        with self.admin() as admin:
            identity = admin.identity
            user = identity.find_user("gateway") or identity.create_user(name="gateway", domain_id="default")
            identity.update_user(user, password=PASSWORD)
            project, role = identity.find_project("service"), identity.find_role("service")
            identity.assign_project_role_to_user(project, user, role)

    def issuer(self, form: str) -> str:
        """How the gateway verifies the tokens of a form."""
        users = self.facts["user_ids"]
        return {
            "fernet": f"""
[[issuer]]
kind = "keystone"
name = "keystone"
auth_urls = ["{self.url("KEYSTONE_URL")}"]
{SERVICE}{ROLES}""",
            "jws": f"""
[[issuer]]
kind = "keystone-jws"
name = "keystone"
keys = "{self.facts["jws_public_key"]}"

[issuer.claims]
roles = "/sub"

[issuer.roles]
{users["alice"]} = "ECS FullAccess"
{users["bob"]} = "ECS ReadOnlyAccess"
{users["carol"]} = "ECS FullAccess"
""",
            "jws-online": f"""
[[issuer]]
kind = "keystone"
name = "keystone"
auth_urls = ["{self.url("KEYSTONE_JWS_URL")}"]
keys = "{self.facts["jws_public_key"]}"
{SERVICE}{ROLES}""",
        }[form]

    def connect(self, user: str, compute: str | None = None, form: str = "fernet") -> Connection:
        """The SDK, logged in, with its compute endpoint at `compute` instead of the catalog's."""
        return openstack.connect(**self._login(user, compute, form), load_yaml_config=False, load_envvars=False)

    def _login(self, user: str, compute: str | None, form: str) -> dict[str, Any]:
        suffix = "" if form == "fernet" else "-jws"
        login = dict(self.clouds[user + suffix]) | {"app_name": "e2e"}
        if compute is not None:
            login["compute_endpoint_override"] = f"{compute}/v2.1/{self.project}"
        return login


class Gateway:
    """actiongate in front of a Nova."""

    def __init__(self, testbed: Testbed, form: str, folder: Path):
        upstream = testbed.url("NOVA_URL" if form == "fernet" else "NOVA_JWS_URL")
        upstream = upstream.split("/v2")[0]
        (folder / "gateway.password").write_text(PASSWORD)
        routes = Path(__file__).parents[3] / "deploy/openstack-clients.toml"
        config = f"""
[listen]
address = "127.0.0.1:0"

[upstream]
url = "{upstream}"

[table]
files = ["{routes}"]
{testbed.issuer(form)}"""
        (folder / "actiongate.toml").write_text(config)
        self.program = Program("run", "--config", "actiongate.toml", cwd=folder)
        self.url = self.program.err.find(r"listening on (http://[0-9.:]+[0-9])").group(1)

    def audited(self, request_id: str) -> dict[str, Any]:
        return json.loads(self.program.out.find(request_id).string)

    def stop(self) -> None:
        self.program.stop()


def command(testbed: Testbed, user: str, *arguments: str) -> Ran:
    """`openstack`, as a user would run it: the catalog tells where compute is."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "OS_CLIENT_CONFIG_FILE": str(STATE / "clouds.yaml"),
        "OS_CLOUD": user,
    }
    program = str(Path(sys.executable).with_name("openstack"))
    ran = subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
