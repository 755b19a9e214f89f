"""What becomes of a file that has landed: published once, as often as a device writes it, and under its final name only."""

import re

from control import Control
from logger import table_of, toa5
from node import until
from tables import committed, landed


def published(node, name: str, count: int) -> list[str]:
    """The uploads of that name, once there are as many as said, and no more of them after a later upload has its rows."""
    return until(f"{count} uploads of {name}", lambda: len(found := node.uploads_named(name)) == count and found)


def test_226_means_that_the_upload_is_in_the_outbox_or_further(node, account, reader):
    with Control(node) as device:
        assert device.login(account).store("safe.dat", toa5("safe", range(5)))[0] == 226
    assert node.outbox() or node.uploads_named("safe.dat")
    table = committed(node, reader, landed(node, "safe.dat"), 5)
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
    first, second = published(node, "again.dat", 2)
    assert committed(node, reader, first, 3)["record"].to_pylist() == [0, 1, 2]
    assert committed(node, reader, second, 5)["record"].to_pylist() == [3, 4, 5, 6, 7]


def test_the_same_file_sent_again_after_a_lost_reply_is_a_duplicate(node, account, reader):
    content = toa5("retry", range(6))
    with Control(node) as device:
        device.login(account)
        for _ in range(3):
            assert device.store("retry.dat", content)[0] == 226
        assert device.store("after-retry.dat", toa5("after-retry", range(2)))[0] == 226
    published(node, "retry.dat", 3)
    committed(node, reader, landed(node, "after-retry.dat"), 2)
    until("an empty outbox", lambda: not node.outbox())
    rows = "SELECT count(*), count(DISTINCT record) FROM t WHERE device = 'retry'"
    assert until("rows", lambda: reader.query(node.tables()[table_of("Second")], rows)) == [(6, 6)]


def test_appended_runs_of_bytes_are_uploads_of_their_own(node, account, reader):
    parts = [toa5("appender", range(start, start + 4)) for start in (0, 4, 8)]
    with Control(node) as device:
        device.login(account)
        for part in parts:
            assert device.store("appended.dat", part, verb="APPE")[0] == 226
        assert device.ask("SIZE appended.dat") == (213, str(sum(map(len, parts))))
        assert device.read("RETR appended.dat") == b"".join(parts)
    uploads = published(node, "appended.dat", 3)
    records = [committed(node, reader, upload, 4)["record"].to_pylist() for upload in uploads]
    assert sorted(sum(records, [])) == list(range(12))
    assert [node.facts(upload)["inlet-offset"] for upload in uploads] == ["0", str(len(parts[0])), str(len(parts[0] + parts[1]))]
    assert {node.facts(upload)["inlet-verb"] for upload in uploads} == {"APPE"}


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
    stations = {committed(node, reader, landed(node, re.split("/", name)[-1]), 3)["device"][0].as_py() for name in names}
    assert stations == {"stou-one", "stou-two"}


def test_a_temporary_name_is_published_once_when_it_is_renamed(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.store("renamed.dat.tmp", toa5("renamed", range(4)))[0] == 226
        assert device.ask("SIZE renamed.dat.tmp")[0] == 213
        # A later upload is through: the temporary one would be too, had it been published.
        assert device.store("between.dat", toa5("between", range(2)))[0] == 226
        committed(node, reader, landed(node, "between.dat"), 2)
        assert node.uploads_named("renamed.dat.tmp") == []
        assert device.ask("RNFR renamed.dat.tmp")[0] == 350
        assert device.ask("RNTO renamed.dat")[0] == 250
        assert device.ask("SIZE renamed.dat")[0] == 213
        assert device.ask("SIZE renamed.dat.tmp")[0] == 550
    upload = landed(node, "renamed.dat")
    committed(node, reader, upload, 4)
    assert node.facts(upload)["inlet-verb"] == "RNTO"


def test_a_published_file_that_is_renamed_is_not_published_again(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.store("first-name.dat", toa5("first-name", range(4)))[0] == 226
        committed(node, reader, landed(node, "first-name.dat"), 4)
        assert device.ask("RNFR first-name.dat")[0] == 350
        assert device.ask("RNTO second-name.dat")[0] == 250
        assert device.store("after-name.dat", toa5("after-name", range(2)))[0] == 226
    committed(node, reader, landed(node, "after-name.dat"), 2)
    assert node.uploads_named("second-name.dat") == []


def test_a_path_is_kept_as_the_device_wrote_it(node, account, reader):
    with Control(node) as device:
        device.login(account)
        assert device.ask("MKD Gebäude Süd")[0] == 257
        assert device.store("Gebäude Süd/Zähler 1+2.dat", toa5("umlaut", range(3)))[0] == 226
    upload = landed(node, "Zähler 1+2.dat")
    assert len(committed(node, reader, upload, 3)) == 3
    assert node.facts(upload)["inlet-path"] == "/Geb%C3%A4ude%20S%C3%BCd/Z%C3%A4hler%201%2B2.dat"
