"""Real files of other kinds of text over FTP into tables by the definitions that Inlet comes with: every row, and none refused.

What their cells are, the unit tests compare with truth.json value by value; here it is that they are in the table.
"""

import math
import pathlib

import pytest

import devices
import truth
from tables import record_of

TEPCO = "tepco_multiblock_sjis/20221001_power_usage.csv"
SHEF = "shef/MT_Mesonet.shef"
ISD = "isd_gz/024130-99999-2016.gz"
# The table's column of one of the file's, by that one's place: what it is called is the definition's choice.
COLUMNS = {
    "jma_sjis/dl.csv": ("air_temperature", 1),
    "jma_sjis/data20131020-20141019.csv": ("sunshine", 1),
    "fixed_width/surfrad-slv16001.dat": ("dw_solar", 8),
    "fixed_width/abq19056.dat": ("dw_psp", 8),
    "csv_generic/SRML-day-EUPO1801.txt": ("c_1000", 2),
    "sma_csv/Anlage1-201112.csv": ("tagesertrag", 2),
    "sma_csv/Anlage1-20111201.csv": ("gesamtertrag", 1),
}
SOLAR_LOG = ["solarlog/days_hist_06.js", "solarlog/min060315.js", "solarlog/min070428.js", "solarlog/min120421.js"]


def base(name: str) -> str:
    return pathlib.PurePosixPath(name).name


@pytest.fixture(scope="module", autouse=True)
def uploaded(node, account, samples):
    with devices.login(node, account) as ftp:
        for number, name in enumerate([*COLUMNS, *SOLAR_LOG, TEPCO, SHEF, ISD]):
            ftp.set_pasv(number % 2 == 0)
            devices.store(ftp, name, (samples / name).read_bytes())


def loaded(node, reader, name, rows):
    record = record_of(node, reader, base(name))
    assert (record["outcome"], record["rows"], record["rows_refused"]) == ("committed", rows, 0), record["reason"]
    return record


def numbers(node, reader, table, column, record):
    where = f"SELECT count({column}), sum({column}), min({column}), max({column}) FROM t WHERE _upload = ?"
    [found] = reader.query(node.tables()[table], where, (record["upload"],))
    return found


@pytest.mark.parametrize("name", COLUMNS)
def test_every_row_is_in_the_table(node, reader, samples, name):
    known = truth.of(samples, name)
    record = loaded(node, reader, name, known["row_count"])
    column, index = COLUMNS[name]
    [stats] = [stats for stats in known["column_stats"].values() if stats["index"] == index]
    count, total, least, most = numbers(node, reader, record["tables"], column, record)
    assert (count, least, most) == (stats["count"], stats["min"], stats["max"])
    assert math.isclose(total, stats["sum"], rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("name", SOLAR_LOG)
def test_each_inverter_of_a_solar_log_is_a_set_of_columns(node, reader, samples, name):
    known = truth.of(samples, name)
    record = loaded(node, reader, name, known["row_count"])
    [first, *_], [other, *_] = known["sums"]
    column = "yield" if name.startswith("solarlog/days") else "pac"
    assert [numbers(node, reader, record["tables"], f"inv{number}_{column}", record)[1] for number in (1, 2)] == [first, other]


def test_stacked_tables_are_tables(node, account, reader, samples):
    blocks = truth.of(samples, TEPCO)["blocks"]
    loaded(node, reader, TEPCO, sum(block["row_count"] for block in blocks))
    tables = node.tables()
    assert len([name for name in tables if name.startswith("tepco_")]) == len(blocks)
    assert reader.query(tables["tepco_hourly"], "SELECT count(*), sum(actual) FROM t") == [(24, 66730.0)]


def test_each_value_of_a_shef_message_is_a_row(node, reader, samples):
    known = truth.of(samples, SHEF)
    record = loaded(node, reader, SHEF, known["values"] + known["missing"])
    count, total, _, _ = numbers(node, reader, record["tables"], "value", record)
    assert count == known["values"]
    assert math.isclose(total, known["sum"], rel_tol=1e-9)


def test_cells_at_fixed_places_are_numbers(node, reader, samples):
    known = truth.of(samples, ISD)
    record = loaded(node, reader, ISD, known["uncompressed_lines"])
    count, total, least, most = numbers(node, reader, record["tables"], "air_temperature", record)
    air = known["air_temp_c"]
    assert (count, least, most) == (air["count"], air["min"], air["max"])
    assert math.isclose(total, air["sum"], rel_tol=1e-9)
