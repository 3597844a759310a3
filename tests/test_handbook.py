"""The pages about causes are what the registry says today, and the registry is complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_evidence import play

from runbooks.diagnose.catalogue import catalogue
from runbooks.simulator.scenario import load_scenario, scenario_names
from tools.generate_docs import pages

DOCS = Path(__file__).parent.parent / "docs"


def test_every_cause_says_how_to_tell_it_from_its_neighbours_and_where_that_stands() -> None:
    known = catalogue()
    for slug, info in known.items():
        assert info.distinguish_from, slug
        assert info.sources, slug
        assert set(info.distinguish_from) <= set(known) - {slug}, slug


def test_every_slug_is_the_cause_of_a_scenario_and_every_mechanism_contributes_in_one() -> None:
    scenarios = [load_scenario(name) for name in scenario_names()]
    expected = [told for one in scenarios for told in (one.expect, one.expect_tested) if told]
    causes = {expect["cause"] for expect in expected} - {None}
    contributing = {slug for expect in expected for slug in expect["contributing"]}
    known = catalogue()
    mechanisms = {slug for slug, info in known.items() if info.mechanism}
    assert causes >= set(known) - mechanisms
    # What the test creation narrows down to stands behind the crash that it explains (tests/test_creation.py).
    assert causes | contributing | {"image-or-config"} >= mechanisms
    assert causes | contributing <= set(known)


def test_the_committed_pages_are_what_make_docs_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.generate_docs.play", play)
    written = pages()
    stale = [path for path, text in written.items() if not (DOCS / path).is_file() or (DOCS / path).read_text() != text]
    assert not stale, f"run `make docs`: {', '.join(stale[:5])}"
    assert {f"causes/{p.name}" for p in (DOCS / "causes").glob("*.md")} == {
        p for p in written if p.startswith("causes/")
    }
