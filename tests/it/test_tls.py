"""TLS as it is configured: what is refused without it, certificates of devices, a new certificate, ends and stalls."""

import ftplib
import io
import socket
import ssl
import time

import pytest

import secure
from control import Control
from logger import toa5
from node import Account, until
from secure import Authority, Client

CONTENT = toa5("secure", range(100))


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates")).begin()


@pytest.fixture
def start_secure(start, authority):
    """A node with a certificate, and an account of it."""
    def start_secure(**more: str):
        node = start(settings=secure.settings(authority.pair("server"), **more))
        return node, node.add_account("station-7")
    return start_secure


def client(authority: Authority, own: secure.Pair | None = None, **options) -> Client:
    return Client(secure.context(authority.own.certificate, own=own), **options)


def store(ftp: ftplib.FTP, name: str) -> str:
    return ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT))


def test_login_may_need_tls(start_secure, authority):
    node, account = start_secure(require="login")
    with Control(node) as device:
        assert device.ask(f"USER {account.name}")[0] == 530
        assert device.ask("FEAT")[0] == 211
    with client(authority).login_to(node, account) as ftp:
        assert ftp.prot_c().startswith("200")
        assert store(ftp, "clear.dat").startswith("226")


def test_data_connections_may_need_tls(start_secure, authority):
    node, account = start_secure(require="data")
    ftp = client(authority)
    ftp.connect(node.host, node.port)
    ftp.login(account.name, account.password)
    for command in ["PASV", "EPSV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|", "STOR x.dat"]:
        with pytest.raises(ftplib.error_perm, match="^521"):
            ftp.sendcmd(command)
    ftp.sendcmd("PBSZ 0")
    with pytest.raises(ftplib.error_perm, match="^534"):
        ftp.sendcmd("PROT C")
    ftp.prot_p()
    assert store(ftp, "protected.dat").startswith("226")
    ftp.quit()


def test_the_check_goes_through_a_server_that_needs_tls(start_secure):
    node, account = start_secure(require="data", resumption="required")
    result = node.run("check", "--network", "--account", account.name, "--password-stdin", stdin=account.password + "\n")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "within TLS" in result.stdout
    assert all(f"  {way}  works: " in result.stdout for way in ["EPSV", "PASV", "EPRT", "PORT"]), result.stdout


def test_a_certificate_logs_its_account_in(start_secure, authority, tmp_path):
    node, _ = start_secure(client_certificate="request", client_ca=str(authority.own.certificate))
    pump, other = authority.pair("pump-7"), authority.pair("other")
    node.ask("account", "add", "pump-7", "--certificate", str(pump.certificate))
    node.ask("account", "add", "by-subject", "--certificate-subject", str(pump.certificate))
    assert "certificate of CN=pump-7,O=Example" in node.ask("account", "list")
    for name in ["pump-7", "by-subject"]:
        ftp = client(authority, pump)
        ftp.connect(node.host, node.port)
        ftp.auth()
        assert ftp.sendcmd(f"USER {name}").startswith("232")
        ftp.prot_p()
        assert store(ftp, "a.dat").startswith("226")
        ftp.quit()
    with pytest.raises(ftplib.error_perm, match="^530"):
        client(authority, other).login_to(node, Account("pump-7", "any"))
    stranger = Authority(tmp_path).begin().pair("pump-7")
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        client(authority, stranger).login_to(node, Account("by-subject", "any"))


@pytest.mark.parametrize("key", ["ec", "rsa"])
@pytest.mark.parametrize("tls", secure.VERSIONS)
def test_certificates_of_version_1_are_as_good_as_others(start_secure, authority, tmp_path, tls, key):
    """As `openssl x509 -req` makes them when it is told of no extensions."""
    node, _ = start_secure(client_certificate="require", client_ca=str(authority.own.certificate))
    pump = authority.pair(f"old-{key}", key=key, version=1)
    node.ask("account", "add", "by-subject", "--certificate-subject", str(pump.certificate))

    def log_in(own: secure.Pair) -> Client:
        ftp = Client(secure.context(authority.own.certificate, tls, own))
        ftp.connect(node.host, node.port)
        ftp.auth()
        assert ftp.sendcmd("USER by-subject").startswith("232")
        return ftp

    ftp = log_in(pump)
    ftp.prot_p()
    assert store(ftp, "a.dat").startswith("226")
    ftp.quit()
    # Of the same names, and not of this authority.
    stranger = Authority(tmp_path).begin().pair(f"old-{key}", key=key, version=1)
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        log_in(stranger)


