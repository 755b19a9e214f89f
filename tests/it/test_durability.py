"""`durability = "lake"`: 226 when the raw object is in the lake and its event in the queue; otherwise 451, and nothing of the upload stays."""

import dataclasses

import pytest

import devices
from aws import Backends, unique
from control import Control
from gate import Gate
from logger import table_of, toa5
from node import Account, Node, until
from tables import Reader, committed

LAKE = {"INLET_INGEST__DURABILITY": "lake"}


def nothing_stays(node: Node, account: Account, *names: str) -> None:
    """No file in the home, none under way, nothing in the outbox."""
    for name in names:
        assert not (node.home(account) / name).exists(), name
    assert [path for folder in ("spool", "outbox") for path in (node.data / folder).iterdir()] == []


def lake_of(node: Node) -> list[bytes]:
    """The bytes of the raw objects of an embedded lake."""
    return [path.read_bytes() for path in (node.data / "lake/raw").rglob("*") if path.is_file() and ".json" not in path.name]


@pytest.mark.parametrize("client", ["curl-epsv", "curl-port", "lftp-passive", "tnftp-active", "busybox-ftpput", "ftplib-passive"])
def test_with_the_embedded_lake_every_client_has_its_226_when_the_lake_has_its_file(start, reader, tmp_path, client):
    node = start(settings=LAKE)
    account = node.add_account("station-7")
    file = tmp_path / "a.dat"
    file.write_bytes(toa5("embedded", range(9)))
    upload, _ = devices.ON_IPV4[client]
    upload(devices.Upload(node, account, file, "a.dat"))
    # Not in a moment: now.
    assert node.outbox() == []
    assert file.read_bytes() in lake_of(node)
    assert (node.home(account) / "a.dat").read_bytes() == file.read_bytes()
    committed(node, reader, "a.dat", 9)


def test_a_temporary_name_is_for_the_home_and_the_final_one_for_the_lake(start, reader):
    node = start(settings=LAKE)
    account = node.add_account("station-7")
    content = toa5("renamed", range(5))
    with Control(node) as device:
        assert device.login(account).store("a.tmp", content)[0] == 226
        assert device.ask("RNFR a.tmp")[0] == 350
        assert device.ask("RNTO a.dat")[0] == 250
        assert content in lake_of(node)
    committed(node, reader, "a.dat", 5)


def test_without_a_watcher_an_upload_gets_451_and_leaves_nothing(start):
    node = start(command=("ingest",), settings={**LAKE, "INLET_INGEST__LAKE_TIMEOUT": "1s"})
    account = node.add_account("station-7")
    with Control(node) as device:
        device.login(account)
        for verb in ("STOR", "APPE"):
            code, text = device.store("a.dat", toa5("alone", range(5)), verb=verb)
            assert code == 451 and "send it again" in text
            nothing_stays(node, account, "a.dat")
        assert device.store("b.tmp", b"x")[0] == 226
        assert device.ask("RNFR b.tmp")[0] == 350
        assert device.ask("RNTO b.dat")[0] == 451
        nothing_stays(node, account, "b.dat")
        assert device.ask("SIZE b.tmp")[0] == 213
        assert device.ask("NOOP")[0] == 200


@dataclasses.dataclass
class Road:
    """The three services on real servers, each server behind a gate."""
    ingest: Node
    watch: Node
    etl: Node
    account: Account
    reader: Reader
    s3: Gate
    sqs: Gate
    backends: Backends

    def rows(self, station: str) -> list[tuple]:
        table = self.etl.tables().get(table_of("Second"))
        sql = f"SELECT count(*), count(DISTINCT record) FROM t WHERE device = '{station}'"
        return self.reader.query(table, sql) if table else []


@pytest.fixture(scope="module")
def road(tmp_path_factory, servers):
    directory = tmp_path_factory.mktemp("durability")
    backends = Backends(servers, unique("durability"))
    catalog = backends.sqlite_catalog(directory / "catalog.db")
    gates = Gate(servers["INLET_TEST_S3"]), Gate(servers["INLET_TEST_SQS"])
    # Only the watcher's way to the servers is cut: what it brings about is read beside it.
    gated = backends.config(directory / "gated.toml", catalog, s3=gates[0].url, sqs=gates[1].url)
    direct = backends.config(directory / "direct.toml", catalog)
    settings = {**servers, **LAKE, "INLET_INGEST__LAKE_TIMEOUT": "4s", "INLET_WATCHER__RETRY_MAX": "1s"}
    nodes = [Node(directory / "data", command=(name,), config=file, settings=settings).start()
             for name, file in (("ingest", gated), ("watch", gated), ("etl", direct))]
    yield Road(*nodes, nodes[0].add_account("station-7"), backends.reader(), *gates, backends)
    for gate in gates:
        gate.open()
    for node in nodes:
        node.stop()
    for gate in gates:
        gate.close()


def test_on_s3_and_sqs_226_comes_when_both_have_it(road):
    with Control(road.ingest) as device:
        assert device.login(road.account).store("whole.dat", toa5("whole", range(7)))[0] == 226
        assert road.ingest.outbox() == []
    until("rows", lambda: road.rows("whole") == [(7, 7)])


@pytest.mark.parametrize("broken", ["s3", "sqs"])
@pytest.mark.parametrize("outage", ["shut", "mute"])
def test_an_outage_is_451_and_what_is_sent_again_is_there_once(road, broken, outage):
    """Mute is the worst case: the upload takes effect, and nobody who told the device otherwise could know."""
    station = name = f"{broken}-{outage}"
    content = toa5(station, range(7))
    gate = getattr(road, broken)
    with Control(road.ingest) as device:
        device.login(road.account)
        getattr(gate, outage)()
        try:
            assert device.store(name, content)[0] == 451
            nothing_stays(road.ingest, road.account, name)
        finally:
            gate.open()
        until("226 for the same file", lambda: device.store(name, content)[0] == 226)
        assert device.ask(f"SIZE {name}") == (213, str(len(content)))
    until("rows", lambda: road.rows(station) == [(7, 7)])
    until("a queue that was worked off", lambda: road.backends.messages() == 0)
    assert road.rows(station) == [(7, 7)]


def test_a_watcher_that_comes_late_delivers_what_waits(road):
    road.watch.stop()
    with Control(road.ingest) as device:
        data = device.login(road.account).begin("STOR late.dat")
        data.sendall(toa5("late", range(7)))
        data.close()
        until("an upload that waits", road.ingest.outbox)
        assert not (road.ingest.home(road.account) / "late.dat").exists()
        road.watch.start()
        assert device.reply()[0] == 226
    until("rows", lambda: road.rows("late") == [(7, 7)])
