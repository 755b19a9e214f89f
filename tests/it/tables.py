"""Rows as analysts read them: Iceberg tables through DuckDB and through pyiceberg."""

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
LINEAGE = ["device", "ts", "_upload", "_row", "_ingested_at"]


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
        source = f"(SELECT * FROM iceberg_scan('{table['metadata_location']}')) AS t"
        return self.duckdb.execute(sql.replace(" FROM t", f" FROM {source}"), list(parameters)).fetchall()

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


def tables_of(node: Node, reader: Reader, upload: str) -> dict[str, int]:
    """In which tables an upload has rows, and how many."""
    counts = {name: reader.query(table, "SELECT count(*) FROM t WHERE _upload = ?", (upload,))[0][0]
              for name, table in node.tables().items() if table["rows"]}
    return {name: count for name, count in counts.items() if count}


def landed(node: Node, name: str) -> str:
    """The id of the one upload of that file name, once its raw object is in the lake."""
    uploads = until(f"{name} in the lake", lambda: node.uploads_named(name))
    assert len(uploads) == 1, f"{name} was published {len(uploads)} times"
    return uploads[0]


def committed(node: Node, reader: Reader, upload: str, rows: int) -> pyarrow.Table:
    """An upload's rows, once there are as many as said; it must have them in one table."""
    def found():
        counts = tables_of(node, reader, upload)
        assert sum(counts.values()) <= rows, counts
        return counts if sum(counts.values()) == rows else None
    counts = until(f"{rows} rows of upload {upload}; quarantined: {node.quarantine(upload)[:3]}", found)
    [name] = counts
    return reader.rows(node.tables()[name], upload)
