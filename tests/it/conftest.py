"""What every end-to-end test is given: a running Inlet, a reader of its tables, real devices' files, real servers."""

import os
import pathlib
import subprocess
import sys

import pytest

from node import TESTS, Account, Node
from tables import Reader

DEMO = TESTS.parent / "pipeline/demo"


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=3, help="how often the crash test kills a loaded Inlet")


@pytest.fixture
def start(tmp_path):
    """Starts nodes that are stopped after the test, in the order in which data flows."""
    nodes = []

    def start(**options) -> Node:
        node = Node(options.pop("data", tmp_path / "data"), **options)
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One Inlet for all tests of a file."""
    node = Node(tmp_path_factory.mktemp("inlet") / "data").start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def account(node) -> Account:
    """An account of the file's own Inlet."""
    return node.add_account("station-7")


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="session")
def samples() -> pathlib.Path:
    """The folder of real devices' files, which are not ours to ship."""
    if "INLET_SAMPLES" not in os.environ:
        pytest.skip("INLET_SAMPLES names no folder of real devices' files")
    return pathlib.Path(os.environ["INLET_SAMPLES"])


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Addresses and credentials of S3 and SQS servers and catalogs: those that tests/run has started, or else some of our own."""
    names = ["INLET_TEST_S3", "INLET_TEST_SQS", "INLET_TEST_ICEBERG", "INLET_TEST_S3TABLES", "INLET_TEST_POSTGRES",
             "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
    if all(name in os.environ for name in names):
        yield {name: os.environ[name] for name in names}
        return
    directory = tmp_path_factory.mktemp("servers")
    command = [sys.executable, TESTS / "servers"]
    started = subprocess.run([*command, "start", directory], check=True, stdout=subprocess.PIPE, text=True)
    yield dict(line.split("=", 1) for line in started.stdout.splitlines())
    subprocess.run([*command, "stop", directory], check=True)
