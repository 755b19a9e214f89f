"""Each parser, what unwraps files before it and what proposes definitions have a fuzz target with seeds."""

import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DEFINITION = (ROOT / "crates/etl/src/format/definition.rs").read_text(encoding="utf-8")


def parsers() -> list[str]:
    """The sections of a definition: one for each parser."""
    return re.search(r'const SECTIONS: &str =\s*"([^"]+)"', DEFINITION)[1].split(", ")


@pytest.mark.parametrize("target", [*parsers(), "containers", "sniff"])
def test_a_parser_has_a_fuzz_target(target):
    built = {binary["name"] for binary in tomllib.loads((ROOT / "fuzz/Cargo.toml").read_text())["bin"]}
    assert target in built
    assert f"etl::fuzz::{target}(" in (ROOT / f"fuzz/fuzz_targets/{target}.rs").read_text()
    assert any((ROOT / "fuzz/seeds" / target).iterdir())
    # Its seeds are tried by the unit tests.
    assert f'on_seeds("{target}"' in (ROOT / "crates/etl/src/format/fuzz.rs").read_text()
    assert f"`{target}`" in (ROOT / "fuzz/README.md").read_text()
