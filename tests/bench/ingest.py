"""Ingest beside vsftpd, ProFTPD, Pure-FTPd and pyftpdlib: sessions a second, throughput, memory. Then ingest under load by itself.

    python3 tests/bench/ingest.py --inlet target/release/inlet --fleet target/release/fleet --cache CACHE [--quick]

It needs root and Debian (the peers are unpacked from their packages) and pyftpdlib from PyPI. Each server is started alone, on loopback, on
the same file system, and asked by the same fleet (tests/fleet). Inlet syncs each upload to the disk and writes it into its outbox before it
says 226; the others do neither. Rounds go over all servers in turn, and the median of each is told, so that a slow moment of the machine
hits all alike. What is printed are measurements and ratios to vsftpd; nothing here passes or fails but an upload that is not acknowledged.
"""

import argparse
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
from ftp_servers import Server

# Below the ports that the system gives away by itself.
PASSIVE = (20_000, 24_999)
# Servers whose every session is a process of its own have this many of them in the larger memory test.
IDLE = (300, 3000)


class Bench:
    def __init__(self, inlet: pathlib.Path, fleet: pathlib.Path, work: pathlib.Path, cache: pathlib.Path):
        self.inlet, self.fleet, self.work, self.cache = inlet, fleet, work, cache
        self.starts = {
            "inlet": lambda work: ftp_servers.inlet(inlet, work, PASSIVE),
            "vsftpd": lambda work: ftp_servers.vsftpd(cache, work, PASSIVE),
            "proftpd": lambda work: ftp_servers.proftpd(cache, work, PASSIVE),
            "pure-ftpd": lambda work: ftp_servers.pure_ftpd(cache, work, PASSIVE),
            "pyftpdlib": lambda work: ftp_servers.pyftpdlib(work, PASSIVE),
        }

    def start(self, name: str) -> Server:
        work = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))
        # Some serve as another user.
        work.chmod(0o755)
        return self.starts[name](work)

    def stop(self, server: Server) -> None:
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
                self.stop(server)
        return found

    def throughput(self, size: int, rounds: int) -> dict[str, list[float]]:
        """One large STOR: seconds from login to QUIT."""
        found: dict[str, list[float]] = {name: [] for name in self.starts}
        for _ in range(rounds):
            for name in self.starts:
                server = self.start(name)
                report = self.ask(server, "file", "--bytes", size)
                if report["failures"]:
                    sys.exit(f"{name}: {report['failures']}")
                found[name].append(report["seconds"])
                self.stop(server)
        return found

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
            self.stop(server)
        return found

    def load(self, idle: int, rate: int, seconds: int) -> dict:
        """Inlet with many idle sessions and uploads at a steady rate beside them."""
        server = self.start("inlet")
        alone = server.memory()
        fleet = subprocess.Popen(self.command(server, "sessions", "--idle", idle, "--seconds", seconds, "--rate", rate),
                                 stdout=subprocess.PIPE, text=True)
        samples = []
        if fleet.stdout.readline().strip() != "up":
            sys.exit(f"{idle} sessions did not come up")
        session = (server.memory() - alone) / idle / 1024
        while fleet.poll() is None:
            samples.append((server.memory() / 2**20, server.descriptors()))
            time.sleep(max(1.0, seconds / 20))
        report = json.loads(fleet.stdout.read().splitlines()[-1])
        outbox = len(list((server.log.parent / "inlet-data/outbox").glob("*.json")))
        self.stop(server)
        return {**report, "session_kib": session, "outbox": outbox, "memory_mib": [round(memory, 1) for memory, _ in samples],
                "descriptors": [descriptors for _, descriptors in samples]}


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inlet", type=pathlib.Path, required=True)
    parser.add_argument("--fleet", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, help="where files go; a folder that is removed again")
    parser.add_argument("--quick", action="store_true", help="one round, small sizes: to see that it runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=1, help="how long the load lasts")
    parser.add_argument("--report", type=pathlib.Path, help="write Markdown there")
    options = parser.parse_args()
    # Two descriptors a session here, and three or four there.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rounds, seconds, size, idle, minutes = options.rounds, 5, 500_000_000, options.idle, options.minutes
    sessions = IDLE
    if options.quick:
        rounds, seconds, size, idle, minutes, sessions = 1, 1, 50_000_000, 300, 0.1, (50,)

    work = pathlib.Path(tempfile.mkdtemp(prefix="inlet-bench-", dir=options.work))
    work.chmod(0o755)
    options.cache.mkdir(parents=True, exist_ok=True)
    out: list[str] = []

    def tell(text: str) -> None:
        print(text, flush=True)
        out.append(text)

    try:
        bench = Bench(options.inlet.absolute(), options.fleet.absolute(), work, options.cache.absolute())
        for clients in [50, 300]:
            found = bench.uploads(clients, seconds, rounds)
            base = median(found["vsftpd"], "uploads_per_second")
            rows = []
            for name, reports in found.items():
                rate = median(reports, "uploads_per_second")
                p50, p99 = (median(reports, "reply_ms", quantile) for quantile in ("p50", "p99"))
                failed = sum(sum(report["failures"].values()) for report in reports)
                rows.append([name, f"{rate:,.0f}", f"{rate / base:.2f}", f"{p50:.1f}", f"{p99:.1f}", f"{median(reports, 'cpu_ms'):.2f}",
                             str(failed)])
            head = ["server", "sessions/s", "× vsftpd", "226 p50, ms", "226 p99, ms", "CPU-ms a session", "failed"]
            tell(f"\nLogin, STOR of 10 KB, QUIT, with {clients} clients at once:\n\n{table(head, rows)}")
        seconds_of = bench.throughput(size, rounds)
        base = statistics.median(seconds_of["vsftpd"])
        medians = {name: statistics.median(taken) for name, taken in seconds_of.items()}
        rows = [[name, f"{size / 1e6 / taken:,.0f}", f"{base / taken:.2f}"] for name, taken in medians.items()]
        tell(f"\nOne STOR of {size / 1e6:.0f} MB:\n\n{table(['server', 'MB/s', '× vsftpd'], rows)}")
        by_sessions = {count: bench.memory(count) for count in sessions}
        rows = [[name, *(f"{found[name]:.1f}" if name in found else "did not come up" for found in by_sessions.values())]
                for name in bench.starts]
        tell(f"\nMemory of an idle session (PSS, KiB):\n\n{table(['server', *(f'{count:,} sessions' for count in sessions)], rows)}")
        load = bench.load(idle, 200, int(minutes * 60))
        tell(f"\nInlet with {idle:,} idle sessions and 200 uploads of 10 KB a second for {minutes:g} min:\n\n"
             f"- {load['uploads']:,} uploads acknowledged, {sum(load['failures'].values())} not; {load['outbox']:,} entries in the outbox\n"
             f"- 226 after the end of the data: p50 {load['reply_ms']['p50']:.1f} ms, p99 {load['reply_ms']['p99']:.1f} ms\n"
             f"- {load['session_kib']:.1f} KiB of memory an idle session\n"
             f"- at the start and at the end: {load['memory_mib'][:1] + load['memory_mib'][-1:]} MiB, "
             f"{load['descriptors'][:1] + load['descriptors'][-1:]} descriptors\n")
        for failure, count in load["failures"].items():
            tell(f"- {count} × {failure}\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.report:
        options.report.write_text("".join(out))


if __name__ == "__main__":
    main()
