"""The few facts beside the answer: when, who, where, what first. The same in page, write-up and paste."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from runbooks.base.facets import Facet
from runbooks.diagnose.comparison import EXITED_AT, LAST_EXIT, UNKNOWN
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fleet import FleetReview
from runbooks.diagnose.model import (
    Answer,
    Claim,
    Comparison,
    Diagnosis,
    Difference,
    Hypothesis,
    Moment,
    Remedy,
    Span,
    Status,
    View,
)
from runbooks.evidence.models import Exchange, Listing, Outcome, Reason
from runbooks.report import status, times
from runbooks.report.document import Report

_SUBJECT = (
    ("App", "app"),
    ("Machine", "machine_id"),
    ("Name", "machine_name"),
    ("Instance", "instance_id"),
    ("Organisation", "org"),
)
_FROM_SHELL = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):\?\}")
NO_IMPACT_KNOWN = "Not known"
_SHORT, _LINE = 120, 180
_ASKED_OF_FLY = (
    "machine",
    "events",
    "list",
    "list-deleted",
    "organisation",
    "logs",
    "image-ran",
    "image-believed",
    "app",
    "token",
)


CHECKS_AT_ONCE = (
    "The runbook `verify_fix` makes these checks, shows each result beside that of this incident, and closes it if "
    "all hold. RUN is the folder of this report; in a checkout of fly-runbooks, the command is `.venv/bin/runbooks`."
)
"""What makes the checks of a fix by itself; said before its command."""


def of(report: Report) -> list[tuple[str, str]]:
    """Label and value, in the order of reading; unknown ones are left out."""
    rows = [("When it happened", happened(report)), ("Looked at", times.second(report.evidence.looked_at))]
    rows += [(label, report.subject.get(key) or "") for label, key in _SUBJECT]
    rows.append(("Region", region(report)))
    return [(label, value) for label, value in rows if value]


def decisive(report: Report) -> Moment | None:
    """The first moment that the cause rests on."""
    return next((moment for moment in report.diagnosis.timeline if moment.decisive), None)


def proof(report: Report) -> Claim | None:
    """What decides it: the line that the cause rests on, with its time; else the first support of the cause; else what
    the views together show.
    """
    moment, diagnosis = decisive(report), report.diagnosis
    if moment is not None:
        said = f"{times.second(moment.at)}, {moment.source}: “{moment.text}”"
        return Claim(said, (moment.evidence,) if moment.evidence else ())
    supports = [h.supports for h in diagnosis.hypotheses if diagnosis.cause and h.slug == diagnosis.cause.slug]
    return next((claims[0] for claims in supports if claims), diagnosis.reading if diagnosis.reading.text else None)


def happened(report: Report) -> str:
    """The decisive moment, else the time the caller gave, else the stretch of what is dated."""
    review = report.diagnosis.review
    if review and not review.closes:
        return "not created yet"
    if report.diagnosis.fleet:
        return _failing(report.diagnosis.fleet)
    moment, given = decisive(report), report.evidence.subject.incident_time
    if moment is not None:
        return times.second(moment.at)
    if given is not None:
        return f"{times.second(given)} (the time given)"
    looked = min(
        times.utc(at) for at in (report.evidence.looked_at, *(x.at for x in report.evidence.observations.values()))
    )
    before = [at for at in (times.utc(one.at) for one in report.diagnosis.timeline) if at < looked]
    if not before:
        return "not known"
    first, last = min(before), max(before)
    return times.between(first, last) if last > first else times.second(first)


def _failing(fleet: FleetReview) -> str:
    """When the failing machines of a fleet were created."""
    failing = [bucket.at for bucket in fleet.buckets if bucket.failing]
    return f"{times.between(failing[0], failing[-1] + fleet.step)}, by time of creation" if failing else "no failure"


def first_action(report: Report) -> str:
    """The first of them in one sentence; where no cause is established, with its reason."""
    first = next(iter(report.diagnosis.remedies), None)
    if first is None:
        return ""
    return f"{first.title}: {first.why}" if first.why and report.diagnosis.cause is None else first.title


def from_shell(commands: Iterable[str]) -> list[str]:
    """The variables that these commands take from the reader's shell."""
    return list(dict.fromkeys(_FROM_SHELL.findall(" ".join(commands))))


def then(diagnosis: Diagnosis) -> str:
    """The steps after the first one, by their titles; "" where there are none. Where all are too long for a line, those
    between the next and the last are counted: the last one is what brings the work back.
    """
    titles = [f"{remedy.title[:1].lower()}{remedy.title[1:]}" for remedy in diagnosis.remedies[1:]]
    if not titles[2:]:
        return "; ".join(titles)
    first, *between, last = titles
    whole = "; ".join((first, *between, f"finally, {last}"))
    return whole if len(whole) <= _LINE else f"{first}; {len(between)} more; finally, {last}"


