"""Real delimited files over FTP into tables by declarative definitions (tests/formats): each row as truth.json knows it.

Files go up under the folder that they have among the samples, as /csv_generic/datatest.txt.
"""

import csv
import io
import pathlib

import pytest

import devices
import truth
from tables import committed, record_of, refused_rows, tables_of

# Columns of the file that are no measurement's: the device, or a row number that the definition leaves out.
WHOLE = {
    "csv_generic/00702699999.csv": {"STATION"},
    "csv_generic/ambient_temperature_system_failure.csv": set(),
    "csv_generic/datatest.txt": set(),
    "csv_generic/midc_20181014.txt": set(),
    "csv_generic/seattle-weather.csv": set(),
    "ecowitt/202501A.CSV": set(),
    "hobo/QU5_Mooring_15m_20392468_20210803.csv": {"#"},
    "minidot/2019-12-13 151700Z.txt": set(),
    "minidot/2019-12-14 154700Z.txt": set(),
    "usgs_rdb/RDB1Example.txt": {"site_no"},
    "windographer_tsv/windographer_demo_data1.txt": set(),
}
# Whose rows they are, where the definition says so: by a column, or by the path.
DEVICES = {"csv_generic/00702699999.csv": "00702699999", "usgs_rdb/RDB1Example.txt": "02177000", "csv_generic/midc_20181014.txt": "midc",
           "hobo/QU5_Mooring_15m_20392468_20210803.csv": "20392468"}
# Where header cells hold more than the name.
NAMINGS = {"ecowitt": r"(.+?)(?:\([^()]*\))?", "hobo": r"([^,(]+).*", "minidot": r"([^(]+)\([^)]*\)"}
DECIMAL_COMMA = "semicolon_decimal_comma/AirQualityUCI.csv"
# What stands for no value there, as its definition says and its authors do.
DECIMAL_COMMA_NULLS = {"", "-200", "NA"}
ONE_ROW = "one_row_files"
# Rows in the table, and rows in quarantine.
DAMAGED = {
    "nasty/sjis_nec_specials.csv": (8760, 0),
    # 200 lines below the header, one of them 5 MB long; SOURCES.md counts one fewer.
    "nasty/huge_line.csv": (199, 1),
    "nasty/unbalanced_quote_swallows_rest.csv": (499, 1),
    # Times that occur twice are refused: which of the two they are, nothing says.
    "nasty/dst_fall_back_europe_berlin.csv": (4, 8),
}
REFUSED = ["nasty/jpeg_like.csv", "nasty/parquet_as_csv.csv", "nasty/sjis_cut_in_multibyte.csv", "nasty/sjis_as_utf8_mojibake.csv",
           "vaisala_message/uto_cl31_msg.dat", "vanessen_mon/X2427_VEI_X2427_20220222T134304.DAT"]
EMPTY = ["nasty/one_byte_newline.csv", "nasty/only_header.csv"]


def base(name: str) -> str:
    return pathlib.PurePosixPath(name).name


@pytest.fixture(scope="module", autouse=True)
def uploaded(node, account, samples):
    one_row = [f"{ONE_ROW}/{path.name}" for path in sorted((samples / ONE_ROW).iterdir())]
    berlin = node.add_account("berlin", zone="Europe/Berlin")
    with devices.login(node, account) as ftp, devices.login(node, berlin) as ftp_from_berlin:
        for number, name in enumerate([*WHOLE, DECIMAL_COMMA, *one_row, *DAMAGED, *REFUSED, *EMPTY]):
            # Its names are not those of the file that it was made from, so its rows are not for the same table.
            session = ftp_from_berlin if "berlin" in name or "nec_specials" in name else ftp
            session.set_pasv(number % 2 == 0)
            devices.store(session, name, (samples / name).read_bytes())


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_is_in_the_table(node, account, reader, samples, name):
    known = truth.of(samples, name)
    rows = committed(node, reader, base(name), known["row_count"])
    apart = {column["index"] for column in known["column_stats"].values() if column["name"] in WHOLE[name]}
    assert len(apart) == len(WHOLE[name])
    truth.check(rows, known, {*known["timestamp"]["columns"], *apart}, NAMINGS.get(name.partition("/")[0], "(.*)"))
    assert set(rows["device"].to_pylist()) == {DEVICES.get(name, account.name)}
    assert record_of(node, reader, base(name))["rows_refused"] == 0


