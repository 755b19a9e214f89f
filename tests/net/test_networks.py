"""Each kind of network that Inlet is put into, with each client in each mode: what gets through, and why the rest does not."""

import dataclasses

import pytest

from clients import ACTIVE, CLIENTS, FORWARDED, ON_FORWARDED_PORTS
from results import IPV4_ONLY, OVER_IPV6, Known, Trial, of
from world import NO_PRIVATE_ADDRESSES_OUTSIDE, PUBLIC, SERVER, SERVER_6

# An Elastic IP: 1:1, both ways, and nobody looks into FTP.
ELASTIC = NO_PRIVATE_ADDRESSES_OUTSIDE + f"""
table ip elastic {{
    chain in {{ type nat hook prerouting priority dstnat; ip daddr {PUBLIC} dnat to {SERVER}; }}
    chain out {{ type nat hook postrouting priority srcnat; ip saddr {SERVER} ip daddr != 10.0.0.0/8 snat to {PUBLIC}; }}
}}
"""
# LVS as in Red Hat's guide, with nftables in the place of ip_vs: port 21 is balanced, conntrack follows FTP and opens the
# data ports, and what comes from the server's port 20 leaves under the service's address.
LVS = NO_PRIVATE_ADDRESSES_OUTSIDE + f"""
table ip lvs {{
    ct helper ftp {{ type "ftp" protocol tcp; }}
    chain follow {{ type filter hook prerouting priority -150; ip daddr {PUBLIC} tcp dport 21 ct helper set "ftp"; }}
    chain in {{ type nat hook prerouting priority dstnat; ip daddr {PUBLIC} tcp dport 21 dnat to {SERVER}; }}
    chain out {{ type nat hook postrouting priority srcnat; ip saddr {SERVER} tcp sport 20 snat to {PUBLIC}; }}
}}
"""
# A home: everything leaves under one address, and only what was asked for comes in.
HOME = """
table ip home {
    chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
    chain forward {
        type filter hook forward priority 0; policy drop
        iifname "behind" accept
        ct state established,related accept
        ct status dnat accept
    }
}
"""
# The same with a router that looks into FTP and rewrites PORT.
HOME_HELPER = HOME + """
table ip follow {
    ct helper ftp { type "ftp" protocol tcp; }
    chain follow { type filter hook prerouting priority -150; iifname "behind" tcp dport 21 ct helper set "ftp"; }
}
"""
# The same with ports that its owner has forwarded to the device.
HOME_FORWARD = HOME + f"""
table ip forwarded {{
    chain in {{ type nat hook prerouting priority dstnat; iifname "eth0" tcp dport {FORWARDED[0]}-{FORWARDED[-1]} dnat to 192.168.1.20; }}
}}
"""
# A firewall without NAT on the device's own host: new connections come in from port 20 or not at all.
PORT_20_ONLY = """
table ip firewall {
    chain in {
        type filter hook input priority 0; policy drop
        iifname "lo" accept
        ct state established,related accept
        tcp sport 20 accept
    }
}
"""

# A home with IPv6: no translation, and only what was asked for comes in.
HOME_6 = """
table ip6 home {
    chain forward {
        type filter hook forward priority 0; policy drop
        iifname "behind" accept
        ct state established,related accept
        icmpv6 type != echo-request accept
    }
}
"""
HOME_6_HELPER = HOME_6 + """
table ip6 follow {
    ct helper ftp { type "ftp" protocol tcp; }
    chain follow { type filter hook prerouting priority -150; iifname "behind" tcp dport 21 ct helper set "ftp"; }
}
"""

# Why an upload is known to fail: what is to be read in the table, and how far the client came, by a counter of Inlet's.
PRIVATE = Known(f"PASV names {SERVER}, which the client believes and cannot reach: set `ingest.passive.address`",
                'inlet_logins_total{outcome="accepted"}')
ZERO = Known("the client takes 0.0.0.0 for an address of its own host", 'inlet_logins_total{outcome="accepted"}')
OWN = Known("the device names its private address, which `ingest.active.policy = \"strict\"` refuses: set `\"rewrite-private\"`",
            'inlet_active_refused_total')
NAT = Known("nothing lets the data connection through the device's own NAT: use passive mode, or forward ports to the device",
            'inlet_data_connections_failed_total{mode="active"}')
NOT_20 = Known("the device's firewall lets in source port 20 only: set `ingest.active.source_port = 20`",
               'inlet_data_connections_failed_total{mode="active"}')

