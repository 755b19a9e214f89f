"""Data connections that a device cannot or must not have: refused before dialling, given up in time, and nobody else waits."""

import io
import os
import socket
import time

import pytest

import devices
from control import Control, last_reply
from logger import toa5
from node import Node

DIAL_SECONDS = 4
# From the limit to the reply on a busy machine.
GRACE_SECONDS = 8


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    limits = {"INLET_INGEST__ACTIVE__CONNECT": f"{DIAL_SECONDS}s", "INLET_INGEST__PASSIVE__WAIT": f"{DIAL_SECONDS}s"}
    node = Node(tmp_path_factory.mktemp("inlet") / "data", settings=limits).start()
    yield node
    node.stop()


def listener(host: str, port: int = 0, backlog: int = 8) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(backlog)
    listening.settimeout(0)
    return listening


def nobody_came(listening: socket.socket) -> bool:
    try:
        listening.accept()
    except BlockingIOError:
        return True
    return False


def others_go_on(node, account, name: str) -> float:
    """Another device uploads a file meanwhile; the seconds that it took."""
    began = time.monotonic()
    with devices.login(node, account) as ftp:
        assert ftp.storbinary(f"STOR {name}", io.BytesIO(toa5("others", range(5)))).startswith("226")
    return time.monotonic() - began


@pytest.mark.parametrize("command", ["PORT", "EPRT"])
def test_a_foreign_address_is_refused_without_a_connect(node, account, command):
    with listener("127.0.0.2") as foreign, Control(node) as device:
        device.login(account)
        host, port = foreign.getsockname()
        code, text = device.port(host, port) if command == "PORT" else device.ask(f"EPRT |1|{host}|{port}|")
        assert 500 <= code <= 599, text
        assert device.ask("STOR foreign.dat")[0] in (425, 503)
        assert nobody_came(foreign)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may listen below port 1024")
@pytest.mark.parametrize("command", ["PORT", "EPRT"])
def test_a_low_port_is_refused_without_a_connect(node, account, command):
    with listener("127.0.0.1", 1021) as low, Control(node) as device:
        device.login(account)
        host, port = low.getsockname()
        code, text = device.port(host, port) if command == "PORT" else device.ask(f"EPRT |1|{host}|{port}|")
        assert 500 <= code <= 599, text
        assert device.ask("STOR low.dat")[0] in (425, 503)
        assert nobody_came(low)


def test_port_dials_only_when_the_transfer_starts(node, account):
    with listener("127.0.0.1") as own, Control(node) as device:
        device.login(account)
        assert device.port(*own.getsockname())[0] == 200
        assert device.ask("NOOP")[0] == 200
        assert nobody_came(own)
        device.send("STOR dialled.dat")
        own.settimeout(GRACE_SECONDS)
        data, _ = own.accept()
        with data:
            data.sendall(toa5("dialled", range(3)))
        assert device.reply()[0] in (125, 150)
        assert device.reply()[0] == 226


def test_a_refused_dial_gives_425_and_the_session_goes_on(node, account):
    with listener("127.0.0.1") as closed, Control(node) as device:
        device.login(account)
        address = closed.getsockname()
        closed.close()
        assert device.port(*address)[0] == 200
        assert final(device, "STOR nobody.dat")[0] == 425
        assert device.store("afterwards.dat", toa5("afterwards", range(3)))[0] == 226


def test_a_black_holed_port_gives_425_in_time_while_others_go_on(node, account):
    # Only the device's own address is dialled, so the hole is there: a listener whose queue is full drops what comes.
    source = "127.0.0.9"
    with listener(source, backlog=0) as hole, socket.create_connection(hole.getsockname()), Control(node, source) as device:
        device.login(account)
        assert device.port(*hole.getsockname())[0] == 200
        began = time.monotonic()
        device.send("STOR hole.dat")
        assert others_go_on(node, account, "beside-the-hole.dat") < DIAL_SECONDS
        assert last_reply(device)[0] == 425
        assert DIAL_SECONDS - 0.5 < time.monotonic() - began < DIAL_SECONDS + GRACE_SECONDS
        assert device.ask("NOOP")[0] == 200


def test_a_passive_port_never_dialled_gives_425_in_time_while_others_go_on(node, account):
    with Control(node) as device:
        device.login(account)
        device.passive()
        began = time.monotonic()
        device.send("STOR never.dat")
        assert others_go_on(node, account, "beside-the-silence.dat") < DIAL_SECONDS
        assert last_reply(device)[0] == 425
        assert time.monotonic() - began < DIAL_SECONDS + GRACE_SECONDS
        assert device.store("at-last.dat", toa5("at-last", range(3)))[0] == 226


def test_a_stranger_on_a_passive_port_does_not_take_the_devices_place(node, account):
    with Control(node) as device:
        device.login(account)
        address = device.passive()
        with socket.create_connection(address, source_address=("127.0.0.3", 0)) as stranger:
            with socket.create_connection(address) as data:
                device.send("STOR mine.dat")
                assert device.reply()[0] in (125, 150)
                data.sendall(toa5("mine", range(3)))
            assert device.reply()[0] == 226
            stranger.settimeout(GRACE_SECONDS)
            assert gone(stranger)


def test_a_transfer_without_port_or_pasv_is_refused(node, account):
    with Control(node) as device:
        device.login(account)
        assert device.ask("STOR unprepared.dat")[0] in (425, 503)
        assert device.ask("NOOP")[0] == 200


def final(device: Control, command: str) -> tuple[int, str]:
    device.send(command)
    return last_reply(device)


def gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
