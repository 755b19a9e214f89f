"""Every real client that speaks FTPS uploads within TLS in every way there is, and can be made to resume its session."""

import ftplib
import subprocess
import urllib.request

import pytest

import secure
from control import Control
from devices import SECONDS, Upload
from logger import toa5
from node import Node, until
from secure import Authority, Client, Way

CONTENT = toa5("secure", range(3000))


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates")).begin()


@pytest.fixture(scope="module")
def node(tmp_path_factory, authority):
    node = Node(tmp_path_factory.mktemp("inlet") / "data", settings=secure.settings(authority.pair("server"))).start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("file") / "file.dat"
    file.write_bytes(CONTENT)
    return file


def curl_version() -> tuple[int, ...]:
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[1].split("."))


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("version", secure.VERSIONS)
@pytest.mark.parametrize("client", secure.CLIENTS)
def test_client_uploads(node, account, authority, file, client, version, implicit, passive):
    if client == "curl" and not passive and curl_version() < (8,):
        pytest.skip("curl 7.88 says PROT P and sends its data in the clear when it is dialled")
    way = Way(authority.own.certificate, version, implicit, passive)
    name = f"{client}-{version}-{implicit}-{passive}.dat"
    secure.CLIENTS[client](Upload(node, account, file, name), way)
    assert (node.home(account) / name).read_bytes() == CONTENT


def metric(node: Node, name: str) -> float:
    with urllib.request.urlopen(f"http://{node.host}:{node.http_port}/metrics", timeout=SECONDS) as answer:
        found = [line for line in answer.read().decode().splitlines() if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


@pytest.mark.parametrize("version", secure.VERSIONS)
def test_data_connections_may_have_to_resume(start, authority, file, version):
    node = start(settings=secure.settings(authority.pair("strict"), resumption="required"))
    account = node.add_account("station-7")
    way = Way(authority.own.certificate, version, implicit=False, passive=True)
    # Those that resume by themselves do so, for as many files as they have.
    for client in ["curl", "lftp", "ftplib-resuming"]:
        secure.CLIENTS[client](Upload(node, account, file, f"{client}.dat"), way)
        assert (node.home(account) / f"{client}.dat").read_bytes() == CONTENT
    ftp = Client(secure.context(way.authority, version), reuses=True).login_to(node, account)
    for at in range(20):
        ftp.storbinary(f"STOR {at}.dat", open(file, "rb"))
    ftp.reuses = False
    # The refusal may come before all was sent, or instead of the 226.
    with pytest.raises((OSError, ftplib.error_perm)):
        ftp.storbinary("STOR stranger.dat", open(file, "rb"))
    ftp.close()
    assert not (node.home(account) / "stranger.dat").exists()
    assert metric(node, 'inlet_tls_handshakes_total{connection="data",outcome="resumed"') >= 23
    assert metric(node, 'inlet_tls_handshakes_total{connection="data",outcome="not_resumed"') == 1


def s_client(node: Node, *options: str) -> str:
    command = ["openssl", "s_client", *options]
    return subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, timeout=SECONDS).stdout


def test_only_versions_that_are_secure_are_spoken(node):
    explicit = ["-starttls", "ftp", "-connect", f"{node.host}:{node.port}"]
    implicit = ["-connect", f"{node.host}:{secure.implicit_port(node)}"]
    for way in [explicit, implicit]:
        assert "New, TLSv1.3" in s_client(node, *way, "-tls1_3")
        assert "New, TLSv1.2" in s_client(node, *way, "-tls1_2")
        assert "New, (NONE)" in s_client(node, *way, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")


def test_neither_passwords_nor_bodies_are_in_the_log(start, authority, file):
    node = start(settings={**secure.settings(authority.pair("logging")), "INLET_LOG__FILTER": "trace"})
    account = node.add_account("station-7")
    file.with_name("secret.dat").write_bytes(b"body-of-the-file\n" * 1000)
    for implicit in [False, True]:
        way = Way(authority.own.certificate, "1.3", implicit, passive=True)
        secure.curl(Upload(node, account, file.with_name("secret.dat"), "secret.dat"), way)
    until("the log to tell of the upload", lambda: "secret.dat" in node.log.read_text(errors="replace"))
    logged = node.log.read_text(errors="replace")
    assert account.password not in logged and "body-of-the-file" not in logged


def test_sessions_in_the_clear_are_served_beside(node, account):
    with Control(node) as device:
        assert "AUTH TLS" in device.ask("FEAT")[1]
        assert device.login(account).store("clear.dat", CONTENT)[0] == 226
