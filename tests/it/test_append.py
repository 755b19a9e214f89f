"""Files that come in pieces: STOR and APPE by real clients, cut where it suits nobody; each row is there once, and none is short."""

import io
import random

import pytest

import devices
from logger import table_of, toa5
from node import Node, until
from tables import records

ROWS = 40


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Last lines wait, those of stored files too, but not for long."""
    settings = {"INLET_INGEST__APPEND__WAIT_STORED": "4s", "INLET_INGEST__APPEND__WAIT": "1h"}
    node = Node(tmp_path_factory.mktemp("inlet") / "data", settings=settings).start()
    yield node
    node.stop()


def loaded(node, reader, device: str) -> list[int]:
    """The records of a device that are in its table, with their repetitions."""
    table = node.tables().get(table_of("Second"))
    rows = reader.query(table, "SELECT record FROM t WHERE device = ? ORDER BY record", (device,)) if table and table["rows"] else []
    return [record for record, in rows]


def wait_for(node, reader, device: str, rows: list[int]) -> None:
    until(f"rows {rows} of {device}", lambda: loaded(node, reader, device) == rows)


def cut(content: bytes, pieces: int, seed: int) -> list[bytes]:
    cuts = [0, *sorted(random.Random(seed).sample(range(1, len(content)), pieces - 1)), len(content)]
    return [content[start:end] for start, end in zip(cuts, cuts[1:])]


@pytest.mark.parametrize("seed", range(3))
def test_a_file_cut_anywhere_by_ftplib(node, account, reader, seed):
    device = f"cut-{seed}"
    with devices.login(node, account) as ftp:
        for number, piece in enumerate(cut(toa5(device, range(ROWS)), 7, seed)):
            ftp.set_pasv(number % 2 == 0)
            assert ftp.storbinary(f"{'STOR' if number == 0 else 'APPE'} {device}.dat", io.BytesIO(piece)).startswith("226")
    wait_for(node, reader, device, list(range(ROWS)))


def test_a_file_cut_anywhere_by_curl(node, account, reader, tmp_path):
    address = f"ftp://{account.name}:{account.password}@127.0.0.1:{node.port}/curl.dat"
    for number, piece in enumerate(cut(toa5("curl", range(ROWS)), 5, 5)):
        file = tmp_path / f"piece-{number}"
        file.write_bytes(piece)
        devices.run("curl", "-sS", "--append", "-T", file, *(["-P", "-"] if number % 2 else []), address)
    wait_for(node, reader, "curl", list(range(ROWS)))


def test_a_file_that_begins_by_appe_where_stored_files_are_whole(start, reader):
    """As by default: what comes by STOR does not wait, and what comes by APPE does from the first piece on."""
    node = start()
    account = node.add_account("station-7")
    with devices.login(node, account) as ftp:
        for piece in cut(toa5("appended", range(ROWS)), 7, 3):
            assert ftp.storbinary("APPE appended.dat", io.BytesIO(piece)).startswith("226")
        # The first piece ends within a row.
        content = toa5("two", range(ROWS))
        for piece in (content[:-9], content[-9:]):
            ftp.storbinary("APPE two.dat", io.BytesIO(piece))
    for device in ("appended", "two"):
        wait_for(node, reader, device, list(range(ROWS)))


def test_a_file_that_lftp_goes_on_with(node, account, reader, tmp_path):
    """`put -c` sends REST and STOR from where the file on the server ends."""
    content = toa5("lftp", range(ROWS))
    file = tmp_path / "lftp.dat"
    for part in (content[:700], content[:1205], content):
        file.write_bytes(part)
        devices.run("lftp", "-u", f"{account.name},{account.password}", "-e", f"put -c {file}; quit", f"ftp://127.0.0.1:{node.port}")
    wait_for(node, reader, "lftp", list(range(ROWS)))


def test_a_last_row_without_its_end_waits_for_the_next_segment(node, account, reader):
    content = toa5("waits", range(6))
    *_, last = content.removesuffix(b"\r\n").split(b"\n")
    middle = len(content) - len(last) // 2
    with devices.login(node, account) as ftp:
        ftp.storbinary("STOR waits.dat", io.BytesIO(content[: len(content) // 2]))
        ftp.storbinary("APPE waits.dat", io.BytesIO(content[len(content) // 2 : middle]))
        wait_for(node, reader, "waits", list(range(5)))
        ftp.rename("waits.dat", "renamed.dat")
        ftp.storbinary("APPE renamed.dat", io.BytesIO(content[middle:]))
    wait_for(node, reader, "waits", list(range(6)))
    assert not any(entry["rows_refused"] for entry in records(node, reader, "waits.dat") + records(node, reader, "renamed.dat"))


def test_a_stored_file_without_a_last_line_end_is_loaded_when_it_is_closed(node, account, reader):
    content = toa5("closed", range(3)).rstrip()
    with devices.login(node, account) as ftp:
        ftp.storbinary("STOR closed.dat", io.BytesIO(content))
        wait_for(node, reader, "closed", [0, 1])
        wait_for(node, reader, "closed", [0, 1, 2])
        ftp.storbinary("APPE closed.dat", io.BytesIO(b"9\r\n" + toa5("closed", range(3, 5)).split(b"\n", 4)[-1]))
    wait_for(node, reader, "closed", [0, 1, 2, 3, 4])
    # The record of an upload comes after its rows.
    until("three records", lambda: len(records(node, reader, "closed.dat")) == 3)
    recorded = records(node, reader, "closed.dat")
    assert [entry["verb"] for entry in recorded] == ["STOR", "CLOSE", "APPE"]
    assert recorded[2]["rows_refused"] == 1 and "continues a line" in recorded[2]["reason"]


def test_a_header_that_is_repeated_in_the_middle(node, account, reader):
    whole = b"".join(toa5("repeats", range(start, start + 5)) for start in range(0, 20, 5))
    with devices.login(node, account) as ftp:
        for number, piece in enumerate(cut(whole, 6, 1)):
            ftp.storbinary(f"{'STOR' if number == 0 else 'APPE'} repeats.dat", io.BytesIO(piece))
    wait_for(node, reader, "repeats", list(range(20)))
