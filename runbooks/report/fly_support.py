"""The packet for Fly's support: the question, then what happened in the platform's own terms, with the ids to find it.

Plain text for a mail or a thread on community.fly.io. Secrets are replaced already; what is not known is said, and so
is what was cut. Where Fly has nothing to answer, it is one line that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.facts.lifecycle import STUCK_AFTER
from runbooks.diagnose.model import Comparison, Owner, Verdict
from runbooks.evidence.models import Caller, CallerError, Exchange, Outcome
from runbooks.report import escape, facts, status, templating, times
from runbooks.report.document import Report
from runbooks.report.section import Section

UNKNOWN = "not known"
MOST_LINES, _CLOSING = 80, 6
_MOST, _LAST = 4, 6
"""Of each kind of evidence, and of events and log lines, where the last tell most."""
_OF_THE_PLATFORM = ("auto_destroy", "guest", "mounts", "restart", "schedule")
"""What Fly itself acts on in a config; the rest is for the program."""
_FLY = (Owner.FLY, Owner.UNDECIDED)
"""Owners for whom a question to Fly makes sense."""


def packet(report: Report) -> str:
    """The whole of it, at most `MOST_LINES` lines. The same report always gives the same text."""
    seen = Facts(report.evidence)
    nothing = _nothing_to_ask(report, seen)
    return f"Nothing to ask Fly: {nothing}." if nothing else _packet(report, seen)


def asks(report: Report) -> bool:
    """Is there a question that Fly can answer?"""
    return not _nothing_to_ask(report, Facts(report.evidence))


def _nothing_to_ask(report: Report, seen: Facts) -> str:
    """Why Fly has nothing to answer; empty where it has."""
    found, cause, subject = report.diagnosis, report.diagnosis.cause, seen.subject
    if found.verdict is Verdict.HEALTHY:
        return "no problem was found"
    if found.blocked:
        return "nothing could be looked at"
    if found.review and not found.review.closes:
        return "the machine does not exist yet"
    if cause:
        return "" if cause.owner in _FLY else f"the owner of {cause.slug} is your team"
    failed = any(one.request_id for one in seen.caller.answer.errors)
    looked = seen.outcome(Facet.MACHINE) is Outcome.SEEN
    if found.verdict is Verdict.INCONCLUSIVE and seen.events.state == "started" and looked and not failed:
        return "the machine runs, and no problem of the platform was found"
    named = subject.machine_id or subject.machine_name or failed
    return "" if named else "no id, name or request id is known by which they could look it up"


def _packet(report: Report, seen: Facts) -> str:
    diagnosis, config = report.diagnosis, seen.machine.config or {}
    cause, events = diagnosis.cause, seen.observation(Facet.EVENTS)
    told = [_told(error) for error in seen.caller.answer.errors if error.request_id]
    # Those in the caller's log first: they belong to the failed call; ours were made afterwards.
    requests = [*told, *sorted(map(_made, facts.request_ids(report)), key=lambda one: not one.failed)]
    answered = list(_answered(report, seen.caller.answer))
    platform = {key: config[key] for key in _OF_THE_PLATFORM if key in config}
    differences, ruled_out = _differences(diagnosis.comparison), facts.ruled_out(report)
    gaps = [one for one in diagnosis.not_checked if one.gap]
    made = templating.module(
        "fly_support.txt.j2",
        report=report,
        diagnosis=diagnosis,
        cause=cause,
        seen=seen,
        simulated=status.simulated(report.evidence),
        facts=facts,
        subject=_subject(seen),
        refusal=seen.log.last_refusals[-1] if seen.log.last_refusals else None,
        views=_views(seen),
        ids=_ids(report, seen),
        moments=list(_moments(report, seen)),
        told=told,
        requests=requests[:_MOST],
        events=seen.events.dated[-_LAST:],
        no_events=events.reason if events else "not requested",
        printed=[
            (times.iso(line.at) if line.at else line.clock or "time not known", line.message)
            for line in seen.log.lines[-_LAST:]
        ],
        log_evidence=seen.log.evidence,
        answered=answered[:_MOST],
        passing=seen.events.state in STUCK_AFTER,
        to_fill_in=_to_fill_in(report, seen),
        config=json.dumps(platform, ensure_ascii=False, default=str) if config else "",
        compared=diagnosis.comparison,
        differences=differences[:_MOST],
        ruled_out=ruled_out[:_MOST],
        gaps=gaps[:_MOST],
    )
    evidence = (
        _Block(made.asked(), "request ids", len(requests), _MOST),
        _Block(made.happened(), "events", len(seen.events.dated), _LAST),
        _Block(made.answers(), "lines of our caller's log", len(answered), _MOST),
        _Block(made.log(), "log lines", len(seen.log.lines), _LAST),
        _Block(made.settings(), "keys of the config", len(config), len(platform)),
        _Block(made.others(), "differences from other machines", len(differences), _MOST),
        _Block(made.refuted(), "hypotheses that are ruled out", len(ruled_out), _MOST),
        _Block(made.unanswered(), "questions without an answer", len(gaps), _MOST),
    )
    opening = templating.tidy(made.opening())
    left = _fitting(opening, evidence)
    cut = [one.cut(stays=n < left) for n, one in enumerate(evidence)]
    return templating.tidy(
        "\n\n".join([opening, *(one.text for one in evidence[:left]), made.closing([one for one in cut if one])])
    )


class _Block(NamedTuple):
    """One kind of evidence: its text, and how many of the things there are that it shows the most of."""

    text: str
    things: str
    amount: int
    most: int

    def cut(self, *, stays: bool) -> str:
        """How many are left out, in words; empty for none."""
        missing = max(0, self.amount - self.most) if stays else self.amount
        return f"{self.things} ({missing:,})" if missing else ""


def _fitting(opening: str, evidence: Sequence[_Block]) -> int:
    """How many blocks, the most important first, leave room for the lines that tell what was cut."""
    room, left = MOST_LINES - _CLOSING - len(opening.split("\n")), 0
    for block in evidence:
        room -= len(templating.tidy(block.text).split("\n")) + 1
        if room < 0:
            break
        left += 1
    return left


def _differences(compared: Comparison | None) -> list[tuple[str, str, str]]:
    """Each attribute in which the machine stands out: its own value, and those of the others, each once."""
    if compared is None:
        return []
    rows = (row for row in compared.rows if row.attribute in compared.differs)
    return [(row.attribute, row.values[0], ", ".join(dict.fromkeys(row.values[1:]))) for row in rows]


def section(report: Report) -> Section:
    """The packet in a notebook, and whether it is of any use."""
    cause, seen = report.diagnosis.cause, Facts(report.evidence)
    name, title = "fly-support", "For Fly's support"
    question = "What does Fly's support need to find the incident in its records?"
    if not asks(report):
        return Section(name, title, question, packet(report))
    blanks = _to_fill_in(report, seen)
    if cause is None:
        answer = "The cause is not established, and Fly has records that you cannot read. Send them this."
    else:
        answer = f"The owner of `{cause.slug}` is Fly, or not determined. Send them this."
    return Section(
        name,
        title,
        question,
        answer,
        notes=(
            "Paste it into a mail to support or a thread on community.fly.io. Secrets are masked.",
            *((f"Fill in first: {'; '.join(blanks)}.",) if blanks else ()),
        ),
        quote=_packet(report, seen),
    )


def _to_fill_in(report: Report, seen: Facts) -> list[str]:
    """What the reader finds out in the actions before this text is sent, and what Fly's support has to know."""
    cause = report.diagnosis.cause
    if cause is None and seen.only_fly_knows:
        return ["Whether the machine did its work, by our own systems (action 1 of our report)"]
    if cause is not None and cause.owner in _FLY and seen.events.overdue:
        return ["Its state and the last line of its log, read again (action 1 of our report)"]
    return []


