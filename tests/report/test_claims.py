"""Every sentence that claims something has footnotes, they lead to looks that were made, and the looks bear it out.

Exempt by kind: questions, advice (a Remedy), and what says of itself that it was not looked at.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from markdown_it import MarkdownIt
from played import concluded, judged, played, texts
from shared_evidence import play
from slices import every

from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.fix_checks import checks
from runbooks.diagnose.model import Answer, Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Outcome
from runbooks.report import charts, page, summary, writeup
from runbooks.simulator.scenario import scenario_names
from tools.generate_docs import without

NUMBER = re.compile(r"\[(E\d\d[a-z]?(?:, ?E\d\d[a-z]?)*)\]")
UNSEEN = re.compile(r"^(Could not look|This was not asked|Nobody could be asked|No event is to be had|Not tried)\b")
"""How a section says that it did not look."""
SOURCES = frozenset(
    line for line in Path(__file__).with_name("sources.txt").read_text().splitlines() if not line.startswith("#")
)

FacetResult = tuple[str, str, tuple[str, ...]]


def holding(found: Diagnosis) -> Iterator[FacetResult]:
    """Kind, sentence and footnotes of everything that is said to be so."""
    for finding in filter(None, (found.cause, *found.contributing)):
        yield finding.slug, finding.statement, finding.evidence
    for symptom in found.symptoms:
        if symptom.holds is not Answer.COULD_NOT_LOOK:
            yield "symptom", symptom.text, symptom.evidence
    for view in found.visibility:
        if view.sees is not Answer.COULD_NOT_LOOK:
            yield "view", f"{view.view}: {view.sees}, {view.state}", view.evidence
    for moment in found.timeline:
        if moment.source != "we":
            yield "moment", moment.text, (moment.evidence,)
    for claim in (*found.contradictions, *(untrue.claim for untrue in found.untrue)):
        yield "claim", claim.text, claim.evidence
    if found.comparison:
        yield "comparison", str(found.comparison.differs), found.comparison.evidence


def argued(found: Diagnosis) -> Iterator[FacetResult]:
    """What speaks for and against: an argument may be that something could not be seen."""
    for hypothesis in found.hypotheses:
        for claim in (*hypothesis.supports, *hypothesis.against):
            yield hypothesis.slug, claim.text, claim.evidence


def blind(found: Diagnosis) -> Iterator[FacetResult]:
    """What says that one could not look: it names the look where there was one."""
    for hypothesis in found.hypotheses:
        for claim in hypothesis.missing:
            yield "missing", claim.text, claim.evidence
    for view in found.visibility:
        if view.sees is Answer.COULD_NOT_LOOK:
            yield "view", view.view, view.evidence
    yield "reading", found.reading.text, found.reading.evidence
    yield from (("symptom", s.text, s.evidence) for s in found.symptoms if s.holds is Answer.COULD_NOT_LOOK)
    yield from (("moment", m.text, (m.evidence,)) for m in found.timeline if m.source == "we")


def answered(evidence: Evidence, number: str) -> bool:
    """Did anything come of this look: an outcome, or at least an answer to be shown?"""
    observation = evidence.observations[number]
    return observation.outcome is not Outcome.COULD_NOT_LOOK or any(
        exchange.status for exchange in observation.exchanges
    )


def unfounded(evidence: Evidence, found: Diagnosis) -> Iterator[str]:
    for kind, text, numbers in (*holding(found), *argued(found), *blind(found)):
        if lost := [number for number in numbers if number not in evidence.observations]:
            yield f"{kind} cites {lost}, which was never looked at: {text}"
    for kind, text, numbers in (*holding(found), *argued(found)):
        if not numbers:
            yield f"{kind} cites nothing: {text}"
    for kind, text, numbers in holding(found):
        if not any(answered(evidence, number) for number in numbers if number in evidence.observations):
            yield f"{kind} cites only what could not be looked at: {text}"
    platform = [number for number in ("E03", "E05", "E06") if number in evidence.observations]
    if found.reading.text and platform and not found.reading.evidence:
        yield f"the reading of the views cites none: {found.reading.text}"
    for check in checks(evidence):
        if lost := [number for number in check.evidence if number not in evidence.observations]:
            yield f"check {check.slug} cites {lost}"
        if check.holds is not Answer.COULD_NOT_LOOK and not check.evidence:
            yield f"check {check.slug} cites nothing: {check.text}"


@pytest.mark.parametrize("name", scenario_names())
def test_every_claim_rests_on_looks(name: str) -> None:
    found = played(name, drawn=False)
    assert list(unfounded(found.evidence, found.diagnosis)) == []


@pytest.mark.parametrize("name", every(8, scenario_names()))
def test_every_claim_rests_on_looks_when_some_are_missing(name: str) -> None:
    """With each of them in vain; and in runs that ended before they came to the others."""
    whole = play(name)
    observations = list(whole.observations.items())
    partly = [without(whole, number) for number in whole.observations]
    partly += [replace(whole, observations=dict(observations[:count])) for count in (0, 2, 4, 7, 11, 15)]
    for evidence in partly:
        assert list(unfounded(evidence, diagnose(evidence))) == []


@pytest.mark.parametrize("name", scenario_names())
def test_a_claim_about_a_state_cites_a_look_that_tells_it(name: str) -> None:
    """“It is destroyed” with a footnote to a list that still calls it started would convince nobody."""
    evidence = play(name)
    found = diagnose(evidence)
    for kind, text, numbers in (*holding(found), *argued(found)):
        stated = re.search(
            r"\b(?:[Tt]he machine|[Ii]t) is (created|started|stopped|suspended|failed|destroyed)\b", text
        )
        if stated:
            shown = [repr(evidence.observations[number].answer) for number in numbers]
            assert any(f"'{stated[1]}'" in answer for answer in shown), (kind, text, numbers)


def cited(texts: Iterator[str]) -> set[str]:
    return {number for text in texts for group in NUMBER.findall(text) for number in re.split(", ?", group)}


@pytest.mark.parametrize("name", scenario_names())
def test_every_section_says_what_it_rests_on(name: str) -> None:
    found = played(name, drawn=False)
    known = set(found.evidence.observations)
    assert cited(texts(found)) <= known
    for section in (*found.sections, *concluded(found)):
        assert set(section.evidence) <= known, section.slug
        if section.table is not None and "evidence" in section.table.columns:
            for row in section.table.itertuples(index=False):
                signs = [cell for cell in map(str, row) if cell.startswith(("✓", "✗"))]
                assert not signs or NUMBER.search(str(row.evidence)), (section.slug, row)
    for section in found.sections:
        assert section.evidence or UNSEEN.match(section.answer), (section.slug, section.answer)


GROUPS = (
    ("E03", "E03b", "E04", "E05", "E05b", "E06", "E08"),
    ("E09", "E09b", "E10", "E10b"),
    ("E11", "E12", "E13"),
    ("E14", "E15"),
    ("E17", "E18"),
    ("E19", "E21"),
    ("E01", "E22"),
    ("E02",),
    ("E07",),
    ("E16",),
)


@pytest.mark.parametrize("name", scenario_names()[::8])
def test_an_answer_that_a_look_would_change_cites_it(name: str) -> None:
    """Take away all looks of one kind: where a section's answer is another one then, it had to name one of them."""
    whole = played(name, drawn=False)
    for group in GROUPS:
        less = judged(without(whole.evidence, *group), drawn=False)
        for before, after in zip(whole.sections, less.sections, strict=True):
            if before.answer != after.answer:
                assert set(group) & set(before.evidence), (group, before.slug, before.answer, after.answer)


