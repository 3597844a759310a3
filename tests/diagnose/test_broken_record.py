"""A record of the machine that holds what no machine can have is a finding of its own, and keeps the verdict open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.model import Answer, Diagnosis, Status, Verdict, ViewKey
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Machine, Observation, Outcome
from runbooks.evidence.parsers import listing_of

Change = Callable[[Machine], Machine]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BROKEN: dict[str, tuple[Change, str]] = {
    "created in 1970": (lambda m: replace(m, created_at=EPOCH), "created_at is 1970-01-01"),
    "updated in 1970": (lambda m: replace(m, updated_at=EPOCH), "updated_at is 1970-01-01"),
    "created in year 1": (lambda m: replace(m, created_at=datetime(1, 1, 1, tzinfo=UTC)), "created_at is 0001-01-01"),
    "no region": (lambda m: replace(m, region="", raw={**m.raw, "region": ""}), "its region is empty"),
    "no config": (lambda m: replace(m, config=None), "it has no config, although its host is ok"),
    "an event in 1970": (
        lambda m: replace(m, events=(replace(m.events[0], at=EPOCH), *m.events[1:])),
        "1 of its events is dated 1970-01-01",
    ),
}
WELL: dict[str, Change] = {
    "as it is": lambda m: m,
    "the region is left out": lambda m: replace(m, region="", raw={k: v for k, v in m.raw.items() if k != "region"}),
    "its host is silent": lambda m: replace(m, config=None, region="", host_status="unreachable"),
    "it is destroyed": lambda m: replace(m, config=None, state="destroyed"),
}


@cache
def healthy() -> Evidence:
    return play("healthy")


def judged(change: Change) -> Diagnosis:
    """The diagnosis of a healthy machine whose description is changed in this way."""
    evidence = healthy()
    described = evidence.observations[Facet.MACHINE]
    assert isinstance(described.answer, Machine)
    changed = replace(described, answer=change(described.answer))
    return diagnose(replace(evidence, observations={**evidence.observations, Facet.MACHINE.value: changed}))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_record_is_told_and_nothing_is_healthy(name: str) -> None:
    change, told = BROKEN[name]
    found = judged(change)
    (finding,) = (one for one in found.contributing if one.slug == "broken-record")
    assert told in finding.statement
    assert finding.evidence == (Facet.MACHINE,)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert told in found.headline
    assert found.cause is None


@pytest.mark.parametrize("name", WELL)
def test_what_is_left_out_is_no_broken_record(name: str) -> None:
    assert "broken-record" not in {one.slug for one in judged(WELL[name]).contributing}


def test_a_time_of_1970_is_no_time_of_creation() -> None:
    """A refused call would otherwise always be later than the machine, and the log never before it."""
    assert not judged(BROKEN["created in 1970"][0]).contradictions


@pytest.mark.parametrize("odd", [None, "what is this", {"id": None}, {"id": {"was": "text"}, "state": ["started"]}])
def test_a_list_with_an_entry_that_cannot_be_read_could_not_be_looked_at(odd: object) -> None:
    evidence, listing = healthy(), listing_of([odd])
    twice = {
        facet.value: Observation(facet, Outcome.SEEN, "seen", evidence.looked_at, listing)
        for facet in (Facet.LIST, Facet.LIST_AGAIN)
    }
    found = diagnose(replace(evidence, observations={**evidence.observations, **twice}))
    (view,) = (one for one in found.visibility if one.key is ViewKey.LIST)
    assert view.sees is Answer.COULD_NOT_LOOK
    assert found.cause is None
    assert "list-incomplete" not in {h.slug for h in found.hypotheses if h.status is not Status.OPEN}
