"""docs/metrics.md names the metrics that there are, all of them and no others."""

import re

from test_tree import ROOT

MACRO = re.compile(r'(?:counter|gauge|histogram)!\(\s*"(\w+)"')
NAME = re.compile(r"\binlet_\w+")


def test_every_metric_is_documented_and_none_that_is_not_there():
    sources = [path.read_text() for folder in ("crates", "pipeline/src") for path in (ROOT / folder).rglob("*.rs")]
    counted = {name for source in sources for name in MACRO.findall(source)}
    assert counted
    assert counted == set(NAME.findall((ROOT / "docs/metrics.md").read_text()))
