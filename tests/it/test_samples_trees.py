"""Real files that are no tables of text, over FTP into tables: JSON in its kinds, metrics, binary tables.

Each against truth.json, or against what another program has made of it.
"""

import datetime
import json
import math
import pathlib

import pytest

import devices
import truth
from tables import committed, record_of

LINES = {
    "ndjson/2022-11-26_15-49-57_GW-MQTT-API-data.txt": ("the_things_stack", "008000000000ab75"),
    "ndjson/web_requests-100.json": ("web_requests", None),
}
PACKS = ["senml/ex3.json", "senml/ex5.json", "senml/ex8.json"]
# They count from now.
PACKS_WITHOUT_TIME = ["senml/ex1.json", "senml/ex2.json"]
FRONIUS = "fronius_json/archivedata_day_2017-08-30.json"
TWINS = {
    "tob/TOB1_full27.dat": "toa5/TOA5_TOB1_full27_2026_02_19_0946.dat",
    "tob/TOB3_long27.dat": "toa5/TOA5_TOB3_long27_2026_02_19_0946.dat",
}
METRICS = ["prometheus/e2e-output-freebsd.txt", "prometheus/metrics.prom"]
BAD = ["openmetrics/bad_blank_line.om", "openmetrics/bad_counter_values_1.om", "openmetrics/bad_timestamp_3.om"]


def base(name: str) -> str:
    return pathlib.PurePosixPath(name).name


@pytest.fixture(scope="module", autouse=True)
def uploaded(node, account, samples):
    names = [*LINES, *PACKS, *PACKS_WITHOUT_TIME, FRONIUS, *TWINS, *TWINS.values(), *METRICS, *BAD]
    with devices.login(node, account) as ftp:
        for number, name in enumerate(names):
            ftp.set_pasv(number % 2 == 0)
            devices.store(ftp, name, (samples / name).read_bytes())
        for name in METRICS:
            devices.store(ftp, f"arriving/{base(name)}.scrape", (samples / name).read_bytes())


@pytest.mark.parametrize("name", LINES)
def test_each_line_is_a_row(node, account, reader, samples, name):
    known = truth.of(samples, name)
    table, device = LINES[name]
    rows = committed(node, reader, base(name), known["row_count"])
    assert record_of(node, reader, base(name))["tables"] == table
    assert set(rows["device"].to_pylist()) == {device or account.name}
    times = sorted(rows["ts"].to_pylist())
    expected = [datetime.datetime.fromisoformat(known[end].replace("Z", "+00:00")) for end in ("min_ts", "max_ts")]
    assert [times[0], times[-1]] == expected


@pytest.mark.parametrize("name", PACKS)
def test_each_record_is_a_row_resolved(node, reader, samples, name):
    resolved = json.loads((samples / name.replace(".json", ".gen.resolved.json")).read_text())
    rows = committed(node, reader, base(name), len(resolved)).to_pylist()
    found = sorted((row["name"], row["unit"], round(row["ts"].timestamp(), 3), row["value"]) for row in rows)
    assert found == sorted((one["n"], one["u"], round(one["t"], 3), one["v"]) for one in resolved)


@pytest.mark.parametrize("name", PACKS_WITHOUT_TIME)
def test_a_record_without_a_time_is_in_quarantine_with_the_line_to_add(node, reader, samples, name):
    record = record_of(node, reader, base(name))
    assert (record["outcome"], record["rows_refused"]) == ("quarantined", truth.of(samples, name)["records"])
    assert 'add receipt_time = true to format "senml"' in record["reason"]


def test_a_log_has_a_row_for_each_moment(node, reader, samples):
    rows = committed(node, reader, base(FRONIUS), 288)
    for channel, known in truth.of(samples, FRONIUS)["channels"].items():
        node_name, name = channel.split("/")
        assert set(rows["node"].to_pylist()) == {node_name}
        values = rows[name.lower()].to_pylist()
        assert (len(values), sum(values), min(values), max(values)) == tuple(known[what] for what in ("count", "sum", "min", "max"))


@pytest.mark.parametrize("name", TWINS)
def test_a_binary_table_has_the_rows_of_its_text(node, reader, samples, name):
    count = truth.of(samples, name)["row_count"]
    binary, text = (committed(node, reader, base(file), count).sort_by("record") for file in (name, TWINS[name]))
    for column in text.column_names:
        if column.startswith("_"):
            continue
        for found, expected in zip(binary[column].to_pylist(), text[column].to_pylist(), strict=True):
            # The converter writes 7 digits of what has four bytes, and 15 of what has eight.
            same = math.isclose(found, expected, rel_tol=5e-7) if isinstance(expected, float) else found == expected
            assert same, f"{column}: {found} {expected}"


@pytest.mark.parametrize("name", METRICS)
def test_samples_without_a_time_load_when_the_format_takes_that_of_their_arrival(node, reader, samples, name):
    known = truth.of(samples, name)
    rows = committed(node, reader, f"{base(name)}.scrape", known["samples"])
    record = record_of(node, reader, f"{base(name)}.scrape")
    assert set(rows["ts"].to_pylist()) == {record["landed_at"]}
    assert len(set(rows["metric"].to_pylist())) == known["distinct_sample_names"]
    unread = record_of(node, reader, base(name))
    assert (unread["outcome"], unread["rows_refused"]) == ("quarantined", known["samples"])


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_the_rules_is_in_quarantine_whole(node, reader, name):
    record = record_of(node, reader, base(name))
    assert (record["outcome"], record["rows"]) == ("quarantined", 0)
    assert node.quarantine(record["upload"])["whole"]
    assert record["reason"].startswith("line ")
