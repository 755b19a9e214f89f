"""The FTP clients that devices are made of, as commands: what each is called, its mode, and how it uploads a file."""

import dataclasses
from collections.abc import Callable

SECONDS = 12


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
        return f"ftp://{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Client:
    mode: str
    """The command, and what is typed into it."""
    build: Callable[[Job], tuple[list[str], str]]


def curl(mode: str, *options: str) -> Client:
    def build(job: Job):
        return ["curl", "-sS", "--max-time", str(SECONDS), "--user", f"{job.user}:{job.password}", *options, "-T", job.file,
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
        url = f"ftp://{job.user}:{job.password}@{job.host}:{job.port}/{job.name}"
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
    "curl EPRT": curl("active", "-P", "-"),
    "curl PORT": curl("active", "-P", "-", "--disable-eprt"),
    "lftp active": lftp("active"),
    "tnftp active": tnftp("active"),
    "inetutils active": inetutils("active"),
    "ncftp active": ncftp("active"),
    "ftplib active": ftplib("active"),
}
# Those that can be told on which ports to listen, for a NAT that forwards these.
FORWARDED = range(50000, 50020)
ON_FORWARDED_PORTS = {
    "curl PORT": curl("active", "-P", f"eth0:{FORWARDED[0]}-{FORWARDED[-1]}", "--disable-eprt"),
    "curl EPRT": curl("active", "-P", f"eth0:{FORWARDED[0]}-{FORWARDED[-1]}"),
    "lftp active": lftp("active", f"set ftp:port-range {FORWARDED[0]}-{FORWARDED[-1]};"),
}
