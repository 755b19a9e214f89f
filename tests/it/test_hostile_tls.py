"""Slow clients within TLS: handshakes and records that come a byte at a time, on control and data connections."""

import contextlib
import io
import os
import socket
import ssl
import time

import pytest

import secure
from node import Account, Node, until
from secure import Authority, Client

SECONDS = 60
LIMIT = 3
# From a limit to what is done about it on a busy machine.
GRACE = 20
SLOW = 30
CONTENT = os.urandom(200_000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates")).begin()


@pytest.fixture(scope="module")
def node(tmp_path_factory, authority):
    settings = secure.settings(authority.pair("server"), handshake=f"{LIMIT}s")
    settings |= {f"INLET_INGEST__LIMITS__{name}": f"{LIMIT}s" for name in ["LOGIN", "IDLE", "STALL"]}
    node = Node(tmp_path_factory.mktemp("hostile") / "data", command=("ingest",), settings=settings).start()
    yield node
    node.stop()


class Records:
    """A TLS connection whose records can be had before they are sent."""

    def __init__(self, connection: socket.socket, authority: Authority):
        self.socket = connection
        self.received, self.made = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = secure.context(authority.own.certificate).wrap_bio(self.received, self.made, server_hostname="127.0.0.1")

    def hello(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.made.read()

    def start(self) -> "Records":
        self._until_done(self.tls.do_handshake)
        self.socket.sendall(self.made.read())
        return self

    def record(self, text: bytes) -> bytes:
        self.tls.write(text)
        return self.made.read()

    def ask(self, line: str) -> bytes:
        self.socket.sendall(self.record(line.encode() + b"\r\n"))
        return self.reply()

    def reply(self) -> bytes:
        return self._until_done(lambda: self.tls.read(4096))

    def _until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.socket.sendall(self.made.read())
                if part := self.socket.recv(4096):
                    self.received.write(part)
                else:
                    self.received.write_eof()


def connect(node: Node, way: str) -> socket.socket:
    """A control connection on which TLS starts next."""
    port = secure.implicit_port(node) if way == "implicit" else node.port
    connection = socket.create_connection((node.host, port), timeout=SECONDS)
    if way == "explicit":
        assert connection.recv(4096).startswith(b"220")
        connection.sendall(b"AUTH TLS\r\n")
        assert connection.recv(4096).startswith(b"234")
    return connection


def dribble(slow: list[tuple[socket.socket, bytes]], began: float) -> None:
    """Sends each its bytes one by one, again and again so that they never end, until the server has closed all."""
    at = 0
    while slow:
        assert time.monotonic() < began + LIMIT + GRACE, f"{len(slow)} are still there"
        for connection, data in slow[:]:
            try:
                connection.settimeout(SECONDS)
                connection.sendall(data[at % len(data):][:1])
                connection.settimeout(0)
                while connection.recv(4096):
                    pass
                slow.remove((connection, data))
            except BlockingIOError:
                pass
            except ConnectionError:
                slow.remove((connection, data))
        at += 1
        time.sleep(0.05)


def others_upload(node: Node, account: Account, authority: Authority, name: str) -> None:
    with Client(secure.context(authority.own.certificate)).login_to(node, account) as ftp:
        assert ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT)).startswith("226")
    assert (node.home(account) / name).read_bytes() == CONTENT


@pytest.mark.parametrize("way", ["explicit", "implicit"])
def test_a_handshake_that_comes_a_byte_at_a_time_does_not_keep_a_session(node, account, authority, way):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(node, way)) for _ in range(SLOW)]
        began = time.monotonic()
        others_upload(node, account, authority, f"beside-{way}.dat")
        # As much of a greeting as a client could have to say, and never its end.
        dribble([(connection, Records(connection, authority).hello()[:-1]) for connection in slow], began)
        assert time.monotonic() - began > LIMIT / 2
    until("their sessions to be over", lambda: node.metric("inlet_sessions") == 0)


@pytest.mark.parametrize("logged_in", [False, True], ids=["before the login", "after it"])
def test_a_record_that_comes_a_byte_at_a_time_does_not_keep_a_session(node, account, authority, logged_in):
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(SLOW):
            device = Records(stack.enter_context(connect(node, "explicit")), authority).start()
            if logged_in:
                assert device.ask(f"USER {account.name}").startswith(b"331")
                assert device.ask(f"PASS {account.password}").startswith(b"230")
            # Longer than it can be sent in this time.
            slow.append((device.socket, device.record(b"NOOP" + b" " * 4000)))
        others_upload(node, account, authority, f"beside-{logged_in}.dat")
        dribble(slow, time.monotonic())
    until("their sessions to be over", lambda: node.metric("inlet_sessions") == 0)


@pytest.mark.parametrize("part", ["handshake", "data"])
def test_a_data_connection_that_comes_a_byte_at_a_time_is_given_up(node, account, authority, part):
    with Client(secure.context(authority.own.certificate)).login_to(node, account) as ftp:
        with socket.create_connection(ftp.makepasv(), timeout=SECONDS) as connection:
            assert ftp.sendcmd(f"STOR slow-{part}.dat").startswith("150")
            data = Records(connection, authority)
            record = data.hello()[:-1] if part == "handshake" else data.start().record(bytes(16_000))
            dribble([(connection, record)], time.monotonic())
        code = "425" if part == "handshake" else "426"
        assert ftp.getmultiline().startswith(code)
        assert ftp.storbinary("STOR next.dat", io.BytesIO(CONTENT)).startswith("226"), "the session goes on"
    until("an empty spool", lambda: not list((node.data / "spool").iterdir()))
    assert not (node.home(account) / f"slow-{part}.dat").exists()
