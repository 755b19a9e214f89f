"""Runs by a schedule: what waits is worked off, and what could not be is said by the exit status."""

import io
import shutil

import devices
from aws import Backends, unique
from logger import table_of, toa5
from node import Account, Node


def upload(node: Node, account: Account, *names: str) -> None:
    with devices.login(node, account) as ftp:
        for name in names:
            ftp.storbinary(f"STOR {name}", io.BytesIO(toa5("north", range(3), "Alpha")))


def test_what_waits_is_worked_off_and_what_cannot_be_fails_the_run(tmp_path):
    node = Node(tmp_path / "data", command=("ingest",), settings={"INLET_ETL__RETRY_MAX": "100ms"})
    account = node.start().add_account("station-7")
    upload(node, account, "good.dat")
    node.stop()
    node.ask("watch", "--until-empty")
    node.ask("etl", "--until-empty")
    assert node.tables()[table_of("Alpha")]["rows"] == 3

    node.start()
    upload(node, account, "lost.dat", "unreadable.dat")
    node.stop()
    [*_, last] = sorted((node.data / "outbox").glob("*.json"))
    last.write_text("{")
    refused = node.run("watch", "--until-empty")
    assert refused.returncode != 0 and "1 entries" in refused.stderr and last.stem in refused.stderr
    shutil.rmtree(node.data / "lake/raw")
    refused = node.run("etl", "--until-empty")
    assert refused.returncode != 0 and "1 events could not be worked off" in refused.stderr


def test_the_outbox_is_emptied_beside_ingest_where_lake_and_queue_are_shared(tmp_path, servers):
    name = unique("until-empty")
    backends = Backends(servers, name)
    config = backends.config(tmp_path / "inlet.toml", backends.sqlite_catalog(tmp_path / "catalog.db"))
    node = Node(tmp_path / "data", command=("ingest",), config=config, settings=servers)
    try:
        account = node.start().add_account("station-7")
        upload(node, account, "a.dat", "b.dat")
        node.ask("watch", "--until-empty")
        assert len(backends.raw_objects()) == 2 and backends.messages() == 2
    finally:
        node.stop()
