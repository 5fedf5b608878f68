"""Every test ends: nothing here waits for longer."""

import pytest


def pytest_configure(config):
    # What the SDK says to its own authors.
    for module in ("openstack", "keystoneauth1"):
        config.addinivalue_line("filterwarnings", f"ignore:::{module}")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))
