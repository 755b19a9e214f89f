"""`inlet sniff`, `inlet format list` and `inlet format test`, which need nothing that runs."""

import os
import subprocess

import pytest

from node import TESTS, binary

DATA = TESTS / "data"
DEFINITIONS = TESTS.parent / "pipeline/formats"


def inlet(*arguments: object, **settings: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INLET_")} | settings
    return subprocess.run([binary(), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=60)


def told(*arguments: object) -> str:
    result = inlet(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_list_has_every_definition_that_inlet_comes_with():
    listed = [line.split("\t") for line in told("format", "list").splitlines()]
    assert {file.rpartition("/")[2] for _, _, _, file in listed} == {path.name for path in DEFINITIONS.glob("*.toml")}
    assert ["toa5", "toa5", "toa5_{table}", "formats/toa5.toml"] in listed


@pytest.mark.parametrize("name, format, shown", [
    ("toa5-hourly.dat", "toa5", 'airtc_avg double ("AirTC_Avg", in Deg C, Avg)'),
    ("toa5-hourly.dat.gz", "toa5", "by format toa5"),
    ("weir-tob1.dat", "tob", "by format tob"),
    ("jma.csv", "jma", "by format jma"),
    ("weir.lp", "line-protocol", "by format line-protocol"),
    ("pack.senml", "senml", "by format senml"),
    ("sma.csv", "sma-csv", "by format sma-csv"),
])
def test_a_format_shows_the_rows_that_it_gives(name, format, shown):
    assert shown in inlet("format", "test", format, DATA / name).stdout


def test_columns_that_the_table_has_no_room_for_are_shown_as_its_map():
    shown = inlet("format", "test", "csv", DATA / "greenhouse.csv", INLET_ETL__LIMITS__COLUMNS="1").stdout
    assert 'extra map<string,string> ("extra")' in shown


def test_a_file_of_another_format_is_refused_with_the_reason():
    refused = inlet("format", "test", "toa5", DATA / "jma.csv")
    assert (refused.returncode, "refused as a whole: line 1 is no TOA5 header" in refused.stdout) == (1, True)
    unknown = inlet("format", "test", "no-such-format", DATA / "jma.csv")
    assert unknown.returncode != 0 and "no-such-format" in unknown.stderr


def test_a_known_file_is_told_to_be_known():
    said = told("sniff", DATA / "greenhouse.csv")
    assert said.startswith('# Format "csv" claims this file already; `inlet format test csv ')


def test_a_known_file_of_which_no_row_is_read_gets_a_proposal(tmp_path):
    (tmp_path / "weir.csv").write_text("Date/Time,level\n8/24/2006 9:54,1.5\n8/24/2006 10:09,1.6\n")
    said = told("sniff", tmp_path / "weir.csv")
    assert said.startswith('# Format "csv" claims this file, and reads no row of it: line 2: ')
    (tmp_path / "weir.toml").write_text(said)
    assert "2 rows, 0 refused" in told("format", "test", tmp_path / "weir.toml", tmp_path / "weir.csv")


def test_a_proposal_reads_the_file_that_it_is_made_for(tmp_path):
    proposal = told("sniff", DATA / "wasserwerk.csv")
    # What only a person knows is left open, with the reason: no day in the file is above twelve.
    timestamps = [f'timestamp = {{ columns = ["Datum", "Uhrzeit"], format = "{order}.%Y %H:%M:%S" }}' for order in ("%d.%m", "%m.%d")]
    for line in ['zone = "Europe/Berlin"', *timestamps]:
        assert f"# {line}\n" in proposal
    (tmp_path / "wasserwerk.toml").write_text(proposal.replace(f"# {timestamps[0]}", timestamps[0]))
    assert "rows by format wasserwerk" in inlet("format", "test", tmp_path / "wasserwerk.toml", DATA / "wasserwerk.csv").stdout


@pytest.mark.parametrize("rows, order", [(["13/06/2026 10:00", "14/06/2026 10:00"], "%d/%m/%Y"), (["06/13/2026 10:00"] * 2, "%m/%d/%Y")])
def test_dates_in_one_order_only_are_proposed_in_it(tmp_path, rows, order):
    (tmp_path / "pump.csv").write_text("When;Level\n" + "".join(f"{row};{number}.5\n" for number, row in enumerate(rows)))
    [line] = [line for line in told("sniff", tmp_path / "pump.csv").splitlines() if line.startswith("timestamp =")]
    assert order in line


def test_dates_in_either_order_are_a_question(tmp_path):
    (tmp_path / "pump.csv").write_text("When;Level\n01/06/2026 10:00;1.5\n02/06/2026 10:00;2.5\n")
    said = told("sniff", tmp_path / "pump.csv")
    assert not any(line.startswith("timestamp =") for line in said.splitlines())
    assert "%d/%m/%Y" in said and "%m/%d/%Y" in said


def test_a_definition_for_json_reads_the_file_once_a_person_has_decided(tmp_path):
    rows = "".join(f'{{"dev":"a","sent":"2026-01-01T0{hour}:00:05Z","measured":"2026-01-01T0{hour}:00:00Z","v":{hour}}}\n' for hour in range(3))
    (tmp_path / "meter_20260101.ndjson").write_text(rows)
    proposal = told("sniff", tmp_path / "meter_20260101.ndjson")
    assert 'documents = "lines"\nrows = "$"\n' in proposal
    # Two values are times, and which of them is the row's only a person knows.
    assert not any(line.startswith("timestamp =") for line in proposal.splitlines())
    (tmp_path / "meter.toml").write_text(proposal.replace('# timestamp = { paths = ["measured"]', 'timestamp = { paths = ["measured"]'))
    said = inlet("format", "test", tmp_path / "meter.toml", tmp_path / "meter_20260101.ndjson").stdout
    assert "3 rows by format meter" in said and "2026-01-01T02:00:00Z" in said


def test_what_is_no_table_of_times_is_said_to_be_none(tmp_path):
    (tmp_path / "a.xml").write_text("<?xml version='1.0'?><a/>\n")
    refused = inlet("sniff", tmp_path / "a.xml")
    assert refused.returncode != 0 and "XML" in refused.stderr
