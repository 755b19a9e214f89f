"""What the ETL costs, beside DuckDB and Polars doing the same. One command: tests/bench/run etl."""

import argparse
import dataclasses
import datetime
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import duckdb

import latency
import toa5
from lake import Cost, Inlet, cost_of
from machine import machine

HERE = pathlib.Path(__file__).parent
PARTS = ("fleet", "large", "single", "lines", "latency")
PEERS = ("duckdb", "polars")
# One batch, as after an outage: nobody waits for the rows.
BACKLOG = {"INLET_ETL__BATCH__MAX_AGE": "10m", "INLET_LOG__FILTER": "warn"}
# Tables as they are made unless told otherwise, and as suits a fleet whose day is a few megabytes.
FLEETS = {"inlet by day": {}, "inlet by month": {"INLET_ETL__TABLE__PARTITION": "month"}}
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Result:
    """One line of a table."""

    name: str
    cost: Cost
    parquet_bytes: int
    rows: int
    checksum: float


def read_back(files: list[pathlib.Path], checksum: str) -> tuple[int, float]:
    """How many rows there are, and the sum of a column of doubles, exact to its last decimal place."""
    names = [str(file) for file in files]
    query = f"SELECT count(*), round(sum({checksum}), 3) FROM read_parquet(?, union_by_name = true)"
    rows, total = duckdb.sql(query, params=[names]).fetchone()
    return rows, total


def inlet(name: str, scratch: pathlib.Path, files, table: str, checksum: str, settings: dict[str, str]) -> tuple[Result, Inlet]:
    """Has files uploaded, then the ETL empty the queue; that alone is measured: fetch, parse, Parquet, fsync, commit, acknowledge."""
    node = Inlet(pathlib.Path(os.environ["INLET_BIN"]).absolute(), scratch / name.replace(" ", "-"), BACKLOG | settings)
    uploads = node.upload(files)
    cost, _ = node.run("etl", "--until-empty")
    rows, total = read_back(node.data_files(table), checksum)
    recorded, _ = read_back(node.data_files("uploads"), "rows")
    if recorded != uploads:
        raise SystemExit(f"{name}: {uploads} uploads, {recorded} recorded")
    return Result(name, cost, sum(file.stat().st_size for file in node.data_files(table)), rows, total), node


def peer(name: str, scratch: pathlib.Path, folder: pathlib.Path) -> Result:
    out = scratch / f"{name}.parquet"
    cost, _ = cost_of([sys.executable, str(HERE / "peers" / f"{name}_toa5.py"), str(folder), str(out)], log=scratch / f"{name}.log")
    rows, total = read_back([out], "s00_Avg")
    return Result(name, cost, out.stat().st_size, rows, total)


def table(results: list[Result]) -> list[str]:
    lines = ["| | CPU-seconds | wall s | max RSS MB | Parquet MB | rows |", "|---|--:|--:|--:|--:|--:|"]
    for result in results:
        cost = result.cost
        lines.append(f"| {result.name} | {cost.cpu_seconds:.2f} | {cost.wall_seconds:.1f} | {cost.rss_bytes / 1e6:.0f} "
                     f"| {result.parquet_bytes / 1e6:.1f} | {result.rows:,} |")
    return lines


