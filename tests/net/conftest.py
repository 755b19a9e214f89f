"""What the network tests are given: a small internet of namespaces, and a table that their results go into."""

import os

import pytest

import spaces
from table import Table
from world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    if why := spaces.missing():
        # Where they are expected to run, a test that cannot is a failure.
        if os.environ.get("INLET_TEST_NET") == "required":
            pytest.fail(f"network tests cannot run: {why}")
        pytest.skip(f"network tests cannot run: {why}")
    world = World(tmp_path_factory.mktemp("net"))
    try:
        world.build()
        yield world
    finally:
        world.remove()


@pytest.fixture(scope="session")
def table(request):
    """Written to where INLET_NETWORK_TABLE says, once every test has passed with every client: others would leave holes in it."""
    table = Table()
    yield table
    if "INLET_NETWORK_TABLE" in os.environ and table.complete and not request.session.testsfailed:
        table.write(os.environ["INLET_NETWORK_TABLE"])
