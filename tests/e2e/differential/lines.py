"""Request lines: every route of the table, filled in, then spoiled in the ways that routers differ on.

A line is made of a seed and its number alone, so each can be made again.
"""

import json
import random
import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from gate import PROJECT

SERVER = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"
HOST = b"gateway.example"
JSON = b"Content-Type: application/json"
METHODS = [b"GET", b"PUT", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PURGE"]
ODD_METHODS = [b"get", b"Get", b"gET", b"Delete", b"delete", b"pOST", b"put", b"FROB", b"GET!", b"DELETE~", b"_method"]
WORDS = """detail action metadata tags servers flavors limits os-keypairs os-volumes os-interface os-server-groups
cloudservers delete info v2 v2.1 v1 index.html k.json .. . ... a:b a+b a=b a,b (x) 'x' ~x x~ * $ @ ! & - _ 0 00 null None
true -1 %00 8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11 8F0E1C52-6E3A-4D0E-9A53-2F1F3C9C7A11 abc deadbeef""".split()
OVERRIDES = """_method=DELETE _method=delete _METHOD=DELETE %5Fmethod=DELETE %5fmethod=PUT x=_method&%5Fmethod=DELETE
a=1;_method=DELETE a=1;x=_method;%5Fmethod=DELETE _method=GET&_method=DELETE _method=DELETE&_method=GET _method _method=
&_method=DELETE ;_method=PUT a=b&&_method=POST _m%65thod=DELETE _%6dethod=DELETE %5F%6D%65%74%68%6F%64=DELETE
%255Fmethod=DELETE x=_method%26_method=DELETE x=_method%3B_method=DELETE _method%3DDELETE +_method=DELETE _method+=DELETE
_method%00=DELETE %00_method=DELETE _method[]=DELETE x[_method]=DELETE _method=%44ELETE _method=DEL%45TE _method=DELETE%0A
x_method=DELETE _methods=DELETE x=_method&_Method=DELETE a=_method&%5F%6Dethod=DELETE x=?_method=DELETE _method=PUT%20
x=_method&_method%20=DELETE x=_method&%EF%BC%BFmethod=DELETE x=_method&_method%C0%80=DELETE x=%_method&_method=DELETE
method=DELETE _http_method=DELETE X-HTTP-Method-Override=DELETE x=_method#&_method=DELETE x=_method;;%5fMETHOD=DELETE
x=_method&;%5Fmethod=DELETE x=%26_method=DELETE x=_method&amp;_method=DELETE""".split()
QUERIES = """limit=10 limit=1&marker=x all_tenants=1 a a= =a & && ; ;; a=%zz a=% a=%f0 a=\xff ? ?? a=1?b=2 a=/../.. a=//x
project_id=other action=delete controller=x format=json version=2.1 name=%C3%A9 x=%00 x=%0d%0aX: x={a} x=[a] x=|^` x=\\
x=_METHOD x=_method x=a_method x=%5Fmethod x=%255Fmethod""".split()
HEADERS = [
    *(f"{name}: {media}{sep}version={version}".encode() for name in ("Accept", "Content-Type", "accept", "CONTENT-TYPE")
      for media in ("application/json", "*/*", "application/vnd.openstack.compute+json", "text/plain", "application/atom+xml")
      for sep in (";", "; ", " ;\t", ";q=1;", ';"x"=1;') for version in ("2.1/x", "2.1", "2/x", '"2.1/x"', "1/", "3/x", "2.1//")),
    b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: DELETE", b"X-Method-Override: PUT", b"_method: DELETE",
    b"X-Original-URL: /v2.1/x/servers", b"X-Rewrite-URL: /v2.1/servers", b"X-Forwarded-Prefix: /v2.1", b"X-Script-Name: /v2.1",
    b"Script-Name: /v2.1", b"X-Forwarded-Path: /x", b"X-Original-URI: /x", b"Path-Info: /servers", b"Request-Method: DELETE",
    b"X-Forwarded-Host: other", b"X-Forwarded-Proto: https", b"Forwarded: host=other", b"Request-Uri: /servers",
    b"Content-Type: application/x-www-form-urlencoded", b"Content-Type: multipart/form-data; boundary=x",
    b"Content-Type: application/x-www-form-urlencoded;version=2.1/x", b"Content-Type: Application/X-WWW-Form-Urlencoded",
    b"OpenStack-API-Version: compute 2.99", b"X-OpenStack-Nova-API-Version: 2.1", b"Accept: text/html;q=0.5, */*;version=2.1/x",
    b"Host: other.example", b"Connection: X-OpenStack-Request-Id", b"Connection: Content-Type", b"Expect: 100-continue",
    b"Upgrade: h2c", b"Transfer-Encoding: identity", b"TE: trailers", b"Accept:", b"Content-Type:", b"X-A:\tb",
]  # fmt: skip

PLAIN_HEADER = re.compile(rb"[\w-]+:[ -~]*")
ENDING = {b"host", b"connection", b"upgrade", b"transfer-encoding", b"expect", b"te"}


@dataclass(frozen=True)
class Line:
    """A request as it goes over the wire, but for the caller's token and the request id."""

    method: bytes
    target: bytes
    headers: tuple = ()
    body: bytes = field(default=b"")

    def wire(self, token, request_id):
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target)]
        if not any(name(header) == b"host" for header in self.headers):
            lines.append(b"Host: " + HOST)
        lines += [b"X-Auth-Token: " + token, b"X-OpenStack-Request-Id: " + request_id, *self.headers]
        is_chunked = any(name(header) == b"transfer-encoding" for header in self.headers)
        if not is_chunked and (self.body or self.method in (b"PUT", b"POST")):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def is_plain(self):
        """Whether the gateway surely reads it as HTTP, so that the connection goes on after it."""
        return (
            self.method not in (b"CONNECT", b"TRACE")
            and re.fullmatch(rb"/[!$-;=?-\[\]_a-z~]*", self.target) is not None
            and re.fullmatch(rb"[\w!~]+", self.method) is not None
            and all(map(PLAIN_HEADER.fullmatch, self.headers))
            and not ENDING.intersection(map(name, self.headers))
        )

    def row(self):
        """One line of text, for lines.txt."""
        parts = [b"%s %s" % (self.method, self.target), *self.headers, b"", self.body]
        return b"\r\n".join(parts).decode("latin-1").encode("unicode_escape").decode()

    @classmethod
    def from_row(cls, row):
        text = row.encode().decode("unicode_escape").encode("latin-1").replace(b"{project}", PROJECT.encode())
        head, _, body = text.partition(b"\r\n\r\n")
        first, *headers = head.split(b"\r\n")
        method, _, target = first.partition(b" ")
        return cls(method, target, tuple(headers), body)


