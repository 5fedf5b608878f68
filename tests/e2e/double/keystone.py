"""A Keystone in one process: the part of its API that clients log in with and services validate by.

It issues tokens in three forms, chosen by `form`:

- `jws`: as Keystone's own provider makes them: ES256, no `kid`, no `iss`, no `aud`, no roles;
- `fernet`: opaque, of the length and the look of Fernet's;
- `plain`: a JWT as any OpenID provider issues it, with project and roles, for an issuer with a JWKS.

It counts what it is asked, and `trouble` makes it answer badly.
"""

import base64
import datetime
import json
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from double.handler import UNAUTHORIZED, Handler, Refusal, Server

DEFAULT_DOMAIN = {"id": "default", "name": "Default"}
AUDIENCE = "compute"
LONGEST_SLOWNESS = 60


@dataclass
class User:
    id: str
    name: str
    password: str
    # The names of the roles in each project, by its id.
    roles: dict[str, list[str]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "domain": DEFAULT_DOMAIN, "password_expires_at": None}


@dataclass
class ApplicationCredential:
    id: str
    name: str
    secret: str
    user: User
    project_id: str
    access_rules: list[dict[str, str]] | None = None


@dataclass
class Token:
    """What a token stands for; `body` is what a validation answers."""

    expires: float
    body: dict[str, Any]
    catalog: list[dict[str, Any]]


