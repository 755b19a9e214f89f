"""The same road against S3 (SeaweedFS) and SQS (ministack), as three processes: ingest, watch and etl."""

import dataclasses
import io

import pytest

import devices
from aws import Backends, unique
from conftest import DEMO
from devices import Upload
from logger import table_of, toa5
from node import Account, Node, until
from tables import Reader, committed, record_of, rows_of


@dataclasses.dataclass
class Road:
    """The three services, what they share, and eyes on it."""
    ingest: Node
    watch: Node
    etl: Node
    account: Account
    reader: Reader
    backends: Backends

    def object(self, upload: str) -> dict:
        """The one raw object of an upload."""
        [key] = [key for key in self.backends.raw_objects() if upload in key]
        return {"Key": key, **self.backends.s3.get_object(Bucket=self.backends.lake, Key=key)}

    def store(self, name: str, content: bytes) -> None:
        with devices.login(self.ingest, self.account) as ftp:
            assert ftp.storbinary(f"STOR {name}", io.BytesIO(content)).startswith("226")


@pytest.fixture(scope="module")
def road(tmp_path_factory, servers):
    directory = tmp_path_factory.mktemp("aws")
    backends = Backends(servers, unique("aws"))
    config = backends.config(directory / "inlet.toml", backends.sqlite_catalog(directory / "catalog.db"))
    settings = {**servers, "INLET_ETL__QUEUE__VISIBILITY": "10s"}
    ingest, watch, etl = (Node(directory / "data", command=(name,), config=config, settings=settings) for name in ("ingest", "watch", "etl"))
    nodes = [node.start() for node in (ingest, watch, etl)]
    yield Road(ingest, watch, etl, ingest.add_account("station-7"), backends.reader(), backends)
    for node in nodes:
        node.stop()


def event(road: Road, key: str) -> dict:
    """What S3 itself tells of an object that somebody put."""
    head = road.backends.s3.head_object(Bucket=road.backends.lake, Key=key)
    return road.backends.event(key, size=head["ContentLength"], eTag=head["ETag"].strip('"'))


@pytest.mark.parametrize("client", ["curl-epsv", "curl-port", "ftplib-passive", "ftplib-active"])
def test_an_upload_over_ftp_is_rows_on_s3(road, client):
    upload, mode = devices.ON_IPV4[client]
    name = f"{client}.dat"
    upload(Upload(road.ingest, road.account, DEMO / "alpine_ridge_Met15.dat", name))
    record = record_of(road.etl, road.reader, name)
    rows = rows_of(road.etl, road.reader, record, 24)
    assert sum(rows["record"].to_pylist()) == sum(range(9120, 9144))
    assert record["mode"] == mode
    raw = road.object(record["upload"])
    assert raw["Body"].read() == (DEMO / "alpine_ridge_Met15.dat").read_bytes()
    assert raw["Metadata"]["inlet-upload"] == record["upload"]
    assert raw["Metadata"]["inlet-device"] == "station-7"
    until("an empty outbox", lambda: not road.ingest.outbox())


def test_a_gzip_file_is_kept_as_it_came(road):
    content = (DEMO / "harbour_Met15_next.dat.gz").read_bytes()
    road.store("packed.dat.gz", content)
    record = record_of(road.etl, road.reader, "packed.dat.gz")
    rows_of(road.etl, road.reader, record, 24)
    assert road.object(record["upload"])["Body"].read() == content


def test_an_event_delivered_twice_gives_its_rows_once(road):
    road.store("delivered-twice.dat", toa5("delivered-twice", range(9)))
    record = record_of(road.etl, road.reader, "delivered-twice.dat")
    again = event(road, road.object(record["upload"])["Key"])
    for _ in range(3):
        road.backends.send(again)
    until("a queue that was worked off", lambda: road.backends.messages() == 0)
    table = road.etl.tables()[table_of("Second")]
    rows = "SELECT count(*), count(DISTINCT record) FROM t WHERE device = 'delivered-twice'"
    assert road.reader.query(table, rows) == [(9, 9)]


def test_an_object_that_somebody_else_put_is_loaded_by_s3s_own_event(road):
    key = "from elsewhere/device=station-8/put+by hand.dat"
    road.backends.s3.put_object(Bucket=road.backends.lake, Key=key, Body=toa5("by-hand", range(7)))
    road.backends.send(event(road, key))
    assert set(committed(road.etl, road.reader, "put+by hand.dat", 7)["device"].to_pylist()) == {"by-hand"}


def test_the_test_event_that_s3_sends_is_acknowledged(road):
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-21T21:08:01.375Z", "Bucket": road.backends.lake,
             "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}
    road.backends.send(event)
    until("a queue that was worked off", lambda: road.backends.messages() == 0)


def test_a_file_that_cannot_be_read_is_in_quarantine(road):
    road.store("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(2000))
    record = record_of(road.etl, road.reader, "photo.jpg")
    assert record["outcome"] == "quarantined"
    assert road.etl.quarantine(record["upload"])["whole"]


@pytest.mark.timeout(600)
def test_killed_watchers_and_etls_lose_nothing_and_double_nothing(road):
    files = [f"killed-{number:02}.dat" for number in range(24)]
    for number, name in enumerate(files):
        road.store(name, toa5("killed", range(number * 10, number * 10 + 10), table="Killed"))
        # Each in turn, in the middle of the work.
        if number % 8 == 5:
            killed = (road.watch, road.etl)[number // 8 % 2]
            killed.kill()
            killed.start()

    def counts() -> list[tuple]:
        table = road.etl.tables().get(table_of("Killed"))
        return road.reader.query(table, "SELECT record, count(*) FROM t GROUP BY record") if table else []

    until("every row", lambda: len(counts()) == 240, 180)
    until("a queue that was worked off", lambda: road.backends.messages() == 0)
    assert [row for row in counts() if row[1] != 1] == []
