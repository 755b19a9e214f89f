"""Ingest beside vsftpd, ProFTPD, Pure-FTPd, pyftpdlib and bare libunftp. One command: tests/bench/run ingest.

It needs root and Debian: the peers are unpacked from their packages. Each server is started alone, on loopback, on the same file system, and
asked by the same fleet (tests/fleet). Inlet syncs each upload to the disk and writes it into its outbox before it says 226; the others do
neither. Rounds go over all servers in turn, and the median of each is told, so that a slow moment of the machine hits all alike. Nothing here
passes or fails but an upload that is not acknowledged.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import ftp_servers
import ftpbench
from ftp_servers import Server
from machine import file_system, machine

# Below the ports that the system gives away by itself.
PASSIVE = (20_000, 24_999)
# Servers whose every session is a process of its own have this many of them in the larger memory test.
IDLE = (300, 3000)
DISK = "disk alone, synced"
CACHE = pathlib.Path(__file__).parent / ".venv/peers"


PARTS = ("uploads", "file", "memory", "load", "ftpbench")


class Bench:
    def __init__(self, inlet: pathlib.Path, work: pathlib.Path, cache: pathlib.Path):
        self.fleet, self.work, self.cache = inlet.with_name("fleet"), work, cache
        self.starts = {
            "inlet": lambda work: ftp_servers.inlet(inlet, work, PASSIVE),
            "vsftpd": lambda work: ftp_servers.vsftpd(cache, work, PASSIVE),
            "proftpd": lambda work: ftp_servers.proftpd(cache, work, PASSIVE),
            "pure-ftpd": lambda work: ftp_servers.pure_ftpd(cache, work, PASSIVE),
            "pyftpdlib": lambda work: ftp_servers.pyftpdlib(work, PASSIVE),
            "libunftp": lambda work: ftp_servers.libunftp(inlet.with_name("libunftp-alone"), work, PASSIVE),
        }

    def start(self, name: str) -> Server:
        work = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))
        # Some serve as another user.
        work.chmod(0o755)
        return self.starts[name](work)

    def remove(self, server: Server) -> None:
        server.stop()
        shutil.rmtree(server.log.parent, ignore_errors=True)

    def ask(self, server: Server, *arguments: object) -> dict:
        """One run of the fleet."""
        run = subprocess.run(self.command(server, *arguments), capture_output=True, text=True)
        if not run.stdout.strip():
            sys.exit(f"{server.name}: {run.stderr}")
        return json.loads(run.stdout.splitlines()[-1])

    def command(self, server: Server, *arguments: object) -> list[str]:
        return [str(self.fleet), *server.options(), *(str(argument) for argument in arguments)]

    def uploads(self, clients: int, seconds: int, rounds: int) -> dict[str, list[dict]]:
        """login + 10 KB STOR + QUIT, again and again, by that many clients."""
        found: dict[str, list[dict]] = {name: [] for name in self.starts}
        for _ in range(rounds):
            for name in self.starts:
                server = self.start(name)
                self.ask(server, "uploads", "--clients", clients, "--seconds", 1)
                before = cpu(server)
                report = self.ask(server, "uploads", "--clients", clients, "--seconds", seconds)
                # Those whose sessions are processes take their time with them when they end, and the parent is told.
                report["cpu_ms"] = (cpu(server) - before) * 1000 / max(report["uploads"], 1)
                for failure, count in report["failures"].items():
                    print(f"{name}: {count} × {failure}", file=sys.stderr)
                found[name].append(report)
                # Its files stay until the end: for minutes ext4 is slow to make new ones where thousands were deleted.
                server.stop()
        return found

    def throughput(self, size: int, rounds: int) -> dict[str, list[float]]:
        """One large STOR: seconds from the command to its 226."""
        found: dict[str, list[float]] = {name: [] for name in self.starts}
        for _ in range(rounds):
            for name in self.starts:
                server = self.start(name)
                report = self.ask(server, "file", "--bytes", size)
                if report["failures"]:
                    sys.exit(f"{name}: {report['failures']}")
                found[name].append(report["store_ms"]["max"] / 1000)
                self.remove(server)
            found.setdefault(DISK, []).append(self.disk(size))
        return found

    def disk(self, size: int) -> float:
        """Seconds for as many bytes written and synced, and nothing else: what the promise of a 226 costs at least."""
        step = bytes(2**19)
        with tempfile.TemporaryFile(dir=self.work) as file:
            began = time.monotonic()
            for at in range(0, size, len(step)):
                file.write(step[:size - at])
            file.flush()
            os.fdatasync(file.fileno())
            return time.monotonic() - began

    def memory(self, sessions: int) -> dict[str, float]:
        """Memory a session, in KiB, with that many logged in and idle."""
        found = {}
        for name in self.starts:
            server = self.start(name)
            alone = server.memory()
            fleet = subprocess.Popen(self.command(server, "sessions", "--idle", sessions, "--seconds", 3600), stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
            if fleet.stdout.readline().strip() == "up":
                found[name] = (server.memory() - alone) / sessions / 1024
            fleet.kill()
            fleet.wait()
            self.remove(server)
        return found

    def load(self, idle: int, rate: int, seconds: int) -> dict:
        """Inlet with many idle sessions and uploads at a steady rate beside them."""
        server = self.start("inlet")
        alone, open_alone = server.memory(), server.descriptors()
        fleet = subprocess.Popen(self.command(server, "sessions", "--idle", idle, "--seconds", seconds, "--rate", rate),
                                 stdout=subprocess.PIPE, text=True)
        if fleet.stdout.readline().strip() != "up":
            sys.exit(f"{idle} sessions did not come up")
        of_session = {"session_kib": (server.memory() - alone) / idle / 1024, "session_descriptors": (server.descriptors() - open_alone) / idle}
        began, series = time.monotonic(), []
        while fleet.poll() is None:
            series.append((time.monotonic() - began, server.memory() / 2**20, server.descriptors()))
            with contextlib.suppress(subprocess.TimeoutExpired):
                fleet.wait(max(1.0, seconds / 20))
        report = json.loads(fleet.stdout.read().splitlines()[-1])
        outbox = sum(1 for _ in (server.log.parent / "inlet-data/outbox").glob("*.json"))
        self.remove(server)
        return {**report, **of_session, "outbox": outbox, "series": series}


def cpu(server: Server) -> float:
    """Seconds of CPU of its first process and of all its children that have ended, user and system."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def median(reports: list[dict], *keys: str) -> float:
    def value(report: dict) -> float:
        for key in keys:
            report = report[key]
        return report
    return statistics.median(value(report) for report in reports)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def uploads(bench: Bench, size: "Size") -> list[str]:
    lines = ["## Sessions", ""]
    for clients in [50, 300]:
        found = bench.uploads(clients, size.seconds, size.rounds)
        base = median(found["vsftpd"], "uploads_per_second")
        rows = []
        for name, reports in found.items():
            rate = median(reports, "uploads_per_second")
            p50, p99 = (median(reports, "reply_ms", quantile) for quantile in ("p50", "p99"))
            failed = sum(sum(report["failures"].values()) for report in reports)
            rows.append([name, f"{rate:,.0f}", f"{rate / base:.2f}", f"{p50:.1f}", f"{p99:.1f}", f"{median(reports, 'cpu_ms'):.2f}",
                         str(failed)])
        head = ["server", "sessions/s", "× vsftpd", "226 p50, ms", "226 p99, ms", "CPU-ms a session", "failed"]
        lines += [f"Login, STOR of 10 KB, QUIT, with {clients} clients at once:", "", table(head, rows)]
    return lines


