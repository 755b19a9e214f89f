"""The FTP servers that are measured: Inlet, and its peers from their Debian packages and PyPI, each as its manual has it for uploads.

The packages of the peers refuse to be installed beside each other, so they are unpacked into a folder of their own; the libraries that they
need are installed.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

READY_SECONDS = 60
STOP_SECONDS = 30
ACCOUNT = ("fleet", "fleet-password")


class Server:
    """A running server: its address, account, directory for uploads, and its processes."""

    def __init__(self, name: str, command: list, port: int, *, account: tuple[str, str] = ACCOUNT, directory: str = "",
                 cwd: pathlib.Path, environment: dict[str, str] | None = None):
        self.name, self.port, self.account, self.directory = name, port, account, directory
        self.log = cwd / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(part) for part in command], cwd=cwd, env={**os.environ, **(environment or {})},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + READY_SECONDS
        while not self._greets():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} does not answer: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as control:
                return control.recv(3) == b"220"
        except OSError:
            return False

    def options(self) -> list[str]:
        """What the fleet is told."""
        user, password = self.account
        return ["--server", f"127.0.0.1:{self.port}", "--user", user, "--password", password, "--directory", self.directory]

    def pids(self) -> list[int]:
        """Its process and all that it started: some serve each session with two processes of its own."""
        children: dict[int, list[int]] = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        found, todo = [], [self.process.pid]
        while todo:
            found.append(pid := todo.pop())
            todo += children.get(pid, [])
        return found

    def memory(self) -> int:
        """Bytes of memory: of pages that processes share each counts its part (PSS)."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                total += sum(int(line.split()[1]) * 1024 for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                             if line.startswith("Pss:"))
        return total

    def descriptors(self) -> int:
        """Open descriptors of its first process."""
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unpacked(package: str, cache: pathlib.Path) -> pathlib.Path:
    """The files of a Debian package, with the libraries that its programs need installed."""
    folder = cache / package
    if not folder.exists():
        making = cache / f"{package}.part"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "download", "-qq", package], cwd=making, check=True, **quiet)
        [archive] = making.glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", archive, making / "root"], check=True)
        depends = subprocess.run(["dpkg-deb", "--field", archive, "Depends"], check=True, capture_output=True, text=True).stdout
        libraries = [name for name in re.findall(r"(?:^|,)\s*([a-z0-9.+-]+)", depends) if name.startswith("lib")]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *libraries], check=True, **quiet,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        archive.unlink()
        (making / "root").rename(folder)
        shutil.rmtree(making)
    return folder


def md5(password: str) -> str:
    return subprocess.run(["openssl", "passwd", "-1", password], check=True, capture_output=True, text=True).stdout.strip()


def identity(flag: str) -> str:
    """The number of user nobody (-u), or of its group (-g)."""
    return subprocess.run(["id", flag, "nobody"], check=True, capture_output=True, text=True).stdout.strip()


def free_range(ports: tuple[int, int], count: int) -> tuple[int, int]:
    """That many ports in a row within the range that nobody listens on."""
    first = ports[0]
    for port in range(*ports):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                first = port + 1
        if port - first + 1 == count:
            return first, port
    sys.exit(f"no {count} free ports in a row among {ports}")


def inlet(binary: pathlib.Path, work: pathlib.Path, ports: tuple[int, int]) -> Server:
    """Ingest alone, with its durability as it is by default: fsync of file and directory, and the outbox, before the 226.

    It needs as many passive ports as one address has transfers at a time; the others need one for each transfer of all.
    """
    first, last = free_range(ports, 50)
    port, http = free_port(), free_port()
    data = work / "inlet-data"
    user, password = ACCOUNT
    settings = {
        "INLET_INGEST__LISTEN": f"127.0.0.1:{port}",
        "INLET_INGEST__PASSIVE__PORTS": f"{first}-{last}",
        "INLET_HTTP__LISTEN": f"127.0.0.1:{http}",
        "INLET_INGEST__LIMITS__SESSIONS": "25000",
        # ftpbench stores as much as goes through in a second.
        "INLET_INGEST__LIMITS__UPLOAD_BYTES": "100GB",
        "INLET_LOG__FILTER": "warn",
    }
    add = [binary, "account", "add", user, "--password-stdin", "--data", data]
    subprocess.run(add, input=f"{password}\n", text=True, check=True, stdout=subprocess.DEVNULL)
    return Server("inlet", [binary, "ingest", "--data", data], port, cwd=work, environment=settings)


def libunftp(binary: pathlib.Path, work: pathlib.Path, ports: tuple[int, int]) -> Server:
    """What Inlet is built on, with its own storage and nothing of ours around it."""
    port = free_port()
    home = work / "libunftp"
    home.mkdir()
    command = [binary, "--listen", f"127.0.0.1:{port}", "--home", home, "--first-port", ports[0], "--last-port", ports[1]]
    return Server("libunftp", command, port, account=("anonymous", "fleet@"), cwd=work)


