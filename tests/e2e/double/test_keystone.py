"""The double answers as Keystone does, well and badly."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from double.keystone import Keystone

PROJECT = "a" * 32
SERVICE = "b" * 32


@pytest.fixture
def keystone(tmp_path: Path) -> Iterator[Keystone]:
    keystone = Keystone(tmp_path / "keystone")
    keystone.add_project(PROJECT, "demo")
    keystone.add_project(SERVICE, "service")
    keystone.add_user("alice", {PROJECT: ["member"]})
    keystone.add_user("gateway", {SERVICE: ["service"]})
    keystone.compute_url = "http://gateway"
    with keystone:
        yield keystone


def ask(keystone: Keystone, method: str, path: str, headers: dict[str, str], body: object = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{keystone.url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def log_in(keystone: Keystone, name: str, project: str) -> str:
    user = keystone.users[name]
    identity = {"methods": ["password"], "password": {"user": {"name": name, "password": user.password}}}
    auth = {"identity": identity, "scope": {"project": {"name": project}}}
    status, headers, _ = ask(keystone, "POST", "/auth/tokens", {}, {"auth": auth})
    assert status == 201
    return headers["X-Subject-Token"]


def validate(keystone: Keystone, own: str, subject: str, query: str = "", **headers: str):
    sent = {"X-Auth-Token": own, "X-Subject-Token": subject, **{k.replace("_", "-"): v for k, v in headers.items()}}
    status, _, body = ask(keystone, "GET", f"/auth/tokens{query}", sent)
    return status, json.loads(body)


@pytest.mark.parametrize("form", ["jws", "fernet"])
def test_a_service_validates_what_a_user_was_given(keystone: Keystone, form: str):
    keystone.form = form
    own, subject = log_in(keystone, "gateway", "service"), log_in(keystone, "alice", "demo")
    status, body = validate(keystone, own, subject, "?nocatalog")
    token = body["token"]
    assert (status, token["user"]["name"], token["project"]["id"]) == (200, "alice", PROJECT)
    assert [role["name"] for role in token["roles"]] == ["member"]
    assert "catalog" not in token
    catalog = validate(keystone, own, subject)[1]["token"]["catalog"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in catalog}
    assert urls == {"compute": f"http://gateway/v2.1/{PROJECT}", "identity": keystone.url}
    assert validate(keystone, own, "unknown")[0] == 404
    assert validate(keystone, "unknown", subject)[0] == 401
    assert validate(keystone, subject, own)[0] == 403
    keystone.revoke(subject)
    assert validate(keystone, own, subject)[0] == 404
    keystone.lifetime = 0
    assert validate(keystone, own, log_in(keystone, "alice", "demo"))[0] == 404
    assert keystone.counts["validate"] == 7


def test_a_jws_token_is_keystones_own(keystone: Keystone):
    token = log_in(keystone, "alice", "demo")
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT"}
    keys = [path.read_bytes() for path in sorted(keystone.public_keys.iterdir())]
    claims = jwt.decode(token, keys[0], algorithms=["ES256"])
    assert set(claims) == {"sub", "iat", "exp", "openstack_methods", "openstack_audit_ids", "openstack_project_id"}
    assert (claims["sub"], claims["openstack_project_id"]) == (keystone.users["alice"].id, PROJECT)
    keystone.rotate_key()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(log_in(keystone, "alice", "demo"), keys[0], algorithms=["ES256"])
    user = keystone.users["alice"]
    for scope, claim in [({"domain_id": "default"}, "openstack_domain_id"), ({"system": "all"}, "openstack_system")]:
        claims = jwt.decode(keystone.issue(user, scope), options={"verify_signature": False})
        assert claims[claim] and "openstack_project_id" not in claims


def test_access_rules_are_told_to_whom_reads_them_only(keystone: Keystone):
    own = log_in(keystone, "gateway", "service")
    rules = [{"id": "r", "service": "compute", "method": "GET", "path": "/v2.1/*/servers"}]
    for rules, without in [(rules, 404), (None, 200)]:
        made = keystone.add_application_credential(keystone.users["alice"], PROJECT, rules)
        identity = {
            "methods": ["application_credential"],
            "application_credential": {"id": made.id, "secret": made.secret},
        }
        _, headers, _ = ask(keystone, "POST", "/auth/tokens", {}, {"auth": {"identity": identity}})
        subject = headers["X-Subject-Token"]
        assert validate(keystone, own, subject)[0] == without
        status, body = validate(keystone, own, subject, OpenStack_Identity_Access_Rules="1.0")
        assert (status, body["token"]["application_credential"].get("access_rules")) == (200, rules)


def test_trouble_begins_and_ends(keystone: Keystone):
    own, subject = log_in(keystone, "gateway", "service"), log_in(keystone, "alice", "demo")
    for status in (401, 403, 500):
        keystone.trouble = status
        assert validate(keystone, own, subject)[0] == status
    keystone.trouble = "garbage"
    with pytest.raises(json.JSONDecodeError):
        validate(keystone, own, subject)
    keystone.trouble = "slow"
    answers = []
    asking = threading.Thread(target=lambda: answers.append(validate(keystone, own, subject)[0]))
    asking.start()
    keystone.wait_for("validate", 5)
    assert answers == []
    keystone.recover()
    asking.join()
    assert answers == [200]
    keystone.stop()
    with pytest.raises(urllib.error.URLError):
        validate(keystone, own, subject)
    keystone.start()
    assert validate(keystone, own, subject)[0] == 200


def test_a_wrong_password_or_project_is_refused(keystone: Keystone):
    for password, project in [("wrong", "demo"), (keystone.users["alice"].password, "service")]:
        identity = {"methods": ["password"], "password": {"user": {"name": "alice", "password": password}}}
        auth = {"identity": identity, "scope": {"project": {"name": project}}}
        status, headers, body = ask(keystone, "POST", "/auth/tokens", {}, {"auth": auth})
        assert (status, json.loads(body)["error"]["code"]) == (401, 401)
        assert headers["WWW-Authenticate"] == f'Keystone uri="{keystone.url}"'
    assert ask(keystone, "POST", "/auth/tokens", {}, {})[0] == 400
