"""Incidents of the public record, as far as they were posted: nothing is confirmed that was not so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from slices import read_yaml

from tests.incidents.judging import GOOD, Judged, judge

HERE = Path(__file__).parent
FOLDERS = {"cases": HERE / "expected.yaml", "fresh": HERE / "fresh" / "expected.yaml"}
EXPECTED = {(folder, name): one for folder, p in FOLDERS.items() for name, one in read_yaml(p).items()}
# What the engine does not get right, and why. None of them is confirmed.
NOT_GOOD = {
    # State `destroyed` and nothing else was posted: who or what destroyed it does not show, so it is left open.
    "61-kilo-destroyed-then-404": "missed",
}


def judged(folder: str, name: str) -> Judged:
    return judge(name, json.loads((HERE / folder / f"{name}.json").read_text()), EXPECTED[folder, name])


@pytest.mark.parametrize(("folder", "name"), EXPECTED)
def test_incident(folder: str, name: str) -> None:
    found = judged(folder, name)
    assert found.grade in ((NOT_GOOD[name],) if name in NOT_GOOD else GOOD), (found.cause, found.open)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_case_has_an_expectation(folder: str) -> None:
    assert {path.stem for path in (HERE / folder).glob("*.json")} == {n for f, n in EXPECTED if f == folder}
