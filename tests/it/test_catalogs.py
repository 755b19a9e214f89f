"""The same tables in every kind of catalog that several workers can share: two `inlet etl` processes commit to them at once."""

import dataclasses
import io

import pytest

import devices
from aws import Backends, client, sql_catalog, unique
from logger import table_of, toa5
from node import Account, Node, until
from tables import UPLOADS, Reader

UPLOADS_OF_EACH = 12
ROWS = 5


@dataclasses.dataclass
class Catalog:
    """A catalog that several workers share, as their configuration has it, and the S3 that its tables are on."""
    lines: str
    endpoint: str


def sql(servers: dict, name: str) -> Catalog:
    endpoint = servers["INLET_TEST_S3"]
    client(servers, "s3", endpoint).create_bucket(Bucket=name)
    return Catalog(sql_catalog(servers["INLET_TEST_POSTGRES"], name), endpoint)


def rest(servers: dict, name: str) -> Catalog:
    # SeaweedFS's catalog has the warehouses that its S3 Tables interface has made.
    endpoint = servers["INLET_TEST_S3"]
    table_bucket(servers, endpoint, name)
    credential = f"{servers['AWS_ACCESS_KEY_ID']}:{servers['AWS_SECRET_ACCESS_KEY']}"
    lines = ['kind = "rest"', f'uri = "{servers["INLET_TEST_ICEBERG"]}"', f'warehouse = "s3://{name}"', f'credential = "{credential}"']
    return Catalog("\n".join(lines), endpoint)


def s3tables(servers: dict, name: str) -> Catalog:
    endpoint = servers["INLET_TEST_S3TABLES"]
    arn = table_bucket(servers, endpoint, name)
    lines = ['kind = "s3tables"', f'table_bucket = "{arn}"', 'region = "us-east-1"', f'endpoint = "{endpoint}"']
    return Catalog("\n".join(lines), endpoint)


def table_bucket(servers: dict, endpoint: str, name: str) -> str:
    return client(servers, "s3tables", endpoint).create_table_bucket(name=name)["arn"]


@dataclasses.dataclass
class Road:
    """One way in, two workers, and what they share."""
    ingest: Node
    workers: list[Node]
    account: Account
    reader: Reader
    backends: Backends


@pytest.fixture(params=[sql, rest, s3tables], ids=["postgresql", "rest", "s3tables"])
def road(request, tmp_path, servers):
    name = unique("catalog")
    catalog = request.param(servers, name)
    backends = Backends(servers, name, catalog.endpoint)
    config = backends.config(tmp_path / "inlet.toml", catalog.lines)
    # Namespaces of one database or service are common to all tests on it.
    settings = {**servers, "INLET_ETL__NAMESPACE": name.replace("-", "_"), "INLET_ETL__QUEUE__VISIBILITY": "5s"}
    nodes = [Node(tmp_path / data, command=(command,), config=config, settings=settings)
             for data, command in [("edge", "ingest"), ("edge", "watch"), ("one", "etl"), ("two", "etl")]]
    try:
        assert nodes[0].start().tables() == {}, "before anything was committed there are no tables, and that is no error"
        # Those who work begin at the same moment, with no namespace and no table there.
        ingest, (_, *workers) = nodes[0], [node.start() for node in nodes[1:]]
        yield Road(ingest, workers, ingest.add_account("station-7"), backends.reader(), backends)
    finally:
        for node in nodes:
            node.stop()


def test_two_workers_on_one_catalog_load_each_row_once(road):
    # Files of three kinds, so that tables are made at the same time; the last kind has a column more in its second half.
    for number in range(UPLOADS_OF_EACH):
        records = range(number * ROWS, (number + 1) * ROWS)
        for table in ["Alpha", "Beta", "Gamma"]:
            content = toa5("north", records, table)
            if table == "Gamma" and number >= UPLOADS_OF_EACH // 2:
                content = content.replace(b'"Level_Avg"', b'"Depth_Avg"')
            with devices.login(road.ingest, road.account) as ftp:
                assert ftp.storbinary(f"STOR {table}{number}.dat", io.BytesIO(content)).startswith("226")
    # Every event once more, as SQS may deliver it.
    until("all uploads to be in the lake", lambda: len(road.backends.raw_objects()) == 3 * UPLOADS_OF_EACH)
    for key in road.backends.raw_objects():
        s3 = {"bucket": {"name": road.backends.lake}, "object": {"key": key}}
        record = {"s3": s3, "eventName": "ObjectCreated:Put", "eventSource": "aws:s3"}
        road.backends.send({"Records": [record]})
    until("a queue that was worked off", lambda: road.backends.messages() == 0, 120)

    tables = road.workers[0].tables()
    expected = UPLOADS_OF_EACH * ROWS
    for table in map(table_of, ["Alpha", "Beta", "Gamma"]):
        counts = road.reader.query(tables[table], "SELECT count(*), count(DISTINCT record), sum(record) FROM t")
        assert counts == [(expected, expected, sum(range(expected)))], table
    depths = road.reader.query(tables[table_of("Gamma")], "SELECT count(level_avg), count(depth_avg) FROM t")
    assert depths == [(expected // 2, expected // 2)]
    outcomes = road.reader.query(tables[UPLOADS], "SELECT outcome, count(DISTINCT upload) FROM t GROUP BY outcome ORDER BY outcome")
    assert ("committed", 3 * UPLOADS_OF_EACH) in outcomes, outcomes
    # The ledger is in the lake, never where tables are.
    assert road.backends.s3.list_objects_v2(Bucket=road.backends.lake, Prefix="ledger/")["KeyCount"] > 0