def test_decimal_commas_are_numbers(node, reader, samples):
    known = truth.of(samples, DECIMAL_COMMA)
    rows = committed(node, reader, base(DECIMAL_COMMA), known["row_count"])
    truth.check_times(rows, known["timestamp"])
    # truth.json left these cells as text; read them a second time, by other means than Inlet's.
    text = (samples / DECIMAL_COMMA).read_text(encoding="utf-8-sig")
    header, *lines = csv.reader(io.StringIO(text), delimiter=";")
    lines = [line for line in lines if any(line)]
    names = truth.column_names({index: name for index, name in enumerate(header) if name and index > 1})
    for index, name in names.items():
        cells = [line[index] for line in lines]
        expected = [None if cell in DECIMAL_COMMA_NULLS else float(cell.replace(",", ".")) for cell in cells]
        assert [None if cell is None else float(cell) for cell in rows[name].to_pylist()] == expected, name


def test_files_of_one_row_without_a_header_come_together_in_one_table(node, reader, samples):
    known = truth.of(samples, f"{ONE_ROW}/")
    names = sorted(path.name for path in (samples / ONE_ROW).iterdir())
    found = [record_of(node, reader, name) for name in names]
    [table] = {record["tables"] for record in found}
    stats = {column["index"]: column for column in known["column_stats"].values()}
    # The first cell is the time; the definition names the others.
    names = ["light", "air_temp", "air_humid", "soil_temp", "soil_humid", "pressure", "volts"]
    for index, column in enumerate(names, start=1):
        [found] = reader.query(node.tables()[table], f"SELECT count({column}), min({column}), max({column}), sum({column}) FROM t")
        assert found == pytest.approx([stats[index][what] for what in ("count", "min", "max", "sum")], rel=1e-9), column
    assert reader.query(node.tables()[table], "SELECT DISTINCT device FROM t") == [("SEEDS1",)]


@pytest.mark.parametrize("name", DAMAGED)
def test_good_rows_of_a_damaged_file_are_in_the_table_and_bad_ones_in_quarantine(node, reader, name):
    good, bad = DAMAGED[name]
    committed(node, reader, base(name), good)
    refused = refused_rows(node, record_of(node, reader, base(name))["upload"])
    assert len(refused) == bad
    assert all(entry["reason"] and entry["bytes"] for entry in refused)


def test_times_around_a_change_of_clocks_are_right(node, reader, samples):
    name = "nasty/dst_fall_back_europe_berlin.csv"
    expected = truth.of(samples, name)["expect"]
    rows = committed(node, reader, base(name), DAMAGED[name][0])
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in sorted(rows["ts"].to_pylist())]
    assert (times[0], times[-1]) == (expected["utc_first"], expected["utc_last"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_in_quarantine_whole(node, reader, samples, name):
    record = record_of(node, reader, base(name))
    assert (record["outcome"], record["rows"]) == ("quarantined", 0)
    entry = node.quarantine(record["upload"])
    assert entry["whole"] and entry["reason"] == record["reason"]
    assert (node.data / "lake" / entry["at"] / "file").read_bytes() == (samples / name).read_bytes()
    assert tables_of(node, reader, record["upload"]) == {}


@pytest.mark.parametrize("name", EMPTY)
def test_a_file_with_nothing_in_it_gives_no_rows(node, reader, name):
    record = record_of(node, reader, base(name))
    assert (record["outcome"], record["rows"], record["rows_refused"]) == ("empty", 0, 0)
