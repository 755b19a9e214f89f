"""A gate in front of a server: open, shut, or letting requests in and no answer out."""

import select
import socket
import threading


class Gate:
    def __init__(self, target: str):
        """In front of the server at `http://host:port`."""
        host, port = target.removeprefix("http://").rsplit(":", 1)
        self.target = (host, int(port))
        self.state = "open"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self) -> None:
        """Serves again. What was swallowed stays so: its connections are cut."""
        was, self.state = self.state, "open"
        if was == "mute":
            self._cut()

    def shut(self) -> None:
        """Cuts every connection, and each new one at once."""
        self.state = "shut"
        self._cut()

    def mute(self) -> None:
        """Requests arrive and take effect; nobody hears of it."""
        self.state = "mute"

    def close(self) -> None:
        self.listener.close()
        self.shut()

    def _cut(self) -> None:
        for side in list(self.sockets):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.state == "shut":
                client.close()
            else:
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.target) as server:
            self.sockets |= {client, server}
            try:
                while True:
                    for side in select.select([client, server], [], [])[0]:
                        data = side.recv(65536)
                        if not data:
                            return
                        if side is client:
                            server.sendall(data)
                        elif self.state != "mute":
                            client.sendall(data)
            except OSError:
                return
            finally:
                self.sockets -= {client, server}
