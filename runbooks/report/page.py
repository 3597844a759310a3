"""The report as one HTML file: no script, nothing loaded, readable offline, in print and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from runbooks.evidence.catalogue import FACETS
from runbooks.evidence.models import Look, Outcome
from runbooks.report import bodies, charts, display, escape, facts, inline, paste, status, times
from runbooks.report.document import Report
from runbooks.report.section import Section

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

OWN = frozenset(
    ("so-far", "hypotheses", "root-cause", "contributing", "what-to-do", "verification", "prevention", "not-checked")
)
"""Sections of a notebook whose content the page sets in its own way; it leaves these out."""

_RUN_OUT = 40
"""Exchanges of one look that the page shows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A section where it stands in the page: its anchor, its level of heading, its body."""

    anchor: str
    level: int
    title: str
    body: Markup


def render(report: Report) -> str:
    """The whole page. The same report always gives the same bytes."""
    known = frozenset(report.evidence.looks)
    slugs = {section.slug for section in report.sections}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            diagnosis=report.diagnosis,
            evidence=report.evidence,
            standing=status.of(report.diagnosis),
            simulated=status.simulated(report.evidence),
            facts=facts.of(report),
            requests=facts.requests(report),
            paste=paste.block(report),
            steps=list(_steps(tuple(s for s in report.sections if s.slug not in OWN), known)),
            show_symptoms="symptoms" not in slugs,
            timeline=None if "timeline" in slugs or not report.diagnosis.timeline else _timeline(report, known),
            looks=list(report.evidence.looks.values()),
            skipped=list(_skipped(report)),
            most_exchanges=_RUN_OUT,
            say=lambda sentence, limit=escape.SENTENCE: inline.html(sentence, known, limit),
            notes=lambda numbers: inline.html_notes(numbers, known),
        )
    )


def environment() -> Environment:
    """Jinja for this package's templates: whatever is not markup is cleaned and escaped."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.globals.update(
        css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        policy=POLICY,
        times=times,
        status=status,
        lay_out=bodies.lay_out,
        commands=_commands,
        own_text=_own_text,
        escape=escape,
    )
    return jinja


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else escape.html(value, 20_000)


def _steps(sections: tuple[Section, ...], known: frozenset[str]) -> Iterator[Step]:
    """Anchors are unique, and no level of heading is skipped."""
    taken: set[str] = set()
    level = 2
    for position, section in enumerate(sections, start=1):
        word = re.sub(r"[^a-z0-9]+", "-", section.slug.lower())[:40].strip("-")
        anchor = f"step-{word}" if word and f"step-{word}" not in taken else f"step-{position}"
        taken.add(anchor)
        level = 2 if position == 1 else max(2, min(section.level, level + 1, 6))
        yield Step(anchor, level, escape.line(section.title, 300), display.page_html(section, known))


def _timeline(report: Report, known: frozenset[str]) -> Markup:
    """The chart, for a report whose sections hold none."""
    return display.figure_html(charts.timeline(report))


def _skipped(report: Report) -> Iterator[tuple[str, str, str]]:
    """Number, question and reason of what was not asked, unless a look stands under that number."""
    for name, reason in report.evidence.skipped.items():
        facet = FACETS.get(name) or next((f for f in FACETS.values() if f.number == name), None)
        number = facet.number if facet else escape.line(name, 40)
        if number not in report.evidence.looks:
            yield number, facet.question if facet else "", reason


def _commands(commands: tuple[str, ...]) -> str:
    return "\n".join(escape.plain(command, 40_000) for command in commands)


def _own_text(look: Look) -> str:
    """What was looked at, where nothing was asked over a wire: the caller's own words."""
    text = getattr(look.answer, "text", "")
    return text if not look.exchanges and look.outcome is Outcome.SEEN and isinstance(text, str) else ""
