"""The table of results for the documentation: setting x client x mode, with the reason of each failure."""

import pathlib

from clients import CLIENTS

HEAD = """# Clients and networks

Which FTP client gets its upload through which kind of network, with which setting. Written by `tests/run net`, which builds
these networks out of namespaces and nftables, runs `inlet ingest` in them, and uploads 300 kB with each client in each mode.
A number stands for a failure, explained below the table, a dash for what the client or the network has not. What nodes behind HAProxy
and the NLB dial goes out through a NAT gateway, unless the row says otherwise.
"""


class Table:
    def __init__(self):
        self.rows: dict[str, dict[str, str | None]] = {}

        self.complete = True

    def add(self, setting: str, client: str, reason: str | None) -> None:
        """A result: the reason why it failed, if it did."""
        self.rows.setdefault(setting, {})[client] = reason

    def write(self, path: str) -> None:
        pathlib.Path(path).parent.mkdir(exist_ok=True)
        reasons: list[str] = []
        parts = [HEAD]
        for mode in ["passive", "active"]:
            clients = [name for name, client in CLIENTS.items() if client.mode == mode]
            parts.append(f"\n## {mode.capitalize()} mode\n\n| | {' | '.join(clients)} |\n|---|{'---|' * len(clients)}\n")
            for setting, results in self.rows.items():
                if any(client in results for client in clients):
                    cells = [self._cell(results, client, reasons) for client in clients]
                    parts.append(f"| {setting} | {' | '.join(cells)} |\n")
        parts.append("\n## Failures\n\n" + "".join(f"{number}. {reason}\n" for number, reason in enumerate(reasons, 1)))
        pathlib.Path(path).write_text("".join(parts))

    @staticmethod
    def _cell(results: dict[str, str | None], client: str, reasons: list[str]) -> str:
        if client not in results:
            return "–"
        reason = results[client]
        if reason is None:
            return "yes"
        if reason not in reasons:
            reasons.append(reason)
        return str(reasons.index(reason) + 1)
