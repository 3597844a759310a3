"""Phrases that docs/ and the reports may not use: each has a plain term of the field (see CONTRIBUTING.md)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from produced import Production

CHECKOUT = Path(__file__).parent.parent
GENERATED = {"evidence-by-cause.md"}
DOCUMENTS = [
    CHECKOUT / "README.md",
    CHECKOUT / "outputs" / "README.md",
    *sorted(p for p in (CHECKOUT / "docs").glob("*.md") if p.name not in GENERATED),
]
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
SCENARIOS = ("vyx-missing-environment", "vyx-image-missing", "gone-without-trace")

BANNED = (
    "is it mended",
    "mended",
    "whose side",
    "whose eyes",
    "who sees the machine",
    "only speak of it",
    "beside its siblings",
    "since last time",
    "and is not so",
    "dig for yourself",
    "speaks for",
    "speaks against",
    "no line says nothing",
    "a tour of five minutes",
    "a cause bites",
    "the first report",
    "the seed",
    "hearsay",
    "never learnt",
    "usual first suspicions",
    "comes as far as",
    "it would tell whether",
    "refusal to itself",
    "to be had",
    "bears the name",
    "all the same",
    "came to its end",
    "makes the machine",
    "for want of",
    "went with it",
    "stands in the way",
    "not to be seen",
    "all was well",
    "goes on running",
    "became of",
    "speaks of",
    "has no room",
)


def banned_in(text: str) -> list[str]:
    """Each banned phrase with what stands around it; line breaks and case do not matter."""
    flat = " ".join(text.split())
    lower = flat.lower()
    return [
        f"{phrase!r}: …{flat[max(0, at - 60) : at + len(phrase) + 60]}…"
        for phrase in BANNED
        if (at := lower.find(phrase)) >= 0
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_uses_a_banned_phrase(path: Path) -> None:
    assert banned_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_uses_a_banned_phrase(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert banned_in("\n".join("".join(cell["source"]) for cell in cells)) == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_report_uses_a_banned_phrase(scenario: str, production: Production) -> None:
    run = production.of(scenario)
    assert banned_in(run.stderr) == []
    for name in ("report.md", "report.html", "summary.json"):
        assert banned_in((run.folder / name).read_text(encoding="utf-8")) == [], name


def test_a_banned_phrase_is_found_across_lines() -> None:
    assert banned_in("Who sees\nthe machine") == ["'who sees the machine': …Who sees the machine…"]
