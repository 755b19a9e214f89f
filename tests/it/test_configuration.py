"""`inlet check`: all that is wrong with a configuration at once, each with its key and where it was set."""

import re

import pytest

from node import TESTS, Node

# Keys that do not exist, values of the wrong type, and values of the right type that are wrong all the same.
WRONG = """\
[ingest]
listen = "not an address"
listne = "127.0.0.1:2121"

[ingest.passive]
ports = "2221-2122"

[etl]
default_zone = "Europe/Atlantis"

[etl.batch]
max_age = "soon"

[queue]
kind = "sqs"

[nothing]
like = "this"
"""
WRONG_KEYS = ["ingest.listen", "ingest.listne", "ingest.passive.ports", "etl.default_zone", "etl.batch.max_age", "nothing.like"]
# Missing, so that no file can be blamed for it.
MISSING_KEY = "queue.url"


@pytest.fixture
def check(tmp_path):
    """Runs `inlet check` with a file and environment variables, and nothing else set."""
    def check(text: str, **environment: str):
        file = tmp_path / "inlet.toml"
        file.write_text(text)
        node = Node(tmp_path / "data", config=file)
        node.environment = {name: value for name, value in node.environment.items() if not name.startswith("INLET_")} | environment
        return node.run("check")
    return check


def problems(result) -> dict[str, str]:
    """The line that each key has in what `check` said."""
    lines = (result.stdout + result.stderr).splitlines()
    return {match[1]: line for line in lines if (match := re.match(r"\W*([a-z_]+(?:\.[a-z_]+)+)\b", line))}


def test_check_says_all_that_is_wrong_at_once_with_key_and_source(check, tmp_path):
    result = check(WRONG)
    assert result.returncode != 0
    said = problems(result)
    assert {*WRONG_KEYS, MISSING_KEY} <= said.keys()
    for key in WRONG_KEYS:
        assert str(tmp_path / "inlet.toml") in said[key]


def test_check_names_the_environment_variable_that_is_wrong(check):
    result = check("", INLET_ETL__BATCH__MAX_AGE="soon", INLET_INGEST__NONSENSE="1")
    assert result.returncode != 0
    said = problems(result)
    assert "INLET_ETL__BATCH__MAX_AGE" in said["etl.batch.max_age"]
    assert "INLET_INGEST__NONSENSE" in said["ingest.nonsense"]


def test_a_service_does_not_start_on_a_wrong_configuration(check, tmp_path):
    check(WRONG)
    refused = Node(tmp_path / "data", config=tmp_path / "inlet.toml").run("up")
    assert refused.returncode != 0
    assert "ingest.listne" in refused.stderr


def test_the_defaults_are_right(check):
    result = check("")
    assert result.returncode == 0, result.stderr


def test_the_environment_wins_over_the_file(check):
    assert check('[etl.batch]\nmax_age = "10s"\n', INLET_ETL__BATCH__MAX_AGE="soon").returncode != 0
    assert check('[etl]\ndefault_zone = "Europe/Berlin"\n', INLET_ETL__DEFAULT_ZONE="Asia/Tokyo").returncode == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    result = Node(tmp_path / "data", config=tmp_path / "missing.toml").run("check")
    assert result.returncode != 0
    assert str(tmp_path / "missing.toml") in result.stdout + result.stderr


def test_the_aws_configuration_in_deploy_is_right(check):
    result = check((TESTS.parent / "deploy/aws.toml").read_text())
    assert result.returncode == 0, result.stderr


def test_a_wrong_format_definition_is_named(check, tmp_path):
    definition = tmp_path / "broken.toml"
    definition.write_text("no_such_key = 1\n")
    result = check(f'[etl]\nformats = ["{definition}"]\n')
    assert result.returncode != 0
    assert "etl.formats: " in result.stderr and "broken.toml" in result.stderr
    # Accounts, and devices, have no business with it.
    node = Node(tmp_path / "data", settings={"INLET_ETL__FORMATS": f'["{definition}"]'})
    assert node.run("account", "add", "station-7", "--password-stdin", stdin="secret\n").returncode == 0
    assert "broken.toml" in node.run("up").stderr