def file(bench: Bench, size: "Size") -> list[str]:
    taken = bench.throughput(size.file_bytes, size.rounds)
    base = statistics.median(taken["vsftpd"])
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    rows = [[name, f"{size.file_bytes / 1e6 / seconds:,.0f}", f"{base / seconds:.2f}"] for name, seconds in medians.items()]
    return ["## Throughput", "", f"One STOR of {size.file_bytes / 1e6:.0f} MB, from the command to its 226:", "", table(["server", "MB/s", "× vsftpd"], rows)]


def memory(bench: Bench, size: "Size") -> list[str]:
    by_sessions = {count: bench.memory(count) for count in size.sessions}
    rows = [[name, *(f"{found[name]:.1f}" if name in found else "did not come up" for found in by_sessions.values())]
            for name in bench.starts]
    head = ["server", *(f"{count:,} sessions" for count in size.sessions)]
    return ["## Memory", "", "Of an idle session, some seconds after its login (PSS, KiB):", "", table(head, rows)]


def load(bench: Bench, size: "Size") -> list[str]:
    found = bench.load(size.idle, size.rate, round(size.minutes * 60))
    failures = [f"- {count} × {failure}" for failure, count in found["failures"].items()]
    points = [[f"{at:.0f} s", f"{memory:.1f}", str(descriptors)] for at, memory, descriptors in found["series"]]
    return ["## Load", "",
            f"Inlet with {size.idle:,} idle sessions, and {size.rate} uploads of 10 KB a second beside them for {size.minutes:g} minutes:", "",
            f"- {found['uploads']:,} uploads acknowledged, {sum(found['failures'].values())} not; {found['outbox']:,} entries in the outbox",
            *failures,
            f"- 226 after the end of the data: p50 {found['reply_ms']['p50']:.1f} ms, p99 {found['reply_ms']['p99']:.1f} ms",
            f"- {found['session_kib']:.1f} KiB of memory an idle session, {found['session_descriptors']:.2f} descriptors", "",
            table(["after", "memory, MiB", "descriptors"], points)]


