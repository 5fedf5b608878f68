"""Headers that claim an identity: none of the client's reaches a WSGI application, however it is spelled."""

import pytest
from drive import drive
from gate import PROJECT, SERVERS, Stand
from lines import HOST, Line

# What keystonemiddleware's `auth_token` sets, then the same for the service's token, then what it reads.
USER = """X-Identity-Status X-User-Id X-User-Name X-User-Domain-Id X-User-Domain-Name X-Project-Id X-Project-Name
X-Project-Domain-Id X-Project-Domain-Name X-Domain-Id X-Domain-Name X-Roles X-Is-Admin-Project X-User X-Role X-Tenant
X-Tenant-Id X-Tenant-Name""".split()
NAMES = [*USER, *(name.replace("X-", "X-Service-", 1) for name in USER), "X-Service-Catalog", "OpenStack-System-Scope",
         "X-Storage-Token", "X-Service-Token"]  # fmt: skip
PATH = f"/v2.1/{PROJECT}/servers".encode()
TOLD = b"X-Tell-Headers: 1"


def spellings(name):
    """A name in every way that some server takes for it, or might."""
    plain = name.encode()
    lines = [plain, plain.lower(), plain.upper(), plain.swapcase(), plain.replace(b"-", b"_"), plain.lower().replace(b"-", b"_"),
             plain.replace(b"-", b"_", 1), b"_".join(plain.rsplit(b"-", 1)), plain + b" ", plain + b"\t", b" " + plain, b"\t" + plain,
             plain + b"\x00", plain + b"\x0b", plain.replace(b"-", b"\xad"), plain.replace(b"-", b"--"), plain + b"-", plain.replace(b"-", b" "),
             plain.replace(b"-", b"."), plain + b"\r", b"HTTP-" + plain, b"http_" + plain]  # fmt: skip
    for line in lines:
        yield (line + b": spoofed",)
    yield (plain + b": spoofed", plain.lower() + b": spoofed")
    yield (plain + b": spoofed", plain.replace(b"-", b"_") + b": spoofed")
    yield (plain + b":spoofed", b"Connection: " + plain)
    yield (b"Connection: x-tell, " + plain.lower(), plain + b": spoofed")
    yield (b"X-Other: a\r\n " + plain + b": spoofed",)
    yield (b"X-Other: a\n" + plain + b": spoofed",)
    yield (b"X-Other: a\r" + plain + b": spoofed",)
    yield (plain + b":\r\n spoofed",)


def requests():
    for name in NAMES:
        for headers in spellings(name):
            yield name, Line(b"GET", PATH, (TOLD, *headers))
        # After the body, as a trailer.
        body = b"2\r\n{}\r\n0\r\n" + name.encode() + b": spoofed\r\n\r\n"
        yield name, Line(b"POST", PATH, (TOLD, b"Content-Type: application/json", b"Transfer-Encoding: chunked", b"Trailer: " + name.encode()), body)


def variable(name):
    """The variable of the environment that WSGI has for a header."""
    return "HTTP_" + name.upper().replace("-", "_")


def claimed(record):
    """Which identities an application would find."""
    return {name for name in NAMES if variable(name) in record["identity"]}


@pytest.mark.parametrize("server", SERVERS)
def test_no_claim_of_the_client_reaches_the_application(server, tmp_path):
    sent = list(requests())
    with Stand(tmp_path, server) as stand:
        # Controls: sent past the gateway, each of them arrives.
        for name in NAMES:
            direct = Line(b"GET", PATH, (TOLD, name.encode() + b": spoofed", b"Connection: close"))
            stand.upstream.exchange(direct.wire(b"t", b"direct"))
        answers = drive(stand.gateway, lambda number: sent[number][1], range(len(sent)))
    records = list(stand.upstream.lines())
    direct = [record for record in records if record["id"] == "direct"]
    through = [record for record in records if record["id"] != "direct"]
    assert set().union(*map(claimed, direct)) == set(NAMES)
    assert [record for record in through if claimed(record)] == []
    # Some spellings pass without the header, others are refused.
    assert len(through) > len(NAMES)
    assert sum(count for (status, _), count in answers.items() if status == "400") > len(NAMES)


@pytest.mark.parametrize("server", ("uwsgi", "wsgiref"))
def test_an_underscore_is_a_hyphen_to_some_servers(server, tmp_path):
    """Why names with `_` are refused: the control for the spellings above."""
    with Stand(tmp_path, server) as stand:
        wire = Line(b"GET", PATH, (TOLD, b"X_Roles: spoofed", b"Connection: close")).wire(b"t", b"direct")
        stand.upstream.exchange(wire)
    assert [claimed(record) for record in stand.upstream.lines()] == [{"X-Roles"}]
