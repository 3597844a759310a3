"""One timeline over all sources, and the machine's life as spans of states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.log_classifier import is_program
from runbooks.diagnose.model import Moment, Span
from runbooks.evidence.caller_errors import STAMP
from runbooks.evidence.log_parser import is_headed
from runbooks.evidence.models import Event, LogLine, Outcome, PlatformIncident, StatusFeed
from runbooks.evidence.parsers import time_of
from runbooks.evidence.pasted.clock import PlacedLines

_ORDER = ("caller", "record", "Fly API", "events", "metrics", "platform log", "program log", "status", "endpoint", "we")
_PLACE = {source: place for place, source in enumerate(_ORDER)}
_STATES = {
    "created": "created",
    "starting": "starting",
    "started": "started",
    "stopping": "stopping",
    "stopped": "stopped",
    "suspending": "suspending",
    "suspended": "suspended",
    "restarting": "restarting",
    "updating": "updating",
    "replacing": "replacing",
    "replaced": "replaced",
    "failed": "failed",
    "launch_failed": "launch_failed",
    "destroying": "destroying",
    "destroyed": "destroyed",
}
_MOST_PASTED = _MOST_CALLER = 500
_LONGEST = 200
_OPENS, _CLOSES = re.compile(r"[{\[(]"), re.compile(r"[}\])]")
_STAMPED = re.compile(rf"^[\[(]?(?P<at>{STAMP.pattern})[\])]?[\s:|-]*(?P<text>.*)$")


def moments(facts: Facts, decisive: Iterable[str] = ()) -> tuple[Moment, ...]:
    """Every dated thing that was seen, oldest first. `decisive` holds texts that the cause quotes."""
    quoted = tuple(decisive)
    found = [*_caller(facts), *_record(facts), *_api(facts), *_events(facts), *_log(facts, quoted), *_status(facts)]
    found += [*_metrics(facts), *_pasted_log(facts, quoted), *_endpoint(facts)]
    found += [Moment(facts.now, "we", "looked", number) for number in _eyes(facts)]
    marked = _mark_one(found)
    return tuple(sorted(marked, key=lambda m: (m.at, _PLACE[m.source], m.evidence)))


def assumptions(facts: Facts) -> tuple[str, ...]:
    """What was assumed about the times of pasted lines that are in the timeline."""
    found = facts.caller.placed if facts.outcome(Facet.CALLER) is Outcome.SEEN else PlacedLines()
    day = f"The pasted lines show no date: the day {found.day_assumed} of the incident is assumed."
    zone = "The pasted lines show no time zone: UTC is assumed."
    return ((day,) if found.day_assumed else ()) + ((zone,) if found.zone_assumed else ())


def _eyes(facts: Facts) -> Iterable[str]:
    """The observation that stands for all of the run's: one that shows the machine, else one that was answered."""
    if facts.machine.seen_evidence:
        return facts.machine.seen_evidence[:1]
    made = sorted(facts.evidence.observations)
    return next(((number,) for number in made if facts.looked(number)), tuple(made[:1]))


def life(facts: Facts) -> tuple[Span, ...]:
    """The machine's states from first to last, from its events, before those from its log."""
    points = [(e.at, _STATES[e.status]) for e in facts.events.all if e.at and e.status in _STATES]
    first = min((at for at, _ in points), default=None)
    born = facts.events.created_at
    if born and (first is None or born < first):
        points.append((born, "created"))
    points += [(at, state) for at, state in _states_from_log(facts) if first is None or at < first]
    points.sort(key=lambda point: point[0])
    spans: list[Span] = []
    ends = [start for start, _ in points[1:]] + [None] if points else []
    for (start, state), end in zip(points, ends, strict=True):
        if spans and spans[-1].state == state:
            spans[-1] = Span(state, spans[-1].start, end)
        else:
            spans.append(Span(state, start, end))
    return tuple(_until_now(facts, spans))


