"""The ETL's job done by Polars: all TOA5 files under FOLDER to one zstd Parquet file, by station and time.

usage: polars_toa5.py FOLDER OUT
"""

import csv
import pathlib
import sys

import polars as pl

folder, out = sys.argv[1:]
files = sorted(pathlib.Path(folder).glob("*/*.dat"))
with open(files[0], newline="") as first:
    header = csv.reader(first)
    next(header)
    names = next(header)
schema = {name: {"TIMESTAMP": pl.String, "RECORD": pl.Int64}.get(name, pl.Float64) for name in names}
rows = pl.scan_csv(files, has_header=False, skip_rows=4, schema=schema, null_values=["NAN", ""], include_file_paths="path")
rows = rows.with_columns(
    pl.col("TIMESTAMP").str.to_datetime("%Y-%m-%d %H:%M:%S"), pl.col("path").str.split("/").list.get(-2).alias("station")
)
rows.drop("path").sort("station", "TIMESTAMP").collect(engine="streaming").write_parquet(out, compression="zstd")
