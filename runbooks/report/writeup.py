"""The report as Markdown, for an issue, a chat and a terminal: the answer first, then what it rests on.

It follows the sections of a post-mortem. Footnotes such as [E07] lead to the evidence list at the end, whose
headings give the anchors. Answers themselves stay in the page and the evidence folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from runbooks.base.facets import facet_of
from runbooks.diagnose.checks import Review
from runbooks.diagnose.facts import format_duration
from runbooks.diagnose.model import Unchecked
from runbooks.diagnose.verification import AT_ONCE
from runbooks.report import (
    collapse_repeats,
    escape,
    facts,
    fleet,
    fly_support,
    inline,
    paste,
    status,
    templating,
    times,
)
from runbooks.report.document import Report
from runbooks.report.parts import WRITE_UP, Part

MOST_CHARACTERS = 60_000
"""GitHub takes 65,536 characters in an issue; a longer write-up says less of each thing, then leaves parts out."""
_SHORT = 500


@dataclass(frozen=True, slots=True)
class Room:
    """How much is said before the rest is only counted: characters of a sentence and a command, things of a kind."""

    sentence: int
    command: int
    things: int
    moments: int
    exchanges: int


WHOLE = Room(sentence=escape.SENTENCE, command=40_000, things=60, moments=60, exchanges=6)
_LITTLE = Room(sentence=300, command=2_000, things=20, moments=30, exchanges=0)


def render(report: Report) -> str:
    """The whole document. The same report always gives the same bytes."""
    parts = _written(report, WHOLE)
    if len(_joined(report, parts)) > MOST_CHARACTERS:
        parts = _written(report, _LITTLE)
    # What still does not fit gives up its longest parts; each leaves its heading, and how much is missing.
    for part in sorted((part for part in parts if not part.stays), key=lambda part: len(parts[part]), reverse=True):
        if len(_joined(report, parts)) <= MOST_CHARACTERS:
            break
        parts[part] = f"… \\[cut: {len(parts[part]):,} characters, see `report.html`\\]"
    return _joined(report, parts)


def _written(report: Report, room: Room) -> dict[Part, str]:
    made = templating.module("writeup.md.j2", **_context(report, room))
    return {part: templating.tidy(getattr(made, part.name)()) for part in WRITE_UP if part.when(report)}


def _joined(report: Report, parts: dict[Part, str]) -> str:
    told = [f"## {part.title}\n\n{text}" if part.title else text for part, text in parts.items()]
    return "\n\n".join([*told, inline.markdown_targets(report.evidence.observations)]).rstrip("\n") + "\n"


def _context(report: Report, room: Room) -> dict[str, Any]:
    """What the template needs besides the report itself."""
    diagnosis, moment = report.diagnosis, facts.decisive(report)
    at = moment.at if moment else report.evidence.subject.incident_time
    ago = times.utc(report.evidence.looked_at) - times.utc(at) if at else None
    command = next(iter(diagnosis.remedies[0].commands), "") if diagnosis.remedies else ""
    gaps = [one for one in diagnosis.not_checked if one.gap]
    return {
        "report": report,
        "diagnosis": diagnosis,
        "cause": diagnosis.cause,
        "review": diagnosis.review,
        "fleets": fleet,
        "healthy": diagnosis.verdict == "healthy",
        "standing": status.of(diagnosis),
        "simulated": status.simulated(report.evidence),
        "known": frozenset(report.evidence.observations),
        "room": room,
        "facts": facts,
        "at_once": AT_ONCE,
        "collapse_repeats": collapse_repeats,
        "later": format_duration(ago) if ago and ago.total_seconds() > 0 else "",
        "whole_command": command if "\n" not in command and len(command) <= _SHORT else "",
        "idle": sum(not one.gap for one in report.diagnosis.not_checked),
        "lost": not all(one.kept for one in gaps),
        "unchecked": "; ".join(templating.low(_named(one)) for one in gaps[:3]),
        "more_unchecked": len(gaps[3:]) + len(diagnosis.faults),
        "checks_grid": _grid(diagnosis.review, frozenset(report.evidence.observations)) if diagnosis.review else "",
        "skipped": [(name, _question(name), why) for name, why in report.evidence.skipped.items()],
        "paste": paste.block(report),
        "packet": fly_support.packet(report),
        "fly_can_answer": fly_support.asks(report),
    }


def _named(one: Unchecked) -> str:
    return one.what.partition(" (E")[0].rstrip("?")


def _question(name: str) -> str:
    facet = facet_of(name)
    return facet.question if facet else ""


def _grid(review: Review, known: frozenset[str]) -> Markup:
    """The checks as a table, its columns also straight where nobody renders it."""
    then = review.incident is not None
    rows: list[Sequence[str]] = [("check", "now", *(["at the incident"] if then else []), "evidence")]
    for check in review.checks:
        before = [status.of_check(review.then(check))] if then else []
        notes = inline.markdown_notes(check.evidence, known) or "–"
        rows.append((inline.markdown(check.title, known, 80), status.of_check(check), *before, notes))
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return Markup("\n".join(f"| {line} |" for line in lines))  # noqa: S704 - cells are Markdown already
