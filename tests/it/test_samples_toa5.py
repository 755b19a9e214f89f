"""Real Campbell TOA5 files, whole and damaged, over FTP into tables: each row as truth.json knows it, nothing dropped in silence."""

import json
import math

import pytest
from pyiceberg.table import StaticTable

import devices
import truth
from tables import committed, record_of, refused_rows, tables_of

WHOLE = {
    "TOA5_TOB1_full27_2026_02_19_0946.dat": "64291",
    "TOA5_TOB3_long27_2026_02_19_0946.dat": "64291",
    "TestLogger_Daily_1.dat": "TestLogger",
    "campbell_scientific_demo_data1.csv": "some_site",
    "test_raw_SlimTableMem1.txt": "CR1000_kpc_u",
}
# The first hundred rows of test_raw_SlimTableMem1.txt are what the damaged files were made from.
SLIM_ROWS = 100
# Rows in the table, and rows in quarantine.
DAMAGED = {
    "toa5_slim_truncated_midrow.dat": (99, 1),
    # Its last row has all its cells, and the device ended the upload in good order: nothing tells it from the next file.
    "toa5_slim_cut_at_number.dat": (100, 0),
    "toa5_slim_no_final_newline_complete.dat": (100, 0),
    "toa5_slim_header_repeated.dat": (100, 0),
    "toa5_slim_schema_change.dat": (100, 0),
    "toa5_slim_silent_extra_column.dat": (50, 50),
    "toa5_slim_mixed_eol.dat": (100, 0),
    "toa5_slim_cr_only.dat": (100, 0),
    "toa5_slim_nul_block.dat": (99, 1),
    "toa5_slim_ff_tail.dat": (100, 1),
    "toa5_slim_utf16le_bom.dat": (100, 0),
    "toa5_slim_utf8_bom.dat": (100, 0),
    "toa5_slim_unbalanced_quote.dat": (99, 1),
    "toa5_slim_duplicate_rows.dat": (120, 0),
    "toa5_slim_shuffled.dat": (100, 0),
    "toa5_slim_gz_two_members.dat.gz": (100, 0),
    "toa5_slim_gz_wrong_name.dat": (100, 0),
    "toa5_slim_inf_markers.dat": (100, 0),
    "toa5_slim_zip_in_zip.zip": (100, 0),
}
# Air pressure stands under temperature's name in these, before temperature itself.
CLASHING = ["toa5_slim_dup_names.dat", "toa5_slim_case_dup_names.dat"]
# Files that hold something, and nothing usable.
REFUSED = ["TestLogger_Hourly_Bad05.dat", "TestLogger_Hourly_Bad11.dat", "toa5_slim_headerless.dat", "toa5_slim_gz_truncated.dat.gz",
           "bomb_slim_64MiB.zip"]
# Nothing at all, or a header that was cut off before the first row.
EMPTY = [f"TestLogger_Hourly_Bad{number}.dat" for number in ("01", "03", "07", "09")]


@pytest.fixture(scope="module", autouse=True)
def uploaded(node, account, samples):
    """Every file goes up first, so that the tests wait for one batch and not for thirty."""
    with devices.login(node, account) as ftp:
        for folder, names in (("toa5", WHOLE), ("nasty", ["toa5_slim_zip_slip.zip", *DAMAGED, *CLASHING, *REFUSED, *EMPTY])):
            for number, name in enumerate(names):
                ftp.set_pasv(number % 2 == 0)
                with open(samples / folder / name, "rb") as file:
                    assert ftp.storbinary(f"STOR {name}", file).startswith("226")


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_is_in_the_table(node, reader, samples, name):
    known = truth.of(samples, f"toa5/{name}")
    rows = committed(node, reader, name, known["row_count"])
    truth.check(rows, known, set(known["timestamp"]["columns"]))
    assert set(rows["device"].to_pylist()) == {WHOLE[name]}
    assert record_of(node, reader, name)["rows_refused"] == 0


def test_the_table_is_named_by_the_first_line(node, reader):
    # The file's name says SlimTableMem1; the first line's last cell says this.
    assert record_of(node, reader, "test_raw_SlimTableMem1.txt")["tables"] == "toa5_slimtablemem"


