"""The repository keeps the shape that ARCHITECTURE.md promises."""

import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LINES_MAX = 400
# What each of our packages may depend on among our packages: pipeline joins the three, and nothing goes sideways.
MAY_IMPORT = {
    "inlet": {"inlet-ingest", "inlet-watcher", "inlet-etl"},
    "inlet-ingest": set(),
    "inlet-watcher": set(),
    "inlet-etl": set(),
    "inlet-fleet": set(),
}
CODE = {".rs", ".py", ".sh", ".toml", ".service", ""}
# Samples, texts of others and lists that machines write are as long as they are.
NOT_CODE = re.compile(r"^(LICENSE|Cargo\.lock|tests/(data|golden|expected)/.*|fuzz/seeds/.*|pipeline/demo/.*)$")
# Written in parts, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "todo" + "!", "unimplemented" + "!"]))
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(home|root|Users|mnt|work)/\w")
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def code() -> list[str]:
    return [path for path in tracked() if pathlib.Path(path).suffix in CODE and not NOT_CODE.match(path)]


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def offenders(pattern: re.Pattern, paths: list[str]) -> list[str]:
    return [f"{path}:{number}: {line.strip()}" for path in paths
            for number, line in enumerate(text_of(path).splitlines(), start=1) if pattern.search(line)]


@pytest.fixture(scope="module")
def packages() -> dict:
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    return {package["name"]: package for package in metadata["packages"]}


def test_imports_run_one_way(packages):
    ours = {name: {dependency["name"] for dependency in package["dependencies"]} & packages.keys()
            for name, package in packages.items()}
    assert ours == MAY_IMPORT


def test_every_package_takes_the_workspace_lints(packages):
    manifests = [pathlib.Path(package["manifest_path"]) for package in packages.values()]
    assert manifests
    assert [path for path in manifests if "[lints]\nworkspace = true" not in path.read_text()] == []


def test_no_file_is_too_long_to_read():
    lengths = {path: text_of(path).count("\n") for path in code()}
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > LINES_MAX} == {}


def test_every_rust_file_says_what_it_is_for():
    files = [path for path in code() if path.endswith(".rs") and "tests" not in pathlib.PurePath(path).parts]
    files = [path for path in files if not path.endswith("/tests.rs")]
    assert files
    assert [path for path in files if not text_of(path).startswith("//!")] == []


def test_every_module_is_named_for_something():
    assert [path for path in code() if pathlib.PurePath(path).stem in NAMES_OF_NOTHING] == []


def test_nothing_is_left_unfinished():
    assert offenders(UNFINISHED, [path for path in code() if path.endswith((".rs", ".py"))]) == []


def test_no_file_names_a_machines_own_path():
    paths = [path for path in tracked() if not path.startswith(("tests/data/", "fuzz/seeds/", "LICENSE"))]
    texts = [path for path in paths if b"\0" not in (ROOT / path).read_bytes()[:8192] and not path.endswith(".gz")]
    texts = [path for path in texts if path != "tests/tidy/test_tree.py"]
    assert offenders(MACHINE_PATH, texts) == []
