"""Behind balancers: HAProxy with the PROXY protocol, and an NLB that keeps addresses and asks every port for its health."""

import os
import signal
import subprocess

from clients import CLIENTS
from metadata import stand_in
from results import check
from world import NO_PRIVATE_ADDRESSES_OUTSIDE, PASSIVE, PUBLIC, SERVER

PORTS = f"{{ 21, {PASSIVE[0]}-{PASSIVE[-1]} }}"
# An NLB: a listener for each port, the client's address kept. What the server dials does not pass it.
NLB = NO_PRIVATE_ADDRESSES_OUTSIDE + f"""
table ip nlb {{
    chain in {{ type nat hook prerouting priority dstnat; ip daddr {PUBLIC} tcp dport {PORTS} dnat to {SERVER}; }}
}}
"""
PASSIVE_CLIENTS = [name for name, client in CLIENTS.items() if client.mode == "passive"]
# Connects to each port and closes, round and round, as a balancer does that asks for health.
PROBER = """
import socket, sys, time
while True:
    for port in sys.argv[2:]:
        with socket.socket() as probe:
            probe.settimeout(1)
            probe.connect_ex((sys.argv[1], int(port)))
    time.sleep(0.05)
"""
# Without a port behind `server`: the one that the device dialled.
HAPROXY = f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen ftp
    bind {PUBLIC}:21,{PUBLIC}:{PASSIVE[0]}-{PASSIVE[-1]}
    server inlet {SERVER} send-proxy-v2
"""


def test_behind_haproxy_with_proxy_v2_the_device_is_known(world, table):
    world.device.nft("")
    world.router.nft(NO_PRIVATE_ADDRESSES_OUTSIDE)
    config, pid = world.folder / "haproxy.cfg", world.folder / "haproxy.pid"
    config.write_text(HAPROXY)
    # It goes into the background once it listens.
    world.router.run("haproxy", "-D", "-p", pid, "-f", config)
    try:
        with world.inlet("proxied", {"INLET_INGEST__PROXY__TRUSTED": '["10.0.1.1/32"]'}) as inlet:
            for client in PASSIVE_CLIENTS:
                record = check(table, "HAProxy with PROXY v2, address `auto`", client, inlet, world.device)
                assert record["client"].startswith("198.51.100.7:"), record
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


def test_behind_an_nlb_a_node_tells_its_zones_address_and_probes_disturb_nobody(world, table):
    world.device.nft("")
    world.router.nft(NLB)
    zones = {"INLET_INGEST__PASSIVE__ADDRESS": f'["eu-central-1a={PUBLIC}", "eu-central-1b=203.0.113.10", "auto"]'}
    prober = subprocess.Popen(world.router.command("python3", "-c", PROBER, SERVER, 21, *PASSIVE))
    try:
        with stand_in(world.server, "eu-central-1a") as endpoint:
            with world.inlet("balanced", zones | {"INLET_INGEST__PASSIVE__METADATA": endpoint}) as inlet:
                for client in PASSIVE_CLIENTS:
                    check(table, "NLB with health probes, address by zone", client, inlet, world.device)
                assert inlet.counter("inlet_passive_unexpected_total") > 0
    finally:
        prober.kill()
        prober.wait()
