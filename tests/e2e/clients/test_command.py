"""`openstack`, as people type it: what it prints, done and refused."""

import json

import pytest
from openstack.connection import Connection
from stand import SERVER, Stand

DENIED = "Policy doesn't allow {} to be performed."
TAGS = ("--os-compute-api-version", "2.26")

# In the order in which Alice does them. The first user is refused for want of the action.
COMMANDS = [
    ("carol", "ecs:servers:list", ["server", "list"]),
    # Refused to show it, the client goes on and looks for it in the list.
    ("carol", "ecs:servers:list", ["server", "show", SERVER]),
    ("bob", "ecs:servers:setMetadata", ["server", "set", "--property", "tier=gold", SERVER]),
    ("bob", "ecs:servers:setMetadata", ["server", "unset", "--property", "tier", SERVER]),
    ("bob", "ecs:servers:setTags", [*TAGS, "server", "set", "--tag", "blue", SERVER]),
    ("bob", "ecs:servers:stop", ["server", "stop", SERVER]),
    ("bob", "ecs:servers:start", ["server", "start", SERVER]),
    ("bob", "ecs:servers:reboot", ["server", "reboot", "--hard", SERVER]),
    ("bob", "ecs:serverKeypairs:create", ["keypair", "create", "typed"]),
    ("carol", "ecs:serverKeypairs:list", ["keypair", "list"]),
    ("bob", "ecs:serverKeypairs:delete", ["keypair", "delete", "typed"]),
    ("carol", "ecs:quotas:get", ["limits", "show", "--absolute"]),
]


@pytest.mark.parametrize(("user", "action", "command"), COMMANDS, ids=[" ".join(words) for *_, words in COMMANDS])
def test_commands(stand: Stand, user: str, action: str, command: list[str]):
    refused = stand.run(user, *command)
    assert refused.status == 1, refused
    assert DENIED.format(action) in refused.err
    done = stand.run("alice", *command)
    assert done.status == 0, done


def test_a_server_is_shown_as_it_was_left(stand: Stand, alice: Connection):
    alice.compute.set_server_metadata(SERVER, tier="gold")
    shown = stand.run("bob", "server", "show", "-f", "json", SERVER)
    server = json.loads(shown.out)
    assert server["properties"] == {"environment": "demo", "role": "web", "tier": "gold"}
    assert (server["name"], server["status"]) == ("test", "ACTIVE")
    alice.compute.delete_server_metadata(SERVER, ["tier"])


def test_flavors_are_listed(stand: Stand):
    listed = stand.run("carol", "flavor", "list", "-f", "value", "-c", "Name")
    assert listed.out.split() == ["s3.medium.2", "s3.large.2", "s3.xlarge.2"], listed


def test_a_server_is_deleted_by_whom_may(stand: Stand, alice: Connection):
    made = alice.compute.create_server(name="typed", flavor_id="s3.large.2", networks="none")
    refused = stand.run("bob", "server", "delete", made.id)
    assert refused.status == 1
    assert DENIED.format("ecs:servers:delete") in refused.err
    done = stand.run("alice", "server", "delete", "typed")
    assert done.status == 0, done
    assert alice.compute.find_server(made.id) is None
