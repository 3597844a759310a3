"""One block for a chat: what somebody needs who cannot open the report, in plain text.

Request ids are not in it: they are for Fly's support, and stand in the packet made for it (`fly_support.py`).
"""

from __future__ import annotations

import re

from runbooks.base.facets import NUMBER
from runbooks.diagnose.model import Remedy
from runbooks.report import escape, facts, fleet, status, templating
from runbooks.report.document import Report

MOST_LINES = 12
WIDE = 240

_CONTINUED = re.compile(r"\s*\\\n\s*")
_NUMBER = re.compile(rf" \({NUMBER}\)$")


def block(report: Report) -> str:
    """At most twelve lines, none of them long. What is told last is the first to be left out, the next step never."""
    diagnosis, subject = report.diagnosis, report.subject
    command = _command(diagnosis.remedies[0]) if diagnosis.remedies else ""
    unchecked = [_NUMBER.sub("", one.what) for one in diagnosis.not_checked if one.gap]
    made = templating.module(
        "paste.txt.j2",
        report=report,
        diagnosis=diagnosis,
        cause=diagnosis.cause,
        standing=status.of(diagnosis),
        impact=facts.impact_in_brief(report) if _hurts(report) else "",
        simulated=status.simulated(report.evidence),
        facts=facts,
        fleets=fleet,
        where=(
            ("app", subject.get("app")),
            ("org", subject.get("org")),
            ("region", facts.region(report)),
            ("machine", subject.get("machine_id")),
            ("name", subject.get("machine_name")),
        ),
        command=command,
        from_shell=facts.from_shell([command]),
        lost=not all(one.kept for one in diagnosis.not_checked),
        unchecked=[*unchecked, *["an internal check of this tool failed"] * len(diagnosis.faults)],
    )
    first, last = (
        [templating.fitted(line, WIDE) for line in templating.tidy(part()).split("\n") if line.strip()]
        for part in (made.answer, made.next)
    )
    return "\n".join([*first[: MOST_LINES - len(last)], *last])


def _hurts(report: Report) -> bool:
    """Is it an incident of one machine, whose impact is known in part?"""
    found = report.diagnosis
    one = not found.review and not found.fleet
    return one and found.verdict == "incident" and facts.impact_in_brief(report) != facts.NO_IMPACT_KNOWN


def _command(remedy: Remedy) -> str:
    """The first command, if it can be pasted whole; half a command is worse than none."""
    command = _CONTINUED.sub(" ", remedy.commands[0]).strip() if remedy.commands else ""
    return escape.line(command) if "\n" not in command and len(command) < WIDE - 40 else ""
