"""A data directory whose lake and queue hold files, as if devices had uploaded them, and Inlet run over it."""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LANDED_AT = "2026-11-21T21:08:01.375000Z"
LANDED_MILLISECONDS = 1_795_295_281_375


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a process took."""

    cpu_seconds: float
    wall_seconds: float
    rss_bytes: int


# A process counts what its parent held when it was made as its own: this one between, which holds next to nothing, is the parent.
MEASURE = """
import json, os, sys
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
with open(sys.argv[1], "w") as out:
    json.dump([usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024], out)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""


def cost_of(command: list[str], environment: dict[str, str] | None = None, log: pathlib.Path | None = None) -> tuple[Cost, str]:
    """Runs a command in a process of its own. Returns what it took, its children's share included, and what it printed."""
    with open(log or os.devnull, "wb") as errors, tempfile.NamedTemporaryFile("r") as usage:
        measured = [sys.executable, "-S", "-c", MEASURE, usage.name, *command]
        started = time.monotonic()
        done = subprocess.run(measured, env=environment, stdout=subprocess.PIPE, stderr=errors, check=False)
        wall = time.monotonic() - started
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}; see {log}")
        cpu, rss = json.load(usage)
    return Cost(cpu, wall, rss), done.stdout.decode()


def ulid(number: int) -> str:
    """The name of the upload with this number: all landed in the same millisecond, one behind the other."""
    value, text = LANDED_MILLISECONDS << 80 | number, ""
    for _ in range(26):
        value, text = value >> 5, ALPHABET[value & 31] + text
    return text


@dataclasses.dataclass(frozen=True)
class Inlet:
    binary: pathlib.Path
    data: pathlib.Path
    settings: dict[str, str] = dataclasses.field(default_factory=dict)

    def run(self, *arguments: str) -> tuple[Cost, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INLET_")}
        log = self.data.with_suffix(".log")
        return cost_of([str(self.binary), "--data", str(self.data), *arguments], environment | self.settings, log)

    def upload(self, files: Iterable[tuple[str, pathlib.Path]]) -> int:
        """Puts files, each with its device, into the outbox as ingest does, and has the watcher carry them to lake and queue."""
        outbox = self.data / "outbox"
        outbox.mkdir(parents=True)
        count = 0
        for count, (device, file) in enumerate(files, start=1):
            # Copied, not read: what is in memory here once counts as the largest set of every process started later.
            upload = ulid(count)
            shutil.copyfile(file, outbox / f"{upload}.data")
            with open(file, "rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            entry = {
                "version": 1, "upload": upload, "session": ulid(0), "account": device, "device": device, "path": f"/{file.name}",
                "verb": "STOR", "mode": "active", "client": "192.0.2.7:40123", "offset": 0, "bytes": file.stat().st_size,
                "sha256": sha256, "zone": "UTC", "received_at": LANDED_AT, "landed_at": LANDED_AT,
            }
            (outbox / f"{upload}.json").write_text(json.dumps(entry))
        self.run("watch", "--until-empty")
        return count

    def data_files(self, table: str) -> list[pathlib.Path]:
        return sorted((self.data / "warehouse" / "inlet" / table / "data").rglob("*.parquet"))

    def remove(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
