"""The ETL's job done by DuckDB: all TOA5 files under FOLDER to one zstd Parquet file, by station and time.

usage: duckdb_toa5.py FOLDER OUT
"""

import csv
import pathlib
import sys

import duckdb

folder, out = sys.argv[1:]
with open(min(pathlib.Path(folder).glob("*/*.dat")), newline="") as first:
    header = csv.reader(first)
    next(header)
    names = next(header)
types = {name: {"TIMESTAMP": "TIMESTAMP", "RECORD": "BIGINT"}.get(name, "DOUBLE") for name in names}
database = duckdb.connect()
database.execute("SET threads = 2")
database.execute(f"""
    COPY (
        SELECT * EXCLUDE filename, parse_path(filename)[-2] AS station
        FROM read_csv('{folder}/*/*.dat', auto_detect = false, header = false, skip = 4, delim = ',', quote = '"', new_line = '\\r\\n',
                      nullstr = ['NAN', ''], columns = {types}, filename = true)
        ORDER BY station, TIMESTAMP
    ) TO '{out}' (FORMAT parquet, COMPRESSION zstd)""")
