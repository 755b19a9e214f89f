"""Devices that hang up before the end of their data: nothing is kept, unless the configuration says so."""

import socket

import pytest

from control import Control
from logger import toa5
from node import Node, until
from tables import committed

CONTENT = toa5("hang-up", range(500))


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("inlet") / "data", settings={"INLET_INGEST__HANG_UP": "keep"}).start()
    yield node
    node.stop()


def test_data_that_ends_in_order_is_kept(node, account, reader):
    device = Control(node).login(account)
    data = device.begin("STOR kept.dat")
    data.sendall(CONTENT[:1000])
    device.__exit__()
    data.sendall(CONTENT[1000:])
    data.close()
    assert len(committed(node, reader, "kept.dat", 500)) == 500


def test_a_device_that_says_all_at_once_and_leaves_has_uploaded(node, account):
    device = Control(node).login(account)
    address = device.passive()
    with socket.create_connection(address) as data:
        device.send("STOR at-once.dat")
        data.sendall(CONTENT)
    device.__exit__()
    file = node.home(account) / "at-once.dat"
    until("the file", lambda: file.exists() and file.read_bytes() == CONTENT)
