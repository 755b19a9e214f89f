"""A Solar-Log pushes the whole day again and again: only what is new in it is added, and the documented view shows the newest."""

import re

from control import Control
from node import TESTS, until
from tables import records

DAY = """\
m[mi++]="31.01.26 12:05:00|1500;760;755;4200;380;377"
m[mi++]="31.01.26 12:00:00|1480;750;745;4075;381;378"
"""
# Five minutes later, and the last minute but one corrected.
LATER = """\
m[mi++]="31.01.26 12:10:00|1510;765;745;4325;380;377"
m[mi++]="31.01.26 12:05:00|1501;760;755;4200;380;377"
m[mi++]="31.01.26 12:00:00|1480;750;745;4075;381;378"
"""
NAME = "min260131.js"


def view() -> str:
    """The view of docs/snapshots.md for DuckDB."""
    text = (TESTS.parent / "docs/snapshots.md").read_text()
    [sql] = re.findall(r"-- DuckDB\nCREATE VIEW \w+ AS\n(.*?);", text, re.DOTALL)
    return re.sub(r" FROM solar\b", " FROM t", sql)


def test_a_push_of_the_whole_day_adds_what_is_new_and_the_view_shows_the_newest(start, reader):
    node = start()
    account = node.add_account("roof")
    for pushes, content in enumerate([DAY, LATER, LATER, DAY], 1):
        with Control(node) as device:
            assert device.login(account).store(NAME, content.encode())[0] == 226
        until("the push to be worked off", lambda: len(records(node, reader, NAME)) == pushes)
    outcomes = [(record["outcome"], record["rows"]) for record in records(node, reader, NAME)]
    table = node.tables()["solarlog_minutes_roof"]
    rows = reader.query(table, "SELECT strftime(ts, '%H:%M'), inv1_pac, _revision FROM t ORDER BY ts, _revision")
    newest = reader.query(table, f"SELECT strftime(ts, '%H:%M'), inv1_pac, _revision FROM ({view()}) ORDER BY ts")
    # What the last push says of 12:05 is what the first one said: it came later, and counts.
    assert outcomes == [("committed", 2), ("committed", 2), ("duplicate", 0), ("committed", 1)]
    assert rows == [("12:00", 1480, 0), ("12:05", 1500, 0), ("12:05", 1501, 1), ("12:05", 1500, 2), ("12:10", 1510, 0)]
    assert newest == [("12:00", 1480, 0), ("12:05", 1500, 2), ("12:10", 1510, 0)]
