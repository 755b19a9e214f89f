"""A few ports for many devices: each with an address of its own, all behind one, and among strangers that connect all the time.

INLET_TEST_SCALE makes it larger: 10 is the full size, 2,000 devices and 10,000 strangers.
"""

import concurrent.futures
import ftplib
import io
import os
import socket
import threading

import pytest

from node import Account, Node, free_ports

SCALE = int(os.environ.get("INLET_TEST_SCALE", "1"))
PORTS = 40
AT_ONCE = 200
SECONDS = 120
CONTENT = os.urandom(20_000)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    ports = free_ports(PORTS)
    settings = {"INLET_INGEST__PASSIVE__PORTS": f"{ports[0]}-{ports[-1]}", "INLET_INGEST__PASSIVE__WAIT": "60s"}
    node = Node(tmp_path_factory.mktemp("pool") / "data", command=("ingest",), settings=settings).start()
    node.ports = ports
    yield node
    node.stop()


def upload(node: Node, account: Account, name: str, source: str) -> None:
    """One device from login to QUIT."""
    with ftplib.FTP(timeout=SECONDS, source_address=(source, 0)) as ftp:
        ftp.connect(node.host, node.port)
        ftp.login(account.name, account.password)
        assert ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT)).startswith("226")


def fleet(node: Node, account: Account, sources: list[str]) -> None:
    """All of them at once, as far as threads go; each of their uploads has to be whole."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        uploads = [pool.submit(upload, node, account, f"{number}.dat", source) for number, source in enumerate(sources)]
        for done in uploads:
            done.result()
    stored = [node.home(account) / f"{number}.dat" for number in range(len(sources))]
    assert all(file.read_bytes() == CONTENT for file in stored)


def counter(node: Node, name: str) -> float:
    with socket.create_connection((node.host, node.http_port), timeout=SECONDS) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        lines = connection.makefile().read().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.split(" ")[0] == name)


def test_many_devices_share_forty_ports(node):
    account = node.add_account("many")
    fleet(node, account, [f"127.7.{number // 250}.{number % 250 + 1}" for number in range(200 * SCALE)])
    # Each has all the ports to itself.
    assert counter(node, "inlet_passive_waits_total") == 0


def test_many_devices_behind_one_address_share_forty_ports(node):
    account = node.add_account("behind-one")
    fleet(node, account, ["127.8.0.1"] * 200)
    assert counter(node, "inlet_passive_exhausted_total") == 0


def test_an_address_that_has_used_up_the_ports_waits_and_is_counted(start):
    ports = free_ports(2)
    settings = {"INLET_INGEST__PASSIVE__PORTS": f"{ports[0]}-{ports[-1]}", "INLET_INGEST__PASSIVE__WAIT": "1s"}
    node = start(command=("ingest",), settings=settings)
    account = node.add_account("greedy")
    sessions = [ftplib.FTP(timeout=SECONDS) for _ in range(3)]
    for session in sessions:
        session.connect(node.host, node.port)
        session.login(account.name, account.password)
    assert [session.sendcmd("EPSV")[:3] for session in sessions[:2]] == ["229", "229"]
    # It waits as long as the first two may take to connect. They never do, and the last of that time is up with its own: which
    # is first is chance.
    try:
        assert sessions[2].sendcmd("EPSV").startswith("229")
    except ftplib.error_temp as refusal:
        assert str(refusal).startswith("425"), refusal
        assert counter(node, "inlet_passive_exhausted_total") == 1
    assert counter(node, "inlet_passive_waits_total") == 1
    for session in sessions:
        session.close()


def test_strangers_disturb_no_upload(node):
    account = node.add_account("disturbed")
    strangers = 1000 * SCALE

    def connect(first: int) -> None:
        """As a scanner or a balancer's probe does: connects to every port, says nothing, and leaves."""
        for number in range(first, strangers, 4):
            with socket.socket() as stranger:
                stranger.settimeout(SECONDS)
                stranger.bind(("127.9.0.1", 0))
                stranger.connect((node.host, node.ports[number % PORTS]))

    before = counter(node, "inlet_passive_unexpected_total")
    threads = [threading.Thread(target=connect, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    fleet(node, account, [f"127.10.0.{number + 1}" for number in range(200)])
    for thread in threads:
        thread.join()
    assert counter(node, "inlet_passive_unexpected_total") - before == strangers
