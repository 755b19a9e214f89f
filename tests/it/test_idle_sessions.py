"""Devices that stay logged in and do nothing for a while: what they cost, and that they go on as if nothing had been."""

import concurrent.futures
import contextlib
import os
import socket

from control import Control, last_reply
from node import Node, until

SECONDS = 60
FILES = 400
SESSIONS = 150
# A session that has just asked for something holds four descriptors, unless half of all are in use.
AT_ONCE = 25


def descriptors(node: Node) -> int:
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def test_many_idle_sessions_fit_into_few_descriptors_and_go_on(start):
    node = start(command=("ingest",), under=("prlimit", f"--nofile={FILES}:{FILES}"))
    account = node.add_account("station-7")
    before = descriptors(node)
    with contextlib.ExitStack() as stack:
        devices = []
        while len(devices) < SESSIONS:
            for _ in range(AT_ONCE):
                source = f"127.21.0.{len(devices) % 200 + 1}"
                device = stack.enter_context(Control(node, source)).login(account)
                assert device.ask(f"MKD {len(devices)}")[0] == 257
                assert device.ask(f"CWD {len(devices)}")[0] == 250
                devices.append(device)
            until("sessions at rest", lambda: node.metric("inlet_sessions_awake") == 0)
        assert node.metric("inlet_sessions") == SESSIONS
        assert descriptors(node) <= before + SESSIONS + 5
        logins = node.metric('inlet_logins_total{outcome="accepted"}')

        def go_on(number: int) -> None:
            device = devices[number]
            assert device.ask("PWD") == (257, f'"/{number}"')
            with socket.create_server((device.socket.getsockname()[0], 0)) as own:
                own.settimeout(SECONDS)
                assert device.port(*own.getsockname())[0] == 200
                device.send("STOR a.dat")
                data, _ = own.accept()
                with data:
                    data.sendall(b"12345")
            assert last_reply(device)[0] == 226
            assert device.ask("SIZE a.dat") == (213, "5")

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(go_on, range(SESSIONS)))
        assert node.metric('inlet_logins_total{outcome="accepted"}') == logins
