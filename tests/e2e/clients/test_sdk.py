"""openstacksdk through the gateway: each call refused to one user, then done for another."""

import pytest
from keystoneauth1.access import AccessInfoV3
from openstack.compute.v2._proxy import Proxy
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.exceptions import ForbiddenException, HttpException, NotFoundException
from stand import PROJECT, SERVER, Stand

# OpenSSH's form of an Ed25519 key of zeros.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA e2e"
FLAVOR = "s3.large.2"


def server(compute: Proxy) -> Server:
    """The demo's server, without asking for it."""
    return Server.existing(id=SERVER, metadata={}, connection=compute._get_connection())


# What Bob may do and Carol may not, and the action that she lacks.
READS = {
    "servers": (lambda compute: list(compute.servers(details=False)), "ecs:servers:list"),
    "servers_in_detail": (lambda compute: list(compute.servers()), "ecs:servers:list"),
    "get_server": (lambda compute: compute.get_server(SERVER), "ecs:servers:get"),
    # Refused to show what is called so, it goes on and looks for it in the list.
    "find_server": (lambda compute: compute.find_server("test", ignore_missing=False), "ecs:servers:list"),
    "fetch_server_metadata": (lambda compute: compute.fetch_server_metadata(SERVER), "ecs:servers:listMetadata"),
    "metadata_item": (lambda compute: server(compute).get_metadata_item(compute, "role"), "ecs:servers:getMetadata"),
    "tags": (lambda compute: server(compute).fetch_tags(compute), "ecs:servers:getTags"),
    "keypairs": (lambda compute: list(compute.keypairs()), "ecs:serverKeypairs:list"),
    "get_keypair": (lambda compute: compute.get_keypair("kept"), "ecs:serverKeypairs:get"),
    "extra_specs": (lambda compute: compute.fetch_flavor_extra_specs(FLAVOR), "ecs:flavors:get"),
    "extra_spec": (
        lambda compute: compute.get_flavor_extra_specs_property(FLAVOR, "ecs:generation"),
        "ecs:flavors:get",
    ),
    "limits": (lambda compute: compute.get_limits(), "ecs:quotas:get"),
    "zones": (lambda compute: list(compute.availability_zones()), "ecs:availabilityZones:list"),
    "zones_in_detail": (lambda compute: list(compute.availability_zones(details=True)), "ecs:availabilityZones:list"),
    "interfaces": (lambda compute: list(compute.server_interfaces(SERVER)), "ecs:serverInterfaces:get"),
    "actions": (lambda compute: list(compute.server_actions(SERVER)), "ecs:servers:get"),
    # One action for all, which the vendor's ECS ReadOnlyAccess has.
    "server_groups": (lambda compute: list(compute.server_groups()), "ecs:serverGroups:manage"),
    "create_server_group": (
        lambda compute: compute.create_server_group(name="made", policy="anti-affinity"),
        "ecs:serverGroups:manage",
    ),
    "volumes": (lambda compute: list(compute.volume_attachments(SERVER)), "ecs:serverVolumeAttachments:list"),
}

# What Alice may do and Bob may not, in an order in which Alice can; and what it leaves the server with.
WRITES = {
    "set_metadata": (
        lambda compute: compute.set_server_metadata(SERVER, a="1", b="2"),
        "ecs:servers:setMetadata",
        {"metadata": {"environment": "demo", "role": "web", "a": "1", "b": "2"}},
    ),
    "delete_metadata": (
        lambda compute: compute.delete_server_metadata(SERVER, ["a"]),
        "ecs:servers:setMetadata",
        {"metadata": {"environment": "demo", "role": "web", "b": "2"}},
    ),
    "set_metadata_item": (
        lambda compute: server(compute).set_metadata_item(compute, "role", "db"),
        "ecs:servers:setMetadata",
        {"metadata": {"environment": "demo", "role": "db", "b": "2"}},
    ),
    "replace_metadata": (
        lambda compute: server(compute).replace_metadata(compute, {"environment": "demo", "role": "web"}),
        "ecs:servers:setMetadata",
        {"metadata": {"environment": "demo", "role": "web"}},
    ),
    "set_tags": (
        lambda compute: server(compute).set_tags(compute, ["one", "two"]),
        "ecs:servers:setTags",
        {"tags": ["one", "two"]},
    ),
    "add_tag": (
        lambda compute: compute.add_tag_to_server(SERVER, "three"),
        "ecs:servers:setTags",
        {"tags": ["one", "three", "two"]},
    ),
    "remove_tag": (
        lambda compute: compute.remove_tag_from_server(SERVER, "one"),
        "ecs:servers:setTags",
        {"tags": ["three", "two"]},
    ),
    "remove_tags": (lambda compute: compute.remove_tags_from_server(SERVER), "ecs:servers:setTags", {"tags": []}),
    "rename": (
        lambda compute: compute.update_server(SERVER, name="renamed"),
        "ecs:servers:update",
        {"name": "renamed"},
    ),
    "rename_back": (lambda compute: compute.update_server(SERVER, name="test"), "ecs:servers:update", {"name": "test"}),
    "stop": (lambda compute: compute.stop_server(SERVER), "ecs:servers:stop", {"status": "SHUTOFF"}),
    "start": (lambda compute: compute.start_server(SERVER), "ecs:servers:start", {"status": "ACTIVE"}),
    "reboot": (lambda compute: compute.reboot_server(SERVER, "HARD"), "ecs:servers:reboot", {"status": "ACTIVE"}),
    "lock": (lambda compute: compute.lock_server(SERVER), "ecs:servers:lock", {"is_locked": True}),
    "unlock": (lambda compute: compute.unlock_server(SERVER), "ecs:servers:unlock", {"is_locked": False}),
    "resize": (
        lambda compute: compute.resize_server(SERVER, FLAVOR),
        "ecs:servers:resize",
        {"status": "VERIFY_RESIZE"},
    ),
    "revert_resize": (
        lambda compute: compute.revert_server_resize(SERVER),
        "ecs:servers:resize",
        {"status": "ACTIVE"},
    ),
    "resize_again": (
        lambda compute: compute.resize_server(SERVER, FLAVOR),
        "ecs:servers:resize",
        {"status": "VERIFY_RESIZE"},
    ),
    "confirm_resize": (
        lambda compute: compute.confirm_server_resize(SERVER),
        "ecs:servers:resize",
        {"status": "ACTIVE"},
    ),
    "rebuild": (
        lambda compute: compute.rebuild_server(SERVER, image="e2e-image"),
        "ecs:servers:rebuild",
        {"status": "ACTIVE"},
    ),
    "console_output": (lambda compute: compute.get_server_console_output(SERVER), "ecs:servers:createConsole", {}),
    "create_keypair": (
        lambda compute: compute.create_keypair(name="made", public_key=KEY),
        "ecs:serverKeypairs:create",
        {},
    ),
    "delete_keypair": (
        lambda compute: compute.delete_keypair("made", ignore_missing=False),
        "ecs:serverKeypairs:delete",
        {},
    ),
    "create_server": (
        lambda compute: compute.create_server(name="made", flavor_id=FLAVOR, networks="none"),
        "ecs:servers:create",
        {},
    ),
}


