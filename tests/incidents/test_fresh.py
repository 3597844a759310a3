"""The fresh incidents as files: complete, each with an expectation; the held of each collection are picked by hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from slices import read_yaml

from tests.incidents.converting import evidence_of

FRESH = Path(__file__).parent / "fresh"
CASES = {path.stem: path for path in sorted(FRESH.glob("*.json"))}
EXPECTED = read_yaml(FRESH / "expected.yaml")
LOOKS = {"machine", "events", "list_contains", "logs", "api_error", "registry", "db_row", "network"}
HELD = {range(201, 276): 15, range(276, 328): 12, range(328, 392): 20}
"""Numbers of a collection → how many of its cases are held."""


def test_every_case_has_an_expectation() -> None:
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_every_key_and_can_be_read(name: str) -> None:
    incident = json.loads(CASES[name].read_text())
    assert set(incident["evidence"]) == LOOKS
    assert all(incident[key] for key in ("symptom", "confirmed_cause", "what_was_reconstructed"))
    assert incident["diagnosable_from_evidence"] == EXPECTED[name]["diagnosable"]
    assert incident["source_url"].startswith("https://")
    assert evidence_of(incident).observations


def test_no_expectation_contradicts_itself() -> None:
    for name, expected in EXPECTED.items():
        near = {*expected["right"], *expected.get("also", ())}
        assert not near & set(expected.get("mistaken_for", ())), name


def test_the_held_cases_are_the_first_by_hash() -> None:
    held = {name for name, expected in EXPECTED.items() if expected.get("held")}
    picked: set[str] = set()
    for numbers, count in HELD.items():
        collection = [name for name in EXPECTED if int(name[:3]) in numbers]
        picked |= set(sorted(collection, key=lambda n: hashlib.sha256(n.encode()).hexdigest())[:count])
    assert held == picked
