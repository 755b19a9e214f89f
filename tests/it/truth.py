"""What is known of each real file, computed by other programs (truth.json beside the samples), against what is in the table."""

import datetime
import functools
import json
import math
import pathlib
import re

import pyarrow

# The lineage columns' names are taken before the first metric comes.
TAKEN = ("device", "ts", "_upload", "_row", "_ingested_at", "_revision", "extra")


@functools.cache
def truth(samples: pathlib.Path) -> dict:
    return json.loads((samples / "truth.json").read_text())


def of(samples: pathlib.Path, name: str) -> dict:
    return truth(samples)[f"open/{name}"]


def column_names(originals: dict[int, str]) -> dict[int, str]:
    """The table's column of each of the file's, by its index there: Inlet's rules, written a second time."""
    names: dict[int, str] = {}
    for index, original in originals.items():
        base = re.sub(r"[^a-z0-9]+", "_", original.lower()).strip("_") or f"column_{index + 1}"
        base = f"c_{base}" if base[0].isdigit() else base
        name, number = base, 2
        while name in TAKEN or name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[index] = name
    return names


def check(rows: pyarrow.Table, known: dict, apart: set[int], naming: str = "(.*)") -> None:
    """Row count, first and last time, and of every column: nulls, and count, least, greatest and sum, or distinct values.
    `apart` are the columns that are no measurement's: the time, a device. `naming` finds the name in a header cell that holds
    more, a unit or a serial number."""
    assert len(rows) == known["row_count"]
    check_times(rows, known["timestamp"])
    stats = {column["index"]: column for column in known["column_stats"].values() if column["index"] not in apart}
    names = column_names({index: re.fullmatch(naming, column["name"])[1] for index, column in stats.items()})
    assert used(rows) <= {*names.values(), *TAKEN}
    for index, column in stats.items():
        check_column(rows, names[index], column)


def used(rows: pyarrow.Table) -> set[str]:
    """Columns in which these rows have a value: others of the same table are another file's."""
    return {name for name in rows.column_names if rows[name].null_count < len(rows)}


def check_times(rows: pyarrow.Table, known: dict) -> None:
    """Times without a zone are UTC here, by the tests' default."""
    times = sorted(rows["ts"].to_pylist())
    for found, end in ((times[0], "min"), (times[-1], "max")):
        expected = datetime.datetime.fromisoformat(known.get(f"{end}_utc", known[end]).replace("Z", "+00:00"))
        assert found == (expected if expected.tzinfo else expected.replace(tzinfo=datetime.UTC)), end


def check_column(rows: pyarrow.Table, name: str, known: dict) -> None:
    cells = rows[name].to_pylist() if name in rows.column_names else [None] * len(rows)
    values = [cell for cell in cells if cell is not None]
    assert len(cells) - len(values) == known["nulls"], f"nulls of {name}"
    if known["type"] == "number":
        numbers = [float(value) for value in values]
        for what, found in (("count", len(numbers)), ("min", min(numbers)), ("max", max(numbers)), ("sum", math.fsum(numbers))):
            assert math.isclose(found, known[what], rel_tol=1e-9, abs_tol=1e-300), f"{what} of {name}: {found}, not {known[what]}"
    elif known["type"] == "text":
        assert len(values) == known["count"], f"count of {name}"
        assert len(set(values)) == known["distinct"], f"distinct values of {name}"
