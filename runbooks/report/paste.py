"""One block for a chat: what somebody needs who cannot open the report, in plain text.

Request ids are not in it: they are for Fly's support, and stand in the packet made for it (`vendor.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.base.facets import NUMBER
from runbooks.diagnose.model import Remedy
from runbooks.report import escape, facts, status, times
from runbooks.report.document import Report

MOST_LINES = 12
WIDE = 240

_CONTINUED = re.compile(r"\s*\\\n\s*")
_NUMBER = re.compile(rf" \({NUMBER}\)$")


def block(report: Report) -> str:
    """At most twelve lines, none of them long. What is told last is the first to be left out, the next step never."""
    first, last = list(_answer(report)), list(_next(report))
    return "\n".join([*first[: MOST_LINES - len(last)], *last])


def _answer(report: Report) -> Iterator[str]:
    diagnosis, cause = report.diagnosis, report.diagnosis.cause
    sure = f" ({cause.confidence})" if cause else ""
    yield _line(f"{status.of(diagnosis).words}{sure}: ", diagnosis.headline)
    if status.simulated(report.evidence):
        yield "(simulated reconstruction, not a real machine)"
    yield _where(report)
    yield _line("when: ", f"happened {facts.happened(report)}; checked {times.second(report.evidence.looked_at)}")
    if diagnosis.contradictions:
        yield _line("warning, contradictory evidence: ", diagnosis.contradictions[0].text)
    if report.diagnosis.review:
        yield _line(
            "checks: ",
            "; ".join(f"{status.ANSWER_SIGNS[check.holds]} {check.title}" for check in report.diagnosis.review.made),
        )
    moment = facts.decisive(report)
    if moment:
        yield _line(f"decisive: {times.clock(moment.at)} UTC, {escape.line(moment.source, 30)}: ", moment.text)
    if cause:
        side = f" (owner: {status.OWNERS[cause.owner]})" if cause.owner else ""
        said = "" if cause.statement == diagnosis.headline else f", {cause.statement}"
        yield _line("cause: ", f"{cause.slug}{side}{said}")
    elif possible := facts.still_possible(report):
        yield _line("still possible: ", "; ".join(one.title for one in possible))
    yield from _ruled_out(report)
    if diagnosis.chain:
        yield _line("contributing: ", ", ".join(finding.slug for finding in diagnosis.chain))


def _ruled_out(report: Report) -> Iterator[str]:
    """What others may believe; with its reason what had support."""
    out = facts.suspicions(report)
    trap = next((one for one in out if one.supports and one.against), None)
    if trap:
        yield _line("ruled out: ", f"{trap.title} – {trap.against[-1].text}")
    others = ["Fly incident (none is reported)"] if facts.no_incident(report) else []
    others += [one.title for one in out if one is not trap]
    if others:
        yield _line("also ruled out: " if trap else "ruled out: ", "; ".join(others))


def _next(report: Report) -> Iterator[str]:
    diagnosis = report.diagnosis
    if first := facts.first_action(report):
        yield _line("next: ", first)
        command = _command(diagnosis.remedies[0])
        if command:
            yield command
    unchecked = [_NUMBER.sub("", one.what) for one in diagnosis.not_checked]
    unchecked += ["an internal check of this tool failed"] * len(diagnosis.faults)
    if unchecked:
        rest = f"; and {len(unchecked) - 2} more" if len(unchecked) > 2 else ""
        yield _line(f"not checked ({len(unchecked)}): ", "; ".join(unchecked[:2]) + rest)


def _command(remedy: Remedy) -> str:
    """The first command, if it can be pasted whole; half a command is worse than none."""
    command = _CONTINUED.sub(" ", remedy.commands[0]).strip() if remedy.commands else ""
    return f"  {escape.line(command)}" if command and "\n" not in command and len(command) < WIDE - 40 else ""


def _where(report: Report) -> str:
    subject = report.subject
    pairs = (
        ("app", subject.get("app")),
        ("org", subject.get("org")),
        ("region", facts.region(report)),
        ("machine", subject.get("machine_id")),
        ("name", subject.get("machine_name")),
    )
    return "where: " + " · ".join(f"{label} {_short(value, 40)}" for label, value in pairs if value)


def _line(label: str, text: str) -> str:
    return f"{label}{_short(text, WIDE - len(label))}"


def _short(text: str, most: int) -> str:
    """One line that is no longer than that, whatever it holds; what is left out is counted."""
    clear = escape.line(text, 4 * WIDE)
    if len(clear) <= most:
        return clear
    room = max(0, most - 16)
    return f"{clear[:room]} … [+{len(str(text)) - room:,}]"
