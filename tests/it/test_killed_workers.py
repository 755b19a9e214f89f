"""Two `inlet etl` processes on SQS, S3 and a shared catalog, killed with -9 at random: 0 rows lost, 0 there twice.

Uploads, some of them sent twice by the device and some told of twice by the queue, and files that are sent whole again and again. The
full size, 10,000 uploads, is INLET_TEST_SCALE=10; the seed that is printed makes the same uploads and kills again (INLET_KILL_SEED).
"""

import dataclasses
import hashlib
import json
import os
import random
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from aws import Backends, unique
from logger import table_of, toa5
from node import Node, until
from tables import UPLOADS
from test_catalogs import rest, sql

SCALE = int(os.environ.get("INLET_TEST_SCALE", "1"))
COUNT, KILLS = (300, 6) if SCALE == 1 else (1000 * SCALE, 10 * SCALE)
ROWS = 4
# The receive of the SQS server slows down with what waits.
BACKLOG = 400
# How long a worker lives before it is killed, in seconds.
LIFE = (0.5, 4.0)


@dataclasses.dataclass
class Upload:
    """What a device sent, as the watcher puts it into the lake."""
    number: int
    path: str
    content: bytes
    device: str = "station-7"

    @property
    def id(self) -> str:
        return f"01KB{self.number:022}"

    @property
    def key(self) -> str:
        return f"raw/dt=2026-01-02/device={self.device}/{self.id}/{self.path.rpartition('/')[2]}"

    @property
    def facts(self) -> dict[str, str]:
        landed = f"2026-01-02T{self.number // 3600:02}:{self.number // 60 % 60:02}:{self.number % 60:02}Z"
        facts = {"upload": self.id, "device": self.device, "path": urllib.parse.quote(self.path), "verb": "STOR", "landed-at": landed,
                 "sha256": hashlib.sha256(self.content).hexdigest()}
        return {f"inlet-{name}": value for name, value in facts.items()}


@dataclasses.dataclass
class Fleet:
    """All uploads, and what must have come of them."""
    uploads: list[Upload] = dataclasses.field(default_factory=list)
    records: set[int] = dataclasses.field(default_factory=set)
    powers: dict[str, float] = dataclasses.field(default_factory=dict)

    def send(self, path: str, content: bytes) -> None:
        self.uploads.append(Upload(len(self.uploads), path, content))

    @classmethod
    def of(cls, lot: random.Random) -> "Fleet":
        fleet, day = cls(), []
        while len(fleet.uploads) < COUNT:
            number = len(fleet.uploads)
            match lot.randrange(10):
                case 0:
                    # The whole day so far, with a new row, and now and then a changed one.
                    day.append(float(number))
                    if lot.random() < 0.5:
                        day[lot.randrange(len(day))] += 0.5
                    rows = [f"2026-01-02 {at // 60:02}:{at % 60:02}:00;{power}\n" for at, power in enumerate(day)]
                    fleet.powers.update(row.strip().split(";") for row in rows)
                    fleet.send("/pushed/day.csv", ("Time;Power\n" + "".join(rows)).encode())
                case 1 if number:
                    # Sent again after a lost reply.
                    again = lot.choice(fleet.uploads)
                    if not again.path.startswith("/pushed"):
                        fleet.send(again.path, again.content)
                case _:
                    records = range(number * ROWS, (number + 1) * ROWS)
                    fleet.records.update(records)
                    fleet.send(f"/{number}.dat", toa5(f"station-{number % 7}", records, table=f"Killed{number % 2}"))
        return fleet


@pytest.fixture(params=[sql, rest], ids=["postgresql", "rest"])
def shared(request, tmp_path, servers):
    """Both workers, and what they share."""
    name = unique("killed")
    catalog = request.param(servers, name)
    backends = Backends(servers, name, catalog.endpoint)
    config = backends.config(tmp_path / "inlet.toml", catalog.lines)
    settings = {**servers, "INLET_ETL__NAMESPACE": name.replace("-", "_"), "INLET_ETL__QUEUE__VISIBILITY": "5s",
                "INLET_LOG__FILTER": "warn"}
    workers = [Node(tmp_path / data, command=("etl",), config=config, settings=settings) for data in ("one", "two")]
    yield workers, backends
    for worker in workers:
        worker.stop()


@pytest.mark.timeout(3600)
def test_killed_workers_lose_nothing_and_double_nothing(shared):
    workers, backends = shared
    reader = backends.reader()
    seed = int(os.environ.get("INLET_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"INLET_KILL_SEED={seed}")
    lot = random.Random(seed)
    fleet = Fleet.of(lot)

    # Delivered out of order, every tenth twice.
    events = [upload for upload in fleet.uploads for _ in range(2 if upload.number % 10 == 0 else 1)]
    events = [upload for _, upload in sorted(zip((lot.gauss(at, 20) for at in range(len(events))), events), key=lambda pair: pair[0])]

    def put(upload: Upload) -> None:
        backends.s3.put_object(Bucket=backends.lake, Key=upload.key, Body=upload.content, Metadata=upload.facts)

    def send() -> None:
        with ThreadPoolExecutor(8) as pool:
            for first in range(0, len(events), 100):
                some = events[first:first + 100]
                list(pool.map(put, {upload.id: upload for upload in some}.values()))
                until("room in the queue", lambda: backends.messages() < BACKLOG, 900)
                for at in range(0, len(some), 10):
                    bodies = [backends.event(upload.key, size=len(upload.content)) for upload in some[at:at + 10]]
                    entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)]
                    assert not backends.sqs.send_message_batch(QueueUrl=backends.queue, Entries=entries).get("Failed")

    for worker in workers:
        worker.start()
    sent = ThreadPoolExecutor(1).submit(send)
    for _ in range(KILLS):
        # Not a wait for a condition: the moment of the kill is what is drawn at random.
        threading.Event().wait(lot.uniform(*LIFE))
        killed = lot.choice(workers)
        killed.kill()
        killed.start()
    sent.result()
    until("a queue that was worked off", lambda: backends.messages() == 0, 1800)

    # Stopped in good order: no batch is open any more, so that what comes twice would be there by now.
    for worker in workers:
        worker.stop()
    tables = workers[0].tables()
    counts = {}
    for table in {table_of("Killed0"), table_of("Killed1")}:
        counts |= dict(reader.query(tables[table], "SELECT record, count(*) FROM t GROUP BY record"))
    assert {record: count for record, count in counts.items() if count != 1} == {}, "rows that are there twice"
    assert fleet.records - counts.keys() == set(), "rows that are lost"
    assert counts.keys() <= fleet.records
    newest = "SELECT strftime(ts, '%Y-%m-%d %H:%M:%S'), arg_max(power, _revision), count(*), max(_revision) + 1 FROM t GROUP BY ts"
    powers = reader.query(tables["pushed"], newest)
    assert {time: power for time, power, *_ in powers} == {time: float(power) for time, power in fleet.powers.items()}
    assert [row for row in powers if row[2] != row[3]] == [], "revisions are counted"
    found = reader.query(tables[UPLOADS], "SELECT count(*), count(DISTINCT upload) FROM t")
    assert found == [(len(fleet.uploads), len(fleet.uploads))], "one record for each upload"
    print(f"{len(fleet.uploads)} uploads, {len(events)} events, {KILLS} kills, {len(counts)} rows and {len(powers)} pushed ones")
