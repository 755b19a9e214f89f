"""deploy/ is what it says: units that systemd takes and that give little away, a configuration for S3 and SQS, and an image whose
build has all that it reads."""

import pathlib
import re
import shutil
import subprocess
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
# systemd's own scale from 0 (least exposed) to 10, in tenths, for `systemd-analyze security --threshold`.
EXPOSURE_MAX = 20

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def analyze(*arguments: object) -> None:
    result = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_there_is_a_unit_for_each_service():
    assert [unit.name for unit in UNITS] == ["inlet-etl.service", "inlet-ingest.service", "inlet-watch.service"]


@needs_systemd
def test_systemd_verifies_the_units(tmp_path):
    copies = []
    for unit in UNITS:
        # The binary is installed where the unit runs, not here; any executable will do in its place.
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/usr/bin/inlet ", "/bin/true "))
        copies.append(copy)
    analyze("verify", "--man=no", *copies)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_hardened(unit):
    analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", unit)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_started_again_for_as_long_as_an_outage_lasts(unit):
    # Each key under its own section: systemd ignores those under another one, and says so only in its log.
    head, service = unit.read_text().split("[Service]")
    assert "StartLimitIntervalSec=0" in head.partition("[Unit]")[2].splitlines()
    assert {"Restart=on-failure", "RestartSec=5"} <= set(service.splitlines())


def test_units_do_not_fight_over_the_http_port():
    listens = {line for unit in UNITS for line in unit.read_text().split() if line.startswith("INLET_HTTP__LISTEN=")}
    assert len(listens) == len(UNITS)


def test_the_aws_configuration_is_toml_for_s3_and_sqs():
    config = tomllib.loads((ROOT / "deploy/aws.toml").read_text())
    assert config["lake"]["kind"] == "s3"
    assert config["queue"]["kind"] == "sqs"


def ignored(path: str, rules: list[str]) -> bool:
    """Whether .dockerignore leaves a path out: a rule holds for what is beneath it, too, and the last one that holds decides."""
    out = False
    for rule in rules:
        keep, pattern = rule.startswith("!"), re.escape(rule.removeprefix("!").strip("/"))
        pattern = pattern.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        if re.fullmatch(f"{pattern}(?:/.*)?", path):
            out = not keep
    return out


@pytest.mark.parametrize(("rules", "path", "out"), [
    (["tests"], "tests/fleet/Cargo.toml", True),
    # A whole folder that is left out comes back like its parts: the last rule decides.
    (["tests", "!tests/fleet"], "tests/fleet/Cargo.toml", False),
    (["tests/*", "!tests/fleet"], "tests/fleet/src/main.rs", False),
    (["tests/*", "!tests/fleet"], "tests/data/toa5/hourly.dat", True),
    (["!tests/fleet", "tests/*"], "tests/fleet/Cargo.toml", True),
    (["target"], "fuzz/target/debug", False),
    (["**/__pycache__"], "tests/it/__pycache__/x.pyc", True),
    (["**/__pycache__"], "__pycache__/x.pyc", True),
    (["*.md"], "docs/append.md", False),
])
def test_dockers_rules_are_understood(rules, path, out):
    assert ignored(path, rules) is out


@pytest.fixture(scope="module")
def context() -> set[str]:
    """The files of the repository that `docker build` is given."""
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    rules = [line for line in lines if line and not line.startswith("#")]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {path for path in listed.split("\0") if path and (ROOT / path).is_file() and not ignored(path, rules)}


def test_the_image_is_given_every_file_of_the_workspaces_members(context):
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    folders = [folder.relative_to(ROOT).as_posix() for member in members for folder in ROOT.glob(member)]
    assert {"pipeline", "tests/fleet"} < set(folders)
    listed = subprocess.run(["git", "ls-files", "--", *folders], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(path for path in listed if (ROOT / path).is_file() and path not in context) == []
    # Formats, the demo's files and the defaults are compiled in.
    assert {"pipeline/inlet.toml", "pipeline/formats/toa5.toml"} <= set(listed)


def test_the_image_is_given_what_its_dockerfile_copies(context):
    dockerfile = (ROOT / "deploy/image/Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE)
    assert copied == [".", "LICENSE"]
    assert {"LICENSE", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"} <= context


def test_cargo_reads_the_workspace_from_what_the_image_is_given(context, tmp_path):
    for path in context:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_image_is_not_given_what_is_large(context):
    assert [path for path in context if path.startswith(("tests/data/", "tests/it/"))] == []
