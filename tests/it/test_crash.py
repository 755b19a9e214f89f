"""kill -9 of a loaded Inlet at random moments: every upload answered with 226 has its rows exactly once, and no row is there twice.

The whole size is `tests/run --rounds 20 it -- test_crash.py`; the seed that it prints makes the same moments again (INLET_CRASH_SEED).
"""

import dataclasses
import ftplib
import io
import os
import random
import threading

import pytest

import devices
from logger import table_of, toa5
from node import Account, Node, until

DEVICES = 4
ROWS = 20
# How long a loaded Inlet lives before it is killed, in seconds.
LIFE = (0.2, 4.0)


@dataclasses.dataclass
class File:
    """A file that a device means to upload, and whether it was told 226."""
    number: int
    safe: bool = False

    @property
    def name(self) -> str:
        return f"crash-{self.number:06}.dat"

    @property
    def records(self) -> range:
        return range(self.number * ROWS, (self.number + 1) * ROWS)


class Device(threading.Thread):
    """Uploads one file after the other until it is told to stop, and the one that broke off again, as devices do."""

    def __init__(self, node: Node, account: Account, number: int):
        super().__init__(daemon=True)
        self.node, self.account, self.number = node, account, number
        self.files: list[File] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.session()
            except (OSError, EOFError, ftplib.Error):
                # Inlet is down, or went down under the upload: try again, after a moment so as not to spin.
                self.ended.wait(0.05)

    def session(self) -> None:
        with devices.login(self.node, self.account) as ftp:
            ftp.set_pasv(self.number % 2 == 0)
            while not self.ended.is_set():
                if not self.files or self.files[-1].safe:
                    self.files.append(File(number=len(self.files) * DEVICES + self.number))
                file = self.files[-1]
                content = io.BytesIO(toa5(f"device-{self.number}", file.records, table="Crash"))
                file.safe = ftp.storbinary(f"STOR {file.name}", content).startswith("226")


def lives(rounds: int) -> list[float]:
    seed = int(os.environ.get("INLET_CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"INLET_CRASH_SEED={seed}")
    moments = random.Random(seed)
    return [moments.uniform(*LIFE) for _ in range(rounds)]


@pytest.mark.timeout(1800)
def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(start, reader, request):
    rounds = request.config.getoption("--rounds")
    # What a killed worker held comes back after this long, and not after the minutes that a real one may take.
    node = start(settings={"INLET_ETL__QUEUE__VISIBILITY": "5s"})
    accounts = [node.add_account(f"crash-{number}") for number in range(DEVICES)]
    fleet = [Device(node, account, number) for number, account in enumerate(accounts)]
    for device in fleet:
        device.start()
    for life in lives(rounds):
        before = sum(len(device.files) for device in fleet)
        until("uploads under way", lambda: sum(len(device.files) for device in fleet) > before + DEVICES)
        # Not a wait for a condition: the moment of the crash is what is drawn at random.
        threading.Event().wait(life)
        node.kill()
        node.start()
    for device in fleet:
        device.ended.set()
    for device in fleet:
        device.join(60)
        assert not device.is_alive()

    files = [file for device in fleet for file in device.files]
    safe = {record for file in files if file.safe for record in file.records}
    print(f"{rounds} rounds, {len(files)} files, {len(safe)} rows acknowledged")
    assert len(safe) > rounds * DEVICES * ROWS

    def found() -> dict[int, int]:
        table = node.tables().get(table_of("Crash"))
        rows = reader.query(table, "SELECT record, count(*) FROM t GROUP BY record") if table else []
        return {int(record): count for record, count in rows}

    counts = until("the rows of every upload answered with 226", lambda: safe <= (counts := found()).keys() and counts, 120)
    until("an empty outbox", lambda: not node.outbox())
    # Stopped in good order: no batch is open any more, so that what comes twice would be there by now.
    node.stop()
    counts = found()
    assert {record: count for record, count in counts.items() if count != 1} == {}
    assert counts.keys() <= {record for file in files for record in file.records}
    whole = {file.number for file in files if set(file.records) <= counts.keys()}
    assert {record // ROWS for record in counts} == whole, "an upload is in the table whole or not at all"
