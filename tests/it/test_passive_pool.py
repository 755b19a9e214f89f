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

from node import Account, Node, free_ports, until

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


def test_many_devices_share_forty_ports(node):
    account = node.add_account("many")
    fleet(node, account, [f"127.7.{number // 250}.{number % 250 + 1}" for number in range(200 * SCALE)])
    # Each has all the ports to itself.
    assert node.metric("inlet_passive_waits_total") == 0


def test_many_devices_behind_one_address_share_forty_ports(node):
    account = node.add_account("behind-one")
    fleet(node, account, ["127.8.0.1"] * 200)
    assert node.metric("inlet_passive_exhausted_total") == 0


def greedy(start, **settings: str) -> tuple[Node, list[ftplib.FTP]]:
    """A node with two passive ports, and three sessions of one address on it."""
    ports = free_ports(2)
    settings = {"INLET_INGEST__PASSIVE__PORTS": f"{ports[0]}-{ports[-1]}", **settings}
    node = start(command=("ingest",), settings=settings)
    account = node.add_account("greedy")
    sessions = [ftplib.FTP(timeout=SECONDS) for _ in range(3)]
    for session in sessions:
        session.connect(node.host, node.port)
        session.login(account.name, account.password)
    return node, sessions


def port_of(session: ftplib.FTP) -> int:
    return ftplib.parse229(session.sendcmd("EPSV"), (session.host, 0))[1]


def test_an_address_that_has_used_up_the_ports_waits_and_is_counted(start):
    node, sessions = greedy(start, INLET_INGEST__PASSIVE__WAIT="1s")
    assert port_of(sessions[0]) != port_of(sessions[1])
    # The first two have not come yet, and may be late: their ports are nobody else's for twice as long as the third one waits.
    with pytest.raises(ftplib.error_temp, match="^425"):
        sessions[2].sendcmd("EPSV")
    assert node.metric("inlet_passive_waits_total") == 1
    assert node.metric("inlet_passive_exhausted_total") == 1
    # By now one of them is.
    assert port_of(sessions[2])
    for session in sessions:
        session.close()


def test_a_late_data_connection_does_not_reach_another_session(start):
    node, [gone, other, waiting] = greedy(start, INLET_INGEST__PASSIVE__WAIT="3s")
    port = port_of(gone)
    gone.quit()
    assert port_of(other) != port
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # It gets the port that the first session has left, when nobody can be late for it any more.
        promised = pool.submit(port_of, waiting)
        until("a session waits for a port", lambda: node.metric("inlet_passive_waits_total") == 1)
        with socket.create_connection((node.host, port), timeout=SECONDS) as late:
            late.settimeout(SECONDS)
            assert late.recv(1) == b""
        assert not promised.done()
        assert node.metric("inlet_passive_late_total") == 1
        assert promised.result() == port
    waiting.voidcmd("TYPE I")
    with socket.create_connection((node.host, port), timeout=SECONDS) as data:
        assert waiting.sendcmd("STOR own.dat").startswith("150")
        data.sendall(CONTENT)
    assert waiting.voidresp().startswith("226")
    assert (node.home(Account("greedy", "")) / "own.dat").read_bytes() == CONTENT
    for session in [other, waiting]:
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

    before = node.metric("inlet_passive_unexpected_total")
    threads = [threading.Thread(target=connect, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    fleet(node, account, [f"127.10.0.{number + 1}" for number in range(200)])
    for thread in threads:
        thread.join()
    assert node.metric("inlet_passive_unexpected_total") - before == strangers
