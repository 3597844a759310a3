"""The recorded evidence of every scenario gives the verdict and the cause that it expects, without a runner."""

from __future__ import annotations

import pytest

from runbooks.diagnose.verdict import diagnose
from runbooks.simulator.scenario import load_scenario, scenario_names
from tools.generate_docs import play


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_is_judged_as_it_expects(name: str) -> None:
    expect, found = load_scenario(name).expect, diagnose(play(name))
    assert (found.verdict, found.cause and found.cause.slug) == (expect["verdict"], expect["cause"])
    assert {one.slug for one in found.contributing} >= {*expect.get("contributing", ()), *expect.get("hygiene", ())}