def name(header):
    return header.partition(b":")[0].strip().lower()


class Generator:
    """The lines of one seed."""

    def __init__(self, operations, seed):
        self.seed = seed
        self.routes = []
        for operation in operations:
            for route in operation["routes"]:
                body = b""
                if route["body_key"]:
                    body = json.dumps({route["body_key"]: None}).encode()
                elif operation["body_value"]:
                    body = json.dumps({key: values[0] for key, values in operation["body_value"].items()}).encode()
                elif route["method"] in ("POST", "PUT"):
                    body = b"{}"
                self.routes.append((route["method"].encode(), route["path"], body))
        literals = {part for _, path, _ in self.routes for part in path.split("/") if part and "{" not in part}
        self.words = [*WORDS, *sorted(literals)]

    def line(self, number):
        rng = random.Random(f"{self.seed}:{number}")
        method, template, body = rng.choice(self.routes)
        path = re.sub(r"\{([^}]*)\}", lambda found: self.value(rng, found[1]), template)
        line = Line(method, path.encode(), (JSON,) if body else (), body)
        if rng.random() < 0.2:
            line = replace(line, target=line.target + b"?" + rng.choice(QUERIES).encode("latin-1"))
        for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
            line = rng.choice(MUTATIONS)(rng, line, self)
            line = replace(line, target=line.target or b"/")
        # A second end of line would make two requests of it.
        if (line.target + line.method).count(b"\n") > 1 or not line.method or b" " in line.method:
            return replace(line, target=line.target.replace(b"\n", b""), method=line.method.replace(b" ", b"") or b"GET")
        return line

    def value(self, rng, parameter):
        if parameter == "project_id":
            return PROJECT
        kind = rng.random()
        if parameter == "server_id" and kind < 0.5:
            return SERVER
        if kind < 0.7:
            return rng.choice(self.words)
        letters = rng.choices("abcdefXYZ0189-_.", k=rng.choice((1, 2, 3, 8, 32, 36, 255)))
        if kind < 0.85:
            return "".join(letters)
        return quote("".join(rng.choices("ab1.-_~:@!$&'()*+,= é漢😀\u00a0\u2028\ufeff/", k=rng.randint(1, 12))),
                     safe=rng.choice(("", "/", ":@!$&'()*+,="))).replace("%2F", "x")  # fmt: skip


