"""The packet for Fly's support: what happened in the platform's own terms, with every id it can be looked up by.

Plain text for a mail or a thread on community.fly.io. Secrets are replaced already; what is not known is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.facts.lifecycle import STUCK_AFTER
from runbooks.diagnose.model import Owner, Verdict
from runbooks.evidence.models import Caller, CallerError, Exchange, Outcome
from runbooks.report import escape, facts, status, templating, times
from runbooks.report.document import Report
from runbooks.report.section import Section

UNKNOWN = "not known"
_WIDE, _MOST_CONFIG = 400, 120
_LAST_LINES, _MOST_ERRORS = 12, 5
_FLY = (Owner.FLY, Owner.UNDECIDED)
"""Owners for whom a question to Fly makes sense."""


def packet(report: Report) -> str:
    """The whole of it. The same report always gives the same text."""
    return _packet(report, Facts(report.evidence))


def _packet(report: Report, seen: Facts) -> str:
    diagnosis = report.diagnosis
    cause, compared, events = diagnosis.cause, diagnosis.comparison, seen.observation(Facet.EVENTS)
    told = [_told(error) for error in seen.caller.answer.errors if error.request_id]
    config = json.dumps(seen.machine.config, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    made = templating.module(
        "fly_support.txt.j2",
        report=report,
        diagnosis=diagnosis,
        cause=cause,
        fly_may_own_it=cause is not None and cause.owner in _FLY,
        seen=seen,
        simulated=status.simulated(report.evidence),
        facts=facts,
        subject=_subject(seen),
        refusal=seen.log.last_refusals[-1] if seen.log.last_refusals else None,
        views=_views(seen),
        ids=_ids(report, seen),
        moments=list(_moments(report, seen)),
        told=told,
        # Those in the caller's log first: they belong to the failed call; ours were made afterwards.
        requests=[*told, *map(_made, facts.request_ids(report))],
        no_events=events.reason if events else "not requested",
        printed=[
            (times.iso(line.at) if line.at else line.clock or "time not known", line.message)
            for line in seen.log.lines[-_LAST_LINES:]
        ],
        log_evidence=seen.log.evidence,
        answered=list(_answered(report, seen.caller.answer)),
        passing=seen.events.state in STUCK_AFTER,
        to_fill_in=_to_fill_in(report, seen),
        config="\n".join(escape.lines(config, _MOST_CONFIG, _WIDE)) if seen.machine.config else "",
        compared=compared,
        width=max(len(escape.line(name, 60)) for name in compared.machines) if compared else 0,
    )
    return templating.tidy(made.packet())


def section(report: Report) -> Section:
    """The packet in a notebook, and whether it is of any use."""
    cause, seen = report.diagnosis.cause, Facts(report.evidence)
    blanks = _to_fill_in(report, seen)
    if report.diagnosis.verdict is Verdict.HEALTHY:
        answer = "No question for Fly: no problem was found."
    elif cause is None:
        answer = "The cause is not established, and Fly has records that you cannot read. Send them this."
    elif cause.owner in _FLY:
        answer = f"The owner of `{cause.slug}` is Fly, or not determined. Send them this."
    else:
        answer = f"The owner of `{cause.slug}` is your team (not Fly). If you ask Fly anyway, send this."
    return Section(
        "fly-support",
        "For Fly's support",
        "What does Fly's support need to find the incident in its records?",
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
    for moment in said[:_MOST_ERRORS]:
        yield f"{times.iso(moment.at)} {moment.text}"
    shown = [moment.text for moment in said[:_MOST_ERRORS]]
    for error in told.errors[:_MOST_ERRORS]:
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


def _told(error: CallerError) -> _Request:
    at = times.iso(error.at) if error.at else "time not known"
    said = f"HTTP {error.status}" if error.status else "no status"
    return _Request(error.request_id, said, at, escape.line(error.text, 160), logged=True)


def _made(exchange: Exchange) -> _Request:
    said = f"HTTP {exchange.status}" if exchange.status is not None else "no status"
    asked = f"{escape.line(exchange.method, 20)} {escape.line(exchange.url, 200)}"
    return _Request(exchange.request_id or "", said, times.iso(exchange.at), asked)