def views(diagnosis: Diagnosis) -> list[tuple[str, str, tuple[View, ...]]]:
    """Sign, words and views, by what they show: an indirect view is no proof of the machine, a derived one counts no
    second time, and one that does not apply here, that nobody can query, or that holds nothing any more, is no gap.
    """
    asked = [v for v in diagnosis.visibility if not v.derived]
    shown, silent = ([v for v in asked if v.sees is one] for one in (Answer.YES, Answer.COULD_NOT_LOOK))
    groups = (
        (status.ANSWER_SIGNS[Answer.YES], "show it", [v for v in shown if not v.indirect]),
        ("–", "indirect (no proof)", [v for v in shown if v.indirect]),
        (status.ANSWER_SIGNS[Answer.NO], "do not show it", [v for v in asked if v.sees is Answer.NO]),
        (status.ANSWER_SIGNS[Answer.COULD_NOT_LOOK], "not checked", [v for v in silent if v.applies and v.kept]),
        ("–", "asked, nothing left", [v for v in silent if not v.kept]),
        ("–", "derived from these", [v for v in diagnosis.visibility if v.derived]),
        ("–", "not applicable", [v for v in silent if not v.applies]),
    )
    return [(sign, words, tuple(found)) for sign, words, found in groups if found]


def impact(report: Report) -> list[Claim]:
    """What the incident does and did: to the machine, to its caller, to the rest of the app; and what is not known."""
    diagnosis, seen = report.diagnosis, Facts(report.evidence)
    told = [Claim(f"The machine: {_state(report, diagnosis.life[-1])}", _began(report))] if diagnosis.life else []
    if told and diagnosis.life[-1].state == "destroyed" and seen.events.destroyed and seen.machine.views:
        # The same, with who did it.
        since = told[0].text.partition("destroyed")[2]
        rests_on = dict.fromkeys((*told[0].evidence, *diagnosis.reading.evidence))
        told = [Claim(f"{diagnosis.reading.text.rstrip('.')},{since}", tuple(rests_on))]
    elif diagnosis.reading.text:
        told.append(diagnosis.reading)
    for symptom in diagnosis.symptoms:
        if symptom.holds is Answer.COULD_NOT_LOOK and not symptom.felt:
            looked = [seen.evidence.observations[n] for n in symptom.evidence if n in seen.evidence.observations]
            gaps = [x for x in looked if x.outcome is Outcome.COULD_NOT_LOOK and x.code is not Reason.NOT_APPLICABLE]
            if gaps:
                words = f"{symptom.text[:1].lower()}{symptom.text[1:]}"
                told.append(Claim(f"Not checked: whether {words} ({gaps[0].reason})"))
        else:
            told.append(Claim(symptom.so or symptom.text, symptom.evidence))
    listed = getattr(seen.observation(Facet.LIST), "answer", None)
    states = ", ".join(f"{count} {state}" for state, count in _other_states(report))
    if states and diagnosis.comparison:
        told.append(
            Claim(
                f"Other machines of the app in the comparison: {states}{_ended_alike(diagnosis.comparison)}"
                f"{'. No other machine of the app runs' if seen.siblings.none_runs else ''}",
                diagnosis.comparison.evidence,
            )
        )
    elif isinstance(listed, Listing) and listed.complete and not seen.siblings.others:
        told.append(Claim("The list shows no other machine of the app", (Facet.LIST,)))
    else:
        told.append(Claim("Not known: whether other machines of the app are affected"))
    return [*_joined(told), Claim("Not known: how many users were affected. No source of this runbook counts users")]


def _joined(told: Iterable[Claim]) -> Iterator[Claim]:
    """Short sentences that rest on the same evidence, as one: the caller's success and the id that it received."""
    for evidence, group in groupby(told, key=lambda claim: claim.evidence):
        claims = list(group)
        if evidence and sum(len(claim.text) for claim in claims) < _SHORT:
            yield Claim(
                "; ".join((claims[0].text, *(f"{claim.text[:1].lower()}{claim.text[1:]}" for claim in claims[1:]))),
                evidence,
            )
        else:
            yield from claims


def _ended_alike(comparison: Comparison) -> str:
    """How many of the others ended with the code of this machine; "" where none did."""
    rows = {row.attribute: row.values for row in comparison.rows}
    ends, times = rows.get(LAST_EXIT, ()), rows.get(EXITED_AT, ())
    alike = _alike(ends)
    known = sorted(times[number] for number in alike if number < len(times) and times[number] != UNKNOWN)
    first = f", the first at {known[0]} UTC" if known else ""
    return f"; {len(alike)} of them last ended with the same {ends[0]}{first}: why was not looked at" if alike else ""


