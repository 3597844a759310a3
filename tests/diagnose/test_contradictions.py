"""Evidence that contradicts itself: nothing is confirmed, and the contradiction is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Logs, Outcome
from runbooks.simulator.scenario import scenario_names
from tests.diagnose.test_removal import certain, evidence


def lines(whole: Evidence) -> bool:
    observation = whole.observations.get("E07")
    return observation is not None and isinstance(observation.answer, Logs) and bool(observation.answer.lines)


@pytest.mark.parametrize("name", scenario_names())
def test_the_machine_of_one_incident_and_the_log_of_another(name: str) -> None:
    whole = evidence(name)
    if whole.observations["E03"].outcome is not Outcome.SEEN:
        return
    for other in scenario_names():
        if other != name and lines(evidence(other)):
            mixed = replace(whole, observations={**whole.observations, "E07": evidence(other).observations["E07"]})
            found = diagnose(mixed)
            assert certain(found) == "", other
            assert found.contradictions, other


@pytest.mark.parametrize("name", scenario_names())
def test_what_a_scenario_tells_does_not_contradict_itself(name: str) -> None:
    assert diagnose(evidence(name)).contradictions == ()
