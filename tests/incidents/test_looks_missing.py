"""A look or a line less: the diagnosis may know less, is not wrong with certainty, and never falsely healthy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from slices import read_yaml

from runbooks.diagnose.catalogue import catalogue
from tests.incidents.judging import judge

HERE = Path(__file__).parent
CERTAIN = ("CONFIDENTLY WRONG", "FALSELY HEALTHY")


def _incidents() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Every other incident in which at least two looks were made, with its expectation."""
    found = {}
    for folder, expectations in ((HERE / "cases", HERE / "expected.yaml"), (HERE / "fresh", None)):
        expected = read_yaml(expectations or folder / "expected.yaml")
        for path in sorted(folder.glob("*.json")):
            incident = json.loads(path.read_text())
            if len(_made(incident)) > 1:
                found[path.stem] = (incident, expected[path.stem])
    return dict(list(found.items())[::2])


def _made(incident: dict[str, Any]) -> list[str]:
    return [look for look, answer in incident["evidence"].items() if answer not in (None, [], {})]


INCIDENTS = _incidents()


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_look_less_makes_no_wrong_cause_certain(name: str) -> None:
    incident, expected = INCIDENTS[name]
    for look in _made(incident):
        less = {**incident, "evidence": {**incident["evidence"], look: None}}
        assert judge(name, less, expected).grade not in CERTAIN, f"without {look}"


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_line_less_makes_no_wrong_cause_certain(name: str) -> None:
    """A mechanism may be what is left: it says that the reason behind it is not known."""
    incident, expected = INCIDENTS[name]
    lines = incident["evidence"].get("logs") or []
    for number in range(len(lines)):
        less = {**incident, "evidence": {**incident["evidence"], "logs": lines[:number] + lines[number + 1 :]}}
        found = judge(name, less, expected)
        cause = found.diagnosis.cause
        assert found.grade not in CERTAIN or (cause and catalogue()[cause.slug].mechanism), lines[number]
