"""Dead letters: events that failed too often are listed with their cause, and loaded once they are sent again."""

import json

import pytest

from aws import Backends, unique
from control import Control
from logger import table_of, toa5
from node import Node, until

SETTINGS = {"INLET_QUEUE__DELIVERIES_MAX": "8", "INLET_ETL__QUEUE__VISIBILITY": "2s", "INLET_ETL__RETRY_MAX": "1s"}


def rows(node, reader, station: str) -> int:
    table = node.tables().get(table_of("Second"))
    return reader.query(table, "SELECT count(*) FROM t WHERE device = ?", (station,))[0][0] if table else 0


def dead(node) -> list[dict]:
    return json.loads(node.ask("queue", "dead", "list", "--json"))


def test_a_dead_letter_tells_its_cause_and_is_loaded_when_it_is_released(start, reader):
    # Nothing is committed before the end.
    node = start(settings={**SETTINGS, "INLET_ETL__BATCH__MAX_AGE": "10m"})
    account = node.add_account("station-7")
    with Control(node) as device:
        assert device.login(account).store("lost.dat", toa5("lost", range(5)))[0] == 226
    until("an outbox handed on", lambda: not node.outbox())
    assert dead(node) == []
    node.kill()
    raw, aside = node.data / "lake/raw", node.data / "aside"
    raw.rename(aside)
    node.environment["INLET_ETL__BATCH__MAX_AGE"] = "1s"
    node.start()
    until("a dead letter", lambda: dead(node), 240)
    [letter] = dead(node)
    assert letter["keys"][0].endswith("/lost.dat") and letter["deliveries"] == 8
    assert letter["cause"] and letter["died_at"] >= letter["sent_at"]
    listed = node.ask("queue", "dead", "list")
    assert letter["cause"] in listed and letter["keys"][0] in listed

    aside.rename(raw)
    assert node.run("queue", "dead", "release", "--key", "no-such-key").returncode != 0
    assert node.run("queue", "dead", "release").returncode != 0
    assert "1 of 1" in node.ask("queue", "dead", "release", "--key", "/lost.dat")
    assert dead(node) == []
    until("rows", lambda: rows(node, reader, "lost") == 5)


def test_where_nothing_was_ever_sent_there_are_none(tmp_path):
    node = Node(tmp_path / "data")
    node.add_account("station-7")
    assert dead(node) == []
    assert "0 of 0" in node.ask("queue", "dead", "release", "--all")


def test_dead_letters_of_sqs_are_read_from_the_queue_that_the_redrive_policy_names(tmp_path, servers):
    name = unique("dead-letters")
    backends = Backends(servers, name)
    sqs, main = backends.sqs, backends.queue
    graveyard = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    config = backends.config(tmp_path / "inlet.toml", backends.sqlite_catalog(tmp_path / "catalog.db"))
    node = Node(tmp_path / "data", config=config, settings=servers)
    refused = node.run("queue", "dead", "list")
    assert refused.returncode != 0 and "queue.dead_letters_url" in refused.stderr and "start-message-move-task" in refused.stderr

    node.environment["INLET_QUEUE__DEAD_LETTERS_URL"] = graveyard
    bodies = [json.dumps({"Records": [{"s3": {"object": {"key": f"raw/device%3Da/{number}.dat"}}}]}) for number in range(23)]
    for body in bodies:
        sqs.send_message(QueueUrl=graveyard, MessageBody=body)
    # Twice: to look at them does not take them away.
    for _ in range(2):
        assert sorted(letter["body"] for letter in dead(node)) == sorted(bodies)
    assert "1 of 23" in node.ask("queue", "dead", "release", "--key", "/7.dat")
    assert "22 of 22" in node.ask("queue", "dead", "release", "--all")
    assert dead(node) == []
    received = []
    while messages := sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        received += [message["Body"] for message in messages]
    assert sorted(received) == sorted(bodies)


@pytest.mark.parametrize("times, warning", [(None, "has no redrive policy"), (7, "raise maxReceiveCount"), (8, None)])
def test_the_etl_warns_of_a_redrive_policy_that_gives_up_too_early(tmp_path, servers, times, warning):
    name = unique("redrive")
    backends = Backends(servers, name)
    dead_letters = backends.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    if times:
        arn = backends.sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": times})
        backends.sqs.set_queue_attributes(QueueUrl=backends.queue, Attributes={"RedrivePolicy": policy})
    config = backends.config(tmp_path / "inlet.toml", backends.sqlite_catalog(tmp_path / "catalog.db"))
    node = Node(tmp_path / "data", command=("etl",), config=config, settings=servers)
    try:
        node.start()
        if warning:
            until("the warning", lambda: warning in node.log.read_text())
        else:
            backends.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "any"})
            until("a message worked off", lambda: backends.messages() == 0)
    finally:
        node.stop()
    assert ("redrive policy" in node.log.read_text()) == bool(warning)
