"""Only where the testbed's folder is given: `OPENSTACK_TESTBED=FOLDER tests/e2e/run`."""

import os
from collections.abc import Iterator

import pytest

collect_ignore_glob = [] if "OPENSTACK_TESTBED" in os.environ else ["test_*.py"]

if "OPENSTACK_TESTBED" in os.environ:
    from testbed import Gateway, Testbed

    @pytest.fixture(scope="session")
    def testbed() -> Iterator[Testbed]:
        testbed = Testbed()
        yield testbed
        testbed.stop()

    @pytest.fixture(scope="session", params=["fernet", "jws", "jws-online"])
    def form(request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture(scope="session")
    def gateway(testbed: Testbed, form: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
        gateway = Gateway(testbed, form, tmp_path_factory.mktemp(form))
        yield gateway
        gateway.stop()
