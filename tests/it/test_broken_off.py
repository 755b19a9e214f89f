"""Uploads that break off: 426 where somebody is left to hear it, and nothing of them stays."""

import socket

import pytest

from control import Control, reset
from logger import table_of, toa5
from node import until
from tables import committed, records

# Cut in the middle: what comes after a break is never sent.
HALF = toa5("cut", range(2000))[:30_000]


def spool(node) -> list:
    return [path for path in (node.data / "spool").rglob("*") if path.is_file()]


def nothing_stays(node, account, reader, name: str) -> None:
    """No file under way, none in the home, no outbox entry, no raw object; and no row, once a later upload has its own."""
    until("an empty spool", lambda: not spool(node))
    assert not (node.home(account) / name).exists()
    after = f"after-{name}"
    with Control(node) as device:
        assert device.login(account).store(after, toa5(after, range(4)))[0] == 226
    committed(node, reader, after, 4)
    assert records(node, reader, name) == []
    [(rows,)] = reader.query(node.tables()[table_of("Second")], "SELECT count(*) FROM t WHERE device = 'cut'")
    assert rows == 0


def test_a_reset_in_the_middle_gives_426_and_leaves_nothing(node, account, reader):
    with Control(node) as device:
        data = device.login(account).begin("STOR reset.dat")
        data.sendall(HALF)
        reset(data)
        assert device.reply()[0] == 426
        assert device.ask("NOOP")[0] == 200
    nothing_stays(node, account, reader, "reset.dat")


def test_a_reset_in_active_mode_gives_426_and_leaves_nothing(node, account, reader):
    with socket.create_server(("127.0.0.1", 0)) as own, Control(node) as device:
        device.login(account)
        assert device.port(*own.getsockname())[0] == 200
        device.send("STOR reset-active.dat")
        data, _ = own.accept()
        assert device.reply()[0] in (125, 150)
        data.sendall(HALF)
        reset(data)
        assert device.reply()[0] == 426
    nothing_stays(node, account, reader, "reset-active.dat")


@pytest.mark.parametrize("hang_up", ["end of file", "reset"])
def test_a_control_connection_lost_first_aborts_the_upload(node, account, reader, hang_up):
    name = f"hang-up-{hang_up.replace(' ', '-')}.dat"
    device = Control(node).login(account)
    data = device.begin(f"STOR {name}")
    data.sendall(HALF)
    if hang_up == "reset":
        device.lines.close()
        reset(device.socket)
    else:
        device.__exit__()
    # The end of file that follows is orderly by itself: only the lost session says that the upload is not whole.
    until("the upload under way to be given up", lambda: not spool(node))
    data.close()
    nothing_stays(node, account, reader, name)


def test_abor_ends_the_upload_and_leaves_nothing(node, account, reader):
    with Control(node) as device:
        data = device.login(account).begin("STOR abor.dat")
        data.sendall(HALF)
        device.send("ABOR")
        assert [device.reply()[0] for _ in range(2)] == [426, 226]
        data.close()
        assert device.ask("NOOP")[0] == 200
    nothing_stays(node, account, reader, "abor.dat")


def test_a_broken_overwrite_keeps_the_old_file(node, account, reader):
    old = toa5("overwritten", range(3))
    with Control(node) as device:
        device.login(account)
        assert device.store("kept.dat", old)[0] == 226
        data = device.begin("STOR kept.dat")
        data.sendall(HALF)
        # While the new file is under way, the old one is still there, whole.
        with Control(node) as reading:
            assert reading.login(account).read("RETR kept.dat") == old
        reset(data)
        assert device.reply()[0] == 426
        assert device.ask("SIZE kept.dat") == (213, str(len(old)))
        assert device.read("RETR kept.dat") == old
    assert len(committed(node, reader, "kept.dat", 3)) == 3


def test_a_broken_append_takes_nothing_away_and_adds_nothing(node, account, reader):
    old = toa5("appended", range(3))
    with Control(node) as device:
        device.login(account)
        assert device.store("log.dat", old)[0] == 226
        data = device.begin("APPE log.dat")
        data.sendall(HALF)
        reset(data)
        assert device.reply()[0] == 426
        assert device.ask("SIZE log.dat") == (213, str(len(old)))
    assert len(committed(node, reader, "log.dat", 3)) == 3
