"""The seed's table through each product: what is permitted arrives as it was sent, nothing else arrives."""

import json
import re

import pytest
from fronted import OTHER_PROJECT, PROJECT, SERVER, Stand

LIST, GET_KEY, SET = "ecs:servers:listMetadata", "ecs:servers:getMetadata", "ecs:servers:setMetadata"
GET = "ecs:servers:get"
SET_RECOVERY, GET_RECOVERY = "ecs:cloudServers:setAutoRecovery", "ecs:cloudServers:getAutoRecovery"
ALL = {LIST, GET_KEY, SET, GET, SET_RECOVERY, GET_RECOVERY}

METADATA = b'{"metadata": {"k": "v"}}'
ITEM = b'{"meta": {"k": "v"}}'
RECOVERY = b'{"support_auto_recovery": "true"}'

# `seed/metadata-management.md`, line by line.
ROUTES = [
    (method, path.replace("{version}", version), actions, body)
    for method, path, actions, body in [
        ("GET", "/{version}/{project}/servers/{server}/metadata", {LIST}, b""),
        ("PUT", "/{version}/{project}/servers/{server}/metadata/k", {SET}, ITEM),
        ("GET", "/{version}/{project}/servers/{server}/metadata/k", {GET_KEY}, b""),
        ("DELETE", "/{version}/{project}/servers/{server}/metadata/k", {SET}, b""),
        ("POST", "/{version}/{project}/servers/{server}/metadata", {SET}, METADATA),
        ("PUT", "/{version}/{project}/servers/{server}/metadata", {SET, GET}, METADATA),
    ]
    for version in ("v2", "v2.1")
] + [
    ("PUT", "/v1/{project}/cloudservers/{server}/autorecovery", {SET_RECOVERY}, RECOVERY),
    ("GET", "/v1/{project}/cloudservers/{server}/autorecovery", {GET_RECOVERY}, b""),
]


@pytest.mark.parametrize("method, path, actions, body", ROUTES, ids=lambda value: str(value)[:60])
def test_route(stand: Stand, method: str, path: str, actions: set[str], body: bytes):
    base = stand.base
    path = path.replace("{server}", SERVER)
    own = path.replace("{project}", PROJECT)
    kind = ["Content-Type: application/json"] if body else []

    def ask(target: str, token: str | None):
        return stand.send(stand.head(method, target, *kind, token=token), body)

    def refused(answer, status: int, reason: str):
        assert (answer.status, answer.reason) == (status, reason), answer
        assert base.recorder.take() == []

    answer = ask(own, base.token(*actions))
    # What another route deleted before is not there any more.
    assert answer.status in (200, 204, 404) and answer.reason is None, answer
    [seen] = base.recorder.take()
    assert (seen.line, seen.body) == (f"{method} {own}", body)
    for action in actions:
        refused(ask(own, base.token(*(ALL - {action}))), 403, "action_missing")
    refused(ask(own, None), 401, "token_missing")
    refused(ask(own, base.token(*ALL)[:-10] + "A" * 10), 401, "token_signature")
    foreign = path.replace("{project}", OTHER_PROJECT)
    refused(ask(foreign, base.token(*ALL)), 403, "project_mismatch")
    # Another of its routes with the rights of this one.
    other = "DELETE" if method == "GET" else "GET"
    refused(stand.send(stand.head(other, f"/v2.1/{PROJECT}/servers/{SERVER}", token=base.token(*ALL - {GET}))),
            403, "action_missing")


def test_audit(stand: Stand):
    """The line is about the client's request, and says who asked."""
    path = f"/v2.1/{PROJECT}/servers/{SERVER}/metadata"
    forged = ["X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"]
    head = stand.head("PUT", path, *forged, token=stand.base.token(LIST))
    answer = stand.send(head, source="127.0.0.9")
    assert answer.reason == "action_missing"
    assert stand.base.recorder.take() == []
    client = "127.0.0.9" if stand.product.tells_client else "127.0.0.1"
    expected = {
        "authorizer": stand.product.name, "peer": client, "method": "PUT", "subject": "tester",
        "project": PROJECT, "decision": "deny", "reason": "action_missing", "status": 403,
        "route": "/v2.1/{project_id}/servers/{server_id}/metadata", "missing": [SET, GET],
    }
    if stand.product.passes_refusals:
        fault = json.loads(answer.body)["forbidden"]
        assert fault == {"code": 403, "message": f"Policy doesn't allow {SET}, {GET} to be performed."}
        assert re.search(r"(?i)\r\nwww-authenticate: bearer error=\"insufficient_scope\"", answer.head)
    line = stand.base.audited(answer.request_id)
    assert {name: line.get(name) for name in expected} == expected
