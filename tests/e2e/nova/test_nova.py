"""The clients' own calls through the gateway to a real Nova, with tokens of a real Keystone of either kind."""

from collections.abc import Callable, Iterator

import pytest
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.exceptions import ForbiddenException, HttpException
from testbed import Gateway, Testbed, command

# What a member does and a reader may not, with the action that the reader lacks.
WRITES: list[tuple[str, Callable[[Connection, str], object]]] = [
    ("ecs:servers:setMetadata", lambda to, server: to.compute.set_server_metadata(server, e2e="yes")),
    ("ecs:servers:setMetadata", lambda to, server: to.compute.delete_server_metadata(server, ["e2e"])),
    ("ecs:servers:stop", lambda to, server: to.compute.stop_server(server)),
    ("ecs:servers:start", lambda to, server: started(to, server)),
]


def started(connection: Connection, server: str) -> None:
    """Starts a server that is stopping."""
    stopping = connection.compute.get_server(server)
    connection.compute.wait_for_server(stopping, status="SHUTOFF", wait=60)
    connection.compute.start_server(server)
    connection.compute.wait_for_server(stopping, status="ACTIVE", wait=60)


@pytest.fixture
def connect(testbed: Testbed, gateway: Gateway, form: str) -> Iterator[Callable[[str], Connection]]:
    opened: list[Connection] = []

    def connect(user: str) -> Connection:
        opened.append(testbed.connect(user, gateway.url, form))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def refused(call: Callable[[], object]) -> ForbiddenException:
    with pytest.raises(ForbiddenException) as caught:
        call()
    return caught.value


def test_a_member_does_what_a_reader_may_not(
    connect: Callable[[str], Connection], testbed: Testbed, gateway: Gateway
) -> None:
    alice, bob = connect("alice"), connect("bob")
    for action, write in WRITES:
        error = refused(lambda: write(bob, testbed.server))
        if action != "ecs:servers:start":
            assert f"Policy doesn't allow {action} to be performed." in str(error), action
            audited = gateway.audited(error.response.headers["x-openstack-request-id"])
            assert (audited["decision"], audited["missing"]) == ("deny", [action])
        write(alice, testbed.server)


def test_both_read(connect: Callable[[str], Connection], testbed: Testbed) -> None:
    for user in ("alice", "bob"):
        compute = connect(user).compute
        assert testbed.server in {server.id for server in compute.servers()}
        server: Server = compute.get_server(testbed.server)
        assert compute.fetch_server_metadata(server).metadata["seed"] == "yes"


def test_another_projects_member_gets_in_nowhere(connect: Callable[[str], Connection], testbed: Testbed) -> None:
    error = refused(lambda: connect("carol").compute.get_server(testbed.server))
    assert f"The token is not for project `{testbed.project}`" in str(error)


def test_microversions_are_found_without_a_token(connect: Callable[[str], Connection]) -> None:
    compute = connect("alice").compute
    maximum = compute.get_endpoint_data().max_microversion
    assert maximum is not None and maximum > (2, 60)


def test_a_token_of_the_other_keystone_is_nobodys(testbed: Testbed, gateway: Gateway, form: str) -> None:
    other = testbed.facts["jws_tokens" if form == "fernet" else "tokens"]["alice"]
    with testbed.connect("alice", gateway.url, form) as connection, pytest.raises(HttpException) as caught:
        headers = {"X-Auth-Token": other}
        url = f"{gateway.url}/v2.1/{testbed.project}/servers"
        answer = connection.session.get(url, headers=headers, authenticated=False, raise_exc=False)
        assert answer.headers["x-actiongate-reason"].startswith("token_")
        raise HttpException(http_status=answer.status_code)
    assert caught.value.status_code == 401


@pytest.fixture(scope="module")
def switched(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The endpoint in the catalog is the gateway's: nothing else changes for `openstack`."""
    gateway = Gateway(testbed, "fernet", tmp_path_factory.mktemp("catalog"))
    with testbed.admin() as admin:
        identity = admin.identity
        compute = next(iter(identity.services(type="compute")))
        public = next(iter(identity.endpoints(service_id=compute.id, interface="public")))
        before = public.url
        identity.update_endpoint(public, url=f"{gateway.url}/v2.1/$(project_id)s")
        yield gateway
        identity.update_endpoint(public, url=before)
    gateway.stop()


@pytest.mark.usefixtures("switched")
def test_openstack_follows_the_catalog(testbed: Testbed) -> None:
    server = testbed.server
    listed = command(testbed, "alice", "server", "list", "--format", "value", "--column", "ID")
    assert server in listed.out, listed
    done = command(testbed, "alice", "server", "set", "--property", "owner=e2e", server)
    assert (done.status, done.err) == (0, ""), done
    shown = command(testbed, "bob", "server", "show", server, "--column", "properties", "--format", "value")
    assert "e2e" in shown.out, shown
    denied = command(testbed, "bob", "server", "unset", "--property", "owner", server)
    assert denied.status != 0
    assert "Policy doesn't allow ecs:servers:setMetadata to be performed." in denied.err, denied
    done = command(testbed, "alice", "server", "unset", "--property", "owner", server)
    assert (done.status, done.err) == (0, ""), done
    shown = command(testbed, "alice", "server", "show", server, "--column", "properties", "--format", "value")
    assert "e2e" not in shown.out, shown
