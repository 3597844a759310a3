"""The report of a look that was blocked: one screen, since there is one thing to say and one to do."""

from __future__ import annotations

from typing import Any

from runbooks.report import facts, inline, page, status, templating, writeup
from runbooks.report.document import Report


def render_page(report: Report) -> str:
    """`report.html`. The same report always gives the same bytes."""
    return page.environment().get_template("blocked.html.j2").render(_context(report))


def render_write_up(report: Report) -> str:
    """`report.md`."""
    told = templating.tidy(templating.module("blocked.md.j2", **_context(report)).told())
    return f"{told}\n\n{inline.markdown_targets(report.evidence.observations)}".rstrip("\n") + "\n"


def _context(report: Report) -> dict[str, Any]:
    return {
        "report": report,
        "diagnosis": report.diagnosis,
        "cause": report.diagnosis.cause,
        "remedy": report.diagnosis.remedies[0],
        "standing": status.of(report.diagnosis),
        "simulated": status.simulated(report.evidence),
        "where": [(label, value) for label, value in facts.of(report)[2:] if value != "not known"],
        "known": frozenset(report.evidence.observations),
        "requests": facts.requests(report),
        "room": writeup.WHOLE,
        "observations": list(report.evidence.observations.values()),
    }
