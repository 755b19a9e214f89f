"""Rows as analysts read them: Iceberg tables through DuckDB and through pyiceberg."""

import json
import pathlib

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import duckdb_extension_icu
import pyarrow
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import StaticTable

from node import Node, until

# icu first: the others read times with a zone by it. httpfs reads S3.
EXTENSIONS = [duckdb_extension_icu, duckdb_extension_avro, duckdb_extension_httpfs, duckdb_extension_iceberg]
# One row for each upload, whatever became of it.
UPLOADS = "uploads"


class Reader:
    """Both readers. `s3` are the settings of a lake on S3 as pyiceberg names them."""

    def __init__(self, s3: dict[str, str] | None = None):
        self.s3 = s3 or {}
        self.duckdb = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
        for extension in EXTENSIONS:
            folder = pathlib.Path(extension.__file__).parent / "extensions" / f"v{duckdb.__version__}"
            [path] = folder.glob("*.duckdb_extension")
            self.duckdb.execute(f"LOAD '{path}'")
        self.duckdb.execute("SET TimeZone = 'UTC'")
        if s3:
            self.duckdb.execute(
                "CREATE SECRET (TYPE s3, KEY_ID ?, SECRET ?, REGION ?, ENDPOINT ?, URL_STYLE 'path', USE_SSL false)",
                [s3["s3.access-key-id"], s3["s3.secret-access-key"], s3["s3.region"], s3["s3.endpoint"].removeprefix("http://")])

    def query(self, table: dict, sql: str, parameters: tuple = ()) -> list[tuple]:
        """Runs SQL over one table of `inlet table list --json`, which the SQL calls `t`."""
        return self._run(table, sql, parameters).fetchall()

    def dicts(self, table: dict, sql: str, parameters: tuple = ()) -> list[dict]:
        """The same, with each row by its columns' names."""
        result = self._run(table, sql, parameters)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row)) for row in result.fetchall()]

    def _run(self, table: dict, sql: str, parameters: tuple) -> duckdb.DuckDBPyConnection:
        source = f"(SELECT * FROM iceberg_scan('{table['metadata_location']}')) AS t"
        return self.duckdb.execute(sql.replace(" FROM t", f" FROM {source}"), list(parameters))

    def rows(self, table: dict, upload: str | None = None) -> pyarrow.Table:
        """The rows of a table, or of one upload in it, by DuckDB and by pyiceberg: they have to say the same."""
        only = "" if upload is None else f" WHERE _upload = '{upload}'"
        location = table["metadata_location"]
        by_duckdb = self.duckdb.execute(f"SELECT * FROM iceberg_scan('{location}'){only}").to_arrow_table()
        scan = StaticTable.from_metadata(location, self.s3).scan(AlwaysTrue() if upload is None else EqualTo("_upload", upload))
        order = [("_upload", "ascending"), ("_row", "ascending")]
        by_duckdb, by_pyiceberg = by_duckdb.sort_by(order), scan.to_arrow().sort_by(order)
        assert by_duckdb.column_names == by_pyiceberg.column_names
        for name in by_duckdb.column_names:
            # Printed, because NaN does not equal itself.
            assert repr(by_duckdb[name].to_pylist()) == repr(by_pyiceberg[name].to_pylist()), name
        return by_pyiceberg


def records(node: Node, reader: Reader, name: str) -> list[dict]:
    """What table `uploads` says of the uploads of that file name, oldest first: all that have been worked off."""
    table = node.tables().get(UPLOADS)
    where = "SELECT * FROM t WHERE path = ? OR path LIKE ? ORDER BY upload"
    return reader.dicts(table, where, (f"/{name}", f"%/{name}")) if table else []


def record_of(node: Node, reader: Reader, name: str) -> dict:
    """What `uploads` says of the one upload of that file name, once it has been worked off."""
    found = until(f"the upload {name} to be worked off", lambda: records(node, reader, name))
    assert len(found) == 1, f"{name} was published {len(found)} times"
    return found[0]


def tables_of(node: Node, reader: Reader, upload: str) -> dict[str, int]:
    """In which tables an upload has rows, and how many; every upload has one in `uploads`."""
    counts = {name: reader.query(table, "SELECT count(*) FROM t WHERE _upload = ?", (upload,))[0][0]
              for name, table in node.tables().items() if table["rows"] and name != UPLOADS}
    return {name: count for name, count in counts.items() if count}


def rows_of(node: Node, reader: Reader, record: dict, rows: int) -> pyarrow.Table:
    """An upload's rows: as many as said, in one table, and as its record says."""
    assert (record["rows"], record["outcome"]) == (rows, "committed"), record
    counts = until("the rows that the record promises", lambda: tables_of(node, reader, record["upload"]))
    assert counts == {record["tables"]: rows}
    return reader.rows(node.tables()[record["tables"]], record["upload"])


def committed(node: Node, reader: Reader, name: str, rows: int) -> pyarrow.Table:
    """The rows of the one upload of that file name, once it has been worked off."""
    return rows_of(node, reader, record_of(node, reader, name), rows)


def refused_rows(node: Node, upload: str) -> list[dict]:
    """The rows of an upload that are in quarantine on the embedded lake: each with its line, its bytes and the reason."""
    entry = node.quarantine(upload)
    if entry is None:
        return []
    assert not entry["whole"]
    lines = (node.data / "lake" / entry["at"] / "rows.ndjson").read_text().splitlines()
    assert len(lines) == entry["rows_refused"]
    return [json.loads(line) for line in lines]