class Keystone:
    """Listens from `start` to `stop`, and may be started again at the same address."""

    def __init__(self, folder: Path, form: str = "jws"):
        self.form = form
        self.lifetime = 3600
        # Where the gateway is, for the catalog.
        self.compute_url = ""
        self.projects: dict[str, str] = {}
        self.users: dict[str, User] = {}
        self.application_credentials: dict[str, ApplicationCredential] = {}
        self.counts: Counter[str] = Counter()
        # By the names of users.
        self.logins: Counter[str] = Counter()
        # `slow`, `garbage` or a status, for the kinds of calls in `troubled`.
        self.trouble: str | int | None = None
        self.troubled = {"authenticate", "validate"}
        self.public_keys = folder / "jws-keys"
        self.jwks = folder / "jwks.json"
        self._folder = folder
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()
        self._counted = threading.Condition()
        self._recovered = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._address = ("127.0.0.1", 0)
        self.public_keys.mkdir(parents=True)
        self.rotate_key()

    def __enter__(self) -> "Keystone":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}/v3"

    def start(self) -> None:
        self._recovered.clear()
        self._server = Server(self._address, Handler, self)
        self._address = self._server.server_address[:2]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._recovered.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def recover(self) -> None:
        """Ends all trouble, and the answers that are slow now."""
        self.trouble = None
        self._recovered.set()
        self._recovered = threading.Event()

    def rotate_key(self) -> None:
        """Signs with a new key from now on; the older public ones stay in the folder."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        number = len(list(self.public_keys.iterdir()))
        (self.public_keys / f"{number}.pem").write_bytes(pem)
        self._kid = f"key-{number}"
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        keys = json.loads(self.jwks.read_text())["keys"] if self.jwks.exists() else []
        keys.append({**jwk, "kid": self._kid, "alg": "ES256", "use": "sig"})
        self.jwks.write_text(json.dumps({"keys": keys}))

    def add_project(self, project_id: str, name: str) -> str:
        self.projects[project_id] = name
        return project_id

    def add_user(self, name: str, roles: dict[str, list[str]]) -> User:
        user = User(secrets.token_hex(16), name, secrets.token_urlsafe(12), roles)
        self.users[name] = user
        return user

    def add_application_credential(
        self, user: User, project_id: str, access_rules: list[dict[str, str]] | None = None
    ) -> ApplicationCredential:
        key = secrets.token_hex(16)
        credential = ApplicationCredential(
            key, f"of-{user.name}-{key[:4]}", secrets.token_urlsafe(24), user, project_id, access_rules
        )
        self.application_credentials[key] = credential
        return credential

    def issue(self, user: User, scope: dict[str, Any], credential: ApplicationCredential | None = None) -> str:
        """A token of a scope: `{"project_id": …}`, `{"domain_id": …}`, `{"system": "all"}` or none."""
        now = int(time.time())
        expires = now + self.lifetime
        methods = ["application_credential"] if credential else ["password"]
        audit_ids = [secrets.token_urlsafe(16)]
        roles = user.roles.get(scope.get("project_id", ""), [])
        body: dict[str, Any] = {
            "methods": methods,
            "user": user.describe(),
            "audit_ids": audit_ids,
            "issued_at": timestamp(now),
            "expires_at": timestamp(expires),
        }
        claims: dict[str, Any] = {"sub": user.id, "iat": now, "exp": expires}
        if scope:
            body["roles"] = [{"id": f"{name}-id", "name": name} for name in roles]
        if "project_id" in scope:
            project_id = scope["project_id"]
            body["project"] = {"id": project_id, "name": self.projects[project_id], "domain": DEFAULT_DOMAIN}
            body["is_domain"] = False
        if "domain_id" in scope:
            body["domain"] = DEFAULT_DOMAIN
        if "system" in scope:
            body["system"] = {"all": True}
        if credential:
            described = {"id": credential.id, "name": credential.name, "restricted": True}
            if credential.access_rules is not None:
                described["access_rules"] = credential.access_rules
            body["application_credential"] = described
        if self.form == "fernet":
            # A version byte of 0x80, then the time, whose first bytes are zero: hence the look.
            text = base64.urlsafe_b64encode(bytes([0x80, 0, 0, 0, 0]) + secrets.token_bytes(130)).decode().rstrip("=")
        elif self.form == "jws":
            claims["openstack_methods"] = methods
            claims["openstack_audit_ids"] = audit_ids
            claims |= {f"openstack_{name}": value for name, value in scope.items()}
            if credential:
                claims["openstack_app_cred_id"] = credential.id
            text = jwt.encode(claims, self._key, algorithm="ES256")
        else:
            claims |= {"iss": self.url, "aud": AUDIENCE, "project_id": scope.get("project_id"), "roles": roles}
            text = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._kid})
        with self._lock:
            self._tokens[text] = Token(expires, body, self._catalog(scope))
        return text

    def revoke(self, text: str) -> None:
        with self._lock:
            del self._tokens[text]

    def count(self, kind: str) -> None:
        with self._counted:
            self.counts[kind] += 1
            self._counted.notify_all()

    def wait_for(self, kind: str, calls: int) -> None:
        """Until so many calls of a kind have come."""
        with self._counted:
            assert self._counted.wait_for(lambda: self.counts[kind] >= calls, 20), self.counts

    def authenticate(self, request: dict[str, Any]) -> str:
        """A token for the body of `POST /v3/auth/tokens`."""
        identity = request["auth"]["identity"]
        if identity["methods"] == ["application_credential"]:
            given = identity["application_credential"]
            credential = self.application_credentials.get(given.get("id", ""))
            if credential is None or credential.secret != given["secret"]:
                raise Refusal(*UNAUTHORIZED)
            self._count_login(credential.user)
            return self.issue(credential.user, {"project_id": credential.project_id}, credential)
        if identity["methods"] != ["password"]:
            raise Refusal(*UNAUTHORIZED)
        given = identity["password"]["user"]
        users = self.users.values()
        user = next((user for user in users if given.get("name") == user.name or given.get("id") == user.id), None)
        if user is None or user.password != given["password"]:
            raise Refusal(*UNAUTHORIZED)
        scope = self._scope(user, request["auth"].get("scope"))
        self._count_login(user)
        return self.issue(user, scope)

    def validate(self, own: str, subject: str, reads_rules: bool, with_catalog: bool) -> dict[str, Any]:
        """The body of the answer to `GET /v3/auth/tokens`."""
        validator = self._find(own)
        if validator is None:
            raise Refusal(*UNAUTHORIZED)
        roles = {role["name"] for role in validator.body.get("roles", [])}
        if own != subject and not roles & {"admin", "service"}:
            message = "You are not authorized to perform the requested action: identity:validate_token."
            raise Refusal(403, "Forbidden", message)
        token = self._find(subject)
        # Who does not know the rules could not hold the caller to them.
        rules = token and token.body.get("application_credential", {}).get("access_rules")
        if token is None or (rules is not None and not reads_rules):
            raise Refusal(404, "Not Found", "Could not recognize Fernet token" if token is None else "Token not found.")
        catalog = {"catalog": token.catalog} if with_catalog and token.catalog else {}
        return {"token": {**token.body, **catalog}}

    def shown(self, text: str) -> dict[str, Any]:
        """The body of the answer that hands a token out."""
        with self._lock:
            token = self._tokens[text]
        return {"token": {**token.body, **({"catalog": token.catalog} if token.catalog else {})}}

    def wait_out_trouble(self) -> None:
        self._recovered.wait(LONGEST_SLOWNESS)

    def _count_login(self, user: User) -> None:
        with self._lock:
            self.logins[user.name] += 1

    def _find(self, text: str) -> Token | None:
        with self._lock:
            token = self._tokens.get(text)
        return token if token and token.expires > time.time() else None

    def _scope(self, user: User, scope: dict[str, Any] | None) -> dict[str, Any]:
        if not scope or scope == "unscoped":
            return {}
        if "system" in scope:
            return {"system": "all"}
        if "domain" in scope:
            return {"domain_id": DEFAULT_DOMAIN["id"]}
        named = scope["project"]
        for project_id, name in self.projects.items():
            if project_id in user.roles and (named.get("id") == project_id or named.get("name") == name):
                return {"project_id": project_id}
        raise Refusal(*UNAUTHORIZED)

    def _catalog(self, scope: dict[str, Any]) -> list[dict[str, Any]]:
        if "project_id" not in scope:
            return []
        services = {"identity": self.url, "compute": f"{self.compute_url}/v2.1/{scope['project_id']}"}
        return [
            {
                "id": f"{kind}-id",
                "type": kind,
                "name": kind,
                "endpoints": [
                    {
                        "id": f"{kind}-public",
                        "interface": "public",
                        "region": "RegionOne",
                        "region_id": "RegionOne",
                        "url": url,
                    }
                ],
            }
            for kind, url in services.items()
        ]


def timestamp(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
