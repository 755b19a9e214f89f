"""The same tables in every kind of catalog that several workers can share: two `inlet etl` processes commit to them at once."""

import dataclasses
import io
import json
import uuid

import boto3
import pytest

import devices
from logger import table_of, toa5
from node import Account, Node, until
from tables import UPLOADS, Reader

UPLOADS_OF_EACH = 12
ROWS = 5

CONFIG = """\
[lake]
kind = "s3"
bucket = "{lake}"
region = "us-east-1"
endpoint = "{s3}"
path_style = true

[queue]
kind = "sqs"
url = "{queue}"
region = "us-east-1"
endpoint = "{sqs}"

[catalog]
{catalog}
"""


@dataclasses.dataclass
class Shared:
    """Where everything is: the settings of Inlet, and what a test asks the catalog by."""
    s3: object
    endpoint: str
    catalog: str
    warehouse: str | None = None


def sql(servers: dict, s3, unique: str) -> Shared:
    s3.create_bucket(Bucket=unique)
    warehouse = f"s3://{unique}/tables"
    uri = json.dumps(servers["INLET_TEST_POSTGRES"])
    return Shared(s3, servers["INLET_TEST_S3"], f'kind = "sql"\nuri = {uri}\nwarehouse = "{warehouse}"', warehouse)


def rest(servers: dict, s3, unique: str) -> Shared:
    # SeaweedFS's catalog has the warehouses that its S3 Tables interface has made.
    table_bucket(servers, servers["INLET_TEST_S3"], unique)
    credential = f"{servers['AWS_ACCESS_KEY_ID']}:{servers['AWS_SECRET_ACCESS_KEY']}"
    lines = ['kind = "rest"', f'uri = "{servers["INLET_TEST_ICEBERG"]}"', f'warehouse = "s3://{unique}"', f'credential = "{credential}"']
    return Shared(s3, servers["INLET_TEST_S3"], "\n".join(lines), f"s3://{unique}")


def s3tables(servers: dict, _, unique: str) -> Shared:
    endpoint = servers["INLET_TEST_S3TABLES"]
    arn = table_bucket(servers, endpoint, unique)
    lines = ['kind = "s3tables"', f'table_bucket = "{arn}"', 'region = "us-east-1"', f'endpoint = "{endpoint}"']
    return Shared(client(servers, "s3", endpoint), endpoint, "\n".join(lines))


def table_bucket(servers: dict, endpoint: str, name: str) -> str:
    return client(servers, "s3tables", endpoint).create_table_bucket(name=name)["arn"]


def client(servers: dict, service: str, endpoint: str):
    keys = {"aws_access_key_id": servers["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": servers["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)


@dataclasses.dataclass
class Road:
    """One way in, two workers, and what they share."""
    ingest: Node
    workers: list[Node]
    account: Account
    reader: Reader
    shared: Shared
    sqs: object
    queue: str
    lake: str

    def messages(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


@pytest.fixture(params=[sql, rest, s3tables], ids=["postgresql", "rest", "s3tables"])
def road(request, tmp_path, servers):
    unique = f"catalog-{uuid.uuid4().hex[:12]}"
    shared = request.param(servers, client(servers, "s3", servers["INLET_TEST_S3"]), unique)
    sqs = client(servers, "sqs", servers["INLET_TEST_SQS"])
    lake, queue = f"lake-{unique}", sqs.create_queue(QueueName=unique)["QueueUrl"]
    shared.s3.create_bucket(Bucket=lake)
    config = tmp_path / "inlet.toml"
    config.write_text(CONFIG.format(lake=lake, queue=queue, s3=shared.endpoint, sqs=servers["INLET_TEST_SQS"], catalog=shared.catalog))
    # Namespaces of one database or service are common to all tests on it.
    settings = {**servers, "INLET_ETL__NAMESPACE": unique.replace("-", "_"), "INLET_ETL__QUEUE__VISIBILITY": "5s"}
    nodes = [Node(tmp_path / data, command=(command,), config=config, settings=settings)
             for data, command in [("edge", "ingest"), ("edge", "watch"), ("one", "etl"), ("two", "etl")]]
    # Those who work begin at the same moment, with no namespace and no table there.
    ingest, _, *workers = [node.start() for node in nodes]
    reader = Reader({"s3.endpoint": shared.endpoint, "s3.region": "us-east-1",
                     "s3.access-key-id": servers["AWS_ACCESS_KEY_ID"], "s3.secret-access-key": servers["AWS_SECRET_ACCESS_KEY"]})
    yield Road(ingest, workers, ingest.add_account("station-7"), reader, shared, sqs, queue, lake)
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
    until("all uploads to be in the lake", lambda: len(objects(road)) == 3 * UPLOADS_OF_EACH)
    for key in objects(road):
        record = {"s3": {"bucket": {"name": road.lake}, "object": {"key": key}}, "eventName": "ObjectCreated:Put", "eventSource": "aws:s3"}
        road.sqs.send_message(QueueUrl=road.queue, MessageBody=json.dumps({"Records": [record]}))
    until("a queue that was worked off", lambda: road.messages() == 0, 120)

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
    assert road.shared.s3.list_objects_v2(Bucket=road.lake, Prefix="ledger/")["KeyCount"] > 0


def objects(road: Road) -> list[str]:
    pages = road.shared.s3.get_paginator("list_objects_v2").paginate(Bucket=road.lake, Prefix="raw/")
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
