"""The facets beyond the first ones: each decides a scenario, and without it the cause is open."""

from __future__ import annotations

import pytest
from shared_evidence import play
from slices import scenarios

from runbooks.base.facets import Facet
from runbooks.diagnose.verdict import diagnose
from tools.generate_docs import without

DECIDED = {name: str(number) for name, told in scenarios().items() if (number := told.expect["decided_by"])}


@pytest.mark.parametrize("name", DECIDED)
def test_without_the_facet_that_decides_it_a_scenario_is_open(name: str) -> None:
    whole = play(name)
    assert DECIDED[name] in whole.observations
    told = diagnose(whole).cause
    assert told is not None
    assert (told.slug, told.confidence) == (scenarios()[name].expect["cause"], "confirmed")
    assert diagnose(without(whole, DECIDED[name])).cause is None


def test_each_of_them_decides_one() -> None:
    wanted = {Facet.CERTIFICATES, Facet.PROCESSES, Facet.SECRETS, Facet.VERSIONS, Facet.VOLUMES, Facet.METRICS}
    assert {facet.value for facet in wanted} == set(DECIDED.values())
