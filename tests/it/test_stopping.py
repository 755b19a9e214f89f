"""SIGTERM: no new logins, transfers finish, batches commit, and the process ends in good order."""

import io
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import devices
from control import Control
from logger import table_of, toa5
from node import Node, binary, until


def rows_of(node, reader, station: str) -> int:
    table = node.tables().get(table_of("Second"))
    return reader.query(table, "SELECT count(*) FROM t WHERE device = ?", (station,))[0][0] if table else 0


def refused_with_421(node) -> bool:
    """Whether a newcomer is told 421, at the greeting or at the login."""
    with Control(node) as late:
        if late.greeting[0] == 421:
            return True
        late.send("USER station-7")
        return late.reply()[0] == 421


def test_sigterm_lets_transfers_finish_and_commits_batches(start, reader):
    # Nothing is committed before the end unless stopping does it.
    node = start(settings={"INLET_ETL__BATCH__MAX_AGE": "10m"})
    account = node.add_account("station-7")
    with devices.login(node, account) as ftp:
        assert ftp.storbinary("STOR early.dat", io.BytesIO(toa5("early", range(5)))).startswith("226")
    until("an outbox handed on", lambda: not node.outbox())
    assert rows_of(node, reader, "early") == 0

    content = toa5("late", range(1000))
    with Control(node) as idle, Control(node) as device:
        idle.login(account)
        data = device.login(account).begin("STOR late.dat")
        data.sendall(content[:10_000])
        node.terminate()
        until("newcomers told 421", lambda: refused_with_421(node), 20)
        assert node.process.poll() is None, "a transfer is under way"
        data.sendall(content[10_000:])
        data.close()
        assert device.reply()[0] == 226
    assert node.wait() == 0, node.logged()

    assert rows_of(node, reader, "early") == 5
    assert rows_of(node, reader, "late") == 1000


def test_a_transfer_that_does_not_end_is_not_waited_for_for_ever(start):
    node = start(settings={"INLET_INGEST__DRAIN": "2s"})
    account = node.add_account("station-7")
    with Control(node) as device:
        data = device.login(account).begin("STOR endless.dat")
        data.sendall(b"x")
        node.terminate()
        assert node.wait() == 0, node.logged()
        data.close()


def test_an_interrupt_stops_as_sigterm_does(start):
    node = start()
    node.process.send_signal(signal.SIGINT)
    assert node.wait() == 0, node.logged()


def test_what_was_committed_is_there_after_a_restart(start, reader):
    node = start()
    account = node.add_account("station-7")
    with devices.login(node, account) as ftp:
        assert ftp.storbinary("STOR before.dat", io.BytesIO(toa5("before", range(5)))).startswith("226")
    node.stop()
    node.start()
    assert rows_of(node, reader, "before") == 5
    with devices.login(node, account) as ftp:
        assert ftp.storbinary("STOR after.dat", io.BytesIO(toa5("after", range(7)))).startswith("226")
    until("rows after the restart", lambda: rows_of(node, reader, "after") == 7)
    assert rows_of(node, reader, "before") == 5
    assert "crash" not in node.log.read_text(), "an orderly end leaves nothing to clear away"


def test_a_second_process_on_the_same_data_directory_is_refused(start, tmp_path):
    node = start()
    try:
        second = node.run("up")
    except subprocess.TimeoutExpired as expired:
        raise AssertionError("two processes run on one data directory") from expired
    assert second.returncode != 0
    assert str(tmp_path / "data") in second.stderr


def status(node, path: str) -> int:
    try:
        return urllib.request.urlopen(f"http://{node.host}:{node.http_port}{path}", timeout=10).status
    except urllib.error.HTTPError as answer:
        return answer.code


def test_readiness_goes_first_and_devices_are_served_for_the_time_of_the_notice(start):
    node = start(settings={"INLET_INGEST__DRAIN_NOTICE": "3s"})
    account = node.add_account("station-7")
    assert [status(node, path) for path in ("/live", "/ready", "/metrics")] == [200, 200, 200]
    with Control(node) as device:
        device.login(account)
        node.terminate()
        until("/ready to fail", lambda: status(node, "/ready") == 503, 2)
        # The balancer knows; those that it has sent before, or sends until then, are served.
        with Control(node) as late:
            assert late.login(account).store("late.dat", toa5("late", range(3)))[0] == 226
        assert device.store("early.dat", toa5("early", range(3)))[0] == 226
        assert [status(node, path) for path in ("/live", "/ready", "/metrics")] == [200, 503, 200]
        metrics = urllib.request.urlopen(f"http://{node.host}:{node.http_port}/metrics", timeout=10).read()
        assert b"\ninlet_ingest_draining 1\n" in metrics
        assert device.reply()[0] == 421
    assert node.wait() == 0, node.logged()


def test_a_second_signal_stops_at_once(start):
    node = start(settings={"INLET_INGEST__DRAIN": "10m"})
    account = node.add_account("station-7")
    with Control(node) as device:
        data = device.login(account).begin("STOR endless.dat")
        data.sendall(b"x")
        node.terminate()
        until("newcomers told 421", lambda: refused_with_421(node), 20)
        assert node.process.poll() is None
        node.terminate()
        assert node.wait() == 128 + signal.SIGTERM
        data.close()


def test_a_client_that_never_finishes_its_request_holds_nothing_up(start):
    node = start()
    with socket.create_connection((node.host, node.http_port), timeout=10) as stalled:
        stalled.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Never-Ending: ")
        assert status(node, "/live") == 200
        told = time.monotonic()
        node.terminate()
        assert node.wait() == 0, node.logged()
        assert time.monotonic() - told < 10


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_signal_before_ready_ends_the_start_and_spoils_nothing(start, tmp_path, after):
    node = Node(tmp_path / "data")
    with open(node.out, "wb") as out, open(node.log, "wb") as log:
        node.process = subprocess.Popen([binary(), "up", "--data", str(node.data)], env=node.environment, stdout=out, stderr=log)
    time.sleep(after)
    node.terminate()
    # By the signal itself, or in good order.
    assert node.wait() in (-signal.SIGTERM, 0), node.logged()
    node = start()
    account = node.add_account("station-7")
    with devices.login(node, account) as ftp:
        assert ftp.storbinary("STOR a.dat", io.BytesIO(toa5("a", range(3)))).startswith("226")