def _alike(ends: Sequence[str]) -> list[int]:
    """The numbers of the others whose last end is that of this machine, which stands first."""
    return [number for number, end in enumerate(ends) if number and end == ends[0] != UNKNOWN]


def closing_rule(diagnosis: Diagnosis) -> str:
    """What the checks of the fix close. Where nothing is left of the machine, there may be nothing to fix."""
    if vanished(diagnosis):
        return "These checks are for a new machine, if the work has to be done again."
    stays = diagnosis.life and diagnosis.life[-1].end is None and diagnosis.life[-1].state != "destroyed"
    which = "this machine, or for one that replaces it" if stays else "a new machine"
    return f"The incident is over when all of these checks pass for {which}."


def vanished(diagnosis: Diagnosis) -> bool:
    """Is nothing left that tells how the machine ended? Then it may have ended as intended."""
    return diagnosis.cause is None and diagnosis.untraced


def impact_in_brief(report: Report) -> str:
    """The same in one line: what the machine is now, what fails for those who use it, and what runs in its place."""
    others = _others_in_brief(report)
    if vanished(report.diagnosis):
        return "; ".join(["Not known: whether the machine did its work. No view shows it any more", *others])
    life, felt = report.diagnosis.life, [s.so for s in report.diagnosis.symptoms if s.felt and s.so]
    told = [f"machine {_state(report, life[-1])}"] if life and (felt or life[-1].state != "started") else []
    told += [f"{one[:1].lower()}{one[1:]}" for one in reversed(felt)]
    line = "; ".join([*told, *others] if told else [])
    if line:
        return f"{line[:1].upper()}{line[1:]}"
    return "None found" if report.diagnosis.verdict == "healthy" else NO_IMPACT_KNOWN


def _others_in_brief(report: Report) -> list[str]:
    """What else of the app runs, where the machine itself does not, and the lists tell it."""
    seen = Facts(report.evidence)
    if seen.events.runs or seen.events.state == "started" or not seen.siblings.listed:
        return []
    running, ended = sum(machine.state == "started" for machine, _ in seen.siblings.living), _others_that_ended(report)
    if running:
        told = "1 other machine of the app runs" if running == 1 else f"{running} other machines of the app run"
        return [f"{told}; the last run of {ended}" if ended else told]
    if seen.siblings.none_runs:
        return [f"no other machine of the app runs{f', {ended}' if ended else ''}"]
    return [] if seen.siblings.others else ["the app has no other machine"]


def _others_that_ended(report: Report) -> str:
    """How many of the others that were compared ended as this machine did; "" where none did."""
    compared = report.diagnosis.comparison
    ends = next((row.values for row in compared.rows if row.attribute == LAST_EXIT), ()) if compared else ()
    amount = len(_alike(ends))
    return f"{amount} ended alike ({ends[0]})" if amount else ""


def _state(report: Report, span: Span) -> str:
    """destroyed since 03:00:28 UTC; the day is told where it is not that of the check."""
    at = span.end or span.start
    if span.end == report.evidence.looked_at:
        return f"not found any more; last known {span.state}, at {times.second(span.start)}"
    same = times.utc(at).date() == times.utc(report.evidence.looked_at).date()
    told = f"{times.utc(at):%H:%M:%S} UTC" if same else times.second(at)
    state = "in state created" if span.state == "created" else span.state  # which is no deed here
    return f"{state} since {told}" if span.end is None else f"last known {span.state}, until {told}"


def _began(report: Report) -> tuple[str, ...]:
    """The evidence of the machine's present state."""
    start = report.diagnosis.life[-1].start
    return tuple(dict.fromkeys(m.evidence for m in report.diagnosis.timeline if m.at == start and m.evidence))


def ruled_out(report: Report) -> list[Hypothesis]:
    """What the evidence refutes: first what had support, then the other initial hypotheses."""
    refuted = [one for one in report.diagnosis.hypotheses if one.status is Status.REFUTED]
    return sorted(refuted, key=lambda one: (not (one.supports and one.always_listed), not one.always_listed))


def suspicions(report: Report) -> list[Hypothesis]:
    """Of those the initial hypotheses, and that Fly is down."""
    return [one for one in ruled_out(report) if one.always_listed or one.slug == "platform-incident"]


def still_possible(report: Report) -> list[str]:
    """The titles of the hypotheses that are open, and the one end that is no fault."""
    found = report.diagnosis
    titles = [one.title for one in found.hypotheses if one.status in (Status.LIKELY, Status.OPEN)]
    harmless = ["It ended as intended"] if vanished(found) else []
    return [*harmless, *titles]


