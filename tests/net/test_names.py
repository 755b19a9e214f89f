"""A DNS name as the address for PASV: what it stands for is told, and told anew when it has moved."""

import pathlib
import shutil

from node import until
from results import Trial
from test_networks import ELASTIC
from world import PUBLIC, PUBLIC_B


def name_server(world, **names: str) -> None:
    """What names stand for on the server's host: its own /etc/hosts, which is read at every look-up."""
    folder = pathlib.Path("/etc/netns") / world.server.name
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{address} {name}.example.org" for name, address in names.items()]
    # The same file again: the process has it mounted.
    (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))


def test_a_name_is_told_by_what_it_stands_for_at_the_time(world, table, subtests):
    world.device.nft("")
    world.router.nft(ELASTIC)
    name_server(world, ftp=PUBLIC, own="203.0.113.77")
    try:
        with world.inlet("named", {"INLET_INGEST__PASSIVE__ADDRESS": "ftp.example.org"}) as inlet:
            Trial("Elastic IP, address a DNS name", inlet, world.device).run(table, subtests)
            # An account may have a name of its own.
            inlet.add_account("own", "--passive-address", "own.example.org")
            assert world.told(world.device, PUBLIC, "own") == "203.0.113.77"
            name_server(world, ftp=PUBLIC_B, own="203.0.113.78")
            until("the name's new address", lambda: world.told(world.device, PUBLIC) == PUBLIC_B)
            until("the account's new address", lambda: world.told(world.device, PUBLIC, "own") == "203.0.113.78")
            # One that is not found any more stands for what it stood for.
            name_server(world)
            assert world.told(world.device, PUBLIC) == PUBLIC_B
    finally:
        shutil.rmtree(pathlib.Path("/etc/netns") / world.server.name)
