"""Network namespaces: hosts of their own on this one, joined by cables, with nftables between them."""

import os
import pathlib
import shutil
import subprocess

# So that two runs on one host do not meet.
PREFIX = f"inlet{os.getpid()}"


class Space:
    """A host: a namespace with a loopback and whatever cables are plugged in."""

    def __init__(self, name: str):
        self.name = f"{PREFIX}-{name}"
        sh("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *command: object) -> list[str]:
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command: object, stdin: str | None = None) -> str:
        return sh(*self.command(*command), stdin=stdin)

    def sysctl(self, key: str, value: object) -> None:
        self.run("sysctl", "-q", "-w", f"{key}={value}")

    def nft(self, rules: str) -> None:
        """These rules and no others. Connections known under the old ones are forgotten with the tables that asked for them."""
        self.run("nft", "-f", "-", stdin=f"flush ruleset\n{rules}")

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False)


def sh(*command: str, stdin: str | None = None) -> str:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr}\n{stdin or ''}"
    return result.stdout


def cable(router: Space, leg: str, host: Space, *networks: tuple[str, str]) -> None:
    """Joins a host to a router, which becomes its way to everywhere else: the router's address and the host's in each network,
    written with their length."""
    plug = f"v{os.getpid() % 100000}{leg}"[:15]
    sh("ip", "link", "add", plug, "type", "veth", "peer", "name", f"{plug}-"[:15])
    gateways, addresses = zip(*networks)
    for space, end, name, ips in [(router, plug, leg, gateways), (host, f"{plug}-"[:15], "eth0", addresses)]:
        sh("ip", "link", "set", end, "netns", space.name, "name", name)
        for ip in ips:
            # Nobody else is on the cable: an IPv6 address need not be looked for there first.
            space.run("ip", "address", "add", ip, "dev", name, *(["nodad"] if ":" in ip else []))
        space.run("ip", "link", "set", name, "up")
    for gateway in gateways:
        host.run("ip", "-6" if ":" in gateway else "-4", "route", "add", "default", "via", gateway.split("/")[0])


def missing() -> str | None:
    """Why there can be no namespaces here."""
    if os.geteuid() != 0:
        return "namespaces need root"
    for tool in ["ip", "nft", "haproxy"]:
        if not shutil.which(tool):
            return f"`{tool}` is not installed"
    trial = f"{PREFIX}-trial"
    try:
        sh("ip", "netns", "add", trial)
        rules = 'table ip t {\nct helper ftp { type "ftp" protocol tcp; }\nchain c { type nat hook prerouting priority dstnat; }\n}'
        sh("ip", "netns", "exec", trial, "nft", "-f", "-", stdin=rules)
    except AssertionError as error:
        return f"the kernel lacks something: {str(error).splitlines()[0]}"
    finally:
        if pathlib.Path(f"/run/netns/{trial}").exists():
            sh("ip", "netns", "del", trial)
    return None
