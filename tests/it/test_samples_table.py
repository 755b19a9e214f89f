"""docs/formats.md says of each real file what this Inlet makes of it."""

import re

from node import TESTS, Node
from outcomes import SETTINGS, files_of, outcomes_of

ROW = re.compile(r"\| (?P<file>[^|]+?) \| [0-9]* \| (?P<inlet>(?:\\\||[^|])+?) \|")


def test_the_table_is_what_becomes_of_the_files(tmp_path, reader, samples):
    files = files_of(samples)
    assert files
    node = Node(tmp_path / "data", settings=SETTINGS).start()
    try:
        found = {path.relative_to(samples).as_posix(): outcome for path, outcome in outcomes_of(node, reader, files).items()}
    finally:
        node.stop()
    lines = (TESTS.parent / "docs/formats.md").read_text().splitlines()
    rows = {row["file"]: row["inlet"] for row in map(ROW.match, lines) if row and row["file"] != "file"}
    assert rows == found, "run tests/samples_table.py"
