"""The packet for Fly's support: what happened in the platform's own terms, with every id it can be looked up by.

Plain text for a mail or a thread on community.fly.io. Secrets are replaced already; what is not known is said.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Owner, Verdict
from runbooks.evidence.models import CallerError, Exchange, Outcome
from runbooks.report import escape, facts, status, times
from runbooks.report.document import Report
from runbooks.report.section import Section

UNKNOWN = "not known"
_WIDE, _COLUMNS = 400, 96
_MOST_EVENTS, _MOST_REQUESTS, _MOST_CONFIG = 30, 20, 120


def packet(report: Report) -> str:
    """The whole of it. The same report always gives the same text."""
    seen = Facts(report.evidence)
    parts = (
        ("", _opening(report)),
        ("PROBLEM", _problem(report, seen)),
        ("QUESTIONS", _asked(report, seen)),
        ("IDS", _ids(report, seen)),
        ("TIMES (UTC)", _times(report, seen)),
        ("REQUEST IDS (fly-request-id)", _requests(report, seen)),
        ("EVENTS", _events(seen)),
        ("CONFIG, secrets masked", _config(seen)),
        ("COMPARISON WITH OTHER MACHINES OF THE APP", _siblings(report)),
        ("RULED OUT", _ruled_out(report)),
        ("NOT CHECKED", _unknown(report)),
    )
    told = [(title, [line for long in lines for line in _wrapped(long)]) for title, lines in parts]
    return "\n\n".join("\n".join(filter(None, (title, *lines))) for title, lines in told if lines)


def section(report: Report) -> Section:
    """The packet in a notebook, and whether it is of any use."""
    cause = report.diagnosis.cause
    if report.diagnosis.verdict is Verdict.HEALTHY:
        answer = "No question for Fly: no problem was found."
    elif cause is None:
        answer = "The cause is not established, and Fly has records that you cannot read. Send them this."
    elif cause.owner in (Owner.FLY, Owner.UNDECIDED):
        answer = f"The owner of `{cause.slug}` is Fly, or not determined. Send them this."
    else:
        answer = f"The owner of `{cause.slug}` is your team (not Fly). If you ask Fly anyway, send this."
    return Section(
        "fly-support",
        "For Fly's support",
        "What does Fly's support need to find the incident in its records?",
        answer,
        notes=("Paste it into a mail to support or a thread on community.fly.io. Secrets are masked.",),
        quote=packet(report),
    )


def _opening(report: Report) -> Iterator[str]:
    yield "For Fly's support. All times are UTC; numbers in brackets refer to our report."
    if status.simulated(report.evidence):
        yield "SIMULATED: this machine never existed on Fly; do not send this."


def _problem(report: Report, seen: Facts) -> Iterator[str]:
    """In the platform's terms first: state and answers; our conclusion comes last."""
    subject = seen.subject
    who = f"Machine {subject.machine_id or subject.machine_name or '(id not known)'} of app {subject.app or UNKNOWN}"
    region = seen.machine.description.region if seen.machine.description else ""
    who += f" in {region}" if region else ""
    refusal = seen.log.last_refusals[-1] if seen.log.last_refusals else None
    if seen.events.state:
        since = f" since {times.second(seen.events.since)}" if seen.events.since else ""
        yield _line(f"{who} is in state {seen.events.state}{since}.")
    elif refusal is not None:
        when = f" at {times.second(refusal.at)}" if refusal.at else ""
        yield _line(f"A call about {_low(who)} failed{when}: {refusal.told} [{refusal.evidence}]")
    else:
        yield f"{_line(who)} cannot be found."
    yield f"Now {_views(seen)}."
    cause = report.diagnosis.cause
    if cause:
        yield _line(f"Root cause in our analysis: {cause.slug} ({cause.confidence}): {cause.statement}")
    else:
        yield "The cause is not established."


def _views(seen: Facts) -> str:
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
    return ", ".join(told)


def _asked(report: Report, seen: Facts) -> Iterator[str]:
    cause = report.diagnosis.cause
    who = seen.subject.machine_id or seen.subject.machine_name or "this machine"
    if cause is None:
        yield _line(f"- What do your records show for {who}: events, exits, and what destroyed or stopped it?")
        yield "- Was there a problem on its host or in its region at that time?"
    elif cause.owner in (Owner.FLY, Owner.UNDECIDED):
        yield _line(f"- Please check {who}, its host and its region. Is our analysis right, and can you fix it?")
        yield "- If it is not, what do your records show instead?"
    else:
        yield "- Probably none: the owner of the cause is our team."
        yield _line(f"- If your records about {who} differ, please tell us.")


def _ids(report: Report, seen: Facts) -> Iterator[str]:
    machine, subject = seen.machine.description, report.subject
    ran = seen.machine.ran
    rows = (
        ("app", subject.get("app")),
        ("organisation", subject.get("org")),
        ("machine id", subject.get("machine_id")),
        ("name", subject.get("machine_name")),
        ("instance id", subject.get("instance_id")),
        ("region", facts.region(report)),
        (
            "image",
            seen.machine.ran_text
            or (seen.subject.image and f"{seen.subject.image} (expected by the caller; the machine's is not known)"),
        ),
        ("image digest", ran.digest if ran else ""),
        ("host", machine.host_status if machine else ""),
    )
    yield from _table((label, value or UNKNOWN) for label, value in rows)


