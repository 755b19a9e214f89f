"""A data logger's files, of our own making: Campbell TOA5 whose every row can be told from every other."""

import datetime

START = datetime.datetime(2026, 1, 1)


def toa5(station: str, records: range, table: str = "Second") -> bytes:
    """One row a second: record number, and a level that is an eighth of it, so that sums are exact."""
    header = [f'"TOA5","{station}","CR1000X","21043","CR1000X.Std.07.02","CPU:level.CR1X","40177","{table}"',
              '"TIMESTAMP","RECORD","Level_Avg"', '"TS","RN","m"', '"","","Avg"']
    rows = [f'"{START + datetime.timedelta(seconds=record):%Y-%m-%d %H:%M:%S}",{record},{record / 8}' for record in records]
    return "".join(f"{line}\r\n" for line in [*header, *rows]).encode()


def table_of(table: str) -> str:
    """The Iceberg table of such files."""
    return f"toa5_{table.lower()}"