def fleet(scratch: pathlib.Path, folder: pathlib.Path | None) -> list[str]:
    """10,000 TOA5 files × 96 rows × 20 columns, and where one device's day lies in what came of them."""
    if folder is None:
        folder = scratch / "toa5"
        toa5.write(folder)
    files = [(file.parent.name, file) for file in sorted(folder.glob("*/*.dat"))]
    all_of_ours, pruned = [], []
    for name, settings in FLEETS.items():
        result, node = inlet(name, scratch, files, "toa5_quarter", "s00_avg", settings)
        all_of_ours.append(result)
        pruned.append(one_device_one_day(name, node.data_files("toa5_quarter")))
        node.remove()
    peers = [peer(name, scratch, folder) for name in PEERS]
    results = all_of_ours + peers
    sums = {(result.rows, result.checksum) for result in results}
    if len(sums) != 1:
        raise SystemExit(f"the results differ: {sums}")
    best = min(peers, key=lambda result: result.cost.cpu_seconds)
    smallest = min(result.parquet_bytes for result in peers)
    lines = [f"## {len(files):,} TOA5 files", "", *table(results), ""]
    for ours in all_of_ours:
        cpu, size = ours.cost.cpu_seconds / best.cost.cpu_seconds, ours.parquet_bytes / smallest
        lines.append(f"- {ours.name}: **{cpu:.2f} ×** the CPU-seconds of the better peer ({best.name}; aim 0.33), "
                     f"{ours.cost.rss_bytes / 1e6:.0f} MB RSS (aim 256), **{size:.2f} ×** the smaller peer's Parquet (aim 0.75).")
    return [*lines, *pruned, "", f"All of them read back to {results[0].rows:,} rows with the same sum of the first sensor.", ""]


def one_device_one_day(name: str, files: list[pathlib.Path]) -> str:
    """What a reader of one device's day has to look at, by the statistics that files and row groups carry."""
    query = """
        WITH chunks AS (
            SELECT file_name, row_group_id, row_group_bytes AS bytes,
                   max(stats_min_value) FILTER (path_in_schema = 'device') AS device_min,
                   max(stats_max_value) FILTER (path_in_schema = 'device') AS device_max,
                   max(stats_min_value) FILTER (path_in_schema = 'ts') AS ts_min,
                   max(stats_max_value) FILTER (path_in_schema = 'ts') AS ts_max,
                   sum(total_compressed_size) AS compressed
            FROM parquet_metadata(?) GROUP BY ALL)
        SELECT count(*), sum(compressed), count(*) FILTER (wanted), coalesce(sum(compressed) FILTER (wanted), 0)
        FROM (SELECT *, device_min <= 'station0042' AND device_max >= 'station0042'
                        AND ts_min < '2026-01-11' AND ts_max >= '2026-01-10' AS wanted FROM chunks)"""
    groups, size, wanted, wanted_size = duckdb.sql(query, params=[[str(file) for file in files]]).fetchone()
    return (f"- One device, one day, {name}: {wanted} of {groups} row groups in {len(files)} files, "
            f"{wanted_size / 1e6:.1f} of {size / 1e6:.1f} MB, before page indexes narrow it to the pages of the device.")


def large(scratch: pathlib.Path) -> list[str]:
    """One delimited file of 500 MB."""
    rng, file, size = random.Random(7), scratch / "large.csv", 0
    names = [f"v{number}" for number in range(10)]
    moment, level = datetime.datetime(2026, 1, 1), [20.0] * len(names)
    with open(file, "w", newline="") as out:
        size += out.write("timestamp," + ",".join(names) + "\n")
        while size < 500_000_000:
            moment += datetime.timedelta(seconds=1)
            level = [value + rng.uniform(-0.3, 0.3) for value in level]
            size += out.write(f"{moment:%Y-%m-%dT%H:%M:%SZ}," + ",".join(f"{value:.3f}" for value in level) + "\n")
    result, node = inlet("inlet", scratch, [("large", file)], "csv_large", "v0", {})
    node.remove()
    rate = size / 1e6 / result.cost.cpu_seconds
    return ["## One delimited file of 500 MB", "", *table([result]), "", f"{rate:.0f} MB a CPU-second.", ""]


