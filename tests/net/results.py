"""One upload, its place in the table, and whether it fared as it is known to."""

import dataclasses

from clients import CLIENTS, Client
from spaces import Space
from table import Table
from world import PUBLIC, Inlet


@dataclasses.dataclass(frozen=True)
class Known:
    """Why an upload is known to fail, and the counter that shows that it came so far and failed for that."""
    reason: str
    counter: str


def check(table: Table, setting: str, name: str, inlet: Inlet, source: Space, host: str = PUBLIC, known: Known | None = None,
          clients: dict[str, Client] = CLIENTS) -> dict | None:
    """Uploads with a client, and gives the upload's record. One that is known to fail has to."""
    before = inlet.counter(known.counter) if known else 0
    outcome = inlet.upload(clients[name], source, host)
    if known is None:
        assert isinstance(outcome, dict), f"{name} did not get through: {outcome}"
        table.add(setting, name, None)
        return outcome
    assert isinstance(outcome, str), f"{name} got through, although: {known.reason}"
    assert inlet.counter(known.counter) > before, f"{name} failed for another reason than it is known to: {outcome}"
    table.add(setting, name, known.reason)
    return None