def test_a_devices_own_certificate_may_be_its_authority(start_secure, authority, tmp_path):
    own, other = (Authority(tmp_path / name) for name in ("own", "other"))
    for made in (own, other):
        made.folder.mkdir()
        made.begin()
    node, _ = start_secure(client_certificate="require", client_ca=str(own.own.certificate))
    node.ask("account", "add", "pump-7", "--certificate", str(own.own.certificate))
    ftp = client(authority, own.own)
    ftp.connect(node.host, node.port)
    ftp.auth()
    assert ftp.sendcmd("USER pump-7").startswith("232")
    ftp.quit()
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        client(authority, other.own).login_to(node, Account("pump-7", "any"))


def test_the_servers_own_certificate_may_be_of_version_1(start, authority):
    pair = authority.pair("old-server", version=1)
    node = start(settings=secure.settings(pair))
    # It names no host that a client could compare.
    shown = ssl.get_server_certificate((node.host, secure.implicit_port(node)))
    assert ssl.PEM_cert_to_DER_cert(shown) == ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


def test_an_account_without_password_or_certificate_is_refused(start_secure, tmp_path):
    node, _ = start_secure()
    assert "--password-stdin" in node.run("account", "add", "nobody").stderr
    missing = node.run("account", "add", "nobody", "--certificate", str(tmp_path / "missing.pem"))
    assert missing.returncode == 1 and "missing.pem" in missing.stderr


def served(node, authority: Authority) -> bytes:
    ftp = client(authority)
    ftp.connect(node.host, node.port)
    ftp.auth()
    shown = ftp.sock.getpeercert(binary_form=True)
    ftp.quit()
    return shown


def test_a_new_certificate_is_served_without_a_restart(start_secure, authority):
    node, account = start_secure()
    files = authority.pair("server")
    before = served(node, authority)
    ongoing = client(authority, reuses=True).login_to(node, account)
    new = authority.pair("renewed", key="rsa")

    files.certificate.write_bytes(new.certificate.read_bytes())
    assert served(node, authority) == before, "a certificate without its key was served"
    assert "cannot be used: the one before stays" in node.logged() and "it is not the key of" in node.logged()
    files.key.write_bytes(new.key.read_bytes())
    after = served(node, authority)
    assert after == ssl.PEM_cert_to_DER_cert(new.certificate.read_text())
    assert store(ongoing, "ongoing.dat").startswith("226")
    ongoing.quit()


def cut_off(node, account, authority) -> str:
    """An upload that ends with the connection and nothing before it, as many devices do it; the server's last word."""
    with client(authority).login_to(node, account) as ftp:
        data = ftp.transfercmd("STOR cut.dat")
        data.sendall(CONTENT)
        socket.socket(fileno=data.detach()).close()
        try:
            return ftp.getresp()
        except ftplib.Error as refused:
            return str(refused)


def test_an_end_without_close_notify_is_no_end(start_secure, authority):
    node, account = start_secure()
    assert cut_off(node, account, authority).startswith("426")
    until("an empty spool", lambda: not list((node.data / "spool").iterdir()))
    assert not (node.home(account) / "cut.dat").exists()


def test_an_end_without_close_notify_may_be_taken_for_one(start_secure, authority):
    node, account = start_secure(close_notify="optional")
    assert cut_off(node, account, authority).startswith("226")
    assert (node.home(account) / "cut.dat").read_bytes() == CONTENT


@pytest.mark.parametrize("way", ["explicit", "implicit"])
def test_a_handshake_that_stalls_ends_in_time(start_secure, way):
    node, _ = start_secure(handshake="1s")
    port = secure.implicit_port(node) if way == "implicit" else node.port
    began = time.monotonic()
    with socket.create_connection((node.host, port), timeout=30) as device:
        if way == "explicit":
            assert device.recv(1024).startswith(b"220")
            device.sendall(b"AUTH TLS\r\n")
            assert device.recv(1024).startswith(b"234")
        assert device.recv(1024) == b""
    assert 0.9 < time.monotonic() - began < 20


def test_a_data_handshake_that_stalls_gets_425(start_secure, authority):
    node, account = start_secure(handshake="1s")
    with client(authority).login_to(node, account) as ftp:
        host, port = ftp.makepasv()
        with socket.create_connection((host, port)):
            assert ftp.sendcmd("STOR stalled.dat").startswith("150")
            with pytest.raises(ftplib.error_temp, match="^425"):
                ftp.getresp()
        assert store(ftp, "next.dat").startswith("226")


@pytest.mark.parametrize("change", [("certificate", "/nonexistent.pem"), ("key", "/nonexistent.key")])
def test_a_file_that_is_not_there_is_named_with_its_key(start_secure, change):
    node, _ = start_secure()
    name, path = change
    node.environment[f"INLET_INGEST__TLS__{name.upper()}"] = path
    result = node.run("check")
    assert result.returncode == 1 and f"ingest.tls.{name}: {path}: " in result.stderr, result.stderr