def _times(report: Report, seen: Facts) -> Iterator[str]:
    last = next(((event, at) for event, at in reversed(seen.events.dated) if event.at), None)
    gone = seen.events.event_of("destroy", "destroyed")
    given = report.evidence.subject.incident_time
    rows = [("created", times.iso(seen.events.created_at) if seen.events.created_at else UNKNOWN)]
    if last and last[0].at:
        rows.append(
            (
                "last event",
                f"{times.iso(last[0].at)} {last[0].type} -> {last[0].status} by {last[0].source} [{last[1]}]",
            )
        )
    else:
        rows.append(("last event", UNKNOWN))
    if gone and gone[0].at:
        rows.append(("destroyed", f"{times.iso(gone[0].at)} by {gone[0].source} [{gone[1]}]"))
    elif seen.events.destroyed:
        rows.append(("destroyed", f"{UNKNOWN} when"))
    if given:
        rows.append(("reported for", times.iso(given)))
    rows.append(("checked", times.iso(report.evidence.looked_at)))
    yield from _table(rows)


def _requests(report: Report, seen: Facts) -> Iterator[str]:
    """Those in the caller's log first: they belong to the failed call; ours were made afterwards."""
    lines = [_told(error) for error in seen.caller.answer.errors if error.request_id]
    lines += [_made(exchange) for exchange in facts.request_ids(report)]
    if not any(error.request_id for error in seen.caller.answer.errors):
        yield "- of the call that made the machine: not known"
    yield from _some(lines, _MOST_REQUESTS, "request ids")


def _told(error: CallerError) -> str:
    when = times.iso(error.at) if error.at else "time not known"
    said = f"HTTP {error.status}" if error.status else "no status"
    return (
        f"- {_line(error.request_id, 120)}  {said}  {when}  from our caller's log [E19]\n    {_line(error.text, 160)}"
    )


def _made(exchange: Exchange) -> str:
    said = f"HTTP {exchange.status}" if exchange.status is not None else "no status"
    asked = f"{_line(exchange.method, 20)} {_line(exchange.url, 200)}"
    return f"- {_line(exchange.request_id or '', 120)}  {said}  {times.iso(exchange.at)}\n    {asked}"


def _events(seen: Facts) -> Iterator[str]:
    lines = []
    for event, at in seen.events.dated:
        ended = event.exit
        code = f", exit code {ended.exit_code if ended.exit_code is not None else UNKNOWN}" if ended else ""
        oom = ", oom_killed" if ended and ended.oom_killed else ""
        asked = ", requested_stop" if ended and ended.requested_stop else ""
        when = times.iso(event.at) if event.at else "time not known"
        lines.append(
            _line(f"- {when}  {event.type} -> {event.status} by {event.source or UNKNOWN}{code}{oom}{asked} [{at}]")
        )
    yield from _some(lines, _MOST_EVENTS, "earlier events", keep_last=True)
    if not lines:
        observation = seen.observation(Facet.EVENTS)
        yield _line(f"- none seen: {observation.reason if observation else 'not requested'}")


def _config(seen: Facts) -> Iterator[str]:
    if not seen.machine.config:
        yield f"- {UNKNOWN}: no view shows it"
        return
    text = json.dumps(seen.machine.config, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    yield _line(f"as {', '.join(seen.machine.config_evidence)} shows it:")
    yield "\n".join(f"  {line}" for line in escape.lines(text, _MOST_CONFIG, _WIDE))


def _siblings(report: Report) -> Iterator[str]:
    found = report.diagnosis.comparison
    if found is None:
        return
    wide = max(len(_line(name, 60)) for name in found.machines)
    for row in found.rows:
        attribute = _line(row.attribute, 60)
        if len(set(row.values)) == 1:
            yield f"{attribute}, same on all: {_line(row.values[0], 240)}"
            continue
        yield f"{attribute}{', differs' if row.attribute in found.differs else ''}"
        for position, (name, value) in enumerate(zip(found.machines, row.values, strict=True)):
            yield f"  {'*' if position == 0 else ' '} {_line(name, 60).ljust(wide)}  {_line(value, 240)}"
    yield f"(* is the machine of this report; from {', '.join(found.evidence)})"


def _ruled_out(report: Report) -> Iterator[str]:
    for one in facts.ruled_out(report):
        why = one.against[-1] if one.against else None
        told = f": {_line(why.text, 240)} [{', '.join(why.evidence)}]" if why else ""
        yield f"- {_line(one.title, 160)}{told}"
    fly = facts.no_incident(report)
    if fly:
        yield _line(f"- Fly incident: {fly.text} [{', '.join(fly.evidence)}]")


def _unknown(report: Report) -> Iterator[str]:
    for one in report.diagnosis.not_checked:
        yield f"- {_line(one.what, 160)}: {_line(one.why, 240)}"


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, value in rows:
        yield f"  {label.ljust(12)}  {_line(value)}"


def _some(lines: list[str], most: int, what: str, keep_last: bool = False) -> Iterator[str]:
    left = len(lines) - most
    if left > 0 and keep_last:
        yield f"- … [cut: {left:,} {what}]"
    yield from lines[-most:] if keep_last else lines[:most]
    if left > 0 and not keep_last:
        yield f"- … [cut: {left:,} more {what}]"


def _wrapped(line: str) -> list[str]:
    """Short lines, as a mail wants them. Ids and URLs stay whole, and so does what has lines of its own."""
    if len(line) <= _COLUMNS or "\n" in line:
        return [line]
    return textwrap.wrap(line, _COLUMNS, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _line(text: object, limit: int = _WIDE) -> str:
    return escape.line(text, limit)


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]