def single(scratch: pathlib.Path, count: int) -> list[str]:
    """Files of one row each."""
    folder = scratch / "single"
    folder.mkdir()
    files = []
    for number in range(count):
        moment = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=60 * (number // 500))
        file = folder / f"{number:06}.csv"
        file.write_text(f"timestamp,value\n{moment:%Y-%m-%dT%H:%M:%SZ},{number % 1000 / 10}\n")
        files.append((f"device{number % 5}", file))
    result, node = inlet("inlet", scratch, files, "csv_device0", "value", {})
    node.remove()
    each = result.cost.cpu_seconds / count * 1e6
    return [f"## {count:,} files of one row", "", *table([result]), "", f"{each:.0f} µs of CPU a file; the rows are of one table in five.", ""]


def lines_of_influx(scratch: pathlib.Path) -> list[str]:
    """InfluxDB line protocol: read alone, beside the crate of its makers, and on the whole road."""
    rng, file, size, moment = random.Random(7), scratch / "weather.lp", 0, 1_767_225_600
    with open(file, "w", newline="") as out:
        points = 0
        while size < 50_000_000:
            points, moment = points + 1, moment + 1
            fields = (f"temperature={20 + rng.uniform(-9, 9):.2f},humidity={rng.uniform(20, 99):.1f},"
                      f"pressure={rng.uniform(980, 1030):.1f},count={points}i,ok=true")
            size += out.write(f"weather,station=s{points % 500:04},region=north {fields} {moment}000000000\n")
    source, built = HERE / "peers" / "line_protocol", scratch / "target"
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", built], cwd=source, check=True)
    theirs, told = cost_of([str(built / "release" / "line-protocol-peer"), str(file)], log=scratch / "peer.log")
    alone, shown = cost_of([os.environ["INLET_BIN"], "format", "test", "line-protocol", str(file)], log=scratch / "alone.log")
    result, node = inlet("inlet", scratch, [("influx", file)], "influx_weather", "temperature", {})
    node.remove()
    if shown.split("\n")[-2] != f"{points} rows, 0 refused" or told.split() != [str(result.rows), f"{result.checksum:.2f}"]:
        raise SystemExit(f"the results differ: {points} points, {told}, {shown.splitlines()[-1]}, {result}")
    costs = [f"| {name} | {cost.cpu_seconds:.2f} | {cost.rss_bytes / 1e6:.0f} |" for name, cost in
             [("influxdb-line-protocol, parsed and dropped", theirs), ("inlet format test, into columns", alone),
              ("inlet, the whole road", result.cost)]]
    return [f"## One file of line protocol, {size / 1e6:.0f} MB", "", "| | CPU-seconds | max RSS MB |", "|---|--:|--:|", *costs, "",
            f"Into typed columns **{alone.cpu_seconds / theirs.cpu_seconds:.2f} ×** the CPU-seconds that the crate takes to parse, and "
            f"{result.cost.cpu_seconds / theirs.cpu_seconds:.2f} × with sorted Parquet and the commit. All have {points:,} points.", ""]


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/run etl", description=__doc__)
    parser.add_argument("--toa5", type=pathlib.Path, help="a folder of TOA5 files, a folder a station, in place of generated ones")
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure (default: %(default)s)")
    parser.add_argument("--single", type=int, default=100_000, help="how many files of one row (default: %(default)s)")
    parser.add_argument("--uploads", type=int, default=1_000, help="how many uploads to take latencies of (default: %(default)s)")
    parser.add_argument("--report", type=pathlib.Path, help="write what is printed to this file too")
    arguments = parser.parse_args()
    lines = ["# What the ETL costs", "", "Written by `tests/bench/run etl`; [tests/bench](../../tests/bench/README.md) says what it does.", "",
             f"{machine()} Every figure is of one run; CPU-seconds are user and system of the measured process. A load above 1 says that others "
             "used the machine too: compare ratios then, and not seconds.", ""]
    with tempfile.TemporaryDirectory(prefix="inlet-bench-") as scratch:
        for part in arguments.parts.split(","):
            folder = pathlib.Path(scratch) / part
            folder.mkdir()
            measured = {
                "fleet": lambda: fleet(folder, arguments.toa5),
                "large": lambda: large(folder),
                "single": lambda: single(folder, arguments.single),
                "lines": lambda: lines_of_influx(folder),
                "latency": lambda: latency.measure(folder, arguments.uploads),
            }[part]()
            print("\n".join(measured), flush=True)
            lines += measured
    if arguments.report:
        arguments.report.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
