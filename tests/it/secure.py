"""FTPS: certificates for a test, a node that has one, and real clients within TLS as one function: upload(file, as name)."""

import dataclasses
import ftplib
import pathlib
import ssl
import subprocess

from devices import SECONDS, Upload, run
from node import Account, Node, free_ports

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate and its key."""
    certificate: pathlib.Path
    key: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Authority:
    """One that makes certificates, with openssl."""
    folder: pathlib.Path

    @property
    def own(self) -> Pair:
        return Pair(self.folder / "authority.pem", self.folder / "authority.key")

    def begin(self) -> "Authority":
        _openssl("req", "-x509", *_key(self.own), "-out", self.own.certificate, "-days", 2, "-subj", "/CN=Test authority")
        return self

    def pair(self, name: str, *, key: str = "ec", version: int = 3) -> Pair:
        """A server's certificate for the loopback address, or a device's; in version 1 it has no extensions."""
        made = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("req", *_key(made, key), "-out", request, "-subj", f"/O=Example/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.own.certificate, "-CAkey", self.own.key, "-CAcreateserial",
                 "-out", made.certificate, "-days", 2, *(["-extfile", extensions] if version == 3 else []))
        assert f"Version: {version} " in _openssl("x509", "-in", made.certificate, "-noout", "-text")
        return made


def _key(pair: Pair, kind: str = "ec") -> list:
    new = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    return ["-newkey", *new, "-nodes", "-keyout", pair.key]


def _openssl(*arguments: object) -> str:
    result = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS)
    assert result.returncode == 0, result.stderr
    return result.stdout


def settings(pair: Pair, **more: str) -> dict[str, str]:
    """What makes a node speak TLS; the port for implicit TLS is free now, and in no node's passive range."""
    [implicit] = free_ports(1, among=range(20_000, 23_000))
    values = {"certificate": str(pair.certificate), "key": str(pair.key), "listen_implicit": f"127.0.0.1:{implicit}", **more}
    return {f"INLET_INGEST__TLS__{name.upper()}": value for name, value in values.items()}


def implicit_port(node: Node) -> int:
    return int(node.environment["INLET_INGEST__TLS__LISTEN_IMPLICIT"].rpartition(":")[2])


class Client(ftplib.FTP_TLS):
    """Python's own, which starts with TLS where a port wants it, and resumes its session on data connections where asked to."""

    def __init__(self, context: ssl.SSLContext, *, reuses: bool = False, implicit: bool = False):
        super().__init__(timeout=SECONDS, context=context)
        self.reuses, self.implicit = reuses, implicit

    def login_to(self, node: Node, account: Account) -> "Client":
        self.connect(node.host, implicit_port(node) if self.implicit else node.port)
        self.login(account.name, account.password)
        self.prot_p()
        return self

    def getresp(self) -> str:
        if self.implicit and not isinstance(self.sock, ssl.SSLSocket):
            # Before the greeting, which is the first reply.
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
            self.file = self.sock.makefile(mode="r", encoding=self.encoding)
        return super().getresp()

    def auth(self) -> str:
        return "" if self.implicit else super().auth()

    def login(self, user: str = "", passwd: str = "", acct: str = "", secure: bool = True) -> str:
        return super().login(user, passwd, acct, secure=secure and not self.implicit)

    def ntransfercmd(self, cmd: str, rest=None):
        if not (self.reuses and self._prot_p):
            return super().ntransfercmd(cmd, rest)
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session), size


def context(authority: pathlib.Path, version: str | None = None, own: Pair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=authority)
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if own:
        made.load_cert_chain(own.certificate, own.key)
    return made


@dataclasses.dataclass(frozen=True)
class Way:
    """How a client is to connect."""
    authority: pathlib.Path
    version: str
    implicit: bool
    passive: bool

    def url(self, up: Upload) -> str:
        return f"ftps://{up.host}:{implicit_port(up.node)}" if self.implicit else up.url


def curl(up: Upload, way: Way) -> None:
    version = ["--tlsv1.2", "--tls-max", "1.2"] if way.version == "1.2" else ["--tlsv1.3"]
    mode = [] if way.passive else ["--ftp-port", "-"]
    run("curl", "--silent", "--show-error", "--max-time", SECONDS, "--ssl-reqd", "--cacert", way.authority, *version, *mode,
        "--user", f"{up.account.name}:{up.account.password}", "--upload-file", up.file, f"{way.url(up)}/{up.name}")


def lftp(up: Upload, way: Way) -> None:
    settings = [f"ftp:passive-mode {str(way.passive).lower()}", "net:max-retries 1", f"net:timeout {SECONDS}",
                "ftp:ssl-force true", "ftp:ssl-protect-data true", f"ssl:ca-file {way.authority}",
                f"ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{way.version}", "cmd:fail-exit true"]
    script = [*(f"set {setting}" for setting in settings), f"open {way.url(up)}",
              f"user {up.account.name} {up.account.password}", f"put {up.file} -o {up.name}"]
    run("lftp", "-c", "; ".join(script))


def ftplib_client(reuses: bool):
    def upload(up: Upload, way: Way) -> None:
        client = Client(context(way.authority, way.version), reuses=reuses, implicit=way.implicit)
        with client.login_to(up.node, up.account) as ftp, open(up.file, "rb") as file:
            ftp.set_pasv(way.passive)
            assert ftp.storbinary(f"STOR {up.name}", file).startswith("226")
            assert up.name in ftp.nlst()
    return upload


CLIENTS = {"curl": curl, "lftp": lftp, "ftplib": ftplib_client(reuses=False), "ftplib-resuming": ftplib_client(reuses=True)}
