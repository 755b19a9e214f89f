"""Behind HAProxy: what it relays comes from its own address, and the PROXY protocol says whom it is for."""

import os
import signal
from contextlib import contextmanager

import pytest

from results import ELSEWHERE, IPV4_ONLY, OVER_IPV6, Trial
from world import (DEVICE, DEVICE_6, NO_PRIVATE_ADDRESSES_OUTSIDE, PASSIVE, PUBLIC, PUBLIC_6, SERVER, SERVER_6, THROUGH_THE_GATEWAY,
                   World)

# It runs on the router, which is at these addresses as the server sees it.
TRUSTED = {"INLET_INGEST__PROXY__TRUSTED": '["10.0.1.1/32", "2001:db8:1::1/128"]'}
# Without a port behind `server`: the one that the device dialled.
CONFIGURATION = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen ftp
    bind {public}:21,{public}:{first}-{last}
    server inlet {server} {send}
"""


@contextmanager
def haproxy(world: World, public: str, server: str, send: str):
    configuration, pid = world.folder / "haproxy.cfg", world.folder / "haproxy.pid"
    configuration.write_text(CONFIGURATION.format(public=public, server=server, send=send, first=PASSIVE[0], last=PASSIVE[-1]))
    # It goes into the background once it listens.
    world.router.run("haproxy", "-D", "-p", pid, "-f", configuration)
    try:
        yield
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


@pytest.mark.parametrize("version", ["1", "2"])
def test_behind_haproxy_the_device_is_known(world, table, subtests, version):
    world.device.nft("")
    world.router.nft(NO_PRIVATE_ADDRESSES_OUTSIDE + THROUGH_THE_GATEWAY)
    send = {"1": "send-proxy", "2": "send-proxy-v2"}[version]
    with haproxy(world, PUBLIC, SERVER, send), world.inlet(f"proxied-{version}", TRUSTED) as inlet:
        trial = Trial(f"HAProxy with PROXY v{version}, address `auto`", inlet, world.device, fails=ELSEWHERE)
        for record in trial.run(table, subtests).values():
            assert record["client"].startswith(f"{DEVICE}:"), record


@pytest.mark.parametrize("version", ["1", "2"])
def test_behind_haproxy_the_device_is_known_over_ipv6(world, table, subtests, version):
    world.device.nft("")
    world.router.nft("")
    send = {"1": "send-proxy", "2": "send-proxy-v2"}[version]
    with haproxy(world, f"[{PUBLIC_6}]", f"[{SERVER_6}]", send), world.inlet(f"proxied-6-{version}", TRUSTED) as inlet:
        trial = Trial(f"IPv6, HAProxy with PROXY v{version}", inlet, world.device, PUBLIC_6, ELSEWHERE | IPV4_ONLY, OVER_IPV6)
        for record in trial.run(table, subtests).values():
            assert record["client"].startswith(f"[{DEVICE_6}]:"), record
