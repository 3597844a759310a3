"""A cause does not depend on where its lines were copied from: incidents as other programs would show their lines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from slices import read_yaml

from runbooks.base.facets import Facet
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Observation, Outcome
from tests.incidents.converting import evidence_of, refusal_lines
from tests.incidents.wrapping import WRAPPERS, cut

HERE = Path(__file__).parent
FRESH = HERE / "fresh"
EXPECTED = read_yaml(FRESH / "expected.yaml")


def _pasted(incident: dict[str, Any]) -> list[str]:
    shown = incident["evidence"]
    lines = [str(line.get("message", line)) if isinstance(line, dict) else str(line) for line in shown["logs"] or ()]
    return [*lines, *refusal_lines(shown["api_error"])]


def _incidents() -> dict[str, dict[str, Any]]:
    """Fresh incidents with lines and a certain cause, every fourth of them."""
    found = {}
    for name, expected in EXPECTED.items():
        incident = json.loads((FRESH / f"{name}.json").read_text())
        if expected["right"] and len(_pasted(incident)) >= 2:
            found[name] = incident
    return dict(list(found.items())[::4])


INCIDENTS = _incidents()
NAMES = tuple(WRAPPERS)
# Each incident meets three of the wrappers, so that each wrapper meets several incidents.
PAIRS = {name: [NAMES[(n * 3 + k) % len(NAMES)] for k in range(3)] for n, name in enumerate(INCIDENTS)}


def _cause(incident: dict[str, Any], text: str) -> tuple[str, str, str]:
    bare = evidence_of({**incident, "evidence": {**incident["evidence"], "logs": [], "api_error": None}})
    paste = Observation(Facet.CALLER, Outcome.SEEN, "as posted", bare.looked_at, read_caller(text))
    found = diagnose(replace(bare, observations={**bare.observations, "E19": paste}))
    return (found.cause.slug, found.cause.confidence, found.verdict) if found.cause else ("", "", found.verdict)


@pytest.mark.parametrize("name", INCIDENTS)
def test_what_stands_around_the_lines_changes_nothing(name: str) -> None:
    text = "\n".join(_pasted(INCIDENTS[name]))
    found = _cause(INCIDENTS[name], text)
    assert {w: _cause(INCIDENTS[name], WRAPPERS[w](text)) for w in PAIRS[name]} == dict.fromkeys(PAIRS[name], found)


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_column_that_hides_the_ends_makes_nothing_else_certain(name: str) -> None:
    text = "\n".join(_pasted(INCIDENTS[name]))
    for width in (80, 120):
        slug, confidence, verdict = _cause(INCIDENTS[name], cut(width)(text))
        assert verdict != "healthy", width
        assert confidence != "confirmed" or slug in EXPECTED[name]["right"], width
