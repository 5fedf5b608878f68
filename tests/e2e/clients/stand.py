"""What the clients are tried against: the demo's compute API, a Keystone, the gateway between.

Every process and server started is ended by `Stand.stop`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

from double.keystone import AUDIENCE, Keystone, User
from program import Program, Ran

ROUTES_OF_CLIENTS = Path(__file__).parents[3] / "deploy/openstack-clients.toml"
# The demo's project, and a server of it.
PROJECT = "4f5e3d2c1b0a49788796a5b4c3d2e1f0"
SERVER = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"
SERVICE_PROJECT = "5e7c1ce0" * 4


def issuer(form: str, keystone: Keystone, folder: Path) -> str:
    """How the gateway verifies the tokens of a form."""
    alice, bob = keystone.users["alice"], keystone.users["bob"]
    if form == "plain":
        return f"""
[[issuer]]
name = "{keystone.url}"
audiences = ["{AUDIENCE}"]
keys = "{keystone.jwks}"

[issuer.claims]
project = "/project_id"
roles = "/roles"

[issuer.roles]
member = "ECS FullAccess"
reader = "ECS ReadOnlyAccess"
"""
    if form == "jws":
        # The tokens name no roles: here the users themselves are mapped.
        return f"""
[[issuer]]
kind = "keystone-jws"
name = "keystone"
keys = "{keystone.public_keys}"

[issuer.claims]
roles = "/sub"

[issuer.roles]
{alice.id} = "ECS FullAccess"
{bob.id} = "ECS ReadOnlyAccess"
"""
    (folder / "gateway.password").write_text(keystone.users["gateway"].password)
    return f"""
[[issuer]]
kind = "keystone"
name = "keystone"
auth_urls = ["{keystone.url}"]

[issuer.service]
username = "gateway"
user_domain = "Default"
project = "service"
project_domain = "Default"
password_file = "gateway.password"

[issuer.roles]
member = "ECS FullAccess"
reader = "ECS ReadOnlyAccess"
"""


class Stand:
    """The gateway with its neighbors, and the clients of three users.

    In the demo's project Alice is a member, Bob a reader, and Carol's role grants nothing.
    """

    def __init__(self, form: str, folder: Path):
        self._stops: list[Any] = []
        try:
            self._start(form, folder)
        except BaseException:
            self.stop()
            raise

    def _start(self, form: str, folder: Path) -> None:
        self.keystone = Keystone(folder / "keystone", form)
        self.keystone.add_project(PROJECT, "demo")
        self.keystone.add_project(SERVICE_PROJECT, "service")
        self.keystone.add_user("alice", {PROJECT: ["member"]})
        self.keystone.add_user("bob", {PROJECT: ["reader"]})
        # A role that the gateway's config does not know.
        self.keystone.add_user("carol", {PROJECT: ["intern"]})
        self.keystone.add_user("gateway", {SERVICE_PROJECT: ["service"]})
        self.keystone.start()
        self._stops.append(self.keystone.stop)

        demo = Program("demo", "--listen", "127.0.0.1:0", "--dir", str(folder / "demo"), cwd=folder)
        self._stops.append(demo.stop)
        upstream = demo.out.find(r"a compute API in memory behind it (http://[0-9.:]+[0-9])").group(1)

        config = f"""
[listen]
address = "127.0.0.1:0"

[upstream]
url = "{upstream}"

[table]
files = ["{ROUTES_OF_CLIENTS}"]
{issuer(form, self.keystone, folder)}"""
        (folder / "actiongate.toml").write_text(config)
        gateway = Program("run", "--config", "actiongate.toml", cwd=folder)
        self._stops.append(gateway.stop)
        self._audit = gateway.out
        self.url = gateway.err.find(r"listening on (http://[0-9.:]+[0-9])").group(1)
        self.keystone.compute_url = self.url

    def stop(self) -> None:
        while self._stops:
            self._stops.pop()()

    def user(self, name: str) -> User:
        return self.keystone.users[name]

    def connect(self, name: str) -> Connection:
        """The SDK, logged in as a user would be."""
        return openstack.connect(
            auth_url=self.keystone.url,
            username=name,
            password=self.user(name).password,
            project_name="demo",
            user_domain_name="Default",
            project_domain_name="Default",
            region_name="RegionOne",
            load_yaml_config=False,
            load_envvars=False,
            app_name="e2e",
        )

    def run(self, name: str, *arguments: str) -> Ran:
        """`openstack`, as a user would run it."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "OS_AUTH_URL": self.keystone.url,
            "OS_USERNAME": name,
            "OS_PASSWORD": self.user(name).password,
            "OS_PROJECT_NAME": "demo",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
        }
        command = [str(Path(sys.executable).with_name("openstack")), *arguments]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def audited(self, request_id: str) -> dict[str, Any]:
        """What the gateway wrote of a request."""
        return json.loads(self._audit.find(re.escape(request_id.removeprefix("req-"))).string)