def split(line):
    path, question, query = line.target.partition(b"?")
    return path, question + query


def escape_byte(rng, line, _):
    """One character as an escape, in one spelling or another."""
    at = rng.randrange(len(line.target))
    text = rng.choice((b"%%%02X", b"%%%02x", b"%%25%02X", b"%%u00%02x", b"%%%%%02X")) % line.target[at]
    return replace(line, target=line.target[:at] + text + line.target[at + 1 :])


def insert_escape(rng, line, _):
    """An escape of any byte somewhere in the path."""
    path, query = split(line)
    at = rng.choice((rng.randint(1, len(path)), len(path))) if path else 0
    text = rng.choice((b"%%%02X", b"%%%02x", b"%%25%02X")) % rng.randrange(256)
    return replace(line, target=path[:at] + text + path[at:] + query)


def insert_bytes(rng, line, _):
    """What some reader cuts at, resolves or repairs."""
    path, query = split(line)
    odd = [b"/", b"//", b"/./", b"/../", b"/..", b"/.", b"\\", b"..\\", b";", b";x=1", b"/;/", b"/..;/", b"#", b"#/x", b"?", b"\t", b" ",
           b"%2F", b"%2f", b"%5C", b"%2e%2e/", b"%2E", b".%2e/", b"%0A", b"%0a", b"%0D%0A", b"%00", b"%C0%AF", b"%c0%2e", b"%E0%80%AF",
           b"%F0%80%80%AF", b"%C0%80", b"%FF", b"%E9", b"%ED%A0%80", b"\xc3\xa9", b"\xff", b"\xc0\xaf", b"%", b"%6", b"%zz", b"%2", b"\x00",
           b"\x0b", b"\x7f", b"\r", b"\n", b"*", b"{}", b"{project_id}", b"|", b"^", b'"', b"<>", b"~", b"+", b"&", b"=", b":", b"@", b".json",
           b".xml", b"%3F", b"%23", b"%3B", b"%3f_method=DELETE", b"%20", b"%09", b"%EF%BC%8F", b"%E2%80%A8", b"%25", b"%252F", b"%252e%252e%252f"]  # fmt: skip
    at = rng.choice((0, 1, len(path), rng.randint(0, len(path)), path.rfind(b"/"), path.rfind(b"/") + 1))
    return replace(line, target=path[:at] + rng.choice(odd) + path[at:] + query)


def any_byte(rng, line, _):
    at = rng.randint(0, len(line.target))
    return replace(line, target=line.target[:at] + bytes((rng.randrange(256),)) + line.target[at:])


def segments(rng, line, generator):
    """A segment more, one less, twice, in another case, or another word in its place."""
    path, query = split(line)
    parts = path.split(b"/")
    at = rng.randrange(1, len(parts)) if len(parts) > 1 else 0
    kind = rng.randrange(8)
    word = rng.choice(generator.words).encode()
    if kind == 0:
        parts.insert(at, word)
    elif kind == 1:
        del parts[at]
    elif kind == 2:
        parts.insert(at, parts[at])
    elif kind == 3:
        parts[at] = rng.choice((parts[at].upper(), parts[at].title(), parts[at].swapcase()))
    elif kind == 4:
        parts[at] = word
    elif kind == 5:
        parts.append(b"")
    elif kind == 6:
        other = rng.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
    else:
        parts = [part for part in parts if part != PROJECT.encode()]
    return replace(line, target=b"/".join(parts) + query)


