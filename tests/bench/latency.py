"""How long from the 226 of an upload until DuckDB sees its row, with `max_age = 1s`."""

import ftplib
import io
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "it"))
from node import Node  # noqa: E402
from tables import Reader  # noqa: E402

UPLOADS_A_SECOND = 20
GIVE_UP_SECONDS = 60


def measure(scratch: pathlib.Path, uploads: int) -> list[str]:
    """Uploads files of one row one after the other, and looks for their rows in every snapshot as it appears."""
    settings = {"INLET_ETL__BATCH__MAX_AGE": "1s", "INLET_LOG__FILTER": "warn"}
    node = Node(scratch / "data", settings=settings).start()
    acknowledged: dict[int, float] = {}
    seen: dict[int, float] = {}
    try:
        watcher = threading.Thread(target=watch, args=(scratch / "data", acknowledged, seen, uploads))
        watcher.start()
        account = node.demo()
        with ftplib.FTP() as ftp:
            ftp.connect(node.host, node.port)
            ftp.login(account.name, account.password)
            started = time.monotonic()
            for number in range(uploads):
                time.sleep(max(0.0, started + number / UPLOADS_A_SECOND - time.monotonic()))
                text = f"timestamp,number\n2026-01-01T00:00:00Z,{number}\n"
                ftp.storbinary(f"STOR {number}.csv", io.BytesIO(text.encode()))
                acknowledged[number] = time.monotonic()
        watcher.join()
    finally:
        node.stop()
    if missing := uploads - len(seen):
        raise SystemExit(f"{missing} of {uploads} uploads were not seen within {GIVE_UP_SECONDS} s")
    waits = sorted(seen[number] - acknowledged[number] for number in seen)
    p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    return [f"## From 226 to a row that DuckDB sees", "",
            f"{uploads:,} uploads, {UPLOADS_A_SECOND} a second, `max_age = 1s`: p50 {p50:.2f} s, **p99 {p99:.2f} s** (aim 2), longest "
            f"{waits[-1]:.2f} s. A snapshot counts as seen when `iceberg_scan` has given its rows.", ""]


def watch(data: pathlib.Path, acknowledged: dict[int, float], seen: dict[int, float], uploads: int) -> None:
    reader, last = Reader(), None
    quiet_since = time.monotonic()
    while len(seen) < uploads and time.monotonic() - quiet_since < GIVE_UP_SECONDS:
        written = (data / "warehouse").glob("*/csv_demo/metadata/*.metadata.json")
        newest = max(written, key=lambda file: file.name, default=None)
        if newest is None or newest == last:
            time.sleep(0.01)
            continue
        rows = reader.query({"metadata_location": str(newest)}, "SELECT number FROM t")
        now = time.monotonic()
        for (number,) in rows:
            seen.setdefault(int(number), now)
        last, quiet_since = newest, now
