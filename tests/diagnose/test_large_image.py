"""A size that is named comes with what to do about it, and only where the pull of the image is not seen to end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shared_evidence import play

from runbooks.diagnose.verdict import diagnose

SMALLER = "Make the image smaller"


@pytest.mark.parametrize(
    ("scenario", "size", "told"),
    [
        ("stuck-in-transition", 3_900_000_000, "3.9 GB"),
        ("stuck-in-transition", 1_250_000_000, "1.2 GB"),
        ("ambiguous-created", 7_200_000_000, "7.2 GB"),
        ("stuck-in-transition", 620_000_000, ""),
        ("healthy", 3_900_000_000, ""),
        ("startup-crash", 3_900_000_000, ""),
    ],
)
def test_a_size_that_is_named_comes_with_advice(scenario: str, size: int, told: str) -> None:
    evidence = play(scenario)
    look = evidence.observations["E10"]
    sized = replace(look, answer=replace(look.answer, size_bytes=size))
    found = diagnose(replace(evidence, observations={**evidence.observations, "E10": sized}))
    advice = [one for one in found.prevention if one.title == SMALLER]
    assert bool(advice) is bool(told)
    assert not any(one.general for one in advice)
    named = [text for text in (found.headline, *(f.statement for f in found.contributing)) if "GB compressed" in text]
    assert bool(named) is bool(told)
    assert all(told in text for text in named)
    if found.cause and told:
        assert any(f"the same image of {told}" in one.why for one in found.remedies)
