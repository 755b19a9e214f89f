"""One Inlet: the real binary, with a data directory and ports of its own."""

import dataclasses
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

TESTS = pathlib.Path(__file__).parents[1]
READY_SECONDS = 60
STOP_SECONDS = 60
PASSIVE_PORTS = 16

Value = TypeVar("Value")

# Where `free_ports` goes on in each range.
_following: dict[range, int] = {}


def until(what: str, probe: Callable[[], Value], seconds: float = 60) -> Value:
    """Waits for the probe's first true answer, and fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


def binary() -> str:
    target = os.environ.get("CARGO_TARGET_DIR", TESTS.parent / "target")
    path = pathlib.Path(os.environ.get("INLET_BIN", f"{target}/debug/inlet")).absolute()
    assert path.is_file(), f"no binary at {path}: run tests/run it, or set INLET_BIN"
    return str(path)


def free_ports(count: int, host: str = "127.0.0.1", among: range = range(23_000, 32_000)) -> range:
    """Neighbouring ports that nobody listens on, below those that the system gives away by itself.

    They go round: what one node was given comes to no other before the whole range was gone through, though the node may not
    listen on it yet, or not at the moment.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(2 * len(among) // count):
        first = _following.get(among, random.choice(among))
        if first + count > among.stop:
            first = among.start
        _following[among] = first + count
        probes = [socket.socket(family) for _ in range(count)]
        try:
            for port, probe in zip(range(first, first + count), probes):
                probe.bind((host, port))
            return range(first, first + count)
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError(f"no {count} free ports in a row")


@dataclasses.dataclass(frozen=True)
class Account:
    name: str
    password: str


class Node:
    """`inlet up`, or one of its services alone, on `data`. Settings are environment variables over the tests' own."""

    def __init__(self, data: pathlib.Path, *, command: tuple[str, ...] = ("up",), config: pathlib.Path | None = None,
                 host: str = "127.0.0.1", settings: dict[str, str] | None = None, under: tuple[str, ...] = ()):
        """`under` is a command that runs Inlet in its own place, such as `prlimit`."""
        self.data = data
        self.command = command
        self.config = config
        self.host = host
        self.under = under
        self.port, self.http_port, *passive = free_ports(2 + PASSIVE_PORTS, host)
        listen = f"[{host}]" if ":" in host else host
        # What the developer's own environment says to Inlet is not what the tests are about.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("INLET_")}
        self.environment |= {
            "INLET_INGEST__LISTEN": f"{listen}:{self.port}",
            "INLET_INGEST__PASSIVE__PORTS": f"{passive[0]}-{passive[-1]}",
            "INLET_HTTP__LISTEN": f"{listen}:{self.http_port}",
            "INLET_ETL__BATCH__MAX_AGE": "1s",
            # A file that was stored is whole in the tests, but for those on appends.
            "INLET_ETL__FORMATS": json.dumps([str(TESTS / "formats")]),
            **(settings or {}),
        }
        self.out = data.with_name(f"{data.name}.{command[0]}.out")
        self.log = data.with_name(f"{data.name}.{command[0]}.log")
        self.process: subprocess.Popen | None = None

    def __repr__(self) -> str:
        return f"Node({' '.join(self.command)}, {self.data})"

    def start(self) -> "Node":
        with open(self.out, "wb") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.under, binary(), *self.command, *self._common()], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        try:
            until(f"a line that starts with `ready ` from {self}", self._is_ready, READY_SECONDS)
        except BaseException:
            self.kill()
            raise
        return self

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"{self} ended with {self.process.returncode}\n{self.logged()}"
        return any(line.startswith("ready ") for line in self.printed().splitlines(keepends=True) if line.endswith("\n"))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stops as a service manager does, and expects an orderly end."""
        if self.process is None or self.process.poll() is not None:
            return
        self.terminate()
        assert self.wait() == 0, self.logged()

    def wait(self) -> int:
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self} did not end within {STOP_SECONDS} s of SIGTERM\n{self.logged()}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def printed(self) -> str:
        return self.out.read_text(errors="replace")

    def logged(self) -> str:
        """The end of the log, for a failure's message."""
        return self.log.read_text(errors="replace")[-8000:] if self.log.exists() else ""

    def _common(self) -> list[str]:
        config = ["--config", str(self.config)] if self.config else []
        return ["--data", str(self.data), *config]

    def run(self, *arguments: str, stdin: str = "", stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess:
        """Another `inlet` command on the same data directory and configuration."""
        return subprocess.run([binary(), *arguments, *self._common()], env=self.environment, input=stdin, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=120)

    def ask(self, *arguments: str, stdin: str = "") -> str:
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == 0, f"inlet {' '.join(arguments)}: {result.stderr}"
        return result.stdout

    def tables(self) -> dict[str, dict]:
        """`inlet table list --json` by table name."""
        return {table["name"]: table for table in json.loads(self.ask("table", "list", "--json"))}

    def quarantine(self, upload: str) -> dict | None:
        """What `inlet quarantine list --json` says of one upload."""
        entries = json.loads(self.ask("quarantine", "list", "--json"))
        found = [entry for entry in entries if entry["upload"] and entry["upload"]["upload"] == upload]
        assert len(found) <= 1, found
        return found[0] if found else None

    def add_account(self, name: str, *, device: str | None = None, zone: str | None = None) -> Account:
        account = Account(name, f"secret-of-{name}")
        options = [*(["--device", device] if device else []), *(["--zone", zone] if zone else [])]
        self.ask("account", "add", name, *options, "--password-stdin", stdin=account.password + "\n")
        return account

    def demo(self) -> Account:
        """The account that the first start makes."""
        return Account("demo", (self.data / "demo-password").read_text().strip())

    def metric(self, name: str) -> float:
        """A metric by its name and labels, or the sum over all labels; 0 before the first time."""
        with socket.create_connection((self.host, self.http_port), timeout=60) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            lines = connection.makefile().read().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if name in (line.rsplit(" ", 1)[0], line.split("{")[0].split(" ")[0]))

    def outbox(self) -> list[pathlib.Path]:
        return sorted((self.data / "outbox").glob("*.json"))

    def home(self, account: Account) -> pathlib.Path:
        return self.data / "homes" / account.name
