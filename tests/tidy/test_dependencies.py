"""What deny.toml asks of dependencies, also where cargo-deny is not installed: licences, bans and sources."""

import json
import pathlib
import subprocess
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rules() -> dict:
    return tomllib.loads((ROOT / "deny.toml").read_text())


@pytest.fixture(scope="module")
def packages() -> list[dict]:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    return [package for package in metadata["packages"] if package["id"] in used]


def allows(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met. `/` is how old manifests write OR."""
    tokens = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ").split()

    def either() -> bool:
        met = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        token = tokens.pop(0)
        if token == "(":
            met = either()
            tokens.pop(0)
            return met
        if tokens[:1] == ["WITH"]:
            token = f"{token} WITH {tokens[1]}"
            del tokens[:2]
        return token in allowed

    return either()


@pytest.mark.parametrize(("expression", "met"), [
    ("MIT", True), ("GPL-3.0", False), ("MIT OR GPL-3.0", True), ("MIT AND GPL-3.0", False), ("MIT/Apache-2.0", True),
    ("(GPL-3.0 OR MIT) AND MIT", True), ("(GPL-3.0 AND MIT) OR LGPL-3.0", False),
    ("Apache-2.0 WITH LLVM-exception", False), ("MIT OR Apache-2.0 WITH LLVM-exception", True),
])
def test_expressions_are_understood(expression, met):
    assert allows(expression, {"MIT", "Apache-2.0"}) is met


def test_licences_are_allowed(packages, rules):
    allowed = set(rules["licenses"]["allow"])
    assert len(packages) > 100
    assert {package["name"]: package["license"] for package in packages if not allows(package["license"] or "none", allowed)} == {}


def test_banned_crates_are_absent(packages, rules):
    banned = {entry["crate"] for entry in rules["bans"]["deny"]}
    assert banned & {package["name"] for package in packages} == set()


def test_dependencies_come_from_the_registry(packages):
    sources = {package["source"] for package in packages if package["source"]}
    assert [source.partition("+")[0] for source in sources] == ["registry"]
