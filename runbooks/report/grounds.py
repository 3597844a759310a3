"""What an answer rests on, in Markdown: timeline, views, hypotheses, siblings, and the evidence itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from runbooks.base.facets import facet_of
from runbooks.diagnose.model import Difference, Hypothesis, Status
from runbooks.evidence.models import Exchange, Observation
from runbooks.report import collapse_repeats, escape, facts, pen, status, times
from runbooks.report.collapse_repeats import Line, RepeatedBlock
from runbooks.report.document import Report
from runbooks.report.pen import Pen

_VERBATIM = ("caller", "platform log", "program log")
"""Sources whose lines are quoted as they came."""
_MOST_BEGINNINGS = 6
_LONG = 240


def timeline(report: Report, write: Pen) -> Iterator[str]:
    """Day by day; the rounds of a loop are folded, and of very much the middle is cut, but never what is decisive."""
    moments = report.diagnosis.timeline
    if not moments:
        return
    yield "## Timeline"
    yield "All times are UTC, the numbers those of `summary.json`. Routine lines of the platform's log are left out."
    last = 0
    for day, told in groupby(_chosen(collapse_repeats.fold(moments), write.room.moments), key=_day):
        lines = []
        for one in told:
            first = one.lines[0].number if isinstance(one, RepeatedBlock) else one.number
            if first > last + 1:
                lines.append(
                    pen.cut(f"{first - last - 1:,} more moments, {collapse_repeats.spans(range(last + 1, first))}")
                )
            last = one.lines[-1].number if isinstance(one, RepeatedBlock) else one.number
            lines.append(_again(one, write) if isinstance(one, RepeatedBlock) else _line(one, write))
        yield f"**{day}**"
        yield "\n".join(f"- {line}" for line in lines)


def _day(one: Line | RepeatedBlock) -> str:
    moment = one.lines[0].moment if isinstance(one, RepeatedBlock) else one.moment
    return f"{times.utc(moment.at):%Y-%m-%d}"


def _chosen(told: Sequence[Line | RepeatedBlock], most: int) -> list[Line | RepeatedBlock]:
    if len(told) <= most:
        return list(told)
    head, tail = most * 3 // 5, most // 4
    decisive = [one for one in told[head:-tail] if isinstance(one, Line) and one.moment.decisive]
    return [*told[:head], *decisive[: most - head - tail], *told[-tail:]]


def _line(line: Line, write: Pen) -> str:
    moment = line.moment
    text = escape.line(moment.text, min(_LONG, write.room.sentence))
    said = escape.code(text) if moment.source in _VERBATIM else write.say(text)
    mark = "◆ **decisive:** " if moment.decisive else ""
    told = f"{line.number} · {times.clock(moment.at)} · {write.say(moment.source, 60)} · {mark}{said}"
    return write.noted(told, [moment.evidence] if moment.evidence else ())


def _again(again: RepeatedBlock, write: Pen) -> str:
    lines, count = again.lines, len(again.rounds)
    numbers = collapse_repeats.spans([line.number for line in lines])
    between = f"{times.clock(lines[0].moment.at)}–{times.clock(lines[-1].moment.at)}"
    told = f"{numbers} · {between} · lines {collapse_repeats.spans(again.like)} again"
    if count > 1:
        began = [times.clock(one[0].moment.at) for one in again.rounds]
        rest = f", and {count - _MOST_BEGINNINGS} later" if count > _MOST_BEGINNINGS else ""
        told += f", {count} times, beginning at {', '.join(began[:_MOST_BEGINNINGS])}{rest}"
    return write.noted(told, dict.fromkeys(line.moment.evidence for line in lines if line.moment.evidence))


def visibility(report: Report, write: Pen) -> Iterator[str]:
    if not report.diagnosis.visibility:
        return
    yield "## Who sees the machine"
    if report.diagnosis.reading.text:
        yield write.claim(report.diagnosis.reading)
    for sign, words, views in facts.views(report):
        yield f"**{sign} {len(views)} {words}**"
        yield write.bullets(
            write.noted(f"{write.say(view.view, 120)}: {write.say(view.state, _LONG) or '–'}", view.evidence)
            for view in views
        )


def hypotheses(report: Report, write: Pen) -> Iterator[str]:
    """Those that hold or may hold, each a short list of its own; the refuted ones stand where they are ruled out."""
    every = report.diagnosis.hypotheses
    if not every:
        return
    yield "## Hypotheses"
    words = ("confirmed", "likely", "open", "refuted")
    counted = ", ".join(f"{n} {word}" for word in words if (n := sum(one.status.value == word for one in every)))
    out = "; the refuted ones stand under What we ruled out" if facts.ruled_out(report) else ""
    yield f"{len(every)} explanations were weighed: {counted}{out}. Open means neither proved nor refuted."
    cause = report.diagnosis.cause
    own = {finding.slug for finding in report.diagnosis.contributing}
    for one in [one for one in every if one.status is not Status.REFUTED][: write.room.things]:
        raised = ", initial hypothesis" if one.always_listed else ""
        yield (
            f"{status.STATUS_SIGNS[one.status]} {one.status}: **{write.say(one.title, 300)}** "
            f"({escape.code(one.slug)}{raised})"
        )
        if cause and one.slug == cause.slug:
            yield "- This is the root cause, see there."
        elif one.status is Status.CONFIRMED and cause and one.slug not in own:
            yield f"- This is so, and explained by the root cause ({escape.code(cause.slug)}), so it needs no mending."
        else:
            yield "\n\n".join(arguments(one, write))


def arguments(one: Hypothesis, write: Pen) -> Iterator[str]:
    """What speaks for it, against it, what is missing, and the test that would decide."""
    lines = [f"for: {write.claim(claim)}" for claim in one.supports]
    lines += [f"against: {write.claim(claim)}" for claim in one.against]
    lines += [f"missing: {write.claim(claim)}" for claim in one.missing]
    lines += [f"next test: {write.say(one.next_test)}"] if one.next_test else []
    yield write.bullets(lines)


def siblings(report: Report, write: Pen) -> Iterator[str]:
    """This machine beside others of the same app; equal values of the others are told once."""
    found = report.diagnosis.comparison
    if found is None:
        return
    others = len(found.machines) - 1
    yield "## Beside its siblings"
    apart = f"It stands out by {', '.join(map(write.say, found.differs))}." if found.differs else ""
    who = ", ".join(escape.code(escape.line(name, 80)) for name in found.machines[1:])
    yield write.noted(
        f"{apart or 'Nothing that is known sets it apart.'} Compared with {others}: {who}.", found.evidence
    )
    rows = sorted(found.rows, key=lambda row: row.attribute not in found.differs)
    yield write.bullets(_difference(row, row.attribute in found.differs, write) for row in rows)


def _difference(row: Difference, apart: bool, write: Pen) -> str:
    own, *others = row.values
    told = [
        f"{write.say(value, _LONG)}{f' (×{others.count(value)})' if others.count(value) > 1 else ''}"
        for value in dict.fromkeys(others)
    ]
    attribute = write.say(row.attribute, 60)
    if set(others) == {own}:
        return f"{attribute}: {write.say(own, _LONG)}, all alike"
    label = f"► **{attribute}**" if apart else attribute
    return f"{label}: {write.say(own, _LONG)}; the others: {'; '.join(told)}"


def evidence(report: Report, write: Pen) -> Iterator[str]:
    yield "## Evidence"
    yield (
        "Words: the *caller* is the program that asked Fly for the machine, the *row* its entry in your own database, "
        "a *view* one of the places where the machine can be seen or missed. ✓ answered, ✗ answered with no, ? could "
        "not look: the last says nothing, and is never counted as no. *flyd* is the part of Fly that runs machines, a "
        "*digest* the fingerprint of an image."
    )
    yield "Secrets are replaced; a hash is that of the redacted answer. The answers themselves are in `evidence/`."
    for observation in report.evidence.observations.values():
        yield f"### {observation.number}"
        yield from _look(observation, write)
    for name, reason in report.evidence.skipped.items():
        question = f" {facet.question}" if (facet := facet_of(name)) else ""
        yield f"Not asked: {write.say(name, 60)}.{question} {write.say(reason, 500)}"


def _look(observation: Observation, write: Pen) -> Iterator[str]:
    yield (
        f"**{write.say(observation.facet.question)}** {status.OUTCOME_SIGNS[observation.outcome]} "
        f"{status.OUTCOME_WORDS[observation.outcome]}: {write.say(observation.reason)}"
    )
    most = write.room.exchanges
    lines = [_exchange(exchange, write) for exchange in observation.exchanges[:most]]
    if len(observation.exchanges) > most:
        lines.append(pen.cut(f"{len(observation.exchanges) - most} more exchanges, see `report.html`"))
    yield "\n".join(f"- {line}" for line in lines)


def _exchange(exchange: Exchange, write: Pen) -> str:
    parts = [
        escape.code(f"{escape.line(exchange.method, 20)} {escape.line(exchange.url, 300)}"),
        times.second(exchange.at),
        f"status {exchange.status}" if exchange.status is not None else "no status",
    ]
    if exchange.error:
        parts.append(write.say(exchange.error, 200))
    if exchange.request_id:
        parts.append(f"fly-request-id {escape.code(escape.line(exchange.request_id, 120))}")
    parts.append(f"sha256 {escape.code(exchange.sha256[:12])}…")
    return ", ".join(parts)


def closing(report: Report, write: Pen) -> Iterator[str]:
    requests = report.requests
    hosts = ", ".join(f"{escape.line(host, 80)} {count}" for host, count in sorted(requests.by_host.items()))
    masked = ", ".join(f"{escape.line(kind, 60)} {count}" for kind, count in sorted(report.masked.items()))
    made = facts.requests(report) + (f": {escape.markdown(hosts)}" if hosts else "")
    yield "---"
    yield (
        f"fly-runbooks {escape.code(escape.line(report.version, 40))}, runbook "
        f"{escape.code(escape.line(report.runbook, 80))}. {made}. "
        f"Masked: {escape.markdown(masked) or 'nothing'}."
    )