def _until_now(facts: Facts, spans: list[Span]) -> list[Span]:
    """The same with the present state last: an exit in an update ends no `replacing`, and what is gone has no state."""
    state, since = facts.events.state, facts.events.since
    absent = not facts.machine.views and facts.outcome(Facet.MACHINE) is Outcome.ABSENT
    if spans and spans[-1].state not in GONE and (facts.machine.gone or absent):
        return [*spans[:-1], spans[-1]._replace(end=facts.now)]
    kept = [span for span in spans if since is None or span.start <= since]
    if kept and kept[-1].state == state:
        return [*kept[:-1], kept[-1]._replace(end=None)]
    if kept and since and state in _STATES and since > kept[-1].start:
        return [*kept[:-1], kept[-1]._replace(end=since), Span(_STATES[state], since, None)]
    return spans


def _states_from_log(facts: Facts) -> Iterator[tuple[datetime, str]]:
    for reading in facts.log.matches("booting", "exited", "killed", "abrupt"):
        if reading.line.at and (reading.fact != "booting" or "init" in reading.line.message):
            yield reading.line.at, "started" if reading.fact == "booting" else "stopped"


def _caller(facts: Facts) -> Iterator[Moment]:
    """Entries of the caller's own log: lines with a time that are no lines of the machine's log."""
    if facts.outcome(Facet.CALLER) is not Outcome.SEEN:
        return
    if capsule := facts.caller.answer.capsule:
        answered = f"HTTP {capsule.status}" if capsule.status else "no answer"
        if capsule.created_at:
            yield Moment(capsule.created_at, "caller", f"create call for {capsule.name}: {answered}", Facet.CALLER)
        if capsule.made_at and capsule.outcome:
            yield Moment(capsule.made_at, "caller", f"the guard ended: {capsule.outcome}", Facet.CALLER)
    told, shipped = facts.caller.answer, {line.message.strip() for line in facts.caller.pasted}
    lines, dated = (told.pasted.words or told.plain).splitlines()[:_MOST_CALLER], set[datetime]()
    for place, line in enumerate(lines):
        match = _STAMPED.match(line.strip())
        at = time_of(match["at"]) if match else None
        if not match or not at or is_headed(line) or match["text"].strip() in shipped:
            continue
        if match["text"] or not shipped:
            text = _entry(match["text"], lines[place + 1 :]) or "an entry of the caller's log"
            dated.add(at)
            yield Moment(at, "caller", text, Facet.CALLER)
    # An entry that is JSON has its time inside; what it says of an error is known.
    for error in told.errors:
        if error.at and error.at not in dated:
            answered = f"HTTP {error.status}: " if error.status else ""
            yield Moment(error.at, "caller", _entry(f"{answered}{error.text}", []), Facet.CALLER)


def _entry(text: str, below: list[str]) -> str:
    """An entry of a log on one line: with the object that begins on it, and ends on one of the lines below."""
    for line in below:
        opened = len(_OPENS.findall(text)) > len(_CLOSES.findall(text))
        begins = text.rstrip().endswith(":") and line.lstrip()[:1] in ("{", "[")
        if not (opened or begins) or len(text) > _LONGEST or _STAMPED.match(line.strip()):
            break
        text = f"{text.rstrip()} {line.strip()}"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rpartition(' ')[0] or text[: _LONGEST - 1]}…"


def _pasted_log(facts: Facts, quoted: tuple[str, ...]) -> Iterator[Moment]:
    """The machine's log lines in the pasted text that the platform's log does not show already."""
    if facts.outcome(Facet.CALLER) is not Outcome.SEEN or not facts.caller.placed.lines:
        return
    known, own = {line.message for line in facts.log.logs.lines} if facts.log.logs else set(), set(facts.log.lines)
    for line, at in facts.caller.placed.lines[-_MOST_PASTED:]:
        if at and line in own and line.message not in known:
            yield from _log_moment(facts, line, at, Facet.CALLER, quoted)


def _record(facts: Facts) -> Iterator[Moment]:
    for record in facts.caller.records:
        if record.created_at:
            yield Moment(record.created_at, "record", "row created", Facet.RECORD)
        if record.started_at:
            yield Moment(record.started_at, "record", "row has started_at", Facet.RECORD)
        if record.updated_at and record.updated_at not in (record.created_at, record.started_at):
            yield Moment(record.updated_at, "record", f"row last updated: {record.status}", Facet.RECORD)
        observation = facts.observation(Facet.RECORD)
        if observation and record.status:
            yield Moment(observation.at, "record", f"row says {record.status}", Facet.RECORD)


