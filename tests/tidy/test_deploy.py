"""deploy/ is what it says: units that systemd takes and that give little away, and a configuration without unknown keys."""

import pathlib
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


def test_units_do_not_fight_over_the_http_port():
    listens = {line for unit in UNITS for line in unit.read_text().split() if line.startswith("INLET_HTTP__LISTEN=")}
    assert len(listens) == len(UNITS)


def test_the_aws_configuration_is_toml_for_s3_and_sqs():
    config = tomllib.loads((ROOT / "deploy/aws.toml").read_text())
    assert config["lake"]["kind"] == "s3"
    assert config["queue"]["kind"] == "sqs"
