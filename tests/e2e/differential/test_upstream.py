"""The control: the upstream reads a request as a real Nova was seen to, so that what passes would show."""

import socket

import pytest
from gate import PROJECT, SERVERS, Upstream
from lines import SERVER, Line

API = "/v2.1/{project_id}/servers"
ONE = f"{API}/{{server_id}}"
# A request, and what it runs: under every server, or under these only. `{m}` is a server's path.
ROWS = [
    ("GET {m}", f"GET {ONE}"),
    ("GET {m}?_method=DELETE", f"DELETE {ONE}"),
    ("GET {m}?a=1;_method=delete", f"DELETE {ONE}"),
    ("GET {m}?x=_method&%5Fmethod=DELETE", f"DELETE {ONE}"),
    ("GET {m}?%5Fmethod=DELETE", f"GET {ONE}"),
    ("GET {m}?_method=DELETE&_method=GET", f"GET {ONE}"),
    ("HEAD {m}?_method=DELETE", f"DELETE {ONE}"),
    ("HEAD {m}", None),
    ("get {m}", None),
    ("GET {m}%2Fmetadata", f"GET {ONE}/metadata"),
    ("GET {p}/servers/%64etail", f"GET {API}/detail"),
    ("GET //v2.1//{project}//servers", f"GET {API}"),
    ("GET /%762.1/{project}/servers", f"GET {API}"),
    ("DELETE {m}%0A", f"DELETE {ONE}"),
    ("DELETE {m}%0D%0A", f"DELETE {ONE}"),
    ("DELETE {m}/", None),
    ("GET {m};x=1/metadata", f"GET {ONE}/metadata"),
    ("GET /v2.1/servers", "GET /v2.1/servers"),
    ("GET /v2.1", "GET /v2.1"),
    ("GET /v2.1/", "GET /v2.1"),
    ("GET /v9/{project}/servers", None),
    ("GET /servers\\r\\nAccept: application/json;version=2.1/x", "GET /v2.1/servers"),
    ("GET /servers\\r\\nContent-Type: application/json; version=2/x", "GET /v2/servers"),
    ("GET /{project}/servers\\r\\nAccept: application/json;version=2.1", "GET /v2.1"),
    ("DELETE http://other.example{m}", f"DELETE {ONE}"),
    ("DELETE {m}/metadata/../../x", {"uwsgi": f"DELETE {ONE}"}),
    ("DELETE {m}#/x", {"uwsgi": f"DELETE {ONE}", "gunicorn": f"DELETE {ONE}"}),
    ("GET {m}/metadata%", {"uwsgi": f"GET {ONE}/metadata"}),
]


@pytest.mark.parametrize("server", SERVERS)
def test_the_upstream_reads_as_nova_does(server, tmp_path):
    upstream = Upstream(tmp_path, server)
    path = f"/v2.1/{PROJECT}"
    for number, (row, _) in enumerate(ROWS):
        text = row.replace("{m}", f"{path}/servers/{SERVER}").replace("{p}", path)
        line = Line.from_row(text + r"\r\nConnection: close\r\n\r\n")
        upstream.exchange(line.wire(b"token", b"%d" % number))
    upstream.stop()
    chosen = {int(record["id"]): record["chosen"] for record in upstream.lines()}
    for number, (row, runs) in enumerate(ROWS):
        expected = runs.get(server) if isinstance(runs, dict) else runs
        assert chosen.get(number) == expected, row
