"""A stand-in for EC2's instance metadata service, version 2: a zone for those who bring its token."""

import subprocess
from contextlib import contextmanager

from spaces import Space

PORT = 8169
SERVICE = """
import http.server, sys

class Service(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        asked = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer(200 if asked else 400, "dG9rZW4=")

    def do_GET(self):
        knows = self.headers["X-aws-ec2-metadata-token"] == "dG9rZW4="
        there = self.path == "/latest/meta-data/placement/availability-zone"
        self.answer(401 if not knows else 200 if there else 404, sys.argv[2])

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
print("ready", flush=True)
server.serve_forever()
"""


@contextmanager
def stand_in(space: Space, zone: str):
    """Runs it on a host of ours, and gives its address there."""
    process = subprocess.Popen(space.command("python3", "-c", SERVICE, PORT, zone), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield f"127.0.0.1:{PORT}"
    finally:
        process.kill()
        process.wait()