def vsftpd(cache: pathlib.Path, work: pathlib.Path, ports: tuple[int, int]) -> Server:
    """With anonymous uploads, which spares it the question to PAM."""
    root = unpacked("vsftpd", cache)
    port = free_port()
    home = work / "vsftpd"
    (home / "up").mkdir(parents=True)
    empty = work / "vsftpd-empty"
    empty.mkdir()
    subprocess.run(["chown", "daemon", home / "up"], check=True)
    settings = {
        "listen": "YES", "listen_address": "127.0.0.1", "listen_port": port, "background": "NO", "secure_chroot_dir": empty,
        "anonymous_enable": "YES", "local_enable": "NO", "no_anon_password": "NO", "ftp_username": "daemon", "nopriv_user": "nobody",
        "anon_root": home, "write_enable": "YES", "anon_upload_enable": "YES", "anon_umask": "022", "xferlog_enable": "NO",
        "pasv_min_port": ports[0], "pasv_max_port": ports[1], "max_clients": 0, "max_per_ip": 0, "seccomp_sandbox": "NO",
    }
    config = work / "vsftpd.conf"
    config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return Server("vsftpd", [root / "usr/sbin/vsftpd", config], port, account=("anonymous", "fleet@"), directory="up", cwd=work)


def proftpd(cache: pathlib.Path, work: pathlib.Path, ports: tuple[int, int]) -> Server:
    root = unpacked("proftpd-core", cache)
    port = free_port()
    home = work / "proftpd"
    home.mkdir()
    user, password = ACCOUNT
    subprocess.run(["chown", "nobody", home], check=True)
    passwd = work / "proftpd.passwd"
    passwd.write_text(f"{user}:{md5(password)}:{identity('-u')}:{identity('-g')}::{home}:/bin/false\n")
    passwd.chmod(0o600)
    config = work / "proftpd.conf"
    config.write_text(f"""\
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
PassivePorts {ports[0]} {ports[1]}
MaxInstances none
UseReverseDNS off
UseIPv6 off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {passwd}
User nobody
Group nogroup
PidFile {work}/proftpd.pid
ScoreboardFile {work}/proftpd.score
SystemLog none
WtmpLog off
TransferLog none
AllowOverwrite on
""")
    return Server("proftpd", [root / "usr/sbin/proftpd", "--nodaemon", "--config", config], port, cwd=work)


def pure_ftpd(cache: pathlib.Path, work: pathlib.Path, ports: tuple[int, int]) -> Server:
    root = unpacked("pure-ftpd", cache)
    pure_pw = unpacked("pure-ftpd-common", cache) / "usr/bin/pure-pw"
    if not pure_pw.exists():
        pure_pw = root / "usr/bin/pure-pw"
    port = free_port()
    home = work / "pure-ftpd"
    home.mkdir()
    subprocess.run(["chown", "nobody", home], check=True)
    user, password = ACCOUNT
    passwd, database = work / "pureftpd.passwd", work / "pureftpd.pdb"
    # pure-pw's own hash costs as much as the machine can bear; MD5 costs next to nothing, as a remembered password does.
    passwd.write_text(f"{user}:{md5(password)}:{identity('-u')}:{identity('-g')}::{home}/./::::::::::::\n")
    subprocess.run([pure_pw, "mkdb", database, "-f", passwd], check=True, stdout=subprocess.DEVNULL)
    command = [root / "usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{port}", "-l", f"puredb:{database}", "-c", "25000", "-C", "25000", "-H", "-4",
               "-p", f"{ports[0]}:{ports[1]}", "-g", work / "pure-ftpd.pid"]
    return Server("pure-ftpd", command, port, cwd=work)


PYFTPDLIB = """\
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
import logging
logging.basicConfig(level=logging.WARNING)
port, low, high, user, password, home = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, home, perm="elradfmwMT")
FTPHandler.authorizer = authorizer
FTPHandler.passive_ports = range(int(low), int(high) + 1)
FTPServer.max_cons = 25000
FTPServer(("127.0.0.1", int(port)), FTPHandler).serve_forever()
"""


def pyftpdlib(work: pathlib.Path, ports: tuple[int, int]) -> Server:
    """One process with an event loop, as its documentation recommends."""
    port = free_port()
    home = work / "pyftpdlib"
    home.mkdir()
    script = work / "pyftpdlib_server.py"
    script.write_text(PYFTPDLIB)
    return Server("pyftpdlib", [sys.executable, script, port, *ports, *ACCOUNT, home], port, cwd=work)