def _api(facts: Facts) -> Iterator[Moment]:
    if facts.events.created_at and facts.machine.views and not facts.events.whole_life:
        machine = facts.machine.views[0]
        yield Moment(facts.events.created_at, "Fly API", f"machine {machine.machine.id} created", machine.evidence)


def _events(facts: Facts) -> Iterator[Moment]:
    for event, evidence in facts.events.dated:
        if event.at:
            yield Moment(event.at, "events", _event_text(event), evidence)


def _metrics(facts: Facts) -> Iterator[Moment]:
    """What was measured, each accurate to one step: only where no event tells the same to the millisecond."""
    if facts.events.all:
        return
    up = facts.metrics.up
    for at, text in zip(up or (), ("first", "last"), strict=False):
        yield Moment(at, "metrics", f"{text} measured as running", Facet.METRICS)
    for at, code in facts.metrics.exits:
        if not code and up and at < up[1]:
            continue  # zero, while it runs, is no exit
        yield Moment(at, "metrics", f"exit code {code} measured", Facet.METRICS)
    if killed := facts.metrics.killed_at:
        yield Moment(killed, "metrics", "killed for lack of memory, as measured", Facet.METRICS)


def _event_text(event: Event) -> str:
    text = f"{event.type} → {event.status}" + (f" by {event.source}" if event.source else "")
    if event.exit is None:
        return text
    told = [f"code {event.exit.exit_code}" if event.exit.exit_code is not None else "no code"]
    told += ["out of memory"] if event.exit.oom_killed else []
    told += ["stop requested"] if event.exit.requested_stop else []
    told += ["will restart"] if event.exit.restarting else []
    return f"{text} ({', '.join(told)})"


def _log(facts: Facts, quoted: tuple[str, ...]) -> Iterator[Moment]:
    """What the program printed, and those lines of the platform that mean something."""
    told = ((facts.log.logs.lines if facts.log.logs else (), Facet.LOGS),)
    for lines, number in (*told, (facts.log.seen_by_caller, Facet.LOGS_BY_CALLER)):
        for line in lines:
            if line.at:
                yield from _log_moment(facts, line, line.at, number, quoted)


def _log_moment(facts: Facts, line: LogLine, at: datetime, evidence: str, quoted: tuple[str, ...]) -> Iterator[Moment]:
    # What the proxy calls an error is shown also where its meaning is not known yet.
    unknown = line.provider == "proxy" and line.level == "error" and evidence == Facet.CALLER
    program = is_program(line)
    if unknown or program or line in facts.log.meaningful:
        text = " ".join(line.message.split())[:200]
        source = "program log" if program and not unknown else "platform log"
        hit = len(text) > 8 and any(line.message.strip()[:120] in quote for quote in quoted)
        yield Moment(at, source, text, evidence, hit)


def _status(facts: Facts) -> Iterator[Moment]:
    observation = facts.observation(Facet.STATUS)
    feed = observation.answer if observation and isinstance(observation.answer, StatusFeed) else StatusFeed()
    incidents: tuple[PlatformIncident, ...] = feed.incidents
    for incident in incidents:
        if incident.started_at:
            yield Moment(incident.started_at, "status", f"Fly reports: {incident.name}", Facet.STATUS)
        if incident.resolved_at:
            yield Moment(incident.resolved_at, "status", f"Fly resolves: {incident.name}", Facet.STATUS)


def _endpoint(facts: Facts) -> Iterator[Moment]:
    """How far a client came, at the time it was tried: only then is it known."""
    for number in (Facet.EDGE_BELIEVED, Facet.EDGE_APP):
        observation = facts.observation(number)
        if observation and facts.observations.probe(number):
            yield Moment(observation.at, "endpoint", observation.reason[:200], number)


def _mark_one(found: list[Moment]) -> list[Moment]:
    """Only the first of several equal decisive moments keeps its mark; the repeats are visible beside it."""
    first = min((m for m in found if m.decisive), key=lambda m: m.at, default=None)
    return [m if m is first or not m.decisive else Moment(m.at, m.source, m.text, m.evidence) for m in found]
