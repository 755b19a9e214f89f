"""A device's control connection, byte by byte: for what no well-behaved client does."""

import re
import socket
import struct

from node import Account, Node

SECONDS = 30


class Control:
    def __init__(self, node: Node, source: str | None = None):
        """Connects, from `source` when it matters which loopback address a device has, and reads the greeting."""
        bind = (source, 0) if source else None
        self.socket = socket.create_connection((node.host, node.port), timeout=SECONDS, source_address=bind)
        self.lines = self.socket.makefile("rb")
        self.greeting = self.reply()

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_) -> None:
        self.lines.close()
        self.socket.close()

    def login(self, account: Account) -> "Control":
        assert self.ask(f"USER {account.name}")[0] == 331
        assert self.ask(f"PASS {account.password}")[0] == 230
        assert self.ask("TYPE I")[0] == 200
        return self

    def send(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\r\n")

    def reply(self) -> tuple[int, str]:
        """The next reply, RFC 959 section 4.2: a line, or lines from `123-` to `123 `."""
        first = self._line()
        code, lines = first[:3], [first[4:]]
        if first[3:4] == "-":
            while not (line := self._line()).startswith(f"{code} "):
                lines.append(line)
            lines.append(line[4:])
        return int(code), "\n".join(lines)

    def _line(self) -> str:
        line = self.lines.readline()
        assert line.endswith(b"\r\n"), f"the server closed the connection after {line!r}"
        return line.decode().rstrip("\r\n")

    def ask(self, line: str) -> tuple[int, str]:
        self.send(line)
        return self.reply()

    def closed(self) -> bool:
        """Whether the server ends the connection, whatever it says before."""
        try:
            while self.lines.readline():
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def passive(self) -> tuple[str, int]:
        """Where PASV says to dial."""
        code, text = self.ask("PASV")
        assert code == 227, text
        *host, high, low = re.search(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", text).groups()
        return ".".join(host), int(high) * 256 + int(low)

    def begin(self, command: str) -> socket.socket:
        """Starts a transfer in passive mode; its data connection is open when this returns."""
        data = socket.create_connection(self.passive(), timeout=SECONDS)
        code, text = self.ask(command)
        assert code in (125, 150), text
        return data

    def store(self, name: str, content: bytes, verb: str = "STOR") -> tuple[int, str]:
        """A whole upload, and the server's last word on it."""
        with self.begin(f"{verb} {name}".rstrip()) as data:
            data.sendall(content)
        return self.reply()

    def read(self, command: str) -> bytes:
        """A whole download or listing."""
        received = b""
        with self.begin(command) as data:
            while part := data.recv(65536):
                received += part
        assert self.reply()[0] == 226
        return received

    def port(self, host: str, port: int) -> tuple[int, str]:
        return self.ask(f"PORT {host.replace('.', ',')},{port >> 8},{port & 255}")


def last_reply(device: Control) -> tuple[int, str]:
    """The reply that ends a command: a 1xx may come before it."""
    while (answer := device.reply())[0] < 200:
        pass
    return answer


def reset(connection: socket.socket) -> None:
    """Ends a connection as a device does that loses power and comes back: with RST, not with an end of file."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
