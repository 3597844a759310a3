"""Evidence that contradicts itself: nothing is confirmed, and the contradiction is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Logs, Outcome
from runbooks.simulator.scenario import scenario_names
from tests.diagnose.test_removal import certain, evidence


def lines(whole: Evidence) -> bool:
    look = whole.looks.get("E07")
    return look is not None and isinstance(look.answer, Logs) and bool(look.answer.lines)


@pytest.mark.parametrize("name", scenario_names())
def test_the_machine_of_one_incident_and_the_log_of_another(name: str) -> None:
    whole = evidence(name)
    if whole.looks["E03"].outcome is not Outcome.SEEN:
        return
    for other in scenario_names():
        if other != name and lines(evidence(other)):
            mixed = replace(whole, looks={**whole.looks, "E07": evidence(other).looks["E07"]})
            found = diagnose(mixed)
            assert certain(found) == "", other
            assert found.contradictions, other


@pytest.mark.parametrize("name", scenario_names())
def test_what_a_scenario_tells_does_not_contradict_itself(name: str) -> None:
    assert diagnose(evidence(name)).contradictions == ()
