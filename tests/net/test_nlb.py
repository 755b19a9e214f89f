"""Behind an NLB: a listener for each port, the device's address kept, every flow of a device to one node in one of two zones."""

import subprocess
import sys
from contextlib import ExitStack, contextmanager

from clients import ACTIVE, CLIENTS
from metadata import stand_in
from node import until
from results import ELSEWHERE, Known, Trial, of
from test_networks import HOME_HELPER
from world import (DEVICE, GATEWAY, HTTP, NO_PRIVATE_ADDRESSES_OUTSIDE, PASSIVE, PASSWORD, PUBLIC, PUBLIC_B, SERVER, SERVER_B,
                   THROUGH_THE_GATEWAY, World)

PORTS = f"{{ 21, {PASSIVE[0]}-{PASSIVE[-1]} }}"
# Stickiness by source address: it alone says which node a flow goes to, whatever its port and whichever zone's address it is for.
# What the nodes dial does not pass the balancer.
NLB = NO_PRIVATE_ADDRESSES_OUTSIDE + THROUGH_THE_GATEWAY + f"""
table ip nlb {{
    map nodes {{ type mark : ipv4_addr; elements = {{ 0 : {SERVER}, 1 : {SERVER_B} }}; }}
    chain in {{
        type nat hook prerouting priority dstnat
        ip daddr {{ {PUBLIC}, {PUBLIC_B} }} tcp dport {PORTS} meta mark set jhash ip saddr mod 2 seed 0x1 dnat to meta mark map @nodes
    }}
}}
"""
ZONES = {"INLET_INGEST__PASSIVE__ADDRESS": f'["eu-central-1a={PUBLIC}", "eu-central-1b={PUBLIC_B}", "auto"]'}
# Connects to each port of each node and closes, round and round, as a balancer does that asks for health.
PROBER = """
import socket, sys, time
nodes, ports = sys.argv[1].split(","), sys.argv[2:]
while True:
    for node in nodes:
        for port in ports:
            with socket.socket() as probe:
                probe.settimeout(1)
                probe.connect_ex((node, int(port)))
    time.sleep(0.05)
"""
# A device that uploads a file in two halves, and sends the second one when it is told to.
HALVES = """
import ftplib, sys
host, password, file, name = sys.argv[1:]
data = open(file, "rb").read()
ftp = ftplib.FTP(timeout=60)
ftp.connect(host)
ftp.login("station", password)
ftp.voidcmd("TYPE I")
connection = ftp.transfercmd(f"STOR {name}")
connection.sendall(data[: len(data) // 2])
print("half", flush=True)
sys.stdin.readline()
connection.sendall(data[len(data) // 2 :])
connection.close()
print(ftp.voidresp(), flush=True)
"""


@contextmanager
def balanced(world: World, name: str):
    """A node in each zone by its zone's address, behind the NLB and its probes."""
    world.device.nft("")
    world.home.nft("")
    world.router.nft(NLB)
    nodes = [(PUBLIC, world.server, "eu-central-1a"), (PUBLIC_B, world.server_b, "eu-central-1b")]
    with ExitStack() as stack:
        inlets = {}
        for public, host, zone in nodes:
            endpoint = stack.enter_context(stand_in(host, zone))
            settings = ZONES | {"INLET_INGEST__PASSIVE__METADATA": endpoint}
            inlets[public] = stack.enter_context(world.inlet(f"{name}-{zone}", settings, host))
        command = world.router.command(sys.executable, "-c", PROBER, f"{SERVER},{SERVER_B}", 21, *PASSIVE)
        prober = stack.enter_context(subprocess.Popen(command))
        stack.callback(prober.kill)
        yield inlets


@contextmanager
def address(world: World, source: str):
    """The device has another address for a while."""
    world.device.run("ip", "address", "add", f"{source}/24", "dev", "eth0")
    world.device.run("ip", "route", "replace", "default", "via", "198.51.100.1", "src", source)
    try:
        yield
    finally:
        world.device.run("ip", "route", "replace", "default", "via", "198.51.100.1", "src", DEVICE)
        world.device.run("ip", "address", "del", f"{source}/24", "dev", "eth0")