def _answered(report: Report, told: Caller) -> Iterator[str]:
    """What the caller's log says of its calls, and what it was answered with."""
    said = [moment for moment in report.diagnosis.timeline if moment.evidence == Facet.CALLER]
    for moment in said:
        yield f"{times.iso(moment.at)} {moment.text}"
    shown = [moment.text for moment in said]
    for error in told.errors:
        if any(error.text in text for text in shown):
            continue
        yield " ".join(filter(None, (times.iso(error.at) if error.at else "", str(error.status or ""), error.text)))
    if told.is_answer and told.machine_id:
        named = (("id", told.machine_id), ("name", told.machine_name), ("status", told.status), ("region", told.region))
        yield ", ".join(f"{label} {value}" for label, value in named if value)


def _subject(seen: Facts) -> str:
    subject = seen.subject
    who = f"Machine {subject.machine_id or subject.machine_name or '(id not known)'} of app {subject.app or UNKNOWN}"
    region = seen.machine.description.region if seen.machine.description else ""
    return f"{who} in {region}" if region else who


def _views(seen: Facts) -> list[str]:
    """What the API's three views of the machine answer."""
    told = []
    for number, view in (
        (Facet.MACHINE, "GET by id"),
        (Facet.LIST, "the app's list"),
        (Facet.LIST_DELETED, "the list with include_deleted"),
    ):
        observation = seen.observation(number)
        if number in seen.machine.seen_evidence:
            told.append(f"{view} shows it [{number}]")
        elif observation is None or observation.outcome is Outcome.COULD_NOT_LOOK:
            told.append(f"{view} was not asked or did not answer")
        else:
            refused = seen.refusal(number)
            told.append(f"{view} {f'answers {refused.status}' if refused else 'does not show it'} [{number}]")
    return told


