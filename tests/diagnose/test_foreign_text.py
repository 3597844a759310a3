"""A pasted text about something else proves nothing, and the report says whom it is about.

Every scenario is given the caller's log, and the platform's log as `fly logs` prints it, of other scenarios. A sample
that is the same in every run; all pairs with ALL_PAIRS=1 (three minutes).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis, Status
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Caller, Evidence, Logs, Outcome
from runbooks.simulator.scenario import scenario_names
from tools.generate_docs import without

NAMES = scenario_names()
STEP = 1 if os.environ.get("ALL_PAIRS") else 19
"""Of the other scenarios, every so many-th is pasted."""


def callers_log(evidence: Evidence) -> str:
    answer = evidence.observations[Facet.CALLER.value].answer if Facet.CALLER.value in evidence.observations else None
    return answer.text if isinstance(answer, Caller) else ""


def platforms_log(evidence: Evidence) -> str:
    """The machine's log as `fly logs` prints it."""
    observation = evidence.observations.get(Facet.LOGS.value)
    found = observation.answer if observation else None
    return "\n".join(
        f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.provider}[{line.instance}] {line.region} [{line.level}]{line.message}"
        for line in (found.lines if isinstance(found, Logs) else ())
        if line.at
    )


def others(name: str) -> Iterator[tuple[str, str]]:
    """(what it is, text) of other scenarios' logs."""
    place = NAMES.index(name)
    for distance in range(1 + place % min(STEP, 5), len(NAMES), STEP):
        other = NAMES[(place + distance) % len(NAMES)]
        if other == name or play(other).subject.app == play(name).subject.app:
            continue
        for kind, log in (("caller", callers_log), ("platform", platforms_log)):
            if text := log(play(other)):
                yield f"{other}, {kind}", text


def with_text(evidence: Evidence, text: str) -> Evidence:
    """The same evidence, to which somebody pasted this text."""
    asked = evidence.observations[Facet.CALLER.value]
    pasted = replace(asked, outcome=Outcome.SEEN, reason="pasted", answer=read_caller(text))
    return replace(evidence, observations={**evidence.observations, Facet.CALLER.value: pasted})


def confirmed(diagnosis: Diagnosis) -> set[str]:
    return {h.slug for h in diagnosis.hypotheses if h.status is Status.CONFIRMED}


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_text_confirms_nothing_and_is_named(name: str) -> None:
    whole = play(name)
    before = confirmed(diagnose(without(whole, Facet.CALLER.value)))
    for which, text in others(name):
        evidence = with_text(whole, text)
        found = diagnose(evidence)
        assert not found.faults, which
        assert confirmed(found) <= before, which
        assert found.verdict != "healthy" or not before, which
        caller = Facts(evidence).caller
        foreign = caller.foreign
        # An id that only a refusal names is the object of that call, so it tells nothing of a machine without an id.
        objects = " ".join(error.text for error in caller.given.errors)
        if caller.given.identity.apps or any(name not in objects for name in caller.given.identity.machine_ids):
            assert foreign, which
        assert not foreign or any(foreign in claim.text for claim in found.contradictions), which
        assert not foreign or f"The pasted text is about {foreign}." in found.headline, which