def pyftpdlibs(bench: Bench, size: "Size") -> list[str]:
    found = {}
    for name in ["inlet", "pyftpdlib"]:
        server = bench.start(name)
        found[name] = ftpbench.run(server, bench.cache, size.ftpbench)
        bench.remove(server)
    rows = [[f"{what}, {unit}", f"{value:,.2f}", f"{found['pyftpdlib'][what][0]:,.2f}"] for what, (value, unit) in found["inlet"].items()]
    return ["## ftpbench", "", "pyftpdlib's own script, one client after the other and many at once:", "",
            table(["", "inlet", "pyftpdlib"], rows)]


MEASURES = {"uploads": uploads, "file": file, "memory": memory, "load": load, "ftpbench": pyftpdlibs}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is done."""

    rounds: int = 3
    seconds: int = 5
    file_bytes: int = 500_000_000
    sessions: tuple[int, ...] = IDLE
    idle: int = 10_000
    rate: int = 200
    minutes: float = 10
    ftpbench: int = 200


QUICK = Size(rounds=1, seconds=1, file_bytes=50_000_000, sessions=(50,), idle=300, minutes=0.1, ftpbench=20)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/run ingest", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round, small sizes: to see that it runs")
    parser.add_argument("--idle", type=int, default=Size.idle, help="idle sessions under load (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=Size.minutes, help="how long the load lasts (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=Size.rounds, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE, help="where the peers are unpacked (default: %(default)s)")
    parser.add_argument("--work", type=pathlib.Path, help="where files go; a folder that is removed again")
    parser.add_argument("--report", type=pathlib.Path, help="write what is printed to this file too")
    options = parser.parse_args()
    # A descriptor a session here and there, and four there while it logs in.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    size = QUICK if options.quick else Size(rounds=options.rounds, idle=options.idle, minutes=options.minutes)

    work = pathlib.Path(tempfile.mkdtemp(prefix="inlet-bench-", dir=options.work))
    work.chmod(0o755)
    # On ext4 folders in it lie far apart, so that no server works among what the one before has left.
    subprocess.run(["chattr", "+T", work], stderr=subprocess.DEVNULL)
    options.cache.mkdir(parents=True, exist_ok=True)
    lines = ["# What ingest costs", "", "Written by `tests/bench/run ingest`; [tests/bench](../../tests/bench/README.md) says what it does.", "",
             f"{machine()} The file system is {file_system(work)}, and at most {hard:,} descriptors a process are allowed. Inlet syncs each upload "
             "and writes it into its outbox before it says 226; the others do neither. libunftp is what Inlet is built on, alone: the "
             "difference is what Inlet's own edge and durability cost. Sessions/s and MB/s are medians of "
             f"{size.rounds} {'round' if size.rounds == 1 else 'rounds'}; fleet and server share the machine. A load above 1 says that others "
             "used it too: compare ratios then, and not seconds.", ""]
    print("\n".join(lines), flush=True)
    try:
        bench = Bench(pathlib.Path(os.environ["INLET_BIN"]).absolute(), work, options.cache.absolute())
        for part in options.parts.split(","):
            measured = MEASURES[part](bench, size)
            print("\n".join(measured), flush=True)
            lines += measured
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.report:
        options.report.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
