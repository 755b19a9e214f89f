"""Uploads with many clients, their places in the table, and whether each fared as it is known to."""

import dataclasses
import os

import pytest

from clients import CLIENTS, Client, missing
from spaces import Space
from table import Table
from world import PUBLIC, Inlet


@dataclasses.dataclass(frozen=True)
class Known:
    """Why an upload is known to fail, and the counter that shows that it came so far and failed for that; none for a client that
    cannot even connect."""
    reason: str
    counter: str | None


@dataclasses.dataclass(frozen=True)
class Trial:
    """A setting by its name in the table, with devices at one place of it. `fails` says of which clients it is known."""
    setting: str
    inlet: Inlet
    source: Space
    host: str = PUBLIC
    fails: dict[str, Known] = dataclasses.field(default_factory=dict)
    clients: dict[str, Client] = dataclasses.field(default_factory=lambda: CLIENTS)

    def run(self, table: Table, subtests) -> dict[str, dict]:
        """One upload with each client. Gives the records of those that arrived."""
        records = {}
        for name in self.clients:
            with subtests.test(f"{self.setting}: {name}"):
                if why := missing(name):
                    table.complete = False
                    # Where they are expected to run, a test that cannot is a failure.
                    (pytest.fail if os.environ.get("INLET_TEST_NET") == "required" else pytest.skip)(why)
                if record := self._check(table, name):
                    records[name] = record
        return records

    def _check(self, table: Table, name: str) -> dict | None:
        known = self.fails.get(name)
        before = self.inlet.counter(known.counter) if known and known.counter else 0
        outcome = self.inlet.upload(self.clients[name], self.source, self.host)
        table.add(self.setting, name, known.reason if known else None)
        if known is None:
            assert isinstance(outcome, dict), f"did not get through: {outcome}"
            return outcome
        assert isinstance(outcome, str), f"got through, although: {known.reason}"
        if known.counter:
            assert self.inlet.counter(known.counter) > before, f"failed for another reason than it is known to: {outcome}"
        return None


def of(clients, reason: Known) -> dict[str, Known]:
    return {client: reason for client in clients}


IPV4_ONLY = of(["ncftp passive", "ncftp active"], Known("the client speaks IPv4 only", None))
# Where the data connection comes from another address than the one that the client has dialled.
ELSEWHERE = of(["ncftp active", "Commons Net active"], Known(
    "the client takes data connections from the address that it has dialled only: use passive mode, or have the nodes leave under "
    "that address", 'inlet_logins_total{outcome="accepted"}'))
# Over IPv6 there is neither PASV nor PORT: the clients that are told to say them say EPSV and EPRT.
OVER_IPV6 = {name: client for name, client in CLIENTS.items() if not name.endswith(("PASV", "PORT"))}
