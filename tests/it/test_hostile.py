"""Clients that mean no good: slow ones, greedy ones, and ones that break off anywhere. Those that mean well notice nothing.

INLET_TEST_SCALE makes it larger: 10 is the full size, 1,000 sessions that break off.
"""

import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import random
import resource
import socket
import time

import pytest

import devices
from control import Control, last_reply, reset
from node import Account, Node, until

SCALE = int(os.environ.get("INLET_TEST_SCALE", "1"))
SECONDS = 60
LIMIT = 3
# From a limit to what is done about it on a busy machine.
GRACE = 20
CONTENT = os.urandom(200_000)


def others_upload(node: Node, account: Account, name: str) -> None:
    """A device that means well, in both modes."""
    for passive in [True, False]:
        with devices.login(node, account) as ftp:
            ftp.set_pasv(passive)
            assert ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT)).startswith("226")
    assert (node.home(account) / name).read_bytes() == CONTENT


def descriptors(node: Node) -> int:
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def cpu_seconds(node: Node) -> float:
    """What the process has used of the processors so far."""
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def raw(node: Node) -> socket.socket:
    return socket.create_connection((node.host, node.port), timeout=SECONDS)


def until_closed(connection: socket.socket) -> bytes:
    """All that is said before the end."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(4096):
            said += part
    return said


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    settings = {f"INLET_INGEST__LIMITS__{name}": f"{LIMIT}s" for name in ["LOGIN", "IDLE", "STALL"]}
    settings |= {"INLET_INGEST__PASSIVE__WAIT": f"{LIMIT}s"}
    node = Node(tmp_path_factory.mktemp("hostile") / "data", command=("ingest",), settings=settings).start()
    yield node
    node.stop()


@pytest.mark.parametrize("logged_in", [False, True], ids=["before the login", "after it"])
def test_a_line_that_comes_a_byte_at_a_time_does_not_keep_a_session(node, account, logged_in):
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(100):
            connection = stack.enter_context(Control(node))
            slow.append((connection.login(account) if logged_in else connection).socket)
        others_upload(node, account, f"beside-{logged_in}.dat")
        while time.monotonic() < began + LIMIT + GRACE and slow:
            for connection in slow[:]:
                try:
                    connection.sendall(b"N")
                    connection.settimeout(0)
                    if connection.recv(4096).startswith(b"421 "):
                        slow.remove(connection)
                except BlockingIOError:
                    connection.settimeout(SECONDS)
                except ConnectionError:
                    slow.remove(connection)
            time.sleep(0.2)
        assert not slow, f"{len(slow)} are still there"
    until("their sessions to be over", lambda: node.metric("inlet_sessions") == 0)


def test_data_connections_that_move_nothing_do_not_keep_a_session(node, account):
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        silent = []
        # Ten of one address at a time: it has sixteen passive ports.
        for number in range(10):
            device = stack.enter_context(Control(node)).login(account)
            stack.enter_context(device.begin(f"STOR silent-{number}.dat"))
            silent.append(device)
        unread = stack.enter_context(Control(node)).login(account)
        unread.store("long.dat", os.urandom(20_000_000))
        stack.enter_context(unread.begin("RETR long.dat"))
        others_upload(node, account, "beside-silence.dat")
        for device in [*silent, unread]:
            code, text = device.reply()
            assert code == 426 and f"{LIMIT}s" in text, text
        assert time.monotonic() - began < LIMIT + GRACE
    until("an empty spool", lambda: not list((node.data / "spool").iterdir()))


FILES = 400
# What Inlet gives to new sessions; the rest is kept for those that it has.
FOR_NEW = FILES * 3 // 4


@pytest.fixture
def narrow(start) -> Node:
    """A node that may hold few files."""
    settings = {"INLET_INGEST__PASSIVE__WAIT": f"{LIMIT}s", "INLET_INGEST__LIMITS__LOGIN": "10m"}
    return start(command=("ingest",), settings=settings, under=("prlimit", f"--nofile={FILES}:{FILES}"))


def old_ones_live(node: Node, device: Control, name: str) -> None:
    """A session that was there before still does all that it could do."""
    assert device.ask("NOOP")[0] == 200
    assert device.store(f"passive-{name}", CONTENT)[0] == 226
    with socket.create_server(("127.0.0.1", 0)) as own:
        own.settimeout(SECONDS)
        assert device.port(*own.getsockname())[0] == 200
        device.send(f"STOR active-{name}")
        data, _ = own.accept()
        with data:
            data.sendall(CONTENT)
    assert last_reply(device)[0] == 226


def nobody_spins(node: Node) -> None:
    """While nothing happens, next to no processor time is used."""
    before = cpu_seconds(node)
    time.sleep(2)
    assert cpu_seconds(node) - before < 0.5


@pytest.mark.parametrize("log_in", [False, True], ids=["silent", "logging in"])
def test_descriptors_that_run_out_are_kept_for_the_sessions_there_are(narrow, log_in):
    node = narrow
    account = node.add_account("station-7")
    with Control(node) as old:
        old.login(account)
        idle = descriptors(node)
        with contextlib.ExitStack() as stack:
            greedy, refused = [], 0
            for _ in range(FILES + 100):
                connection = stack.enter_context(raw(node))
                greeting = connection.recv(4096)
                if log_in and greeting.startswith(b"220"):
                    connection.sendall(f"USER {account.name}\r\nPASS {account.password}\r\n".encode())
                    greeting = connection.recv(4096)
                if greeting.startswith(b"421"):
                    refused += 1
                else:
                    greedy.append(connection)
            assert greedy and refused >= 100, (len(greedy), refused)
            assert descriptors(node) <= FOR_NEW + 20
            assert node.metric('inlet_sessions_refused_total{reason="descriptors"}') == refused
            old_ones_live(node, old, "meanwhile.dat")
            nobody_spins(node)
            old_ones_live(node, old, "and-again.dat")
        until("descriptors given back", lambda: descriptors(node) <= idle + 2)
        others_upload(node, account, "afterwards.dat")


def test_no_descriptor_at_all_is_survived(narrow):
    node = narrow
    account = node.add_account("station-7")
    with Control(node) as old:
        old.login(account)
        pid = node.process.pid
        # Now even what is kept is gone: connections wait at the door, and nobody runs to it again and again.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(node), FILES))
        with raw(node) as waiting:
            nobody_spins(node)
            assert old.ask("NOOP")[0] == 200
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
            assert waiting.recv(4096).startswith(b"220 ")
        old_ones_live(node, old, "afterwards.dat")


def test_without_descriptors_nobody_is_told_that_a_file_is_not_there(narrow):
    node = narrow
    with Control(node) as device:
        device.login(node.add_account("station-7"))
        assert device.ask("MKD data")[0] == 257
        assert device.store("data/there.dat", b"12345")[0] == 226
        # Its libunftp is there as long as it goes on asking, so that only the way to the file is missing.
        assert device.ask("SIZE data/there.dat") == (213, "5")
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (3, FILES))
        for command in ["SIZE data/there.dat", "MDTM data/there.dat"]:
            code, text = device.ask(command)
            assert code == 451 and "too many files open" in text, (code, text)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        assert device.ask("SIZE data/there.dat") == (213, "5")


class Break(Exception):
    """The session ends here."""


class Breaker:
    """A device that breaks off at a random point of its session, in a random way. What it has sent whole is known."""

    def __init__(self, node: Node, account: Account, number: int, seed: int):
        self.node, self.account, self.random = node, account, random.Random(seed * 1_000_003 + number)
        self.name = f"broken-{number}.dat"
        self.content = self.random.randbytes(self.random.choice([100, 20_000, 600_000]))
        self.source = f"127.20.{number % 4}.{number % 50 + 1}"
        self.whole = False
        self.acknowledged = False

    def run(self) -> "Breaker":
        with contextlib.suppress(Break, ConnectionError):
            self._session()
        return self

    def _session(self) -> None:
        control = Control(self.node, self.source)
        with contextlib.ExitStack() as stack:
            stack.callback(control.lines.close)
            stack.callback(control.socket.close)
            self._maybe(control)
            for line in [f"USER {self.account.name}", f"PASS {self.account.password}", "TYPE I"]:
                self._send(control, line)
                control.reply()
            active = self.random.random() < 0.5
            data = self._active(stack, control) if active else self._passive(stack, control)
            self._upload(control, data)
            control.ask("QUIT")

    def _maybe(self, control: Control, data: socket.socket | None = None) -> None:
        """Breaks off with some probability: the control connection first, so that no end of file can be taken for an orderly one."""
        if self.random.random() > 0.08:
            return
        if data is not None and self.random.random() < 0.3:
            reset(data)
        control.lines.close()
        (reset if self.random.random() < 0.5 else socket.socket.close)(control.socket)
        if data is not None:
            data.close()
        raise Break

    def _send(self, control: Control, line: str) -> None:
        sent = f"{line}\r\n".encode()
        at = self.random.randrange(len(sent))
        control.socket.sendall(sent[:at])
        self._maybe(control)
        control.socket.sendall(sent[at:])
        self._maybe(control)

    def _passive(self, stack: contextlib.ExitStack, control: Control) -> socket.socket:
        self._send(control, "EPSV")
        port = int(control.reply()[1].split("|")[3])
        self._maybe(control)
        data = socket.create_connection((self.node.host, port), timeout=SECONDS, source_address=(self.source, 0))
        stack.callback(data.close)
        self._send(control, f"STOR {self.name}")
        assert control.reply()[0] == 150
        return data

    def _active(self, stack: contextlib.ExitStack, control: Control) -> socket.socket:
        own = stack.enter_context(socket.create_server((self.source, 0)))
        own.settimeout(SECONDS)
        host, port = own.getsockname()
        self._send(control, f"EPRT |1|{host}|{port}|")
        assert control.reply()[0] == 200
        self._send(control, f"STOR {self.name}")
        data, _ = own.accept()
        stack.callback(data.close)
        self._maybe(control, data)
        assert control.reply()[0] == 150
        return data

    def _upload(self, control: Control, data: socket.socket) -> None:
        at = self.random.randrange(len(self.content))
        data.sendall(self.content[:at])
        self._maybe(control, data)
        if self.random.random() < 0.1:
            control.send("ABOR")
            assert [control.reply()[0] for _ in range(2)] == [426, 226]
            raise Break
        if self.random.random() < 0.1:
            reset(data)
            assert control.reply()[0] == 426
            raise Break
        data.sendall(self.content[at:])
        self._maybe(control, data)
        # From here on it is the server's to say whether the upload was in time.
        self.whole = True
        data.close()
        self._maybe(control)
        self.acknowledged = control.reply()[0] == 226


def test_what_breaks_off_anywhere_leaves_nothing_behind(start):
    node = start(command=("ingest",), settings={"INLET_INGEST__PASSIVE__WAIT": f"{LIMIT}s"})
    account = node.add_account("station-7")
    others_upload(node, account, "before.dat")
    until("no session", lambda: node.metric("inlet_sessions") == 0)
    idle = descriptors(node)

    seed = int(os.environ.get("INLET_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"INLET_TEST_SEED={seed}")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda number: Breaker(node, account, number, seed).run(), range(100 * SCALE)))
    # The seed makes most of them break off, and some not.
    assert any(device.acknowledged for device in done) and not all(device.whole for device in done)

    until("no session", lambda: node.metric("inlet_sessions") == 0)
    until("no temporary file", lambda: not list((node.data / "spool").iterdir()))
    until("descriptors given back", lambda: descriptors(node) <= idle + 2)

    homes = {path.name: path.read_bytes() for path in node.home(account).iterdir()}
    records = uploads(node)
    for device in done:
        landed = records.get(device.name, [])
        assert len(landed) <= 1
        # What was acknowledged is there, what could not be whole is not, and what is there is whole.
        assert landed or not device.acknowledged, device.name
        assert device.whole or not landed, device.name
        assert all(content == device.content for content in landed), device.name
        assert homes.get(device.name, device.content) == device.content
        assert (device.name in homes) == bool(landed), device.name

    # Every port can be had again by each of the addresses, once those that were not used have rested.
    time.sleep(LIMIT)
    waits = node.metric("inlet_passive_waits_total")
    with contextlib.ExitStack() as stack:
        for source in ["127.20.0.1", "127.20.1.2"]:
            for _ in range(16):
                assert stack.enter_context(Control(node, source)).login(account).ask("EPSV")[0] == 229
    assert node.metric("inlet_passive_waits_total") == waits

    # No task is left that stopping would have to wait for.
    until("no session", lambda: node.metric("inlet_sessions") == 0)
    began = time.monotonic()
    node.stop()
    assert time.monotonic() - began < 10
    assert "did not end" not in node.logged()


def uploads(node: Node) -> dict[str, list[bytes]]:
    """What is in the outbox, by the name of the file."""
    found: dict[str, list[bytes]] = {}
    for path in node.outbox():
        name = pathlib.Path(json.loads(path.read_text())["path"]).name
        found.setdefault(name, []).append(path.with_suffix(".data").read_bytes())
    assert {path.stem for path in (node.data / "outbox").iterdir()} == {path.stem for path in node.outbox()}, "bytes without a record"
    return found
