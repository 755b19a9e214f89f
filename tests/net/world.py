"""A small internet: devices, a home with its own NAT, a company network, and the place where Inlet runs, round one router."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from clients import SECONDS, Client, Job
from spaces import Space, cable

sys.path.append(str(pathlib.Path(__file__).parents[1] / "it"))
from node import binary, until  # noqa: E402

PUBLIC = "203.0.113.9"
SERVER = "10.0.1.10"
PASSIVE = range(30000, 30020)
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


class World:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.spaces: list[Space] = []
        self.file = folder / "file.dat"
        self.file.write_bytes(os.urandom(300_000))

    def build(self) -> None:
        self.router, self.device, self.home, self.behind, self.lan, self.server = (
            self._space(name) for name in ["router", "device", "home", "behind", "lan", "server"])
        cable(self.router, "device", "198.51.100.1/24", self.device, "198.51.100.7/24")
        cable(self.router, "home", "192.0.2.1/24", self.home, "192.0.2.7/24")
        cable(self.router, "lan", "10.0.2.1/24", self.lan, "10.0.2.7/24")
        cable(self.router, "server", "10.0.1.1/24", self.server, f"{SERVER}/24")
        cable(self.home, "behind", "192.168.1.1/24", self.behind, "192.168.1.20/24")
        self.router.run("ip", "address", "add", f"{PUBLIC}/32", "dev", "lo")
        for space in [self.router, self.home]:
            space.sysctl("net.ipv4.ip_forward", 1)

    def _space(self, name: str) -> Space:
        self.spaces.append(Space(name))
        return self.spaces[-1]

    def remove(self) -> None:
        for space in self.spaces:
            space.remove()

    def inlet(self, name: str, settings: dict[str, str]) -> "Inlet":
        return Inlet(self, self.folder / name, settings)


class Inlet:
    """`inlet ingest` on the server: what arrived whole is in its outbox."""

    def __init__(self, world: World, data: pathlib.Path, settings: dict[str, str]):
        self.world, self.data = world, data
        self.log = data.with_suffix(".log")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INLET_")}
        self.environment = environment | {
            "INLET_DATA": str(data),
            "INLET_INGEST__LISTEN": "0.0.0.0:21",
            "INLET_INGEST__PASSIVE__PORTS": f"{PASSIVE[0]}-{PASSIVE[-1]}",
            # Longer than any client that works takes, and soon over for those that do not.
            "INLET_INGEST__PASSIVE__WAIT": "4s",
            "INLET_INGEST__ACTIVE__CONNECT": "4s",
        } | settings
        self.uploads = 0

    def __enter__(self) -> "Inlet":
        self.data.mkdir()
        subprocess.run([binary(), "account", "add", "station", "--password-stdin"], env=self.environment, input=PASSWORD + "\n",
                       text=True, check=True)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.world.server.command(binary(), "ingest"), env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        until("inlet ingest is ready", self._is_ready)
        return self

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "\nready " in f"\n{self.log.read_text()}"

    def __exit__(self, *_) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def counter(self, name: str) -> float:
        """A metric by its name and labels; 0 before the first time."""
        lines = self.world.server.run("curl", "-sS", "http://127.0.0.1:2180/metrics").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[0] == name)

    def entries(self) -> list[dict]:
        return [json.loads(path.read_text()) for path in (self.data / "outbox").glob("*.json")]

    def upload(self, client: Client, source: Space, host: str = PUBLIC, port: int = 21) -> str | dict:
        """One upload: its record when it arrived whole, else what the client said of it."""
        self.uploads += 1
        name = f"{self.uploads}.dat"
        command, typed = client.build(Job(host, port, "station", PASSWORD, str(self.world.file), name))
        try:
            result = subprocess.run(source.command(*command), input=typed, capture_output=True, text=True, timeout=SECONDS + 8,
                                    env={"PATH": os.environ["PATH"], "HOME": str(self.world.folder)})
            said = result.stdout + result.stderr
        except subprocess.TimeoutExpired:
            said = f"gave up after {SECONDS + 8} s"
        # 226 is said after the record is written: a client that has ended has nothing more to wait for.
        whole = [entry for entry in self.entries() if entry["path"] == f"/{name}"]
        if whole and whole[0]["bytes"] == self.world.file.stat().st_size:
            assert whole[0]["mode"] == client.mode, whole[0]
            return whole[0]
        return said.strip() or "the client said nothing"
