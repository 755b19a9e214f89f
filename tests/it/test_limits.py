"""Limits: each has its own reply and its own metric, and what it stops leaves nothing behind."""

import ftplib
import io
import re
import urllib.request

import pytest

import devices
from control import Control
from node import Account, Node, until

SETTINGS = {
    "INLET_INGEST__LIMITS__FAILED_LOGINS_PER_ACCOUNT": "3",
    "INLET_INGEST__LIMITS__LOCKOUT": "3s",
    "INLET_INGEST__LIMITS__UPLOAD_BYTES": "1 MiB",
    "INLET_INGEST__LIMITS__SESSIONS_PER_ACCOUNT": "2",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("inlet") / "data", settings=SETTINGS).start()
    yield node
    node.stop()


def metric(node, line: str) -> float:
    """The value of a metric with its labels, as /metrics has it; 0 while it is not there."""
    text = urllib.request.urlopen(f"http://{node.host}:{node.http_port}/metrics", timeout=10).read().decode()
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def log_in(node, account: Account, source: str | None = None) -> int:
    """The code of the last reply to a login."""
    with Control(node, source) as device:
        assert device.ask(f"USER {account.name}")[0] == 331
        return device.ask(f"PASS {account.password}")[0]


@pytest.mark.parametrize("exists", [True, False])
def test_wrong_logins_lock_an_account_out_until_the_lockout_ends(node, exists):
    account = Account(f"guessed-{exists}".lower(), "right")
    if exists:
        account = node.add_account(account.name)
    before = metric(node, 'inlet_logins_refused_total{reason="account_locked"}')
    codes = [log_in(node, Account(account.name, "wrong")) for _ in range(3)]
    assert codes[:2] == [530, 530] and codes[2] in (421, 530)
    assert log_in(node, account) == 421
    assert metric(node, 'inlet_logins_refused_total{reason="account_locked"}') > before
    assert metric(node, 'inlet_lockouts_total{of="account"}') >= 1
    until("the lockout to end", lambda: log_in(node, account) == (230 if exists else 530), 30)


def test_a_device_that_was_right_is_not_locked_out_by_others(node):
    account = node.add_account("steady")
    assert log_in(node, account) == 230
    for _ in range(4):
        log_in(node, Account(account.name, "wrong"), "127.0.0.9")
    assert log_in(node, account, "127.0.0.9") == 421
    assert log_in(node, account) == 230


def test_an_account_has_so_many_sessions(node):
    account = node.add_account("crowded")
    with Control(node) as first, Control(node) as second:
        first.login(account)
        second.login(account)
        assert log_in(node, account) == 421
        assert metric(node, 'inlet_sessions_refused_total{reason="account"}') >= 1
        assert first.ask("NOOP")[0] == 200
    until("a place that came free", lambda: log_in(node, account) == 230)


def test_an_upload_that_is_too_long_leaves_nothing(node):
    account = node.add_account("long")
    with devices.login(node, account) as ftp:
        with pytest.raises((ftplib.error_perm, ConnectionError)) as refused:
            ftp.storbinary("STOR long.dat", io.BytesIO(bytes(20 << 20)))
        if isinstance(refused.value, ConnectionError):
            # ftplib saw the end of its data connection first; the reply is there all the same.
            with pytest.raises(ftplib.error_perm, match="^552"):
                ftp.voidresp()
        assert ftp.nlst() == []
    assert not (node.home(account) / "long.dat").exists()
    assert [path for path in (node.data / "spool").rglob("*") if path.is_file()] == []
    assert metric(node, 'inlet_ingest_refused_uploads_total{limit="size"}') >= 1


def test_a_temporary_name_that_appends_made_too_long_is_not_given_its_final_one(node):
    account = node.add_account("in-parts")
    with Control(node) as device:
        device.login(account)
        for _ in range(2):
            assert device.store("long.tmp", bytes(600 * 1024), verb="APPE")[0] == 226
        before = metric(node, 'inlet_ingest_refused_uploads_total{limit="size"}')
        assert device.ask("RNFR long.tmp")[0] == 350
        code, text = device.ask("RNTO long.dat")
        assert code == 552 and "1.0 MiB" in text
        # What was refused is still there, for whoever wants to see or delete it.
        assert device.ask("SIZE long.dat")[0] == 550
        assert device.ask("DELE long.tmp")[0] == 250
    assert metric(node, 'inlet_ingest_refused_uploads_total{limit="size"}') == before + 1
    assert [path for path in (node.data / "spool").rglob("*") if path.is_file()] == []


def test_a_home_has_a_quota_that_an_account_may_have_to_itself(node):
    node.ask("account", "add", "small", "--quota", "4 KiB", "--password-stdin", stdin="secret\n")
    account = Account("small", "secret")
    assert "quota 4.0 KiB" in node.ask("account", "list")
    assert 'quota = "4 KiB"' in (node.data / "accounts.toml").read_text()
    with Control(node) as device:
        device.login(account)
        assert device.store("a.dat", bytes(3000))[0] == 226
        assert device.store("b.dat", bytes(3000))[0] == 552
        # The same file again takes the place of the one that is there.
        assert device.store("a.dat", bytes(4096))[0] == 226
        assert device.ask("DELE a.dat")[0] == 250
        assert device.store("b.dat", bytes(3000))[0] == 226
    assert metric(node, 'inlet_ingest_refused_uploads_total{limit="quota"}') == 1


def test_a_full_disk_stops_uploads_before_they_are_taken(start):
    node = start(settings={"INLET_INGEST__LIMITS__DISK_FREE": "1000 TiB"})
    account = node.add_account("station-7")
    with Control(node) as device:
        device.login(account).passive()
        assert device.ask("STOR a.dat")[0] == 452
        assert device.ask("NOOP")[0] == 200
        assert device.read("NLST") == b""
    assert metric(node, 'inlet_ingest_refused_uploads_total{limit="disk"}') == 1
    assert metric(node, "inlet_ingest_disk_free_bytes") > 0


@pytest.mark.parametrize("client", ["curl-epsv", "curl-port", "lftp-passive"])
def test_neither_a_password_nor_a_file_is_in_a_log(start, reader, client, tmp_path):
    """Whatever the filter says: all crates at their loudest, and the two that would tell named on their own."""
    node = start(settings={"INLET_LOG__FILTER": "trace,libunftp::server=trace,suppaftp=trace"})
    account = node.add_account("station-7")
    secret = b"a-value-that-only-the-file-has"
    file = tmp_path / "secret.csv"
    file.write_bytes(b"timestamp,note\n2026-11-21T08:00:00Z," + secret + b"\n")
    upload, _ = devices.ON_IPV4[client]
    upload(devices.Upload(node, account, file, "secret.csv"))
    upload(devices.Upload(node, account, file, "secret.jpg"))
    assert log_in(node, Account(account.name, "a-wrong-password")) == 530
    assert log_in(node, Account("a-password-in-the-wrong-place", "x")) == 530
    node.run("check", "--network", "--account", account.name, "--password-stdin", stdin=account.password + "\n")
    until("rows", lambda: any(name.startswith("csv") for name in node.tables()))
    node.stop()
    logged = node.log.read_bytes()
    assert len(logged) > 10_000
    for told in [account.password.encode(), b"a-wrong-password", b"a-password-in-the-wrong-place", secret]:
        assert told not in logged, logged[max(0, logged.find(told) - 500):logged.find(told) + 100]
