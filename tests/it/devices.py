"""Real FTP clients, each in each mode that it has, as one function: upload(file, as name) for an account of a node."""

import dataclasses
import ftplib
import io
import pathlib
import subprocess

from node import Account, Node

SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Upload:
    """One file on its way: what a device knows."""
    node: Node
    account: Account
    file: pathlib.Path
    name: str

    @property
    def host(self) -> str:
        return f"[{self.node.host}]" if ":" in self.node.host else self.node.host

    @property
    def url(self) -> str:
        return f"ftp://{self.host}:{self.node.port}"


def run(*command: object, stdin: str = "") -> str:
    result = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=SECONDS,
                            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
    said = result.stdout + result.stderr
    assert result.returncode == 0, f"{command[0]} ended with {result.returncode}: {said}"
    return said


def curl(*options: str):
    def upload(up: Upload) -> None:
        user = f"{up.account.name}:{up.account.password}"
        run("curl", "--silent", "--show-error", "--globoff", "--max-time", SECONDS, "--user", user, *options,
            "--upload-file", up.file, f"{up.url}/{up.name}")
    return upload


def lftp(passive: bool):
    def upload(up: Upload) -> None:
        settings = f"set ftp:passive-mode {'true' if passive else 'false'}; set net:max-retries 1; set net:timeout {SECONDS};"
        user = f"user {up.account.name} {up.account.password}"
        run("lftp", "-c", f"{settings} set cmd:fail-exit true; open {up.url}; {user}; put {up.file} -o {up.name}")
    return upload


def tnftp(passive: bool):
    def upload(up: Upload) -> None:
        host = up.url.removeprefix("ftp://")
        url = f"ftp://{up.account.name}:{up.account.password}@{host}/{up.name}"
        run("tnftp", "-p" if passive else "-A", "-u", url, up.file)
    return upload


def inetutils(passive: bool):
    def upload(up: Upload) -> None:
        mode = ["--passive"] if passive else []
        script = [f"open {up.node.host} {up.node.port}", f"user {up.account.name} {up.account.password}", "binary",
                  f"put {up.file} {up.name}", "quit"]
        said = run("inetutils-ftp", "--no-login", "--no-prompt", "--verbose", *mode, stdin="\n".join(script) + "\n")
        # It ends with 0 whatever the server said.
        assert "\n226" in said, said
    return upload


def busybox_ftpput(up: Upload) -> None:
    run("busybox", "ftpput", "-u", up.account.name, "-p", up.account.password, "-P", up.node.port, up.node.host, up.name, up.file)


def python_ftplib(passive: bool):
    def upload(up: Upload) -> None:
        with login(up.node, up.account) as ftp, open(up.file, "rb") as file:
            ftp.set_pasv(passive)
            assert ftp.storbinary(f"STOR {up.name}", file).startswith("226")
    return upload


def login(node: Node, account: Account) -> ftplib.FTP:
    ftp = ftplib.FTP(timeout=SECONDS)
    ftp.connect(node.host, node.port)
    ftp.login(account.name, account.password)
    return ftp


def store(ftp: ftplib.FTP, path: str, data: bytes) -> None:
    """Uploads under a folder, which is made if it is not there yet."""
    try:
        ftp.mkd(path.rpartition("/")[0])
    except ftplib.error_perm as refused:
        assert str(refused).startswith("550"), "it is there already"
    assert ftp.storbinary(f"STOR {path}", io.BytesIO(data)).startswith("226")


# Client and mode: how it uploads, and the mode that Inlet has to have seen.
ON_IPV4 = {
    "curl-epsv": (curl(), "passive"),
    "curl-pasv": (curl("--disable-epsv"), "passive"),
    "curl-eprt": (curl("--ftp-port", "-"), "active"),
    "curl-port": (curl("--ftp-port", "-", "--disable-eprt"), "active"),
    "lftp-passive": (lftp(passive=True), "passive"),
    "lftp-active": (lftp(passive=False), "active"),
    "tnftp-passive": (tnftp(passive=True), "passive"),
    "tnftp-active": (tnftp(passive=False), "active"),
    "inetutils-active": (inetutils(passive=False), "active"),
    "inetutils-passive": (inetutils(passive=True), "passive"),
    "busybox-ftpput": (busybox_ftpput, "passive"),
    "ftplib-passive": (python_ftplib(passive=True), "passive"),
    "ftplib-active": (python_ftplib(passive=False), "active"),
}
# lftp is left out in active mode: over IPv6 it says EPRT with the address ::, which nobody can dial.
ON_IPV6 = {
    "curl-epsv": (curl(), "passive"),
    "curl-eprt": (curl("--ftp-port", "-"), "active"),
    "lftp-passive": (lftp(passive=True), "passive"),
    "tnftp-passive": (tnftp(passive=True), "passive"),
    "tnftp-active": (tnftp(passive=False), "active"),
    "inetutils-active": (inetutils(passive=False), "active"),
    "inetutils-passive": (inetutils(passive=True), "passive"),
    "ftplib-passive": (python_ftplib(passive=True), "passive"),
    "ftplib-active": (python_ftplib(passive=False), "active"),
}