@pytest.mark.parametrize("name", DAMAGED)
def test_good_rows_of_a_damaged_file_are_in_the_table_and_bad_ones_in_quarantine(node, reader, name):
    good, bad = DAMAGED[name]
    rows = committed(node, reader, name, good)
    record = record_of(node, reader, name)
    refused = refused_rows(node, record["upload"])
    assert record["rows_refused"] == len(refused) == bad
    for entry in refused:
        assert entry["reason"]
        assert entry["bytes"]
        assert entry["row"] > 4, "a line of the file, counted from 1; four header lines come first"
    if good == SLIM_ROWS:
        whole = committed(node, reader, "toa5_slim_no_final_newline_complete.dat", SLIM_ROWS)
        assert sorted(rows["record"].to_pylist()) == sorted(whole["record"].to_pylist())
        assert sorted(rows["ts"].to_pylist()) == sorted(whole["ts"].to_pylist())


def test_a_member_whose_name_leads_out_of_its_archive_is_refused_and_the_other_loads(node, reader):
    name = "toa5_slim_zip_slip.zip"
    assert len(committed(node, reader, name, SLIM_ROWS)) == SLIM_ROWS
    record = record_of(node, reader, name)
    assert record["rows_refused"] == 1
    assert "of a/../../escape.dat: its name leads out of the archive" in record["reason"]
    # The archive is kept as it came, and where the name would lead nothing is.
    assert node.quarantine(record["upload"])["whole"]
    assert not list(node.data.parent.rglob("escape.dat"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_in_quarantine_whole(node, reader, samples, name):
    record = record_of(node, reader, name)
    assert (record["outcome"], record["rows"]) == ("quarantined", 0)
    entry = node.quarantine(record["upload"])
    assert entry["whole"] and entry["reason"] == record["reason"]
    assert (node.data / "lake" / entry["at"] / "file").read_bytes() == (samples / "nasty" / name).read_bytes()
    assert tables_of(node, reader, record["upload"]) == {}


@pytest.mark.parametrize("name", EMPTY)
def test_a_file_with_nothing_in_it_gives_no_rows(node, reader, name):
    record = record_of(node, reader, name)
    assert (record["outcome"], record["rows"]) == ("empty", 0)
    assert tables_of(node, reader, record["upload"]) == {}


def test_a_program_change_in_the_middle_adds_its_column(node, reader):
    rows = committed(node, reader, "toa5_slim_schema_change.dat", 100)
    added = [value for value in rows["added_avg"].to_pylist() if value is not None]
    assert (len(added), sum(added)) == (50, 75.0)


@pytest.mark.parametrize("name", CLASHING)
def test_names_that_clash_are_told_apart(start, reader, samples, name):
    node = start()
    with devices.login(node, node.demo()) as ftp, open(samples / "nasty" / name, "rb") as file:
        ftp.storbinary(f"STOR {name}", file)
    rows = committed(node, reader, name, 100)
    assert sum(rows["temperature_avg"].to_pylist()) > 90_000 > sum(rows["temperature_avg_2"].to_pylist())


@pytest.mark.parametrize("name", CLASHING)
def test_a_column_in_another_unit_than_its_table_is_never_loaded(node, reader, name):
    record = record_of(node, reader, name)
    assert (record["outcome"], record["rows"]) == ("quarantined", 0)
    assert "temperature_avg is in hPa here and in C in the table" in record["reason"]


def test_what_a_logger_marks_as_missing_is_null_and_what_it_measured_is_kept(node, reader):
    column = committed(node, reader, "toa5_slim_inf_markers.dat", 100)["airpressure_avg"].to_pylist()
    # NAN is the logger's word for nothing measured; INF is a measurement, and -7999 one until a definition says otherwise.
    assert column[3:7] == [math.inf, -math.inf, None, -7999]


def test_units_and_processes_are_kept_with_the_columns(node, reader):
    table = node.tables()[record_of(node, reader, "TestLogger_Daily_1.dat")["tables"]]
    field = StaticTable.from_metadata(table["metadata_location"]).schema().find_field("battv_min")
    assert json.loads(field.doc) == {"name": "BattV_Min", "unit": "Volts", "process": "Min"}
