"""Events of CADF as OpenStack's own library, pycadf, reads them."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from pycadf import attachment, event, host, reason, resource

from program import start_gateway

AUDIT = """
[audit]
file = "audit.jsonl"
format = "cadf"
"""


def read(found: dict) -> event.Event:
    """What pycadf makes of an event; it refuses values that its taxonomy does not know."""
    own, initiator = found["attachments"][0], found["initiator"]
    made = event.Event(
        eventType=found["eventType"],
        id=found["id"],
        eventTime=found["eventTime"],
        action=found["action"],
        outcome=found["outcome"],
        initiator=resource.Resource(
            id=initiator["id"],
            typeURI=initiator["typeURI"],
            name=initiator["name"],
            host=host.Host(**initiator["host"]),
        ),
        target=resource.Resource(**found["target"]),
        observer=resource.Resource(**found["observer"]),
        reason=reason.Reason(**found["reason"]),
    )
    made.add_attachment(attachment.Attachment(**own))
    return made


def test_events_are_valid_for_pycadf(tmp_path: Path):
    gateway = start_gateway(tmp_path, "http://127.0.0.1:9", AUDIT)
    requests = [
        ("GET", "/v2.1/p/servers/s"),
        ("GET", "/v2.1/p/servers/detail"),
        ("PUT", "/v2.1/p/servers/s/metadata"),
        ("POST", "/v2.1/p/servers"),
        ("DELETE", "/v2.1/p/servers/s"),
        ("GET", "/nowhere"),
    ]
    try:
        address = gateway.err.find(r"listening on (http://[^ ,]+)")[1]
        for method, path in requests:
            try:
                urllib.request.urlopen(urllib.request.Request(address + path, method=method), timeout=10)
            except urllib.error.HTTPError as error:
                assert error.code in (401, 404)
    finally:
        gateway.stop()
    events = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [found["action"] for found in events[:5]] == ["read", "read", "update", "create", "delete"]
    assert len(events) == len(requests)
    for found in events:
        made = read(found)
        assert made.is_valid(), found
        # It writes what it has read, and nothing of it in another way.
        written = json.loads(json.dumps(made.as_dict(), default=lambda part: part.as_dict()))
        for name in ("typeURI", "eventType", "id", "eventTime", "action", "outcome", "target", "observer", "attachments"):
            assert written[name] == found[name], name