class Anchors(HTMLParser):
    """What can be led to, what leads there, and footnotes that lead nowhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loose: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += filter(None, (given.get("id"),))
        self.targets |= {given[name] or "" for name in ("href", "src") if name in given}
        labels = given.get("aria-labelledby") or given.get("aria-describedby") or ""
        self.targets |= {f"#{label}" for label in labels.split()}
        if "note" in (given.get("class") or "").split() and not given.get("href"):
            self.loose.add(str(given))


def all_cited(found: Diagnosis) -> set[str]:
    return {n for _, _, numbers in (*holding(found), *argued(found), *blind(found)) for n in numbers}


@pytest.mark.parametrize("name", scenario_names()[::7])
def test_every_footnote_of_the_page_leads_to_its_evidence(name: str) -> None:
    found = played(name, drawn=False)
    picture: Any = SimpleNamespace(name="picture", svg="<svg/>", alt="a picture", png=b"")
    blank: dict[str, Any] = dict.fromkeys(charts.__all__, lambda *_: picture)
    with patch.multiple(charts, **blank):
        anchors = Anchors(page.render(found))
    assert len(anchors.ids) == len(set(anchors.ids))
    assert not anchors.loose
    assert all(target.startswith(("#", "data:image/svg+xml;base64,")) for target in anchors.targets)
    inside = {target.removeprefix("#") for target in anchors.targets if target.startswith("#")}
    assert inside <= set(anchors.ids)
    assert all_cited(found.diagnosis) <= inside


@pytest.mark.parametrize("name", scenario_names())
def test_every_footnote_of_the_write_up_leads_to_its_evidence(name: str) -> None:
    found = played(name, drawn=False)
    tokens = MarkdownIt("commonmark").enable("table").parse(writeup.render(found))
    headings = {
        re.sub(r"[^\w -]", "", after.content).lower().replace(" ", "-")
        for token, after in itertools.pairwise(tokens)
        if token.type == "heading_open"
    }
    spans = [child for token in tokens for child in token.children or ()]
    links = {str(child.attrs["href"]) for child in spans if child.type == "link_open"}
    assert {link.removeprefix("#") for link in links} <= headings
    loose = [child.content for child in spans if child.type == "text" and NUMBER.search(child.content)]
    assert not [text for text in loose if not re.fullmatch(r"E\d\d[a-z]?", text)]
    said = {n for _, _, numbers in holding(found.diagnosis) for n in numbers}
    assert said <= {link.removeprefix("#").upper().replace("B", "b") for link in links}


@pytest.mark.parametrize("name", scenario_names())
def test_every_footnote_of_the_summary_is_a_look(name: str) -> None:
    found = played(name, drawn=False)
    rest: list[Any] = [summary.build(found)]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            numbers = one.get("evidence", [])
            assert {numbers} if isinstance(numbers, str) else set(numbers) <= set(found.evidence.observations)
            rest += one.values()
        elif isinstance(one, list):
            rest += one


def test_every_source_of_a_cause_is_a_page_that_exists() -> None:
    """No network here: `sources.txt` says which were looked up, and where. A new one is to be looked up, too."""
    linked = {link for info in catalogue().values() for link in info.links}
    assert linked - SOURCES == set()
    assert SOURCES - linked == set()


def test_a_claim_without_footnotes_would_be_found() -> None:
    evidence = play("vyx-missing-environment")
    found = diagnose(evidence)
    assert found.cause is not None
    for broken in (
        replace(found, cause=found.cause._replace(evidence=())),
        replace(found, cause=found.cause._replace(evidence=("E99",))),
        replace(found, cause=found.cause._replace(evidence=("E18",))),
        replace(found, symptoms=(found.symptoms[0]._replace(evidence=()),)),
        replace(found, visibility=(found.visibility[0]._replace(evidence=()),)),
        replace(found, timeline=(found.timeline[0]._replace(evidence="E77"),)),
        replace(found, reading=found.reading._replace(evidence=())),
    ):
        assert list(unfounded(evidence, broken))
