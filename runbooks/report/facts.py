"""The few facts that stand beside the answer: when, who, where. The same in page, write-up and paste."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.diagnose.model import Moment
from runbooks.evidence.models import Caller, Exchange, Machine, Records
from runbooks.report import times
from runbooks.report.document import Report

_SUBJECT = (
    ("App", "app"),
    ("Machine", "machine_id"),
    ("Name", "machine_name"),
    ("Instance", "instance_id"),
    ("Organisation", "org"),
)


def of(report: Report) -> list[tuple[str, str]]:
    """Label and value, in the order of reading; unknown ones are left out."""
    rows = [("When it happened", happened(report)), ("Looked at", times.second(report.evidence.looked_at))]
    rows += [(label, report.subject.get(key) or "") for label, key in _SUBJECT]
    rows.append(("Region", region(report)))
    return [(label, value) for label, value in rows if value]


def decisive(report: Report) -> Moment | None:
    """The first moment that the cause rests on."""
    return next((moment for moment in report.diagnosis.timeline if moment.decisive), None)


def happened(report: Report) -> str:
    """The decisive moment, else the time the caller gave, else the stretch of what is dated."""
    moment, given = decisive(report), report.evidence.subject.incident_time
    if moment is not None:
        return times.second(moment.at)
    if given is not None:
        return f"{times.second(given)} (as reported)"
    looked = times.utc(report.evidence.looked_at)
    before = [at for at in (times.utc(one.at) for one in report.diagnosis.timeline) if at < looked]
    return times.between(min(before), max(before)) if before else "not known"


def region(report: Report) -> str:
    """Where the machine was, from the machine itself, else from what the caller or its record says."""
    wished = report.subject.get("machine_id")
    answers = [look.answer for look in report.evidence.looks.values()]
    for answer in answers:
        if isinstance(answer, Machine) and answer.region and wished in (None, "", answer.id):
            return answer.region
    for answer in answers:
        if isinstance(answer, Caller) and answer.region:
            return f"{answer.region} (asked for)"
        if isinstance(answer, Records) and answer.rows and answer.rows[0].region:
            return f"{answer.rows[0].region} (asked for)"
    return ""


def request_ids(report: Report) -> Iterator[Exchange]:
    """The exchanges whose request id Fly's support can look up: those about the machine first."""
    first = ("machine", "events", "list", "list-deleted", "app")
    looks = sorted(
        report.evidence.looks.values(),
        key=lambda look: first.index(look.facet.name) if look.facet.name in first else len(first),
    )
    for look in looks:
        for exchange in look.exchanges:
            if exchange.request_id:
                yield exchange
                break


def requests(report: Report) -> str:
    """How many requests were made, in words."""
    count, retries = report.requests.count, report.requests.retries
    made = f"{count} request{'' if count == 1 else 's'}"
    return f"{made}, {retries} of them {'a retry' if retries == 1 else 'retries'}" if retries else f"{made}, no retry"