FIREWALL_6 = Known("nothing lets the data connection through the device's own firewall: use passive mode",
                   'inlet_data_connections_failed_total{mode="active"}')
PUBLIC_ADDRESS = {"INLET_INGEST__PASSIVE__ADDRESS": PUBLIC}
FROM_20 = {"INLET_INGEST__ACTIVE__SOURCE_PORT": "20"}
REWRITE = {"INLET_INGEST__ACTIVE__POLICY": "rewrite-private"}
# They dial the address that PASV names, whatever it is. The others use EPSV, or mistrust a private one.
BELIEVERS = {"curl PASV", "inetutils passive"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """A network with Inlet in it, and devices at one place of it. `fails` says of which clients it is known that they fail."""
    router: str
    settings: dict[str, str]
    fails: dict[str, Known] = dataclasses.field(default_factory=dict)
    source: str = "device"
    host: str = PUBLIC
    home: str = ""
    firewall: str = ""
    clients: dict = dataclasses.field(default_factory=lambda: CLIENTS)


LAN_MAP = {"INLET_INGEST__PASSIVE__ADDRESS": f'["10.0.0.0/8=auto", "{PUBLIC}"]'}
SETTINGS = {
    "Elastic IP, address `auto`": Setting(ELASTIC, {}, of(BELIEVERS, PRIVATE)),
    "Elastic IP, address fixed": Setting(ELASTIC, PUBLIC_ADDRESS),
    "Elastic IP, address `0.0.0.0`": Setting(
        ELASTIC, {"INLET_INGEST__PASSIVE__ADDRESS": "0.0.0.0"}, of(BELIEVERS | {"ncftp passive"}, ZERO)),
    "Elastic IP, address by network": Setting(ELASTIC, LAN_MAP),
    "The same, device in the company network": Setting(ELASTIC, LAN_MAP, source="lan", host=SERVER),
    "LVS with the FTP helper, source port 20": Setting(LVS, FROM_20),
    "Device behind NAT": Setting(ELASTIC, PUBLIC_ADDRESS, of(ACTIVE, OWN), source="behind", home=HOME),
    "Device behind NAT, policy `rewrite-private`": Setting(
        ELASTIC, PUBLIC_ADDRESS | REWRITE, of(ACTIVE, NAT), source="behind", home=HOME),
    "Device behind NAT with the FTP helper": Setting(ELASTIC, PUBLIC_ADDRESS, source="behind", home=HOME_HELPER),
    "Device behind NAT that forwards ports": Setting(
        ELASTIC, PUBLIC_ADDRESS, of(ON_FORWARDED_PORTS, OWN), source="behind", home=HOME_FORWARD, clients=ON_FORWARDED_PORTS),
    "Device behind NAT that forwards ports, policy `rewrite-private`": Setting(
        ELASTIC, PUBLIC_ADDRESS | REWRITE, source="behind", home=HOME_FORWARD, clients=ON_FORWARDED_PORTS),
    "Firewall that lets in source port 20 only": Setting(ELASTIC, PUBLIC_ADDRESS, of(ACTIVE, NOT_20), firewall=PORT_20_ONLY),
    "Firewall that lets in source port 20 only, source port 20": Setting(ELASTIC, PUBLIC_ADDRESS | FROM_20, firewall=PORT_20_ONLY),
    "IPv6, no translation": Setting("", {}, IPV4_ONLY, host=SERVER_6, clients=OVER_IPV6),
    "IPv6, device behind a stateful firewall": Setting(
        "", {}, of(ACTIVE, FIREWALL_6) | IPV4_ONLY, source="behind", host=SERVER_6, home=HOME_6, clients=OVER_IPV6),
    "IPv6, device behind a stateful firewall with the FTP helper": Setting(
        "", {}, IPV4_ONLY, source="behind", host=SERVER_6, home=HOME_6_HELPER, clients=OVER_IPV6),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_client_gets_through_or_fails_for_a_known_reason(world, table, subtests, name):
    setting = SETTINGS[name]
    world.router.nft(setting.router)
    world.home.nft(setting.home)
    world.device.nft(setting.firewall)
    with world.inlet(f"inlet-{list(SETTINGS).index(name)}", setting.settings) as inlet:
        Trial(name, inlet, getattr(world, setting.source), setting.host, setting.fails, setting.clients).run(table, subtests)
