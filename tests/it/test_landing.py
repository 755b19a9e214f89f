"""What becomes of a file that has landed: published once, as often as a device writes it, and under its final name only."""

import hashlib

from control import Control
from logger import table_of, toa5
from node import until
from tables import committed, record_of, records, rows_of


def worked_off(node, reader, name: str, count: int) -> list[dict]:
    """The records of the uploads of that name, once there are as many as said."""
    return until(f"{count} uploads of {name}", lambda: len(found := records(node, reader, name)) == count and found)


def test_an_upload_leaves_the_outbox_for_its_table(node, account, reader):
    with Control(node) as device:
        assert device.login(account).store("safe.dat", toa5("safe", range(5)))[0] == 226
    table = committed(node, reader, "safe.dat", 5)
    assert set(table["device"].to_pylist()) == {"safe"}
    # Four header lines come first; rows are counted as an editor counts lines.
    assert table["_row"].to_pylist() == [5, 6, 7, 8, 9]
    until("an outbox with nothing left in it", lambda: not node.outbox())


def test_a_file_written_again_with_new_rows_is_a_new_upload(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.store("again.dat", toa5("again", range(3)))[0] == 226
        assert device.store("again.dat", toa5("again", range(3, 8)))[0] == 226
        assert device.ask("SIZE again.dat") == (213, str(len(toa5("again", range(3, 8)))))
    first, second = worked_off(node, reader, "again.dat", 2)
    assert rows_of(node, reader, first, 3)["record"].to_pylist() == [0, 1, 2]
    assert rows_of(node, reader, second, 5)["record"].to_pylist() == [3, 4, 5, 6, 7]


def test_the_same_file_sent_again_after_a_lost_reply_is_a_duplicate(node, account, reader):
    content = toa5("retry", range(6))
    with Control(node) as device:
        device.login(account)
        for _ in range(3):
            assert device.store("retry.dat", content)[0] == 226
    uploads = worked_off(node, reader, "retry.dat", 3)
    assert sorted(upload["outcome"] for upload in uploads) == ["committed", "duplicate", "duplicate"]
    rows = "SELECT count(*), count(DISTINCT record) FROM t WHERE device = 'retry'"
    assert reader.query(node.tables()[table_of("Second")], rows) == [(6, 6)]


def test_a_long_file_that_ingest_does_not_hash_is_known_by_its_hash(node, account, reader):
    note = "x" * 1000
    rows = 33_000
    content = b"timestamp,value,note\n" + b"".join(f"2026-01-15T00:00:00Z,{number},{note}\n".encode() for number in range(rows))
    with Control(node) as device:
        device.login(account)
        for _ in range(2):
            assert device.store("long.csv", content)[0] == 226
    uploads = worked_off(node, reader, "long.csv", 2)
    assert {upload["sha256"] for upload in uploads} == {hashlib.sha256(content).hexdigest()}
    assert sorted((upload["outcome"], upload["rows"]) for upload in uploads) == [("committed", rows), ("duplicate", 0)]


def test_appended_runs_of_bytes_are_uploads_of_their_own(node, account, reader):
    parts = [toa5("appender", range(start, start + 4)) for start in (0, 4, 8)]
    with Control(node) as device:
        device.login(account)
        for part in parts:
            assert device.store("appended.dat", part, verb="APPE")[0] == 226
        assert device.ask("SIZE appended.dat") == (213, str(sum(map(len, parts))))
        assert device.read("RETR appended.dat") == b"".join(parts)
    uploads = worked_off(node, reader, "appended.dat", 3)
    assert [rows_of(node, reader, upload, 4)["record"].to_pylist() for upload in uploads] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [upload["offset"] for upload in uploads] == [0, len(parts[0]), len(parts[0] + parts[1])]
    assert {upload["verb"] for upload in uploads} == {"APPE"}


def test_stou_names_the_file_and_says_how(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.ask("MKD unique")[0] == 257
        assert device.ask("CWD unique")[0] == 250
        for station in ("stou-one", "stou-two"):
            code, text = device.store("", toa5(station, range(3)), verb="STOU")
            assert code == 226, text
        names = device.read("NLST").decode().split()
    assert len(set(names)) == 2
    stations = {committed(node, reader, name, 3)["device"][0].as_py() for name in names}
    assert stations == {"stou-one", "stou-two"}


def test_a_temporary_name_is_published_once_when_it_is_renamed(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.store("renamed.dat.tmp", toa5("renamed", range(4)))[0] == 226
        assert device.ask("SIZE renamed.dat.tmp")[0] == 213
        # A later upload has been worked off: the temporary one would be too, had it been published.
        assert device.store("between.dat", toa5("between", range(2)))[0] == 226
        committed(node, reader, "between.dat", 2)
        assert records(node, reader, "renamed.dat.tmp") == []
        assert device.ask("RNFR renamed.dat.tmp")[0] == 350
        assert device.ask("RNTO renamed.dat")[0] == 250
        assert device.ask("SIZE renamed.dat")[0] == 213
        assert device.ask("SIZE renamed.dat.tmp")[0] == 550
    record = record_of(node, reader, "renamed.dat")
    assert (record["verb"], record["outcome"]) == ("RNTO", "committed")
    rows_of(node, reader, record, 4)


def test_a_published_file_that_is_renamed_is_not_published_again(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.store("first-name.dat", toa5("first-name", range(4)))[0] == 226
        committed(node, reader, "first-name.dat", 4)
        assert device.ask("RNFR first-name.dat")[0] == 350
        assert device.ask("RNTO second-name.dat")[0] == 250
        assert device.store("after-name.dat", toa5("after-name", range(2)))[0] == 226
    committed(node, reader, "after-name.dat", 2)
    assert records(node, reader, "second-name.dat") == []


def test_a_path_is_kept_as_the_device_wrote_it(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.ask("MKD Gebäude Süd")[0] == 257
        assert device.store("Gebäude Süd/Zähler 1+2.dat", toa5("umlaut", range(3)))[0] == 226
    record = record_of(node, reader, "Zähler 1+2.dat")
    assert record["path"] == "/Gebäude Süd/Zähler 1+2.dat"
    rows_of(node, reader, record, 3)
