"""Columns that a table has no room for are in its map `extra`: with appends, snapshots, releases, replays and rebuilds."""

import io
import json

import pytest

import devices
from tables import record_of, records
from node import until

FORMAT = """\
format = "{name}"
table = "{name}"
device = {{ account = true }}
arrival = "{arrival}"
extra = ["diag*"]
[match]
paths = ["/{name}*.csv"]
[delimited]
delimiter = ","
timestamp = {{ columns = ["time"] }}
columns = [{{ name = "level", type = "double" }}]
"""
HEADER = "time,Diag code,level,height,note\n"
ROWS = ["2026-03-01T00:00:00Z,007,1,2,\"a, b\"\n", "2026-03-01T01:00:00Z,,2,3,\n", "2026-03-01T02:00:00Z,x,3,4,ä\n"]
MAPS = [[("Diag code", "007"), ("note", "a, b")], None, [("Diag code", "x"), ("note", "ä")]]


class Plant:
    """An Inlet whose tables have room for two columns."""

    def __init__(self, start, tmp_path):
        self.formats = tmp_path / "formats"
        self.formats.mkdir()
        for name, arrival in (("pump", "new"), ("pushed", "snapshot")):
            (self.formats / f"{name}.toml").write_text(FORMAT.format(name=name, arrival=arrival))
        self.node = start(settings={"INLET_ETL__FORMATS": json.dumps([str(self.formats)]), "INLET_ETL__LIMITS__COLUMNS": "2"})
        self.account = self.node.add_account("roof")

    def store(self, name: str, content: str) -> None:
        with devices.login(self.node, self.account) as ftp:
            ftp.storbinary(f"STOR {name}", io.BytesIO(content.encode()))


@pytest.fixture
def plant(start, tmp_path):
    return Plant(start, tmp_path)


def test_the_map_is_read_by_both_readers_and_survives_a_rebuild(plant, reader):
    plant.store("pump1.csv", HEADER + "".join(ROWS))
    assert record_of(plant.node, reader, "pump1.csv")["rows"] == 3
    rows = reader.rows(plant.node.tables()["pump"])
    assert [name for name in rows.column_names if not name.startswith("_")] == ["device", "ts", "level", "height", "extra"]
    assert rows["extra"].to_pylist() == MAPS
    [(code, keys)] = reader.query(plant.node.tables()["pump"], "SELECT extra['Diag code'], map_keys(extra) FROM t WHERE level = 1")
    assert (code, keys) == ("007", ["Diag code", "note"])
    # A file without such columns, and one in which the table's columns stand otherwise.
    plant.store("pump2.csv", "time,level\n2026-03-02T00:00:00Z,5\n")
    plant.store("pump3.csv", "time,height,level,note\n2026-03-03T00:00:00Z,1,6,text\n")
    until("both files", lambda: records(plant.node, reader, "pump2.csv") and records(plant.node, reader, "pump3.csv"))
    plant.node.ask("rebuild", "pump", "--into", "pump_2")
    before, after = (reader.rows(plant.node.tables()[name]).drop_columns(["_ingested_at"]) for name in ("pump", "pump_2"))
    assert (len(after), after.equals(before)) == (5, True)
    [told] = json.loads(plant.node.ask("replay", "--device", "roof", "--from", "2020-01-01", "--to", "2100-01-01", "--json"))
    assert (told["rows_added"], told["rows_known"]) == ({}, 5)
    assert "Diag code" in plant.node.ask("table", "head", "pump_2")


def test_a_table_gets_the_map_when_a_file_needs_it(plant, reader):
    plant.store("pump1.csv", "time,level\n2026-03-01T00:00:00Z,1\n")
    record_of(plant.node, reader, "pump1.csv")
    assert "extra" not in reader.rows(plant.node.tables()["pump"]).column_names
    plant.store("pump2.csv", HEADER + "".join(ROWS))
    record_of(plant.node, reader, "pump2.csv")
    assert reader.rows(plant.node.tables()["pump"])["extra"].to_pylist() == [None, *MAPS]


def test_what_changes_within_the_map_is_a_revision(plant, reader):
    plant.store("pushed.csv", HEADER + ROWS[0] + ROWS[1])
    until("the first push", lambda: len(records(plant.node, reader, "pushed.csv")) == 1)
    plant.store("pushed.csv", HEADER + ROWS[0] + ROWS[1].replace(",,", ",err,") + ROWS[2])
    until("the second push", lambda: len(records(plant.node, reader, "pushed.csv")) == 2)
    found = reader.query(plant.node.tables()["pushed"], "SELECT _row, _revision, extra['Diag code'] FROM t ORDER BY _row, _revision")
    assert found == [(2, 0, "007"), (3, 0, None), (3, 1, "err"), (4, 0, "x")]


def test_a_released_row_brings_its_map(plant, reader):
    plant.store("pump1.csv", HEADER + ROWS[0] + ROWS[2].replace(",3,", ",3?,"))
    record = record_of(plant.node, reader, "pump1.csv")
    assert (record["rows"], record["rows_refused"]) == (1, 1)
    mended = (plant.formats / "pump.toml").read_text().replace('type = "double"', 'type = "double", nulls = ["3?"]')
    (plant.formats / "pump.toml").write_text(mended)
    plant.node.stop()
    plant.node.start()
    plant.node.ask("quarantine", "release", record["upload"])
    assert reader.rows(plant.node.tables()["pump"])["extra"].to_pylist() == [MAPS[0], MAPS[2]]


def test_files_of_many_kinds_do_not_widen_a_table_beyond_its_room(plant, reader):
    for number, columns in enumerate(["a", "b", "c,d", "d,b,a"], 1):
        cells = ",".join(str(number * 10 + place) for place, _ in enumerate(columns.split(",")))
        plant.store(f"pump{number}.csv", f"time,level,{columns}\n2026-03-0{number}T00:00:00Z,{number},{cells}\n")
        record_of(plant.node, reader, f"pump{number}.csv")
    table = plant.node.tables()["pump"]
    rows = reader.rows(table)
    assert [name for name in rows.column_names if not name.startswith("_")] == ["device", "ts", "level", "a", "extra"]
    # What the table has stays a column in every file; the file's own room ends before the last one, which is kept as it is written.
    maps = [None, [("b", "20.0")], [("c", "30.0"), ("d", "31")], [("a", "42"), ("b", "41"), ("d", "40.0")]]
    assert (rows["a"].to_pylist(), rows["extra"].to_pylist()) == ([10, None, None, None], maps)
    assert reader.query(table, "SELECT CAST(extra['b'] AS DOUBLE) FROM t ORDER BY ts") == [(None,), (20,), (None,), (41,)]
    plant.node.ask("rebuild", "pump", "--into", "pump_2")
    before, after = (reader.rows(plant.node.tables()[name]).drop_columns(["_ingested_at"]) for name in ("pump", "pump_2"))
    assert after.select(before.column_names).to_pylist() == before.to_pylist()