def version(rng, line, _):
    """Another version, none, or one in another spelling."""
    path, query = split(line)
    rest = path.lstrip(b"/").partition(b"/")[2]
    odd = [b"/v2", b"/v2.1", b"/v1", b"/v1.1", b"/v3", b"", b"/V2.1", b"/v2.1/v2.1", b"/v2.10", b"/v2%2E1", b"/v2.1.", b"//v2.1", b"/v9", b"/compute/v2.1",
           b"/v2.1/..", b"/v2/../v2.1", b"/%76" + b"2.1", b"/v2.1;x", b"/v2.1%2F", b"/v2.1/.", b"/http:/x/v2.1", b"/http://x/v2.1"]  # fmt: skip
    return replace(line, target=rng.choice(odd) + (b"/" + rest if rest or rng.random() < 0.3 else b"") + query or b"/")


def project(rng, line, _):
    """Another project's id, or this one's otherwise."""
    odd = [b"", b"0" * 32, PROJECT.upper().encode(), b"4f5e3d2c-1b0a-4978-8796-a5b4c3d2e1f0", b"-", b"servers", b"detail", b"%34" + PROJECT[1:].encode(),
           PROJECT.encode() + b"%0A", PROJECT.encode() + b"/" + PROJECT.encode(), b"admin", PROJECT.encode() + b";x", PROJECT.encode() + b"%20"]  # fmt: skip
    return replace(line, target=line.target.replace(PROJECT.encode(), rng.choice(odd)) or b"/")


def override(rng, line, _):
    joint = b"&" if b"?" in line.target else b"?"
    return replace(line, target=line.target + joint + rng.choice(OVERRIDES).encode("latin-1"))


def query(rng, line, _):
    joint = rng.choice((b"&", b";", b"?")) if b"?" in line.target else b"?"
    text = rng.choice(QUERIES).encode("latin-1")
    if rng.random() < 0.5:
        text = b"".join(rng.choice((b"a", b"=", b"&", b"%", b"5", b"F", b"_method", b";", b"+", b"%5F", b"[", b"D")) for _ in range(rng.randint(1, 12)))
    return replace(line, target=line.target + joint + text)


def absolute(rng, line, _):
    authority = rng.choice((HOST, HOST, HOST, b"other.example", HOST + b":80", b"user@" + HOST, b"", HOST.upper(), HOST + b"#", HOST + b"\\", HOST + b"?"))
    scheme = rng.choice((b"http://", b"http://", b"https://", b"HTTP://", b"ftp://", b"//", b"http:", b"http:/", b"nova://"))
    return replace(line, target=scheme + authority + line.target)


def form(rng, line, _):
    """Targets in no form or another."""
    return replace(line, target=rng.choice((line.target.lstrip(b"/") or b"x", b"*", b"/", b"//", b"/v2", b"/v2/", b"/v2.1", b"/v2.1/", b"/v1", b"/v3", b"/v1.1/")))


def method(rng, line, _):
    return replace(line, method=rng.choice(METHODS if rng.random() < 0.6 else [*ODD_METHODS, line.method.lower(), line.method.title()]))


def header(rng, line, _):
    """A header that chooses another version, method or path for some server."""
    added = rng.choice(HEADERS)
    kept = line.headers
    if rng.random() < 0.7:
        kept = tuple(known for known in kept if name(known) != name(added))
    body = line.body
    if b"form" in added.lower() and rng.random() < 0.7:
        body = b"_method=DELETE"
    return replace(line, headers=(*kept, added), body=body)


def bare_version(rng, line, generator):
    """No version in the path, one in a media type."""
    path, question = split(line)
    rest = b"/" + path.lstrip(b"/").partition(b"/")[2]
    if rng.random() < 0.4:
        rest = rest.replace(b"/" + PROJECT.encode(), b"")
    if rng.random() < 0.3:
        rest = b"/"
    return header(rng, replace(line, target=rest + question), generator)


MUTATIONS = [
    escape_byte, escape_byte, insert_escape, insert_escape, insert_bytes, insert_bytes, insert_bytes, any_byte, segments, segments, segments,
    version, project, override, override, query, query, absolute, form, method, method, header, header, bare_version,
]  # fmt: skip