def refused(stand: Stand, call, action: str) -> None:
    """The client itself names the action, and nothing went on to the upstream."""
    with pytest.raises(ForbiddenException) as caught:
        call()
    assert f"Policy doesn't allow {action} to be performed." in str(caught.value)
    line = stand.audited(caught.value.request_id)
    assert (line["decision"], line["reason"], line["status"]) == ("deny", "action_missing", 403)
    assert action in line["missing"]
    assert line["upstream_us"] is None


@pytest.fixture(scope="module", autouse=True)
def kept_keypair(stand: Stand, alice: Connection):
    alice.compute.create_keypair(name="kept", public_key=KEY)
    yield
    alice.compute.delete_keypair("kept")


@pytest.mark.parametrize("name", READS)
def test_reads(stand: Stand, bob: Connection, carol: Connection, name: str):
    call, action = READS[name]
    refused(stand, lambda: call(carol.compute), action)
    call(bob.compute)


@pytest.mark.parametrize("name", WRITES)
def test_writes(stand: Stand, alice: Connection, bob: Connection, name: str):
    call, action, left = WRITES[name]

    def state():
        keypairs = [keypair.name for keypair in alice.compute.keypairs()]
        return [server.to_dict() for server in alice.compute.servers()], keypairs

    before = state()
    refused(stand, lambda: call(bob.compute), action)
    assert state() == before
    call(alice.compute)
    found = alice.compute.get_server(SERVER)
    assert {member: getattr(found, member) for member in left} == left


def test_a_server_is_deleted_by_whom_may(stand: Stand, alice: Connection, bob: Connection):
    made = alice.compute.create_server(name="deleted", flavor_id=FLAVOR, networks="none")
    refused(stand, lambda: bob.compute.delete_server(made, ignore_missing=False), "ecs:servers:delete")
    assert alice.compute.get_server(made).status == "ACTIVE"
    alice.compute.delete_server(made, ignore_missing=False)
    with pytest.raises(NotFoundException, match=f"Instance {made.id} could not be found"):
        alice.compute.get_server(made)


def test_what_was_done_leads_to_the_audit(stand: Stand, alice: Connection):
    alice.compute.reboot_server(SERVER, "HARD")
    last = next(iter(alice.compute.server_actions(SERVER)))
    line = stand.audited(last.request_id)
    assert (last.action, line["operation"]) == ("reboot", "Restarting an ECS (native OpenStack API)")


def test_flavors_are_shown_to_everybody_known(stand: Stand, carol: Connection):
    assert FLAVOR in [flavor.name for flavor in carol.compute.flavors()]
    assert carol.compute.get_flavor(FLAVOR).vcpus == 2
    assert carol.compute.find_flavor(FLAVOR, ignore_missing=False).ram == 4096


def test_what_the_table_does_not_list_is_refused(stand: Stand, alice: Connection):
    before = alice.compute.get_server(SERVER).to_dict()
    with pytest.raises(HttpException) as caught:
        alice.compute.pause_server(SERVER)
    line = stand.audited(caught.value.request_id)
    assert (line["decision"], line["upstream_us"]) == ("reject", None)
    assert alice.compute.get_server(SERVER).to_dict() == before


def test_versions_are_discovered_without_a_token(stand: Stand, alice: Connection):
    found = alice.compute.get_endpoint_data()
    assert (found.min_microversion, found.max_microversion) == ((2, 1), (2, 96))
    assert found.url == f"{stand.url}/v2.1/{PROJECT}"


def test_another_project_is_not_entered(stand: Stand, alice: Connection):
    endpoint = f"{stand.url}/v2.1/{'0' * 32}"
    answer = alice.session.get(f"{endpoint}/servers", raise_exc=False)
    assert answer.status_code == 403
    line = stand.audited(answer.headers["x-openstack-request-id"])
    assert (line["decision"], line["upstream_us"]) == ("deny", None)


def test_a_client_logs_in_again_when_its_token_is_refused(stand: Stand):
    with stand.connect("bob") as connection:
        good = connection.session.auth.get_access(connection.session)
        connection.session.auth.auth_ref = AccessInfoV3(good._data, auth_token="gAAAAABnonsense")
        logins = stand.keystone.logins["bob"]
        assert connection.compute.get_server(SERVER).id == SERVER
        assert stand.keystone.logins["bob"] == logins + 1
