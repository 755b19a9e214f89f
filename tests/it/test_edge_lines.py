"""Control lines that are wrong or endless: answered where they can be, and never paid for by another session."""

import socket

import pytest

from control import Control
from logger import toa5

# Far over the 4 KiB that a control line may have.
ENDLESS_BYTES = 10_000_000


@pytest.mark.parametrize("line", ["OPTS UTF8", "OPTS UTF8 ON", "REST abc", "PORT 1,2,3", "PORT 127,0,0,1,999,1", "EPRT |9|x|1|",
                                  "EPSV 9", "TYPE", "MODE Z", "SITE FROBNICATE", "XYZZY", "", "STOR", "RNTO x", "CLNT logger"])
def test_a_line_that_is_not_understood_leaves_the_session_alive(node, account, line):
    with Control(node) as device:
        device.login(account)
        code, text = device.ask(line)
        assert 200 <= code <= 599, text
        assert device.ask("NOOP")[0] == 200
        name = f"after-{''.join(filter(str.isalnum, line)) or 'nothing'}.dat"
        assert device.store(name, toa5(name, range(2)))[0] == 226


def test_stou_with_a_name_leaves_the_session_alive(node, account):
    with Control(node) as device:
        device.login(account)
        # RFC 959 gives STOU no argument; devices send one, and it is taken as a wish or refused.
        device.passive()
        code, text = device.ask("STOU name")
        assert code in (501, 504), text
        assert device.ask("NOOP")[0] == 200


def test_bytes_that_are_not_utf8_leave_the_session_alive(node, account):
    with Control(node) as device:
        device.login(account)
        device.socket.sendall(b"CWD M\xfcnchen\r\n")
        assert device.reply()[0] in (501, 550, 553)
        assert device.ask("NOOP")[0] == 200


def test_lines_that_come_in_pieces_and_in_bulk_are_read_as_lines(node, account):
    with Control(node) as device:
        device.login(account)
        device.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [b"NO", b"OP", b"\r", b"\nNOOP\r\nNOOP\n"]:
            device.socket.sendall(piece)
        assert [device.reply()[0] for _ in range(3)] == [200, 200, 200]


def test_an_endless_line_closes_that_session_alone(node, account):
    with Control(node) as other, Control(node) as endless:
        other.login(account)
        endless.login(account)
        try:
            endless.socket.sendall(b"X" * ENDLESS_BYTES)
        except ConnectionError:
            # The server hung up on the way, which is what is asked of it.
            pass
        assert endless.closed()
        assert other.store("beside-the-endless.dat", toa5("beside", range(2)))[0] == 226


def test_an_endless_line_before_login_closes_the_connection(node):
    with Control(node) as endless:
        try:
            endless.socket.sendall(b"X" * ENDLESS_BYTES)
        except ConnectionError:
            pass
        assert endless.closed()


def test_nothing_works_before_login(node):
    with Control(node) as stranger:
        for line in ["PASV", "STOR x.dat", "LIST", "PORT 127,0,0,1,200,1", "EPSV", "MKD x"]:
            assert stranger.ask(line)[0] == 530, line


def test_a_wrong_password_is_refused_and_the_right_one_taken_after_it(node, account):
    with Control(node) as device:
        assert device.ask(f"USER {account.name}")[0] == 331
        assert device.ask("PASS wrong")[0] == 530
        device.login(account)


def test_an_unknown_user_is_answered_like_a_wrong_password(node):
    with Control(node) as stranger:
        assert stranger.ask("USER nobody-of-that-name")[0] == 331
        assert stranger.ask("PASS wrong")[0] == 530
