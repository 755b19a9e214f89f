"""What becomes of each file of real devices in `inlet up` with the formats that come with it, in a few words each: for docs/formats.md."""

import io
import json
import pathlib

import devices
from node import Node, until
from tables import UPLOADS, Reader

REASON_MAX = 160
# Nothing is configured but what Inlet comes with.
SETTINGS = {"INLET_ETL__FORMATS": "[]"}


def files_of(samples: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in samples.glob("*/*") if path.is_file())


def outcomes_of(node: Node, reader: Reader, files: list[pathlib.Path]) -> dict[pathlib.Path, str]:
    """Uploads each file as it is; the folder's name is the account's. The damaged ones come last: they are made from others, and two of them
    have another unit in a column of theirs, which whoever comes second is refused for."""
    for folder in sorted({path.parent for path in files}, key=lambda folder: (folder.name == "nasty", folder)):
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
        # In the order in which they were committed, which is any.
        tables = ",".join(sorted((record["tables"] or "").split(",")))
        loaded = f"{record['rows']} rows in {tables}{refused}"
        outcomes[path] = loaded if record["rows"] else f"quarantine: {why}" if why else record["outcome"]
    return outcomes


def reason(entry: dict | None) -> str:
    return "" if entry is None else str(entry.get("reason") or next(iter(entry.get("reasons") or []), ""))


def short(text: str, most: int = REASON_MAX) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace("`", "")
    return line if len(line) <= most else f"{line[:most]}…"
