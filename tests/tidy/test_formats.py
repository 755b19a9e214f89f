"""Definitions that say of themselves that they are as another one differ from it in what they are for, and in nothing else."""

import tomllib

import pytest

from test_tree import ROOT

TWINS = {
    ("campbell-array", "campbell-array-days"): {"format", "match.paths", "match.first_line"},
    ("egx", "egx-semicolon"): {"format", "delimited.delimiter", "delimited.begins"},
    ("hioki", "hioki-dates"): {"format", "match.lines", "delimited.facts", "delimited.timestamp"},
    ("hobo", "hobo-semicolon"): {"format", "match.lines", "delimited.delimiter", "delimited.begins"},
    ("hobo", "hobo-tab"): {"format", "match.lines", "delimited.delimiter", "delimited.begins"},
    ("jma", "jma-columns"): {"format", "match.lines", "delimited.begins", "delimited.timestamp", "delimited.tables"},
    ("line-protocol", "line-protocol-content"): {"format", "match.paths", "match.content"},
}


def keys(name: str) -> dict:
    """What a definition says, the keys of its tables with those of theirs."""
    definition = tomllib.loads((ROOT / f"pipeline/formats/{name}.toml").read_text(encoding="utf-8"))
    inner = {f"{key}.{of}": value for key, table in definition.items() if isinstance(table, dict) for of, value in table.items()}
    return {key: value for key, value in definition.items() if not isinstance(value, dict)} | inner


@pytest.mark.parametrize("twins", TWINS, ids=" ".join)
def test_a_definition_is_as_the_one_that_it_is_made_after(twins):
    one, other = map(keys, twins)
    assert {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)} == TWINS[twins]
