"""Accounts: added, listed and removed while Inlet runs, and never kept or shown in clear."""

import ftplib
import stat

import pytest

import devices
from node import Account


def may_log_in(node, account: Account) -> bool:
    try:
        devices.login(node, account).quit()
    except ftplib.error_perm as refused:
        assert str(refused).startswith("530")
        return False
    return True


def test_an_account_works_from_its_addition_to_its_removal_without_a_restart(node):
    account = Account("comes-and-goes", "secret-of-comes-and-goes")
    assert not may_log_in(node, account)
    assert node.add_account(account.name) == account
    assert may_log_in(node, account)
    # Twice, because a login that was right is remembered for a while: not for longer than the account is there.
    assert may_log_in(node, account)
    node.ask("account", "remove", account.name)
    assert not may_log_in(node, account)


def test_a_changed_password_is_the_only_one(node):
    old = node.add_account("changes")
    assert may_log_in(node, old)
    node.ask("account", "password", old.name, stdin="another\n")
    assert not may_log_in(node, old)
    assert may_log_in(node, Account(old.name, "another"))


def test_list_shows_names_devices_and_zones_and_no_password(node):
    account = node.add_account("listed", device="logger-9", zone="Asia/Tokyo")
    listed = node.ask("account", "list")
    [line] = [line for line in listed.splitlines() if line.startswith("listed")]
    assert "logger-9" in line and "Asia/Tokyo" in line
    assert account.password not in listed
    assert "argon2" not in listed


def test_passwords_are_kept_as_argon2id_hashes(node):
    account = node.add_account("hashed")
    kept = (node.data / "accounts.toml").read_text()
    assert "$argon2id$" in kept
    assert account.password not in kept


def test_passwords_are_not_logged(node):
    account = node.add_account("logged")
    assert may_log_in(node, account)
    assert not may_log_in(node, Account(account.name, "a-wrong-password-nobody-has"))
    logged = node.log.read_text()
    assert account.password not in logged
    assert "a-wrong-password-nobody-has" not in logged


@pytest.mark.parametrize("arguments", [("two words",), ("../up",), ("",), ("x" * 65,), ("fine", "--device", "no/slash")])
def test_a_name_that_cannot_be_a_directory_or_a_key_is_refused(node, arguments):
    refused = node.run("account", "add", *arguments, "--password-stdin", stdin="secret\n")
    assert refused.returncode != 0
    assert refused.stderr


def test_an_empty_password_is_refused(node):
    assert node.run("account", "add", "careless", "--password-stdin", stdin="\n").returncode != 0
    assert node.run("account", "add", "careless", "--password-stdin", stdin="").returncode != 0


@pytest.mark.parametrize("command", ["remove", "password"])
def test_what_is_not_there_cannot_be_changed(node, command):
    refused = node.run("account", command, "never-added", stdin="secret\n")
    assert refused.returncode != 0
    assert "never-added" in refused.stderr


def test_the_demo_password_is_for_its_owner_alone(node):
    mode = stat.S_IMODE((node.data / "demo-password").stat().st_mode)
    assert mode == 0o600
    assert may_log_in(node, node.demo())
