"""Commands that few servers get right: each answered as its RFC says, and FEAT and HELP name what works."""

import io
import re

import pytest

import devices
from control import Control


@pytest.fixture
def device(node, account):
    with Control(node) as device:
        yield device.login(account)


def test_old_names_do_what_the_new_ones_do(device):
    assert device.ask("XMKD old")[0] == 257
    assert device.ask("XCWD old")[0] == 250
    assert device.ask("XPWD") == (257, '"/old"')
    assert device.ask("XCUP")[0] == 250
    assert device.ask("XRMD old")[0] == 250
    assert device.ask("XCWD old")[0] == 550


def test_a_file_may_be_dated(device):
    assert device.store("dated.dat", b"1")[0] == 226
    code, text = device.ask("MFMT 20200229123456 dated.dat")
    assert code == 213 and text.startswith("Modify=20200229123456; ")
    assert device.ask("MDTM dated.dat") == (213, "20200229123456")
    assert device.ask("MFMT 20200230000000 dated.dat")[0] == 501
    assert device.ask("MFMT 20200229123456 missing.dat")[0] == 550


def test_small_commands_are_answered(device):
    answers = {"CLNT NcFTPPut": 200, "LANG": 200, "LANG en": 200, "LANG de": 504, "OPTS UTF8 ON": 200, "OPTS MLST type;size;": 200, "SITE HELP": 214,
               "SITE UTIME x": 500, "ALLO 1000": 202, "ALLO x": 501, "STRU F": 200, "STRU R": 504, "MODE S": 200, "MODE B": 504,
               "HOST ftp.example.org": 503, "ACCT x": 202, "SMNT x": 502, "AUTH TLS": 502}
    assert {command: device.ask(command)[0] for command in answers} == answers


def test_host_names_the_server_before_the_login(node, account):
    with Control(node) as device:
        assert device.ask("HOST ftp.example.org")[0] == 220
        assert device.ask("HOST [::1]")[0] == 220
        assert device.ask("HOST not a host")[0] == 501
        device.login(account)


def test_rein_starts_over(device, account):
    assert device.ask("REIN")[0] == 220
    assert device.ask("PWD")[0] == 530
    assert device.login(account).ask("PWD")[0] == 257


def test_features_and_help_name_what_works(device):
    features = [line.split()[0] for line in device.ask("FEAT")[1].splitlines()[1:-1]]
    assert {"MFMT", "HOST", "CLNT", "LANG", "EPRT", "EPSV", "MDTM", "SIZE", "MLST", "REST", "UTF8"} <= set(features)
    assert not {"AUTH", "PBSZ", "PROT"} & set(features), "no certificate is configured"
    commands = [word for line in device.ask("HELP")[1].splitlines()[1:-1] for word in line.split()]
    assert {"MFMT", "REIN", "STOR"} <= set(commands)
    assert not {"AUTH", "PBSZ", "PROT"} & set(commands)
    # Nothing is named that is not known: 500 and 502 are the answers to what is not. QUIT would end this, REIN log out.
    for command in set(commands) - {"QUIT", "REIN"}:
        assert device.ask(command)[0] not in (500, 502), command


def test_text_has_the_line_ends_of_its_place(node, account):
    with devices.login(node, account) as ftp:
        assert ftp.storlines("STOR text.txt", io.BytesIO(b"one\ntwo\r\nthree")).startswith("226")
        assert (node.home(account) / "text.txt").read_bytes() == b"one\ntwo\nthree\n"
        lines = []
        ftp.retrlines("RETR text.txt", lines.append)
        assert lines == ["one", "two", "three"]
        ftp.sendcmd("TYPE A")
        with pytest.raises(Exception, match="^550"):
            ftp.size("text.txt")
        with pytest.raises(Exception, match="^501"):
            ftp.sendcmd("REST 4")
        ftp.sendcmd("TYPE I")
        assert ftp.size("text.txt") == 14


def test_rest_goes_with_one_file_alone(device):
    assert device.store("rest.dat", b"12345")[0] == 226
    for transfer in ["APPE rest.dat", "STOU"]:
        device.passive()
        assert device.ask("REST 3")[0] == 350
        assert device.ask(transfer)[0] == 554
    assert device.ask("REST 3")[0] == 350
    assert device.read("RETR rest.dat") == b"45"
    # Behind the end there is nothing to go on from.
    assert device.ask("REST 6")[0] == 350
    assert device.store("rest.dat", b"x")[0] == 550
    assert device.read("RETR rest.dat") == b"12345"


def test_stat_and_abor_are_answered_during_a_transfer(device):
    data = device.begin("STOR under-way.dat")
    data.sendall(b"x" * 1000)
    code, text = device.ask("STAT")
    assert code == 211 and re.search(r"Transfer under way, \d+ bytes", text)
    device.send("ABOR")
    assert [device.reply()[0] for _ in range(2)] == [426, 226]
    data.close()
    assert "No transfer" in device.ask("STAT")[1]


def test_pythons_ftplib_can_abort(node, account):
    """It sends ABOR as urgent to its last byte, and waits for one reply."""
    with devices.login(node, account) as ftp, ftp.transfercmd("STOR aborted.dat") as data:
        data.sendall(b"x" * 1000)
        assert ftp.abort().startswith("426")
        assert ftp.getresp().startswith("226")
    assert not (node.home(account) / "aborted.dat").exists()


def test_keep_alives_during_a_transfer_do_not_hide_an_abort(device):
    with device.begin("STOR kept-alive.dat") as data:
        data.sendall(b"x" * 1000)
        for line in ["NOOP", "NOOP", "ABOR"]:
            device.send(line)
        assert [device.reply()[0] for _ in range(4)] == [426, 200, 200, 226]


def test_names_that_are_no_utf8_keep_their_bytes(node, account):
    """Of a device that knows Latin-1 alone, as of one that knows Shift JIS."""
    with devices.login(node, account) as ftp:
        ftp.encoding = "latin-1"
        ftp.storbinary("STOR Zählwerk.dat", io.BytesIO(b"12345"))
        assert ftp.size("Zählwerk.dat") == 5
        assert "Z%E4hlwerk.dat" in ftp.nlst()
        ftp.rename("Zählwerk.dat", "データ.dat".encode("shift_jis").decode("latin-1"))
    assert (node.home(account) / "%83f%81[%83^.dat").exists()


def test_options_of_ls_are_no_path(device):
    assert device.store("listed.dat", b"1")[0] == 226
    for command in ["NLST", "NLST -a", "NLST -l listed.dat"]:
        assert b"listed.dat" in device.read(command).splitlines(), command
    assert b"listed.dat" in device.read("LIST -al listed.dat")


def test_commands_out_of_order_are_refused_and_the_session_goes_on(device, account):
    assert device.ask("RNTO never-named")[0] == 503
    assert device.ask(f"USER {account.name}")[0] == 530
    assert device.ask(f"PASS {account.password}")[0] == 503
    assert device.ask("PWD")[0] == 257
