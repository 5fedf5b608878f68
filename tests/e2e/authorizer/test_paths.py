"""Encoded and odd targets, and headers that tell of another request: refused, or judged as they arrive.

The oracle is the gateway itself: whatever the upstream has seen, the gateway would have forwarded as well.
"""

from pathlib import Path

import pytest
from products import CarelessNginx
from fronted import OTHER_PROJECT, PROJECT, SERVER, Base, Stand
from test_matrix import ALL, GET, LIST

METADATA = f"/v2.1/{PROJECT}/servers/{SERVER}/metadata"
# Each is another spelling, for somebody, of what the token does not allow or the table does not list.
TARGETS = [
    f"/v2.1/{PROJECT}/servers/{SERVER}/%6detadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%2e%2e",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%2E%2E/action",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/../action",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/..",
    f"/v2.1/{PROJECT}/servers/{SERVER}/./metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%2e",
    f"/v2.1/{PROJECT}/servers/x/..%2f{SERVER}",
    f"/v2.1/{PROJECT}/servers/{SERVER}%2Fmetadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}%2fmetadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}%5Cmetadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}\\metadata",
    f"/v2.1/{PROJECT}/servers/..\\..\\{OTHER_PROJECT}/servers/{SERVER}/metadata",
    f"//v2.1/{PROJECT}/servers/{SERVER}/metadata",
    f"/v2.1/{PROJECT}//servers/{SERVER}/metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}//metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata//",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata;x=y",
    f"/v2.1/{PROJECT};x/servers/{SERVER}/metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata%3Bx",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/a%3bb",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/a%3Bb",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%C3%A4",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%c3%A4",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%C3%a4",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%25%32%65",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%252e%252e",
    f"/v2.1/{PROJECT}/servers/{SERVER}%252Fmetadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata%00",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata%0d%0aX-Roles:%20admin",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/%zz",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/\xe4",
    f"/v2.1/{PROJECT}/servers/\xff/metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata#/../action",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata?_method=DELETE",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata?%5fmethod=DELETE",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata?a=b%23",
    f"/V2.1/{PROJECT}/servers/{SERVER}/metadata",
    f"/v2.1/{OTHER_PROJECT}/../{PROJECT}/servers/{SERVER}/metadata",
    f"/v2.1/{PROJECT}/servers/{SERVER}/metadata/../../../../{OTHER_PROJECT}/servers/{SERVER}/metadata",
    f"/_actiongate/..{METADATA}",
    "/_actiongate",
    "/",
    "*",
    f"http://api.test{METADATA}",
    f"http://other.test{METADATA}",
    f"https://api.test/v2.1/{OTHER_PROJECT}/servers/{SERVER}/metadata",
    f"ftp://api.test{METADATA}",
    f"http://api.test#{METADATA}",
    f"http:{METADATA}",
    "",
    METADATA.lstrip("/"),
]


def check(stand: Stand) -> int:
    """Whatever the upstream saw, the gateway forwards as well. How much that was."""
    seen = stand.base.recorder.take()
    for one in seen:
        judged = stand.judged(one.head, one.body)
        assert judged.reason is None, f"{stand.product.name} let through {one.line!r}: {judged.reason}"
    return len(seen)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_odd_targets(stand: Stand, method: str):
    token = stand.base.token(LIST)
    for target in TARGETS:
        stand.send(stand.head(method, target, token=token))
        check(stand)
    # With these rights the plain spelling does arrive: the refusals above are about the spelling.
    stand.send(stand.head("GET", METADATA, token=token))
    assert check(stand) == 1


def test_odd_targets_with_every_right(stand: Stand):
    """Nothing is missing here but the one spelling that there is."""
    token = stand.base.token("ecs:*:*")
    for target in TARGETS:
        stand.send(stand.head("GET", target, token=token))
        check(stand)


def test_a_careless_proxy_is_found_out(base: Base, tmp_path: Path):
    """The judge above does judge: nginx that tells its decoded path lets through what nobody has judged."""
    stand = Stand(base, CarelessNginx(), tmp_path)
    try:
        stand.send(stand.head("GET", METADATA.replace("metadata", "%6detadata"), token=base.token(LIST)))
        with pytest.raises(AssertionError, match="path_invalid"):
            check(stand)
    finally:
        stand.stop()


FORGED = [
    # Where each product says what the original request was.
    ["X-Original-URI: /v2.1/versions"], ["X-Original-Method: GET"],
    ["X-Original-URI: {list}", "X-Original-Method: GET"],
    ["X-Forwarded-Uri: {list}", "X-Forwarded-Method: GET"],
    ["X-Forwarded-Uri: {list}"], ["X-Forwarded-Method: GET"], ["X-Forwarded-Host: other.test"],
    ["X-Envoy-Original-Path: {list}"], ["X-Envoy-Auth-Partial-Body: false"], ["X-Rewrite-Url: {list}"],
    ["X-Original-Url: {list}"], ["X-HTTP-Method-Override: GET"], ["X_Original_URI: {list}"],
    # Named away on the way.
    ["Connection: authorization"], ["Connection: close, X-Forwarded-Uri, X-Original-URI, Authorization"],
    ["Connection: X-Forwarded-Method, X-Forwarded-Host"],
    # Who is calling.
    ["X-Roles: admin"], ["X-User-Id: root", "X-Identity-Status: Confirmed"], ["X-Project-Id: other"],
    ["X-Auth-Token: other"], ["X_Roles: admin"], ["OpenStack-System-Scope: all"], ["X-Service-Token: t"],
]


@pytest.mark.parametrize("forged", FORGED, ids="; ".join)
def test_forged_headers(stand: Stand, forged: list[str]):
    """A token that may only list asks for a change, and says that it lists."""
    token = stand.base.token(LIST)
    lines = [line.replace("{list}", METADATA) for line in forged]
    for method, target in [("PUT", METADATA), ("DELETE", f"{METADATA}/k"), ("POST", METADATA)]:
        answer = stand.send(stand.head(method, target, *lines, "Content-Type: application/json", token=token), b"{}")
        assert answer.status >= 400, answer
        assert stand.base.recorder.take() == []
    stand.send(stand.head("GET", METADATA, *lines, token=token))
    check(stand)


def test_two_credentials(stand: Stand):
    """Of two tokens one may be judged and the other one be used."""
    may, may_not = stand.base.token(*ALL), stand.base.token(GET)
    for lines in (
        [f"Authorization: Bearer {may}", f"Authorization: Bearer {may_not}"],
        [f"Authorization: Bearer {may_not}", f"Authorization: Bearer {may}"],
        [f"Authorization: Bearer {may}", f"X-Auth-Token: {may_not}"],
        [f"X-Auth-Token: {may}", f"X-Auth-Token: {may_not}"],
        [f"X-Auth-Token: {may}", f"Authorization: Bearer {may_not}"],
    ):
        answer = stand.send(stand.head("GET", METADATA, *lines))
        # Envoy joins lines of one header with commas, as RFC 9110 lets it.
        assert answer.status in (400, 401), (lines[0][:20], answer)
        assert stand.base.recorder.take() == []
    assert stand.send(stand.head("GET", METADATA, f"X-Auth-Token: {may}")).status == 200
    assert check(stand) == 1
