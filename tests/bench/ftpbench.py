"""pyftpdlib's own benchmark script, out of its source package, run against one server after the other."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

from ftp_servers import Server

CLIENTS = 200
LINE = re.compile(r"^(?P<what>\S.*?)\s+(?P<value>\d+\.\d+)\s+(?P<unit>MB/sec|secs)")


def script(cache: pathlib.Path) -> pathlib.Path:
    """The script of the version that is installed; wheels do not bring it."""
    version = subprocess.run([sys.executable, "-c", "import pyftpdlib; print(pyftpdlib.__ver__)"], capture_output=True, text=True,
                             check=True).stdout.strip()
    found = cache / f"ftpbench-{version}"
    if not found.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary",
                            "pyftpdlib", f"pyftpdlib=={version}", "--dest", folder], check=True)
            [archive] = pathlib.Path(folder).glob("*.tar.gz")
            with tarfile.open(archive) as files:
                [member] = [name for name in files.getnames() if name.endswith("scripts/ftpbench")]
                found.write_bytes(files.extractfile(member).read())
    return found


def run(server: Server, cache: pathlib.Path, clients: int = CLIENTS) -> dict[str, tuple[float, str]]:
    """All that it measures: value and unit of each line."""
    user, password = server.account
    command = [sys.executable, "-W", "ignore", script(cache), "-u", user, "-p", password, "-H", "127.0.0.1", "-P", str(server.port), "-b", "all",
               "-n", str(clients), "-t", "120"]
    printed = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    if printed.returncode:
        sys.exit(f"ftpbench against {server.name}: {printed.stdout}{printed.stderr}")
    found = filter(None, map(LINE.match, printed.stdout.splitlines()))
    return {line["what"].strip(): (float(line["value"]), line["unit"]) for line in found}
