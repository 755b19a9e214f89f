"""What a newcomer does: start, paste a line, look at the table."""

import base64
import os
import re
import shlex
import subprocess
import urllib.error
import urllib.request

from conftest import DEMO
from node import until
from tables import committed, record_of, refused_rows, rows_of

BAD_ROW = b'"2026-01-15 12:00:00",334,not,enough'
TABLES = ["toa5_met15", "toa5_daily", "csv_demo", "uploads"]


def test_the_printed_curl_lines_work_as_they_stand(start, reader):
    node = start()
    printed = node.printed()
    assert node.demo().password in printed
    assert f":{node.port}" in printed
    lines = [line[line.index("curl "):] for line in printed.splitlines() if "curl " in line]
    modes = set()
    for number, line in enumerate(lines):
        words = shlex.split(line)
        # The one thing to fill in is the file; it keeps its name.
        file = node.data.with_name(f"pasted-{number}.dat")
        file.write_bytes((DEMO / "alpine_ridge_Met15.dat").read_bytes())
        words[words.index("-T") + 1] = str(file)
        subprocess.run(words, check=True, timeout=60, capture_output=True)
        record = record_of(node, reader, file.name)
        modes.add(record["mode"])
        rows_of(node, reader, record, 24)
    assert modes == {"active", "passive"}
    assert printed.splitlines()[-1].startswith("ready ")


def test_demo_plays_a_fleet_and_prints_the_first_rows_of_its_tables(start, reader):
    node = start(command=("up", "--demo"))
    printed = until("every table's first rows", lambda: all(name in node.printed() for name in TABLES) and node.printed(), 120)
    # A device, and a value, of rows that stand in the files.
    assert "alpine_ridge" in printed and "-4.15" in printed
    records = [record_of(node, reader, file.name) for file in DEMO.iterdir()]
    assert {record["outcome"] for record in records} == {"committed"}
    assert {record["mode"] for record in records} == {"active", "passive"}
    # It goes on as a plain `up` would.
    assert node.process.poll() is None


def test_health_and_metrics_answer(start):
    node = start()

    def get(path: str) -> tuple[int, str, str]:
        try:
            with urllib.request.urlopen(f"http://{node.host}:{node.http_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode(), answer.headers["content-type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers["content-type"]

    assert get("/live")[0] == 200
    assert get("/ready")[0] == 200
    status, text, form = get("/metrics")
    assert status == 200
    assert re.search(r"^inlet_\w+", text, re.MULTILINE)
    assert form.startswith("text/plain; version=0.0.4")


def test_table_list_and_head_show_what_is_there(node, account, reader):
    subprocess.run(["curl", "--silent", "--show-error", "--user", f"{account.name}:{account.password}", "--upload-file",
                    DEMO / "harbour_Met15.dat", f"ftp://{node.host}:{node.port}/"], check=True, timeout=60)
    committed(node, reader, "harbour_Met15.dat", 24)
    table = node.tables()["toa5_met15"]
    assert table["rows"] == 24
    assert table["data_files"] == 1
    assert isinstance(table["snapshot_id"], int)
    assert table["metadata_location"].startswith(table["location"])
    assert "toa5_met15" in node.ask("table", "list")
    head = node.ask("table", "head", "toa5_met15", "--limit", "3")
    assert head.count("harbour") == 3
    assert "airtc_avg" in head
    refused = node.run("table", "head", "no_such_table")
    assert refused.returncode != 0
    assert "no_such_table" in refused.stderr


def test_a_reader_of_the_output_that_has_seen_enough_is_no_error(node):
    reading, writing = os.pipe()
    os.close(reading)
    result = node.run("table", "list", "--json", stdout=writing)
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


def test_quarantine_list_says_what_why_and_where(node, account, reader, tmp_path):
    damaged = tmp_path / "damaged.dat"
    whole = (DEMO / "orchard_Met15.dat").read_bytes()
    damaged.write_bytes(whole + BAD_ROW + b"\r\n")
    foreign = tmp_path / "photo.jpg"
    foreign.write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    for file in (damaged, foreign):
        subprocess.run(["curl", "--silent", "--show-error", "--user", f"{account.name}:{account.password}", "--upload-file", file,
                        f"ftp://{node.host}:{node.port}/"], check=True, timeout=60)
    damaged, foreign = (record_of(node, reader, file.name) for file in (damaged, foreign))
    assert (damaged["rows"], damaged["rows_refused"]) == (24, 1)
    [row] = refused_rows(node, damaged["upload"])
    assert row["row"] == 29
    assert base64.b64decode(row["bytes"]).strip() == BAD_ROW
    assert row["reason"]
    assert node.quarantine(foreign["upload"])["whole"]
    shown = node.ask("quarantine", "list")
    assert "photo.jpg" in shown and foreign["reason"] in shown
