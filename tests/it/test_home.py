"""What devices see of their home: directories, lists, sizes and times, and nothing beyond it."""

import datetime
import re
import socket

import pytest

from control import Control, last_reply
from logger import toa5

CONTENT = toa5("home", range(10))


@pytest.fixture
def device(node, account):
    with Control(node) as device:
        yield device.login(account)


def test_directories_are_made_entered_and_removed(device):
    code, text = device.ask("PWD")
    assert code == 257 and text.startswith('"/"')
    assert device.ask("MKD a")[0] == 257
    assert device.ask("MKD a/b")[0] == 257
    assert device.ask("CWD a/b")[0] == 250
    assert device.ask("PWD")[1].startswith('"/a/b"')
    assert device.ask("CDUP")[0] in (200, 250)
    assert device.ask("PWD")[1].startswith('"/a"')
    assert device.ask("RMD b")[0] == 250
    assert device.ask("CWD b")[0] == 550


def test_size_and_mdtm_answer_for_what_was_uploaded(device):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    assert device.store("facts.dat", CONTENT)[0] == 226
    assert device.ask("SIZE facts.dat") == (213, str(len(CONTENT)))
    code, text = device.ask("MDTM facts.dat")
    assert code == 213
    changed = datetime.datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=datetime.UTC)
    assert before <= changed <= datetime.datetime.now(datetime.UTC)
    assert device.ask("SIZE missing.dat")[0] == 550
    assert device.ask("MDTM missing.dat")[0] == 550


def test_lists_name_what_was_uploaded(device):
    assert device.ask("MKD lists")[0] == 257
    assert device.store("lists/listed.dat", CONTENT)[0] == 226
    assert re.search(rf"^-\S+ .*\b{len(CONTENT)}\b.* listed\.dat\r$", device.read("LIST lists").decode(), re.MULTILINE)
    facts = device.read("MLSD lists").decode().lower()
    assert re.search(rf"^(?=.*type=file;)(?=.*size={len(CONTENT)};)(?=.*modify=\d{{14}}).* listed\.dat\r$", facts, re.MULTILINE)
    assert device.ask("CWD lists")[0] == 250
    assert device.read("NLST").decode().split() == ["listed.dat"]


def test_what_was_uploaded_can_be_read_back_and_deleted(device):
    assert device.store("deleted.dat", CONTENT)[0] == 226
    assert device.read("RETR deleted.dat") == CONTENT
    assert device.ask("DELE deleted.dat")[0] == 250
    assert device.ask("SIZE deleted.dat")[0] == 550
    assert device.ask("DELE deleted.dat")[0] == 550


@pytest.mark.parametrize("path", ["../../accounts.toml", "/../../demo-password", "../demo/x.dat", "/etc/passwd"])
def test_nothing_outside_the_home_can_be_read(node, device, path):
    assert device.ask(f"SIZE {path}")[0] == 550
    device.passive()
    device.send(f"RETR {path}")
    assert last_reply(device)[0] in (425, 550, 553)


def test_nothing_outside_the_home_can_be_written(node, account, device):
    # `..` of the root is the root, as everywhere, or the name is refused: either way the file is in the home or nowhere.
    with socket.create_connection(device.passive()) as data:
        device.send("STOR ../../escaped.dat")
        data.sendall(CONTENT)
    last_reply(device)
    assert all(path.is_relative_to(node.home(account)) for path in node.data.parent.rglob("escaped*")
               if not path.is_relative_to(node.data / "lake"))


def test_one_account_does_not_see_anothers_files(node, account, device):
    assert device.store("private.dat", CONTENT)[0] == 226
    other = node.add_account("neighbour")
    with Control(node) as neighbour:
        neighbour.login(other)
        assert neighbour.ask("SIZE private.dat")[0] == 550
        assert neighbour.read("NLST").split() == []


def test_a_path_longer_than_its_facts_may_be_is_refused(device):
    address = device.passive()
    with socket.create_connection(address):
        device.send("STOR " + "x" * 600)
    assert last_reply(device)[0] == 553
    assert device.ask("NOOP")[0] == 200
