"""The report as one HTML file: nothing loaded, whole without its script, readable offline, in print and on a phone."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from runbooks.base.facets import facet_of
from runbooks.diagnose.preconditions import NEW, TEST
from runbooks.diagnose.verification import AT_ONCE
from runbooks.evidence.models import Observation, Outcome
from runbooks.report import (
    charts,
    display,
    escape,
    facts,
    fly_support,
    format_body,
    paste,
    status,
    templating,
    times,
)
from runbooks.report.document import Report
from runbooks.report.parts import PAGE, Part
from runbooks.report.section import Section

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_RUN_OUT = 40
"""Exchanges of one look that the page shows."""
_SEARCHED = "searched"
"""The section whose table is that of all observations: the page has each of them in its evidence."""
_SAID = ("When it happened", "Looked at")
"""Facts that stand elsewhere on the first screen."""
_RUN = re.compile(r"\d{4}-\d{2}-\d{2}/[^/.][^/]*")
"""The folder of a run, from the root of all reports."""


@dataclass(frozen=True, slots=True)
class Step:
    """A section as the page shows it: its anchor, its level of heading, its body, and what it cites."""

    slug: str
    anchor: str
    level: int
    title: str
    body: Markup
    evidence: tuple[str, ...]


def render(report: Report) -> str:
    """The whole page. The same report always gives the same bytes."""
    diagnosis, known = report.diagnosis, frozenset(report.evidence.observations)
    page, packet = environment().get_template("page.html.j2"), fly_support.packet(report)
    fly_can_answer = fly_support.asks(report)
    steps = list(_steps((one for one in report.sections if one.slug != _SEARCHED), known))
    context = {
        "report": report,
        "diagnosis": diagnosis,
        "known": known,
        "cause": diagnosis.cause,
        "standing": status.of(diagnosis),
        "simulated": status.simulated(report.evidence),
        "happened": facts.happened(report),
        "fly": facts.feed(report),
        "from_shell": facts.from_shell(c for one in diagnosis.remedies[:1] for c in one.commands),
        "vanished": facts.vanished(diagnosis),
        "decisive": facts.decisive(report),
        "proof": facts.proof(report),
        "impact": facts.impact_in_brief(report),
        "harm": facts.impact(report),
        "possible": facts.still_possible(report),
        "suspicions": [] if diagnosis.cause is None else facts.suspicions(report),
        "out": facts.ruled_out(report),
        "facts": [(label, value) for label, value in facts.of(report) if label not in _SAID],
        "requests": facts.requests(report),
        "new_id": facts.names(diagnosis.remedies, NEW),
        "test_id": facts.names(diagnosis.remedies, TEST),
        "paste": paste.block(report),
        "packet": packet,
        "fly_can_answer": fly_can_answer,
        "visible": facts.views(diagnosis),
        "closing_rule": facts.closing_rule(diagnosis),
        "at_once": facts.CHECKS_AT_ONCE,
        "at_once_command": AT_ONCE,
        "matrix": display.figure_html(charts.matrix(diagnosis)),
        "cited": _cited(report, steps),
        "searched": [note for one in report.sections if one.slug == _SEARCHED for note in (one.answer, *one.notes)],
        "observations": list(report.evidence.observations.values()),
        "then": facts.then(diagnosis),
        "unchecked": facts.unchecked(diagnosis, gap=True),
        "not_wanted": facts.unchecked(diagnosis, gap=False),
        "not_wanted_amount": sum(not one.gap for one in diagnosis.not_checked),
        "skipped": list(_skipped(report)),
        "most_exchanges": _RUN_OUT,
    }
    made = templating.module("page_parts.html.j2", **context)
    amounts = {
        "hypotheses": facts.counted(diagnosis.hypotheses),
        "steps": f"{len(_of(steps, Part('steps', of_definition=True)))} steps",
        "support": f"{len(packet.splitlines())} lines of text" if fly_can_answer else "nothing to ask",
        "evidence": facts.answered(report),
    }
    parts = [
        (part, _of(steps, part), None if part.of_definition else getattr(made, part.name)(), amounts.get(part.name))
        for part in PAGE
        if part.when(report)
    ]
    script, policy = _script()
    return page.render(
        {**context, "parts": parts, "contents": list(_contents(parts)), "script": script, "policy": policy}
    )


@cache
def _script() -> tuple[Markup, str]:
    """The page's own script, and the policy that lets nothing run but it."""
    text = (templating.TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"{POLICY}; script-src 'sha256-{digest}'"  # noqa: S704 - our own file


def environment() -> Environment:
    """Jinja for the pages of this package, with what each of them needs."""
    jinja = templating.environment("html")
    jinja.globals.update(
        css=Markup((templating.TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        policy=POLICY,
        lay_out=format_body.lay_out,
        link_to=_link_to,
        when=_when,
        own_text=_own_text,
    )
    return jinja


def _steps(sections: Iterable[Section], known: frozenset[str]) -> Iterator[Step]:
    """Anchors are unique, and no level of heading is skipped."""
    taken: set[str] = set()
    level = 1
    for position, section in enumerate((one for one in sections if not one.in_opening), start=1):
        word = re.sub(r"[^a-z0-9]+", "-", section.slug.lower())[:40].strip("-")
        anchor = f"step-{word}" if word and f"step-{word}" not in taken else f"step-{position}"
        taken.add(anchor)
        level = max(2, min(section.level, level + 1, 6))
        title = escape.line(section.title, 300)
        yield Step(section.slug, anchor, level, title, display.page_html(section, known), section.evidence)


def _of(steps: list[Step], part: Part) -> list[Step]:
    """The sections of the definition that a part shows: that of its name; `steps` shows those that no part names."""
    placed = {one.name for one in PAGE if one.of_definition}
    if not part.of_definition:
        return []
    own = [step for step in steps if (step.slug not in placed if part.name == "steps" else step.slug == part.name)]
    return [replace(step, level=min(step.level + 1, 6)) for step in own] if part.folded else own


def _contents(parts: Iterable[tuple[Part, list[Step], object, object]]) -> Iterator[tuple[str, str]]:
    """The page's parts in the order of reading, as anchor and words."""
    for part, steps, _, _ in parts:
        if part.anchor:
            yield part.anchor, part.title
        else:
            yield from ((step.anchor, step.title) for step in steps if step.level == 2)


def _cited(report: Report, steps: list[Step]) -> dict[str, list[tuple[str, str]]]:
    """For each observation the parts of the page that cite it: the way back from a footnote."""
    diagnosis = report.diagnosis
    weighed = (c for h in diagnosis.hypotheses for c in (*h.supports, *h.against, *h.missing))
    parts = [
        ("cause", "Root cause", set(diagnosis.cause.evidence if diagnosis.cause else ())),
        ("hypotheses", "Hypotheses", {number for claim in weighed for number in claim.evidence}),
        *((step.anchor, step.title, set(step.evidence)) for step in steps),
    ]
    return {
        number: [(anchor, words) for anchor, words, rests_on in parts if number in rests_on]
        for number in report.evidence.observations
    }


def _skipped(report: Report) -> Iterator[tuple[str, str, str]]:
    """Number, question and reason of what was not asked, unless a look stands under that number."""
    for name, reason in report.evidence.skipped.items():
        facet = facet_of(name)
        number = facet.value if facet else escape.line(name, 40)
        if number not in report.evidence.observations:
            yield number, facet.question if facet else "", reason


def _when(text: str) -> str:
    """The moment of another run, from its summary."""
    try:
        return times.second(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return escape.line(text, 40)


def _link_to(folder: str) -> str:
    """From this report to that of another run, or nothing where the folder is not one of a run."""
    return quote(f"../../{folder}/report.html", errors="replace") if _RUN.fullmatch(folder) else ""


def _own_text(observation: Observation) -> str:
    """The text that was read, where no request was made: what the caller wrote."""
    text = getattr(observation.answer, "text", "")
    return text if not observation.exchanges and observation.outcome is Outcome.SEEN and isinstance(text, str) else ""
