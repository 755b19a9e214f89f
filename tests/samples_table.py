"""Writes docs/formats.md: what becomes of each file of real devices, beside what DuckDB's sniffer and Polars make of it.

    INLET_SAMPLES=FOLDER INLET_BIN=target/debug/inlet python3 tests/samples_table.py

Needs polars beside tests/requirements.txt. Every file is uploaded to `inlet up` as it is, nothing being configured but the formats that come
with Inlet; the folder's name is the account's. The others are asked for the file by their defaults: `read_csv(FILE)`.
"""

import io
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "it"))

import duckdb
import polars

import devices
from node import TESTS, Node, until
from tables import UPLOADS, Reader

HEAD = """\
# Files of real devices, and what becomes of them

Written by `tests/samples_table.py`. *Inlet* is `inlet up` with the formats that come with it and nothing configured; a file in quarantine
keeps its bytes, and its reason names the line of a definition that would settle it where there is one. *DuckDB {duckdb}* and *Polars {polars}* are
asked by their defaults, `read_csv(FILE)`: rows × columns as they see them, right or wrong, or the first words of the error.
*Rows* is what an independent parser counted, where it knows the format.

| file | rows | Inlet | DuckDB | Polars |
|---|---:|---|---|---|
"""
REASON_MAX = 160


def main() -> None:
    samples = pathlib.Path(os.environ["INLET_SAMPLES"])
    truth = json.loads((samples / "truth.json").read_text())
    files = sorted(path for path in samples.glob("*/*") if path.is_file())
    with tempfile.TemporaryDirectory() as directory:
        node = Node(pathlib.Path(directory) / "data", settings={"INLET_ETL__FORMATS": "[]"}).start()
        try:
            found = inlet(node, files)
        finally:
            node.stop()
    rows = []
    for path in files:
        name = path.relative_to(samples).as_posix()
        counted = truth.get(f"open/{name}", {}).get("row_count")
        rows.append(f"| {name} | {'' if counted is None else counted} | {found[path]} | {by_duckdb(path)} | {by_polars(path)} |\n")
    head = HEAD.format(duckdb=duckdb.__version__, polars=polars.__version__)
    (TESTS.parent / "docs/formats.md").write_text(head + "".join(rows))


def inlet(node: Node, files: list[pathlib.Path]) -> dict[pathlib.Path, str]:
    reader = Reader()
    for folder in sorted({path.parent for path in files}):
        account = node.add_account(folder.name)
        with devices.login(node, account) as ftp:
            for path in files:
                if path.parent == folder:
                    ftp.storbinary(f"STOR {path.name}", io.BytesIO(path.read_bytes()))

    def all_records() -> list[dict]:
        table = node.tables().get(UPLOADS)
        found = reader.dicts(table, "SELECT * FROM t") if table else []
        return found if len(found) >= len(files) else []

    records = {(record["account"], record["path"].removeprefix("/")): record
               for record in until("all files to be worked off", all_records, 300)}
    entries = {entry["upload"]["upload"]: entry for entry in json.loads(node.ask("quarantine", "list", "--json")) if entry["upload"]}
    outcomes = {}
    for path in files:
        record = records[path.parent.name, path.name]
        why = short(reason(entries.get(record["upload"])))
        refused = f", {record['rows_refused']} refused: {why}" if record["rows_refused"] else ""
        loaded = f"{record['rows']} rows in {record['tables']}{refused}"
        outcomes[path] = loaded if record["rows"] else f"quarantine: {why}" if why else record["outcome"]
    return outcomes


def reason(entry: dict | None) -> str:
    return "" if entry is None else str(entry.get("reason") or next(iter(entry.get("reasons") or []), ""))


def by_duckdb(path: pathlib.Path) -> str:
    try:
        # A connection of its own: a failed query leaves one that answers nothing more.
        relation = duckdb.connect().read_csv(str(path))
        return f"{relation.count('*').fetchone()[0]} × {len(relation.columns)}"
    except duckdb.Error as error:
        return f"error: {short(str(error).replace(str(path), 'FILE'), 60)}"


def by_polars(path: pathlib.Path) -> str:
    try:
        frame = polars.read_csv(path)
        return f"{frame.height} × {frame.width}"
    except (polars.exceptions.PolarsError, OSError) as error:
        return f"error: {short(str(error), 60)}"


def short(text: str, most: int = REASON_MAX) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace("`", "")
    return line if len(line) <= most else f"{line[:most]}…"


if __name__ == "__main__":
    main()