def _ids(report: Report, seen: Facts) -> tuple[tuple[str, str | None], ...]:
    machine, subject, ran = seen.machine.description, report.subject, seen.machine.ran
    believed = f"{seen.subject.image} (expected by the caller; the machine's is not known)"
    return (
        ("app", subject.get("app")),
        ("organisation", subject.get("org")),
        ("machine id", subject.get("machine_id")),
        ("name", subject.get("machine_name")),
        ("instance id", subject.get("instance_id")),
        ("region", facts.region(report)),
        ("image", seen.machine.ran_text or (believed if seen.subject.image else "")),
        ("image digest", ran.digest if ran else ""),
        ("host", machine.host_status if machine else ""),
    )


def _moments(report: Report, seen: Facts) -> Iterator[tuple[str, str]]:
    last = next(((event, at) for event, at in reversed(seen.events.dated) if event.at), None)
    gone = seen.events.event_of("destroy", "destroyed")
    given = report.evidence.subject.incident_time
    told = next((m.at for m in report.diagnosis.timeline if m.evidence == Facet.CALLER), None)
    by_caller = (
        f"about {times.iso(told)}, by our caller's log [{Facet.CALLER}]" if told and seen.caller.answer.ok else ""
    )
    yield "created", times.iso(seen.events.created_at) if seen.events.created_at else by_caller or UNKNOWN
    if last and last[0].at:
        yield (
            "last event",
            f"{times.iso(last[0].at)} {last[0].type} -> {last[0].status} by {last[0].source} [{last[1]}]",
        )
    else:
        yield "last event", UNKNOWN
    if gone and gone[0].at:
        yield "destroyed", f"{times.iso(gone[0].at)} by {gone[0].source} [{gone[1]}]"
    elif seen.events.destroyed:
        yield "destroyed", f"{UNKNOWN} when"
    if given:
        yield "time given", times.iso(given)
    yield "checked", times.iso(report.evidence.looked_at)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request that support can look up by its id."""

    id: str
    status: str
    at: str
    text: str
    logged: bool = False
    failed: bool = False


def _told(error: CallerError) -> _Request:
    at = times.iso(error.at) if error.at else "time not known"
    said = f"HTTP {error.status}" if error.status else "no status"
    return _Request(error.request_id, said, at, escape.line(error.text, 160), logged=True)


def _made(exchange: Exchange) -> _Request:
    said = f"HTTP {exchange.status}" if exchange.status is not None else "no status"
    asked = f"{escape.line(exchange.method, 20)} {escape.line(exchange.url, 200)}"
    failed = exchange.status is None or exchange.status >= 400
    return _Request(exchange.request_id or "", said, times.iso(exchange.at), asked, failed=failed)
