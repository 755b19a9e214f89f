"""Times without a zone are read in the zone that somebody declared: the account's, else the default."""

import datetime
import io

import devices
from logger import START, toa5
from tables import committed, record_of


def upload(node, account, name: str, content: bytes) -> None:
    with devices.login(node, account) as ftp:
        assert ftp.storbinary(f"STOR {name}", io.BytesIO(content)).startswith("226")


def first_time(node, reader, name: str, rows: int) -> datetime.datetime:
    return min(committed(node, reader, name, rows)["ts"].to_pylist())


def test_an_account_in_berlin_writes_berlin_time(node, reader):
    account = node.add_account("berlin", zone="Europe/Berlin")
    upload(node, account, "berlin.dat", toa5("berlin", range(3)))
    # Berlin is an hour ahead of UTC in winter.
    expected = START.replace(tzinfo=datetime.UTC) - datetime.timedelta(hours=1)
    assert first_time(node, reader, "berlin.dat", 3) == expected
    assert record_of(node, reader, "berlin.dat")["zone"] == "Europe/Berlin"


def test_an_account_without_a_zone_writes_the_default_zones_time(node, reader):
    upload(node, node.add_account("nowhere"), "nowhere.dat", toa5("nowhere", range(3)))
    assert first_time(node, reader, "nowhere.dat", 3) == START.replace(tzinfo=datetime.UTC)
    assert record_of(node, reader, "nowhere.dat")["zone"] == "UTC"


def test_the_default_zone_is_configuration(start, reader):
    node = start(settings={"INLET_ETL__DEFAULT_ZONE": "Asia/Tokyo"})
    upload(node, node.add_account("tokyo"), "tokyo.dat", toa5("tokyo", range(3)))
    assert first_time(node, reader, "tokyo.dat", 3) == START.replace(tzinfo=datetime.UTC) - datetime.timedelta(hours=9)


def test_an_account_with_a_zone_that_does_not_exist_is_refused(node):
    refused = node.run("account", "add", "atlantis", "--zone", "Europe/Atlantis", "--password-stdin", stdin="secret\n")
    assert refused.returncode != 0
    assert "Europe/Atlantis" in refused.stderr
