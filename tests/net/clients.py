"""The FTP clients that devices are made of, as commands: what each is called, its mode, and how it uploads a file."""

import dataclasses
import pathlib
import shutil
import subprocess
from collections.abc import Callable

SECONDS = 12
# Where Debian's libcommons-net-java puts it.
COMMONS_NET = pathlib.Path("/usr/share/java/commons-net.jar")


@dataclasses.dataclass(frozen=True)
class Job:
    """What a device knows."""
    host: str
    port: int
    user: str
    password: str
    file: str
    name: str

    @property
    def url(self) -> str:
        return f"ftp://{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as an address within a URL is written."""
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclasses.dataclass(frozen=True)
class Client:
    mode: str
    """The command, and what is typed into it."""
    build: Callable[[Job], tuple[list[str], str]]


def curl(mode: str, *options: str) -> Client:
    def build(job: Job):
        return ["curl", "-sS", "--globoff", "--max-time", str(SECONDS), "--user", f"{job.user}:{job.password}", *options, "-T", job.file,
                f"{job.url}/{job.name}"], ""
    return Client(mode, build)


def lftp(mode: str, settings: str = "") -> Client:
    def build(job: Job):
        passive = "true" if mode == "passive" else "false"
        script = (f"set ftp:passive-mode {passive}; set net:max-retries 1; set net:timeout {SECONDS}; set net:reconnect-interval-base 1; "
                  f"{settings} set cmd:fail-exit true; open {job.url}; user {job.user} {job.password}; put {job.file} -o {job.name}")
        return ["lftp", "-c", script], ""
    return Client(mode, build)


def tnftp(mode: str) -> Client:
    def build(job: Job):
        url = f"ftp://{job.user}:{job.password}@{job.bracketed}:{job.port}/{job.name}"
        return ["tnftp", "-p" if mode == "passive" else "-A", "-u", url, job.file], ""
    return Client(mode, build)


def inetutils(mode: str) -> Client:
    def build(job: Job):
        script = [f"open {job.host} {job.port}", f"user {job.user} {job.password}", "binary", f"put {job.file} {job.name}", "quit"]
        options = ["--passive"] if mode == "passive" else []
        return ["inetutils-ftp", "--no-login", "--no-prompt", "--verbose", *options], "\n".join(script) + "\n"
    return Client(mode, build)


def ncftp(mode: str) -> Client:
    def build(job: Job):
        return ["ncftpput", "-F" if mode == "passive" else "-E", "-r", "1", "-t", str(SECONDS), "-u", job.user, "-p", job.password,
                "-P", str(job.port), "-C", job.host, job.file, job.name], ""
    return Client(mode, build)


def ftpput() -> Client:
    def build(job: Job):
        return ["busybox", "ftpput", "-u", job.user, "-p", job.password, "-P", str(job.port), job.host, job.name, job.file], ""
    return Client("passive", build)


def ftplib(mode: str) -> Client:
    def build(job: Job):
        script = (f"import ftplib; f = ftplib.FTP(timeout={SECONDS}); f.connect({job.host!r}, {job.port}); "
                  f"f.login({job.user!r}, {job.password!r}); f.set_pasv({mode == 'passive'}); "
                  f"f.storbinary('STOR {job.name}', open({job.file!r}, 'rb'))")
        return ["python3", "-c", script], ""
    return Client(mode, build)


def commons_net(mode: str, *how: str) -> Client:
    def build(job: Job):
        quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
        return ["java", *quick, "CommonsNet", *(how or [mode]), job.host, str(job.port), job.user, job.password, job.file, job.name], ""
    return Client(mode, build)


def missing(name: str) -> str | None:
    """Why a client cannot be tried here. All but one are as sure to be there as the network tools are."""
    if name.startswith("Commons Net"):
        if not (shutil.which("javac") and shutil.which("java")):
            return f"{name}: no `javac`"
        if not COMMONS_NET.exists():
            return f"{name}: no {COMMONS_NET}"
    return None


def compiled(folder: pathlib.Path) -> dict[str, str]:
    """Compiles the client that is a program of our own, and gives the environment that it is found in."""
    if not missing("Commons Net"):
        source = pathlib.Path(__file__).with_name("CommonsNet.java")
        subprocess.run(["javac", "-cp", COMMONS_NET, "-d", folder, source], check=True)
    return {"CLASSPATH": f"{folder}:{COMMONS_NET}"}


CLIENTS = {
    "curl EPSV": curl("passive"),
    # As older versions of it do, it believes the address that it is told.
    "curl PASV": curl("passive", "--disable-epsv", "--no-ftp-skip-pasv-ip"),
    "lftp passive": lftp("passive"),
    "tnftp passive": tnftp("passive"),
    "inetutils passive": inetutils("passive"),
    "ncftp passive": ncftp("passive"),
    "BusyBox ftpput": ftpput(),
    "ftplib passive": ftplib("passive"),
    "Commons Net EPSV": commons_net("passive", "epsv"),
    "Commons Net PASV": commons_net("passive"),
    "curl EPRT": curl("active", "-P", "-"),
    "curl PORT": curl("active", "-P", "-", "--disable-eprt"),
    "lftp active": lftp("active"),
    "tnftp active": tnftp("active"),
    "inetutils active": inetutils("active"),
    "ncftp active": ncftp("active"),
    "ftplib active": ftplib("active"),
    "Commons Net active": commons_net("active"),
}
PASSIVE = [name for name, client in CLIENTS.items() if client.mode == "passive"]
ACTIVE = [name for name, client in CLIENTS.items() if client.mode == "active"]
# Those that can be told on which ports to listen, for a NAT that forwards these.
FORWARDED = range(50000, 50020)
ON_FORWARDED_PORTS = {
    "curl PORT": curl("active", "-P", f"eth0:{FORWARDED[0]}-{FORWARDED[-1]}", "--disable-eprt"),
    "curl EPRT": curl("active", "-P", f"eth0:{FORWARDED[0]}-{FORWARDED[-1]}"),
    "lftp active": lftp("active", f"set ftp:port-range {FORWARDED[0]}-{FORWARDED[-1]};"),
}