def feed(report: Report) -> tuple[Claim, Outcome] | None:
    """What Fly's status page reports for that time, unless a hypothesis covers it."""
    observation = next(iter(report.evidence.named("status")), None)
    if observation is None or any(one.slug == "platform-incident" for one in report.diagnosis.hypotheses):
        return None
    told = {Outcome.SEEN: "Fly reports", Outcome.ABSENT: "Fly reports no incident"}.get(observation.outcome)
    single = ". A fault of a single host need not be reported" if observation.outcome is Outcome.ABSENT else ""
    return Claim(
        f"{told or 'Whether Fly reports an incident is not known'}: {observation.reason.rstrip('.')}{single}",
        (observation.number,),
    ), observation.outcome


def no_incident(report: Report) -> Claim | None:
    """That Fly reports none: asked, and answered."""
    told = feed(report)
    return told[0] if told and told[1] is Outcome.ABSENT else None


def region(report: Report) -> str:
    """Where the machine was, from the platform itself, else from what the caller or its record says."""
    seen = Facts(report.evidence)
    if seen.machine.description and seen.machine.description.region:
        return seen.machine.description.region
    asked = seen.caller.answer.region or next((row.region for row in seen.caller.records if row.region), "")
    return f"{asked} (asked for)" if asked else ""


def unchecked(diagnosis: Diagnosis, *, gap: bool) -> list[tuple[str, list[str]]]:
    """Each reason why something was not checked, with all that it kept from being checked.

    Args:
        gap: of what was wanted, else of what does not apply here or was not wanted
    """
    reasons: dict[str, list[str]] = {}
    for one in diagnosis.not_checked:
        if one.gap is gap:
            reasons.setdefault(one.why, []).append(one.what)
    return list(reasons.items())


def request_ids(report: Report) -> Iterator[Exchange]:
    """The exchanges whose request id Fly's support can look up, those about the machine first.

    Of each look the first, and every one that failed.
    """
    for name in _ASKED_OF_FLY:
        for observation in report.evidence.named(name):
            named = [exchange for exchange in observation.exchanges if exchange.request_id]
            yield from (x for n, x in enumerate(named) if n == 0 or x.status is None or x.status >= 400)


def answered(report: Report) -> str:
    """How many questions were answered, in words. What was not is counted under Not checked."""
    put = [one for one in report.evidence.observations.values() if one.code is not Reason.NOT_APPLICABLE]
    outcomes = Counter(one.outcome for one in put)
    absent = outcomes[Outcome.ABSENT]
    return f"{outcomes[Outcome.SEEN] + absent} of {outcomes.total()} questions answered, {absent} of them “absent”"


def requests(report: Report) -> str:
    """How many requests were made, in words."""
    count, retries = report.requests.count, report.requests.retries
    made = f"{count} request{'' if count == 1 else 's'}"
    return f"{made}, {retries} of them {'a retry' if retries == 1 else 'retries'}" if retries else f"{made}, no retry"


def arguments(one: Hypothesis) -> list[tuple[str, Claim]]:
    """What supports it, contradicts it, what is missing, and the test that confirms or rules it out."""
    sides = (("supports", one.supports), ("contradicts", one.against), ("missing", one.missing))
    told = [(label, claim) for label, claims in sides for claim in claims]
    return [*told, ("next test", Claim(one.next_test))] if one.next_test else told


def counted(several: Iterable[Hypothesis]) -> str:
    """How many hypotheses have which status: 1 confirmed, 2 open."""
    found = Counter(one.status for one in several)
    return ", ".join(f"{found[one]} {one}" for one in Status if found[one])


def standing(report: Report) -> list[Hypothesis]:
    """Those that hold or may hold."""
    return [one for one in report.diagnosis.hypotheses if one.status is not Status.REFUTED]


def _other_states(report: Report) -> list[tuple[str, int]]:
    """In which states the other machines of the comparison are, each with their number."""
    rows = report.diagnosis.comparison.rows if report.diagnosis.comparison else ()
    return list(Counter(next((row.values[1:] for row in rows if row.attribute == "state"), ())).items())


def compared(found: Comparison) -> list[tuple[Difference, bool, list[tuple[str, int]]]]:
    """Each attribute, whether it sets the machine apart, and the others' values, none where all are equal."""
    rows = sorted(found.rows, key=lambda row: row.attribute not in found.differs)
    return [
        (row, row.attribute in found.differs, list(Counter(row.values[1:]).items()) if len(set(row.values)) > 1 else [])
        for row in rows
    ]


def names(remedies: Iterable[Remedy], placeholder: str) -> bool:
    """Whether a command holds the placeholder, such as NEW_ID."""
    return any(placeholder in command for one in remedies for command in one.commands)
