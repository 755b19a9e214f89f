"""Real Campbell TOA5 files, whole and damaged, over FTP into tables: each row as truth.json knows it, nothing dropped in silence."""

import dataclasses
import io
import json

import pytest
from pyiceberg.table import StaticTable

import devices
import truth
from logger import toa5
from tables import committed, landed, tables_of

WHOLE = {
    "TOA5_TOB1_full27_2026_02_19_0946.dat": "64291",
    "TOA5_TOB3_long27_2026_02_19_0946.dat": "64291",
    "TestLogger_Daily_1.dat": "TestLogger",
    "campbell_scientific_demo_data1.csv": "some_site",
    "test_raw_SlimTableMem1.txt": "CR1000_kpc_u",
}
# The first hundred rows of test_raw_SlimTableMem1.txt are what the damaged files were made from.
SLIM_ROWS = 100


@dataclasses.dataclass(frozen=True)
class Expected:
    """Rows in the table, and rows in quarantine: at least, at most."""
    rows: int
    refused: tuple[int, int] = (0, 0)


DAMAGED = {
    "toa5_slim_truncated_midrow.dat": Expected(99, refused=(1, 1)),
    # Its last row has all its cells, and the device ended the upload in good order: nothing tells it from the next file.
    "toa5_slim_cut_at_number.dat": Expected(100),
    "toa5_slim_no_final_newline_complete.dat": Expected(100),
    "toa5_slim_header_repeated.dat": Expected(100),
    "toa5_slim_schema_change.dat": Expected(100),
    "toa5_slim_silent_extra_column.dat": Expected(50, refused=(50, 50)),
    "toa5_slim_mixed_eol.dat": Expected(100),
    "toa5_slim_cr_only.dat": Expected(100),
    "toa5_slim_nul_block.dat": Expected(99, refused=(1, 2)),
    "toa5_slim_ff_tail.dat": Expected(100, refused=(1, 1)),
    "toa5_slim_utf16le_bom.dat": Expected(100),
    "toa5_slim_utf8_bom.dat": Expected(100),
    "toa5_slim_unbalanced_quote.dat": Expected(99, refused=(1, 1)),
    "toa5_slim_duplicate_rows.dat": Expected(120),
    "toa5_slim_shuffled.dat": Expected(100),
    "toa5_slim_dup_names.dat": Expected(100),
    "toa5_slim_case_dup_names.dat": Expected(100),
    "toa5_slim_gz_two_members.dat.gz": Expected(100),
    "toa5_slim_gz_wrong_name.dat": Expected(100),
    "toa5_slim_inf_markers.dat": Expected(100),
}
# Files that hold nothing usable. Those with bytes in them are in quarantine, whole.
REFUSED = ["TestLogger_Hourly_Bad07.dat", "TestLogger_Hourly_Bad09.dat", "TestLogger_Hourly_Bad11.dat", "toa5_slim_headerless.dat",
           "toa5_slim_gz_truncated.dat.gz", "toa5_slim_zip_slip.zip", "bomb_slim_64MiB.zip"]
EMPTY = ["TestLogger_Hourly_Bad01.dat", "TestLogger_Hourly_Bad03.dat"]


@pytest.fixture(scope="module", autouse=True)
def uploaded(node, account, samples):
    """Every file goes up first, so that the tests wait for one batch and not for thirty."""
    with devices.login(node, account) as ftp:
        for folder, names in (("toa5", WHOLE), ("nasty", [*DAMAGED, *REFUSED, *EMPTY])):
            for number, name in enumerate(names):
                ftp.set_pasv(number % 2 == 0)
                with open(samples / folder / name, "rb") as file:
                    assert ftp.storbinary(f"STOR {name}", file).startswith("226")
        assert ftp.storbinary("STOR last.dat", io.BytesIO(toa5("last", range(2)))).startswith("226")


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_is_in_the_table(node, reader, samples, name):
    known = truth.of(samples, f"toa5/{name}")
    upload = landed(node, name)
    rows = committed(node, reader, upload, known["row_count"])
    truth.check(rows, known)
    assert set(rows["device"].to_pylist()) == {WHOLE[name]}
    assert node.quarantine(upload) == []


def test_the_table_is_named_by_the_first_line(node, reader):
    upload = landed(node, "test_raw_SlimTableMem1.txt")
    committed(node, reader, upload, 1151)
    # The file's name says SlimTableMem1; the first line's last cell says this.
    assert list(tables_of(node, reader, upload)) == ["toa5_slimtablemem"]


@pytest.mark.parametrize("name", DAMAGED)
def test_good_rows_of_a_damaged_file_are_in_the_table_and_bad_ones_in_quarantine(node, reader, name):
    expected = DAMAGED[name]
    upload = landed(node, name)
    rows = committed(node, reader, upload, expected.rows)
    least, most = expected.refused
    refused = node.quarantine(upload, least)
    assert len(refused) <= most
    for entry in refused:
        assert entry["reason"]
        assert entry["row"] > 4, "a line of the file, counted from 1; four header lines come first"
    if expected.rows == SLIM_ROWS:
        whole = committed(node, reader, landed(node, "toa5_slim_no_final_newline_complete.dat"), SLIM_ROWS)
        assert sorted(rows["record"].to_pylist()) == sorted(whole["record"].to_pylist())
        assert sorted(rows["ts"].to_pylist()) == sorted(whole["ts"].to_pylist())


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_in_quarantine_whole(node, reader, name):
    upload = landed(node, name)
    [entry] = node.quarantine(upload, 1)
    assert entry["reason"]
    assert entry["row"] is None
    assert tables_of(node, reader, upload) == {}


@pytest.mark.parametrize("name", EMPTY)
def test_a_file_with_nothing_in_it_gives_no_rows(node, reader, name):
    upload = landed(node, name)
    # The upload after it has its rows: this one would have some too.
    committed(node, reader, landed(node, "last.dat"), 2)
    assert tables_of(node, reader, upload) == {}


def test_a_program_change_in_the_middle_adds_its_column(node, reader):
    rows = committed(node, reader, landed(node, "toa5_slim_schema_change.dat"), 100)
    added = [value for value in rows["added_avg"].to_pylist() if value is not None]
    assert (len(added), sum(added)) == (50, 75.0)


def test_names_that_clash_are_told_apart(node, reader):
    for name in ("toa5_slim_dup_names.dat", "toa5_slim_case_dup_names.dat"):
        rows = committed(node, reader, landed(node, name), 100)
        twice = [column for column in rows.column_names if column.endswith("_2") and column.removesuffix("_2") in rows.column_names]
        assert twice and all(rows[column].null_count == 0 for column in twice), name


def test_what_a_logger_marks_as_missing_is_null_and_what_it_measured_is_kept(node, reader):
    column = committed(node, reader, landed(node, "toa5_slim_inf_markers.dat"), 100)["airpressure_avg"].to_pylist()
    assert column.count(None) >= 1
    assert column.count(-7999.0) >= 1, "no value is missing by rumour: only what the definition marks"


def test_units_and_processes_are_kept_with_the_columns(node, reader):
    committed(node, reader, landed(node, "TestLogger_Daily_1.dat"), 2)
    [name] = tables_of(node, reader, landed(node, "TestLogger_Daily_1.dat"))
    schema = StaticTable.from_metadata(node.tables()[name]["metadata_location"]).schema()
    assert json.loads(schema.find_field("battv_min").doc) == {"name": "BattV_Min", "unit": "Volts", "process": "Min"}
