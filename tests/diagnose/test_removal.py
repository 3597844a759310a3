"""Take evidence away: the engine may know less, but never something else with certainty."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from shared_evidence import play

from runbooks.diagnose.model import Diagnosis, Status, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Outcome
from runbooks.simulator.scenario import scenario_names
from tools.generate_docs import without

evidence = play


def certain(diagnosis: Diagnosis) -> str:
    return diagnosis.cause.slug if diagnosis.cause and diagnosis.cause.confidence == "confirmed" else ""


@pytest.mark.parametrize("name", scenario_names())
def test_less_evidence_never_proves_another_cause(name: str) -> None:
    whole = evidence(name)
    cause = certain(diagnose(whole))
    for count in (1, 2):
        for numbers in itertools.combinations(whole.observations, count):
            found = diagnose(without(whole, *numbers))
            assert certain(found) in ("", cause), numbers
            assert not found.faults
    nothing = diagnose(without(whole, *whole.observations))
    assert nothing.cause is None
    assert nothing.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("name", scenario_names())
def test_without_what_proves_it_nothing_is_certain(name: str) -> None:
    """What is proved twice stays proved until both proofs are gone; then it is open, and nothing takes its place."""
    left = evidence(name)
    cause = certain(diagnose(left))
    while certain(found := diagnose(left)):
        assert certain(found) == cause
        left = without(left, *next(h for h in found.hypotheses if h.slug == cause).evidence)
    assert found.verdict is not Verdict.HEALTHY or not cause


@pytest.mark.parametrize("name", scenario_names())
def test_a_single_absent_facet_confirms_nothing(name: str) -> None:
    whole = evidence(name)
    for number, observation in whole.observations.items():
        if observation.outcome is Outcome.ABSENT:
            only = diagnose(without(whole, *(other for other in whole.observations if other != number)))
            assert not [h.slug for h in only.hypotheses if h.status is Status.CONFIRMED], number


@pytest.mark.parametrize("name", scenario_names())
def test_the_order_of_the_evidence_does_not_matter(name: str) -> None:
    whole = evidence(name)
    expected = diagnose(whole)
    for seed in range(5):
        observations = list(whole.observations.items())
        random.Random(seed).shuffle(observations)
        assert replace(diagnose(replace(whole, observations=dict(observations))), not_checked=()) == replace(
            expected, not_checked=()
        )


def test_each_removal_is_visible_among_what_was_not_checked() -> None:
    whole = evidence("vyx-missing-environment")
    for number in whole.observations:
        assert any(number in u.what for u in diagnose(without(whole, number)).not_checked)
