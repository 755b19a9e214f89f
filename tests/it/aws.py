"""A lake on S3 and a queue on SQS for one test: made anew, the configuration that leads Inlet there, and eyes on both."""

import json
import pathlib
import urllib.parse
import uuid

import boto3

from node import TESTS
from tables import Reader

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


def unique(kind: str) -> str:
    """A name that no other test has on the same servers."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def client(servers: dict, service: str, endpoint: str):
    keys = {"aws_access_key_id": servers["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": servers["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)


def sql_catalog(uri: str, bucket: str) -> str:
    """The lines of a SQL catalog whose tables are in that bucket."""
    return f'kind = "sql"\nuri = {json.dumps(uri)}\nwarehouse = "s3://{bucket}/tables"'


class Backends:
    """The lake, on the S3 server that is named or the usual one, and the queue."""

    def __init__(self, servers: dict, name: str, endpoint: str | None = None):
        self.servers, self.name, self.endpoint = servers, name, endpoint or servers["INLET_TEST_S3"]
        self.s3 = client(servers, "s3", self.endpoint)
        self.lake = f"lake-{name}"
        self.s3.create_bucket(Bucket=self.lake)
        self.sqs = client(servers, "sqs", servers["INLET_TEST_SQS"])
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def sqlite_catalog(self, file: pathlib.Path) -> str:
        """The lines of a catalog in that file, whose tables are in a new bucket."""
        bucket = f"warehouse-{self.name}"
        self.s3.create_bucket(Bucket=bucket)
        return sql_catalog(f"sqlite:{file}", bucket)

    def config(self, file: pathlib.Path, catalog: str, *, s3: str | None = None, sqs: str | None = None) -> pathlib.Path:
        """Writes Inlet's configuration, which has the servers themselves where it is told no other way to them."""
        s3, sqs = s3 or self.endpoint, sqs or self.servers["INLET_TEST_SQS"]
        file.write_text(CONFIG.format(lake=self.lake, queue=self.queue, s3=s3, sqs=sqs, catalog=catalog))
        return file

    def reader(self) -> Reader:
        return Reader({"s3.endpoint": self.endpoint, "s3.region": "us-east-1", "s3.access-key-id": self.servers["AWS_ACCESS_KEY_ID"],
                       "s3.secret-access-key": self.servers["AWS_SECRET_ACCESS_KEY"]})

    def raw_objects(self) -> list[str]:
        """The keys of all raw objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.lake, Prefix="raw/")
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def event(self, key: str, **facts: object) -> dict:
        """What S3 itself tells of an object of the lake, with its size and what else is known of it."""
        body = json.loads((TESTS / "golden/upload-event.json").read_text())
        s3 = body["Records"][0]["s3"]
        s3["bucket"]["name"] = self.lake
        s3["object"] |= {"key": urllib.parse.quote_plus(key), **facts}
        return body

    def send(self, body: dict) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(body))

    def messages(self) -> int:
        """How many there are, those being worked on among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)
