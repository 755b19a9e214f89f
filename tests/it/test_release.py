"""What was refused is released once its format is mended; raw objects are replayed; a table is rebuilt: each row exactly once."""

import io
import json
import sqlite3
import subprocess

import pytest

import devices
from node import binary, until
from tables import record_of, records

# Decimal commas, of which the definition says nothing at first.
LOG = b"Time;Level\n2026-11-21 08:00:00;1\n2026-11-21 08:10:00;1,5\n2026-11-21 08:20:00;2\n2026-11-21 08:30:00;none\n"
FORMAT = """\
format = "pump"
table = "pump"
device = {{ account = true }}
[match]
paths = ["/*.log"]
begins = ["{begins}"]
[delimited]
delimiter = ";"
decimal = "{decimal}"
timestamp = {{ columns = ["Time"], format = "%Y-%m-%d %H:%M:%S" }}
columns = [{{ name = "Level", type = "double" }}]
"""


class Plant:
    """An Inlet with a format that can be mended."""

    def __init__(self, start, tmp_path):
        self.start, self.formats = start, tmp_path / "formats"
        self.formats.mkdir()
        self.mend(begins="Time", decimal=".")
        self.settings = {"INLET_ETL__FORMATS": json.dumps([str(self.formats)])}
        self.node = start(settings=self.settings)
        self.account = self.node.add_account("pump-7")

    def mend(self, **how: str) -> None:
        (self.formats / "pump.toml").write_text(FORMAT.format(**how))

    def restart(self) -> None:
        self.node.stop()
        self.node.start()

    def store(self, name: str, content: bytes) -> None:
        with devices.login(self.node, self.account) as ftp:
            ftp.storbinary(f"STOR {name}", io.BytesIO(content))

    def entries(self) -> list[dict]:
        return json.loads(self.node.ask("quarantine", "list", "--json"))

    def levels(self, reader, table="pump") -> list[float]:
        found = self.node.tables().get(table)
        return [row[0] for row in reader.query(found, "SELECT level FROM t ORDER BY ts")] if found else []


@pytest.fixture
def plant(start, tmp_path):
    return Plant(start, tmp_path)


def test_refused_rows_are_shown_and_released_once(plant, reader):
    plant.store("a.log", LOG)
    upload = record_of(plant.node, reader, "a.log")["upload"]
    assert plant.levels(reader) == [1, 2]
    shown = plant.node.ask("quarantine", "show", upload)
    assert "pump-7" in shown and "line 3" in shown and "2026-11-21 08:10:00;1,5" in shown
    [refused] = json.loads(plant.node.ask("quarantine", "show", upload, "--limit", "1", "--json"))["refused"]
    assert (refused["row"], refused["text"]) == (3, "2026-11-21 08:10:00;1,5")

    plant.mend(begins="Time", decimal=",")
    plant.restart()
    # Two processes at once, then a third time.
    both = [subprocess.Popen([binary(), "quarantine", "release", upload, "--data", str(plant.node.data)], env=plant.node.environment,
                             stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(90) for process in both] == [0, 0]
    assert plant.levels(reader) == [1, 1.5, 2]
    plant.node.ask("quarantine", "release", "--all")
    assert plant.levels(reader) == [1, 1.5, 2]
    [again] = plant.entries()
    assert ("released" in again, again["rows_refused"]) == (False, 1)
    assert "line 5" in again["reason"]
    [released] = again["before"]
    assert (released["released"]["rows"], released["rows_refused"]) == (1, 2)
    assert (plant.node.data / "lake" / released["at"] / "rows.ndjson").exists(), "its bytes stay"


def test_a_whole_file_is_released_while_nothing_runs(plant, reader):
    plant.mend(begins="Zeit", decimal=",")
    plant.restart()
    plant.store("b.log", LOG)
    upload = record_of(plant.node, reader, "b.log")["upload"]
    assert plant.node.quarantine(upload)["whole"]
    plant.node.stop()
    plant.mend(begins="Time", decimal=",")
    told = json.loads(plant.node.ask("quarantine", "release", upload, "--json"))
    assert (told[0]["done"], told[0]["rows_added"], told[0]["rows_refused"]) == (True, {"pump": 3}, 1)
    assert plant.levels(reader) == [1, 1.5, 2]
    assert "0 rows added" in plant.node.ask("quarantine", "release", upload), "what is left of it"
    plant.node.start()
    assert plant.levels(reader) == [1, 1.5, 2]


def test_a_replay_adds_only_what_is_missing(plant, reader):
    for number in range(3):
        plant.store(f"c{number}.log", LOG.replace(b"2026-11-21", b"2026-11-1%d" % number))
    until("three uploads", lambda: sum(len(records(plant.node, reader, f"c{number}.log")) for number in range(3)) == 3)
    arguments = ("replay", "--device", "pump-7", "--from", "2020-01-01", "--to", "2100-01-01", "--json")
    [told] = json.loads(plant.node.ask(*arguments))
    assert (told["uploads"], told["rows_added"], told["rows_known"]) == (3, {}, 6)
    plant.node.stop()
    with sqlite3.connect(plant.node.data / "catalog.db") as catalog:
        catalog.execute("DELETE FROM iceberg_tables WHERE table_name = 'pump'")
    plant.node.start()
    [told] = json.loads(plant.node.ask(*arguments, "--table", "pump"))
    assert (told["uploads"], told["rows_added"], told["rows_known"]) == (3, {"pump": 6}, 0)
    assert len(plant.levels(reader)) == 6
    assert "0 rows added" in plant.node.ask("replay", "--device", "other", "--from", "2020-01-01", "--to", "2100-01-01")
    assert plant.node.run("replay", "--device", "pump-7", "--from", "2026-01-02", "--to", "2026-01-01").returncode == 1


def test_a_rebuilt_table_equals_the_one_it_is_made_from(plant, reader):
    for number in range(4):
        plant.store(f"d{number}.log", LOG.replace(b"2026-11-21", b"2026-11-1%d" % number))
    plant.store("d0.log", LOG.replace(b"2026-11-21", b"2026-11-10"))
    until("five uploads", lambda: sum(len(records(plant.node, reader, f"d{number}.log")) for number in range(4)) == 5)
    plant.node.ask("rebuild", "pump", "--into", "pump_2")
    before, after = (reader.rows(plant.node.tables()[name]).drop_columns(["_ingested_at"]) for name in ("pump", "pump_2"))
    assert len(before) == 8
    assert after.equals(before)
    plant.mend(begins="Time", decimal=",")
    plant.restart()
    plant.node.ask("rebuild", "pump")
    assert len(plant.levels(reader, "pump_rebuilt")) == 12
    assert plant.node.run("rebuild", "pump", "--into", "pump").returncode == 1
    unknown = plant.node.run("rebuild", "pumpe")
    assert unknown.returncode == 1 and "no upload in the lake is for a table `pumpe`" in unknown.stderr


def test_what_to_release_is_asked_for(plant):
    asked = plant.node.run("quarantine", "release")
    assert asked.returncode == 2 and "<--all|IDS>" in asked.stderr.replace("<IDS|--all>", "<--all|IDS>"), asked.stderr
