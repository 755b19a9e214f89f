"""Every real FTP client, in every mode that it has, uploads a real file, and its rows are in the table."""

import os
import pathlib
import shutil

import pytest

import devices
from conftest import DEMO
from devices import Upload
from node import Node
from tables import record_of, rows_of

OURS = (DEMO / "alpine_ridge_Met15.dat", 24, sum(range(9120, 9144)))


@pytest.fixture(scope="module")
def sample():
    """A file of a real logger where there is one, 340 kB long, else one of ours: (file, rows, sum of RECORD)."""
    real = pathlib.Path(os.environ.get("INLET_SAMPLES", "/nonexistent")) / "toa5/test_raw_SlimTableMem1.txt"
    return (real, 1151, 29139867) if real.exists() else OURS


@pytest.fixture(scope="module")
def node_on_ipv6(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("inlet-ipv6") / "data", host="::1").start()
    yield node
    node.stop()


def check(node, account, reader, sample, client, mode, name):
    file, rows, total = sample
    client(Upload(node, account, file, name))
    record = record_of(node, reader, name)
    assert (record["mode"], record["bytes"]) == (mode, file.stat().st_size)
    assert sum(rows_of(node, reader, record, rows)["record"].to_pylist()) == total


@pytest.mark.parametrize("client", devices.ON_IPV4)
def test_client_uploads_over_ipv4(node, account, reader, sample, client):
    upload, mode = devices.ON_IPV4[client]
    check(node, account, reader, sample, upload, mode, f"{client}.dat")


@pytest.mark.parametrize("client", devices.ON_IPV6)
def test_client_uploads_over_ipv6(node_on_ipv6, reader, sample, client):
    account = node_on_ipv6.add_account(f"station-{client}")
    upload, mode = devices.ON_IPV6[client]
    check(node_on_ipv6, account, reader, sample, upload, mode, f"{client}.dat")


def test_every_client_is_installed():
    clients = ["curl", "lftp", "tnftp", "inetutils-ftp", "busybox"]
    assert [client for client in clients if not shutil.which(client)] == []