def sources(world: World) -> dict[str, str]:
    """An address for the device for each node, by the address that the node tells it."""
    found = {}
    for source in (f"198.51.100.{number}" for number in range(10, 40)):
        with address(world, source):
            found.setdefault(world.told(world.device, PUBLIC), source)
        if len(found) == 2:
            return found
    raise AssertionError(f"all devices went to one node: {found}")


def test_each_node_tells_its_own_zones_address_and_probes_disturb_nobody(world, table, subtests):
    mistrust = of(["inetutils passive"], Known(
        "the client takes no address from PASV but the one that it has dialled: have each zone's address lead to its own node",
        'inlet_logins_total{outcome="accepted"}'))
    with balanced(world, "zones") as inlets:
        for public, source in sources(world).items():
            # The name of the service gives either zone's address, whichever node the device is then sent to.
            for host in [PUBLIC, PUBLIC_B]:
                zone, fails = ("node's own", ELSEWHERE) if host == public else ("other", ELSEWHERE | mistrust)
                setting = f"NLB over two zones with health probes, device dials the {zone} zone"
                with address(world, source):
                    assert world.told(world.device, host) == public
                    for record in Trial(setting, inlets[public], world.device, host, fails).run(table, subtests).values():
                        assert record["client"].startswith(f"{source}:"), record
            assert inlets[public].counter("inlet_passive_unexpected_total") > 0


def test_a_devices_router_expects_data_connections_from_the_balancers_address(world, table, subtests):
    why = Known("the device's router lets in data connections from the balancer's address only: use passive mode, or have the nodes "
                "leave under that address", 'inlet_data_connections_failed_total{mode="active"}')
    setting = "NLB over two zones, device behind NAT with the FTP helper"
    with balanced(world, "helper") as inlets:
        world.home.nft(HOME_HELPER)
        public = world.told(world.behind, PUBLIC)
        Trial(setting, inlets[public], world.behind, public, of(ACTIVE, why)).run(table, subtests)
        # No NLB does this; a router of one's own can.
        world.router.nft(NLB.replace(f"snat to {GATEWAY}", f"snat to ip saddr map {{ {SERVER} : {PUBLIC}, {SERVER_B} : {PUBLIC_B} }}"))
        Trial(f"{setting}, nodes leave under the balancer's address", inlets[public], world.behind, public).run(table, subtests)


def test_a_node_that_drains_finishes_its_uploads_and_the_other_takes_the_new_ones(world):
    with balanced(world, "drain") as inlets:
        source = sources(world)[PUBLIC]
        going, staying = inlets[PUBLIC], inlets[PUBLIC_B]
        with address(world, source), ExitStack() as stack:
            uploads = [begun(stack, world, f"half-{number}.dat") for number in range(3)]
            going.terminate()
            # A balancer asks for health, and sends what is new elsewhere; what is under way stays where it is.
            until("a node that says that it is not ready", lambda: status(world, SERVER) != "200")
            world.router.run("nft", "-f", "-", stdin=f"delete element ip nlb nodes {{ 0 : {SERVER} }}\n"
                                                     f"add element ip nlb nodes {{ 0 : {SERVER_B} }}")
            for name in ["curl EPSV", "curl PASV", "ftplib passive", "curl PORT"]:
                outcome = staying.upload(CLIENTS[name], world.device)
                assert isinstance(outcome, dict), f"{name} did not get through: {outcome}"
            assert going.process.poll() is None, "it waits for its uploads"
            for number, upload in enumerate(uploads):
                said, _ = upload.communicate("\n", timeout=60)
                assert said.startswith("226"), said
                assert going.whole(f"half-{number}.dat")
        assert going.process.wait(60) == 0, going.log.read_text()


def begun(stack: ExitStack, world: World, name: str) -> subprocess.Popen:
    """An upload of which half is sent."""
    command = world.device.command(sys.executable, "-c", HALVES, PUBLIC, PASSWORD, world.file, name)
    upload = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert upload.stdout.readline() == "half\n"
    return upload


def status(world: World, node: str) -> str:
    """What a node says of its health, as HTTP's number; 000 when it says nothing."""
    return subprocess.run(world.router.command("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{node}:{HTTP}/ready"),
                          capture_output=True, text=True, timeout=20).stdout
