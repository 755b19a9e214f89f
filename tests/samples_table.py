"""Writes docs/formats.md: what becomes of each file of real devices, beside what DuckDB's sniffer and Polars make of it.

    INLET_SAMPLES=FOLDER INLET_BIN=target/debug/inlet python3 tests/samples_table.py

Needs polars beside tests/requirements.txt. Every file is uploaded to `inlet up` as it is, nothing being configured but the formats that come
with Inlet; the folder's name is the account's. The others are asked for the file by their defaults: `read_csv(FILE)`.
"""

import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "it"))

import duckdb
import polars

from node import TESTS, Node
from outcomes import SETTINGS, files_of, outcomes_of, short
from tables import Reader

HEAD = """\
# Files of real devices, and what becomes of them

Written by a program and not by hand: `tests/samples_table.py` says how to run it, and `tests/it/test_samples_table.py` compares.
*Inlet* is `inlet up` with the formats that come with it and nothing configured, the damaged files of `nasty` uploaded last; a file in
quarantine keeps its bytes, and its reason names the line of a definition that would settle it where there is one. *DuckDB {duckdb}* and *Polars {polars}* are
asked by their defaults, `read_csv(FILE)`: rows × columns as they see them, right or wrong, or the first words of the error.
*Rows* is what an independent parser counted, where it knows the format.

| file | rows | Inlet | DuckDB | Polars |
|---|---:|---|---|---|
"""


def main() -> None:
    samples = pathlib.Path(os.environ["INLET_SAMPLES"])
    truth = json.loads((samples / "truth.json").read_text())
    files = files_of(samples)
    with tempfile.TemporaryDirectory() as directory:
        node = Node(pathlib.Path(directory) / "data", settings=SETTINGS).start()
        try:
            found = outcomes_of(node, Reader(), files)
        finally:
            node.stop()
    rows = []
    for path in files:
        name = path.relative_to(samples).as_posix()
        counted = truth.get(f"open/{name}", {}).get("row_count")
        rows.append(f"| {name} | {'' if counted is None else counted} | {found[path]} | {by_duckdb(path)} | {by_polars(path)} |\n")
    head = HEAD.format(duckdb=duckdb.__version__, polars=polars.__version__)
    (TESTS.parent / "docs/formats.md").write_text(head + "".join(rows))


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


if __name__ == "__main__":
    main()
