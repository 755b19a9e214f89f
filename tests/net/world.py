"""A small internet: devices, a home with its own router, a company network, and two zones where Inlet runs, round one router."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from clients import SECONDS, Client, Job, compiled
from spaces import Space, cable

sys.path.append(str(pathlib.Path(__file__).parents[1] / "it"))
from node import binary, until  # noqa: E402

# Of the service in its two zones, and of the NAT gateway through which what is in them goes out.
PUBLIC, PUBLIC_B, GATEWAY = "203.0.113.9", "203.0.113.10", "203.0.113.20"
SERVER, SERVER_B = "10.0.1.10", "10.0.3.10"
DEVICE = "198.51.100.7"
PUBLIC_6, SERVER_6, DEVICE_6, BEHIND_6 = "2001:db8:9::9", "2001:db8:1::10", "2001:db8:7::7", "2001:db8:20::20"
PASSIVE = range(30000, 30020)
HTTP = 2180
PASSWORD = "secret-of-the-net"

# Nobody out there reaches a private address, except through a translation or within a connection that came from inside.
NO_PRIVATE_ADDRESSES_OUTSIDE = """
table ip border {
    chain forward {
        type filter hook forward priority 0;
        iifname { "device", "home" } ct direction original ct original ip daddr 10.0.0.0/8 drop
    }
}
"""

# What the nodes dial goes out through a NAT gateway, under an address that is not the service's.
THROUGH_THE_GATEWAY = f"""
table ip gateway {{
    chain out {{
        type nat hook postrouting priority srcnat
        ip saddr {{ {SERVER}, {SERVER_B} }} oifname {{ "device", "home" }} snat to {GATEWAY}
    }}
}}
"""
TOLD = f"""
import ftplib, sys
ftp = ftplib.FTP(timeout=20)
ftp.connect(sys.argv[1])
ftp.login(sys.argv[2], "{PASSWORD}")
print(ftplib.parse227(ftp.sendcmd("PASV"))[0])
"""


class World:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.spaces: list[Space] = []
        self.file = folder / "file.dat"
        self.file.write_bytes(os.urandom(300_000))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | compiled(folder)

    def build(self) -> None:
        self.router, self.device, self.home, self.behind, self.lan, self.server, self.server_b = (
            self._space(name) for name in ["router", "device", "home", "behind", "lan", "server", "server-b"])
        cable(self.router, "device", self.device, ("198.51.100.1/24", f"{DEVICE}/24"), ("2001:db8:7::1/64", f"{DEVICE_6}/64"))
        cable(self.router, "home", self.home, ("192.0.2.1/24", "192.0.2.7/24"), ("2001:db8:2::1/64", "2001:db8:2::7/64"))
        cable(self.router, "lan", self.lan, ("10.0.2.1/24", "10.0.2.7/24"))
        cable(self.router, "server", self.server, ("10.0.1.1/24", f"{SERVER}/24"), ("2001:db8:1::1/64", f"{SERVER_6}/64"))
        cable(self.router, "server-b", self.server_b, ("10.0.3.1/24", f"{SERVER_B}/24"))
        cable(self.home, "behind", self.behind, ("192.168.1.1/24", "192.168.1.20/24"), ("2001:db8:20::1/64", f"{BEHIND_6}/64"))
        for address in [f"{PUBLIC}/32", f"{PUBLIC_B}/32", f"{PUBLIC_6}/128"]:
            self.router.run("ip", "address", "add", address, "dev", "lo")
        for space in [self.router, self.home]:
            space.sysctl("net.ipv4.ip_forward", 1)
            space.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.router.run("ip", "-6", "route", "add", "2001:db8:20::/64", "via", "2001:db8:2::7")

    def _space(self, name: str) -> Space:
        self.spaces.append(Space(name))
        return self.spaces[-1]

    def told(self, source: Space, host: str, account: str = "station") -> str:
        """The address that PASV names to a device."""
        return source.run(sys.executable, "-c", TOLD, host, account).strip()

    def run(self, client: Client, source: Space, job: Job) -> str:
        """What a client says of one upload."""
        command, typed = client.build(job)
        try:
            result = subprocess.run(source.command(*command), input=typed, capture_output=True, text=True, timeout=SECONDS + 8,
                                    env=self.environment)
        except subprocess.TimeoutExpired:
            return f"gave up after {SECONDS + 8} s"
        return (result.stdout + result.stderr).strip() or "the client said nothing"

    def remove(self) -> None:
        for space in self.spaces:
            space.remove()

    def inlet(self, name: str, settings: dict[str, str], host: Space | None = None) -> "Inlet":
        """Inlet on the server of the first zone, or on another host."""
        return Inlet(self, host or self.server, self.folder / name, settings)


class Inlet:
    """`inlet ingest` on a host: what arrived whole is in its outbox."""

    def __init__(self, world: World, host: Space, data: pathlib.Path, settings: dict[str, str]):
        self.world, self.host, self.data = world, host, data
        self.log = data.with_suffix(".log")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INLET_")}
        self.environment = environment | {
            "INLET_DATA": str(data),
            "INLET_INGEST__LISTEN": "[::]:21",
            # Balancers ask here whether a node may be sent new devices.
            "INLET_HTTP__LISTEN": f"0.0.0.0:{HTTP}",
            "INLET_INGEST__PASSIVE__PORTS": f"{PASSIVE[0]}-{PASSIVE[-1]}",
            # Longer than any client that works takes, and soon over for those that do not.
            "INLET_INGEST__PASSIVE__WAIT": "4s",
            "INLET_INGEST__ACTIVE__CONNECT": "4s",
        } | settings
        self.uploads = 0

    def __enter__(self) -> "Inlet":
        self.data.mkdir()
        self.add_account("station")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.host.command(binary(), "ingest"), env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        until("inlet ingest is ready", self._is_ready)
        return self

    def add_account(self, name: str, *options: str) -> None:
        command = [binary(), "account", "add", name, *options, "--password-stdin"]
        subprocess.run(command, env=self.environment, input=PASSWORD + "\n", text=True, check=True)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "\nready " in f"\n{self.log.read_text()}"

    def __exit__(self, *_) -> None:
        self.terminate()
        self.process.wait(60)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def counter(self, name: str) -> float:
        """A metric by its name and labels; 0 before the first time."""
        lines = self.host.run("curl", "-sS", f"http://127.0.0.1:{HTTP}/metrics").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[0] == name)

    def entries(self) -> list[dict]:
        return [json.loads(path.read_text()) for path in (self.data / "outbox").glob("*.json")]

    def upload(self, client: Client, source: Space, host: str = PUBLIC, port: int = 21) -> str | dict:
        """One upload: its record when it arrived whole, else what the client said of it."""
        self.uploads += 1
        name = f"{self.uploads}.dat"
        said = self.world.run(client, source, Job(host, port, "station", PASSWORD, str(self.world.file), name))
        # 226 is said after the record is written: a client that has ended has nothing more to wait for.
        if record := self.whole(name):
            assert record["mode"] == client.mode, record
        return record or said

    def whole(self, name: str) -> dict | None:
        """The record of an upload that arrived whole."""
        found = [entry for entry in self.entries() if entry["path"] == f"/{name}"]
        return found[0] if found and found[0]["bytes"] == self.world.file.stat().st_size else None
