"""`inlet check --network`: what devices are told, and which way of making a data connection works and which does not."""

from node import Node


def check(node: Node, *options: str, stdin: str = ""):
    return node.run("check", "--network", *options, stdin=stdin)


def test_every_way_works_and_is_named(node):
    result = check(node)
    assert result.returncode == 0, result.stdout + result.stderr
    for way in ["EPSV", "PASV", "EPRT", "PORT"]:
        assert f"  {way}  works: " in result.stdout, result.stdout


def test_an_address_that_leads_nowhere_is_named_with_its_reason(start):
    # Of the loopback network, so that nobody outside is asked; nobody listens there.
    node = start(settings={"INLET_INGEST__PASSIVE__ADDRESS": '["10.0.0.0/8=auto", "127.9.9.9"]'})
    result = check(node)
    assert result.returncode == 1
    assert "PASV tells devices in 10.0.0.0/8: the address they connected to" in result.stdout
    assert "PASV tells all others: 127.9.9.9" in result.stdout
    assert "PASV  fails: the device was told 127.9.9.9 port " in result.stdout, result.stdout
    assert "onnection refused" in result.stdout
    assert "EPSV  works: " in result.stdout and "PORT  works: " in result.stdout


def test_an_accounts_own_modes_are_met(node):
    options = ["account", "add", "active-only", "--modes", "active", "--password-stdin"]
    node.ask(*options, stdin="secret\n")
    result = check(node, "--account", "active-only", "--password-stdin", stdin="secret\n")
    assert result.returncode == 1
    assert "EPSV  fails: EPSV was answered: 502 " in result.stdout and "PORT  works: " in result.stdout, result.stdout


def test_a_wrong_password_and_a_silent_server_are_named(node, tmp_path):
    result = check(node, "--account", "demo", "--password-stdin", stdin="wrong\n")
    assert result.returncode == 1 and "the account demo cannot log in: 530 " in result.stdout, result.stdout
    result = check(node, "--through", "127.9.9.9:1")
    assert result.returncode == 1 and "cannot connect to 127.9.9.9:1" in result.stdout, result.stdout
