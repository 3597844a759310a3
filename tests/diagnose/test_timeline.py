"""The timeline also holds what was found out by trying: the row and the endpoint, at the moment of the look."""

from __future__ import annotations

from dataclasses import replace

from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Outcome
from tests.diagnose.test_removal import evidence


def told(whole: Evidence, source: str) -> list[tuple[str, str]]:
    return [(m.text, m.evidence) for m in diagnose(whole).timeline if m.source == source and m.at == whole.looked_at]


def test_row_and_endpoint_stand_at_the_time_of_the_look() -> None:
    whole = evidence("vyx-missing-environment")
    assert told(whole, "record") == [("row says starting", "E14")]
    ((text, number),) = told(whole, "endpoint")
    assert (text, number) == (whole.observations["E17"].reason[:200], "E17")
    assert whole.observations["E17"].at == whole.looked_at


def test_what_could_not_be_tried_has_no_moment() -> None:
    whole = evidence("vyx-missing-environment")
    assert whole.observations["E18"].outcome is Outcome.COULD_NOT_LOOK
    blind = {
        number: replace(whole.observations[number], outcome=Outcome.COULD_NOT_LOOK, answer=None)
        for number in ("E14", "E17")
    }
    less = replace(whole, observations={**whole.observations, **blind})
    assert told(less, "record") == told(less, "endpoint") == []
