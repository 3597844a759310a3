"""The report as Markdown, for an issue, a chat and a terminal: the answer first, then what it rests on.

It follows the sections of a post-mortem. Footnotes such as [E07] lead to the evidence list at the end, whose
headings give the anchors. Answers themselves stay in the page and the evidence folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbooks.diagnose.facts import format_duration
from runbooks.diagnose.model import Answer, Claim, Remedy
from runbooks.report import escape, facts, fly_support, grounds, inline, paste, pen, status, times
from runbooks.report.document import Report
from runbooks.report.pen import Pen

MOST_CHARACTERS = 60_000
"""GitHub takes 65,536 characters in an issue; a longer write-up says less of each thing, then leaves parts out."""
_SHORT = 500
_TITLES = 160

Part = Callable[[Report, Pen], Iterator[str]]


def render(report: Report) -> str:
    """The whole document. The same report always gives the same bytes."""
    parts = _written(report, pen.WHOLE)
    if len(_joined(parts)) > MOST_CHARACTERS:
        parts = _written(report, pen.SHORT)
    return _joined(_fitting(parts))


def _written(report: Report, room: pen.Room) -> dict[Part, str]:
    write = Pen(frozenset(report.evidence.observations), room)
    return {make: "\n\n".join(filter(None, make(report, write))) for make in _PARTS}


def _joined(parts: dict[Part, str]) -> str:
    return "\n\n".join(filter(None, parts.values())) + "\n"


def _fitting(parts: dict[Part, str]) -> dict[Part, str]:
    """What still does not fit gives up its longest parts; each leaves its heading, and how much is missing."""
    left = dict(parts)
    for make in sorted(_MAY_GO, key=lambda make: len(parts[make]), reverse=True):
        if len(_joined(left)) <= MOST_CHARACTERS:
            break
        heading, _, body = left[make].partition("\n\n")
        left[make] = f"{heading}\n\n{pen.cut(f'{len(body):,} characters, see `report.html`')}"
    return left


def _opening(report: Report, write: Pen) -> Iterator[str]:
    diagnosis, standing = report.diagnosis, status.of(report.diagnosis)
    yield f"# {write.say(report.title or report.runbook, 300)}"
    told = facts.of(report)
    lines = [f"**Status:** {standing.sign} {standing.words}, {standing.meaning}"]
    lines += [f"**{label}:** {write.say(value, 120)}" for label, value in told[:2]]
    lines.append(f"**Where:** {' · '.join(f'{label.lower()} {write.say(value, 120)}' for label, value in told[2:])}")
    yield "\n".join(f"- {line}" for line in lines)
    scenario = status.simulated(report.evidence)
    if scenario:
        yield (
            f"> **Simulated reconstruction.** The evidence comes from the built-in simulator (scenario "
            f"{escape.code(escape.line(scenario, 80))}), not from a real machine."
        )
    if diagnosis.contradictions:
        yield "> **The evidence contradicts itself**, see Root cause: so no cause is better than likely."


def _checks(report: Report, write: Pen) -> Iterator[str]:
    """Of a run of `verify_fix`: the five checks, now and at the incident."""
    review = report.diagnosis.review
    if review is None:
        return
    yield "## The five checks"
    incident = review.incident
    if incident:
        yield (
            f"Compared with the run of {write.say(incident.looked_at, 40)} "
            f"({escape.code(escape.line(incident.folder, 200))}): {write.say(incident.headline, _SHORT)}"
        )
    else:
        yield "No earlier run to compare with."
    columns = ["check", "now", *(["at the incident"] if incident else []), "evidence"]
    rows = [
        [
            write.say(check.title, 80),
            status.of_check(check),
            *([status.of_check(review.then(check))] if incident else []),
            write.notes(check.evidence) or "–",
        ]
        for check in review.checks
    ]
    yield pen.grid(columns, rows)
    yield write.bullets(
        f"**{write.say(check.title, 80)}**, now: {write.say(check.text, _SHORT)}"
        + (f"; at the incident: {write.say(then.text, _SHORT)}" if (then := review.then(check)) else "")
        for check in review.checks
    )


def _summary(report: Report, write: Pen) -> Iterator[str]:
    """Four sentences: what, why, confidence, since when; then the first action."""
    diagnosis = report.diagnosis
    rests_on = diagnosis.cause.evidence if diagnosis.cause else diagnosis.reading.evidence
    yield "## Summary"
    headline = write.noted(f"**{write.say(diagnosis.headline)}**", rests_on)
    yield " ".join(filter(None, (headline, _why(report, write), _when(report, write))))
    first = facts.first_action(report)
    if first:
        command = next(iter(diagnosis.remedies[0].commands), "")
        whole = command if "\n" not in command and len(command) <= _SHORT else ""
        commands = f" {escape.code(whole)}" if whole else " The commands are under What to do." if command else ""
        yield f"**Do first:** {pen.stopped(write.say(first, _SHORT))}{commands}"
    elif diagnosis.verdict == "healthy":
        yield "**Do first:** no action is needed."
    else:
        yield "**Do first:** this evidence leads to no remediation; see Not checked for what is missing."
    yield _not_so(report, write)
    yield _limits(report, write)


def _why(report: Report, write: Pen) -> str:
    cause = report.diagnosis.cause
    if cause:
        sure = "**confirmed** by evidence" if cause.confidence == "confirmed" else "**likely**, not confirmed"
        whose = f" Owner: {status.OWNERS[cause.owner]}." if cause.owner else ""
        return f"The cause is {sure}: {_low(write.say(cause.title, _TITLES))} ({escape.code(cause.slug)}).{whose}"
    if report.diagnosis.verdict == "healthy":
        return "No problem was found in what could be checked."
    possible = facts.still_possible(report)
    if not possible:
        return "The cause is **not established**."
    titles = "; ".join(_low(write.say(one.title, _TITLES)) for one in possible[:4])
    more = f"; and {len(possible) - 4} more" if len(possible) > 4 else ""
    one_of = "one hypothesis is" if len(possible) == 1 else f"{len(possible)} hypotheses are"
    return f"The cause is **not established**; {one_of} still possible: {titles}{more}."


def _when(report: Report, write: Pen) -> str:
    moment, given = facts.decisive(report), report.evidence.subject.incident_time
    looked = times.utc(report.evidence.looked_at)
    at = moment.at if moment else given
    if at is None:
        known = facts.happened(report)
        return "" if known == "not known" else f"The dated evidence is from {known}."
    ago = looked - times.utc(at)
    later = f"; this check ran {format_duration(ago)} later" if ago.total_seconds() > 0 else ""
    if moment is None:
        return f"It was reported for {times.second(at)}{later}."
    return write.noted(f"It happened at {times.second(at)}{later}.", [moment.evidence] if moment.evidence else ())


def _not_so(report: Report, write: Pen) -> str:
    """The refuted initial hypotheses, with the reason where evidence supported them."""
    out, fly = facts.suspicions(report), facts.feed(report)
    titles = "; ".join(f"that {_low(write.say(one.title, _TITLES))}" for one in out)
    told = [f"**Not the cause:** {titles}."] if out else []
    told.append(write.claims((one.against[-1] for one in out if one.supports and one.against), _SHORT))
    status_page = f"\n\n**Fly's status page:** {write.claims([fly[0]], _SHORT)}" if fly else ""
    return " ".join(filter(None, told)) + status_page


def _limits(report: Report, write: Pen) -> str:
    count = len(report.diagnosis.not_checked) + len(report.diagnosis.faults)
    if not count:
        return "**Not checked:** nothing; every question of this runbook was answered."
    named = [_low(one.what.partition(" (E")[0].rstrip("?")) for one in report.diagnosis.not_checked]
    rest = f"; and {count - 3} more" if count > 3 else ""
    told = write.say("; ".join(named[:3]), _SHORT)
    return f"**Not checked:** {told}{rest}. The reasons are under Not checked. None of them counts as absent."


def _impact(report: Report, write: Pen) -> Iterator[str]:
    diagnosis = report.diagnosis
    yield "## Impact"
    lines = []
    if diagnosis.life:
        span = diagnosis.life[-1]
        rests_on = dict.fromkeys(m.evidence for m in diagnosis.timeline if m.at == span.start and m.evidence)
        lines.append(
            write.noted(
                f"The machine: {write.say(span.state, 60)} since {times.second(span.start)}."
                if span.end is None
                else f"The machine: last known {write.say(span.state, 60)}, until {times.second(span.end)}.",
                rests_on,
            )
        )
    if diagnosis.reading.text:
        lines.append(write.claim(diagnosis.reading))
    for symptom in diagnosis.symptoms:
        if symptom.holds is Answer.COULD_NOT_LOOK:
            lines.append(f"**Not checked:** {_low(write.say(symptom.text, _SHORT))}.")
        else:
            lines.append(write.claim(Claim(f"{symptom.so or symptom.text}.", symptom.evidence)))
    compared = diagnosis.comparison
    states = next((row.values[1:] for row in compared.rows if row.attribute == "state"), ()) if compared else ()
    if compared and states:
        told = ", ".join(f"{states.count(state)} {write.say(state, 60)}" for state in dict.fromkeys(states))
        lines.append(write.noted(f"Other machines of the app in the comparison: {told}.", compared.evidence))
    else:
        lines.append("**Not known:** whether other machines of the app are affected.")
    lines.append("**Not known:** how many users were affected. No source of this runbook counts users.")
    yield write.bullets(lines)


def _what_to_do(report: Report, write: Pen) -> Iterator[str]:
    yield "## What to do"
    if remedies := report.diagnosis.remedies:
        yield from _new_id(remedies)
        yield from write.actions(remedies)
    elif report.diagnosis.verdict == "healthy":
        yield "No action is needed."
    else:
        yield "This evidence leads to no remediation."


def _new_id(remedies: tuple[Remedy, ...]) -> Iterator[str]:
    if any("NEW_ID" in command for one in remedies for command in one.commands):
        yield "Replace NEW_ID with the id of the next machine."


def _cause(report: Report, write: Pen) -> Iterator[str]:
    diagnosis, cause = report.diagnosis, report.diagnosis.cause
    yield "## Root cause"
    if cause:
        yield write.claim(Claim(cause.statement, cause.evidence))
        sign = status.STATUS_SIGNS.get(cause.confidence, "")
        yield f"**Confidence:** {sign} {write.say(cause.confidence)} ({escape.code(cause.slug)})"
        for one in diagnosis.hypotheses:
            if one.slug == cause.slug:
                yield from grounds.arguments(one, write)
    elif diagnosis.verdict == "healthy":
        yield "None: no problem was found in what could be checked."
    else:
        yield "Not established. The next test of each hypothesis is under Hypotheses."
    if diagnosis.contradictions:
        yield "**The evidence contradicts itself:**"
        yield write.bullets(write.claim(claim) for claim in diagnosis.contradictions)


def _contributing(report: Report, write: Pen) -> Iterator[str]:
    chain, untrue = report.diagnosis.chain, report.diagnosis.untrue
    if not chain and not untrue:
        return
    yield "## Contributing factors"
    if chain:
        yield write.bullets(
            f"**{write.say(one.title, 300)}** ({escape.code(one.slug)}): "
            f"{write.claim(Claim(one.statement, one.evidence))}"
            for one in chain
        )
    if untrue:
        yield "Incorrect statements by the caller:"
        yield write.bullets(
            f"{f'{times.second(one.at)}: ' if one.at else ''}{write.claim(one.claim, _SHORT)}" for one in untrue
        )


def _ruled_out(report: Report, write: Pen) -> Iterator[str]:
    """Every refuted hypothesis, for readers who came with one of them: also what seemed to speak for it."""
    lines = []
    for one in facts.ruled_out(report):
        asked = ", initial hypothesis" if one.always_listed else ""
        told = [f"✗ **{write.say(one.title, _SHORT)}** ({escape.code(one.slug)}{asked})."]
        if one.supports:
            told.append(f"Supports: {write.claims(one.supports, _SHORT)} Contradicts:")
        told.append(write.claims(one.against, _SHORT))
        lines.append(" ".join(filter(None, told)))
    fly = facts.no_incident(report)
    if fly:
        lines.append(f"✗ **Fly itself had an incident**. No evidence supports it. {write.claims([fly], _SHORT)}")
    if lines:
        yield "## Ruled out"
        yield write.bullets(lines)


def _own_words(report: Report, write: Pen) -> Iterator[str]:
    """The engineer's notes, line by line as they were written."""
    if not report.notes:
        return
    yield "## Engineer's notes"
    yield "Written by the engineer; not checked by this tool."
    for note in report.notes:
        lines = [write.say(line) for line in escape.lines(note, write.room.things * 4, write.room.sentence)]
        yield "\n".join(f"> {line}".rstrip() for line in lines).replace("\n", "  \n").replace(">  \n", ">\n")


def _since(report: Report, write: Pen) -> Iterator[str]:
    since = report.since
    if since is None or not since.earlier:
        return
    yield "## Changes since the previous run"
    last = write.say(since.earlier[0].looked_at, 40)
    if since.changes:
        yield f"Changed since the run of {last}:"
        yield write.bullets(
            f"**{write.say(one.what, 120)}**: {write.say(one.before, _SHORT)} → {write.say(one.now, _SHORT)}"
            for one in since.changes
        )
    else:
        yield f"Verdict, cause and views have not changed since the run of {last}."
    yield "Earlier runs on the same subject:"
    runs = [
        f"{write.say(run.looked_at, 40)}: {status.standing(run.verdict, run.confidence).words}"
        f"{f' ({escape.code(escape.line(run.cause, 80))})' if run.cause else ''}, {write.say(run.headline, _SHORT)} "
        f"{escape.code(escape.line(run.folder, 200))}"
        for run in since.earlier
    ]
    yield write.bullets(
        [*runs, *([pen.cut(f"{since.left} more runs, see the index of all runs")] if since.left else [])]
    )


def _verification(report: Report, write: Pen) -> Iterator[str]:
    if report.diagnosis.verification and report.diagnosis.verdict != "healthy":
        yield "## Verification"
        yield "The incident is over when all of these checks pass for a new machine. Replace NEW_ID with its id:"
        yield from write.actions(report.diagnosis.verification, numbered=False)


def _prevention(report: Report, write: Pen) -> Iterator[str]:
    if report.diagnosis.prevention:
        yield "## Prevention"
        yield from write.actions(report.diagnosis.prevention)


def _not_checked(report: Report, write: Pen) -> Iterator[str]:
    diagnosis = report.diagnosis
    yield "## Not checked"
    rows = [f"**{write.say(one.what)}**: {write.say(one.why)}" for one in diagnosis.not_checked]
    rows += [f"**An internal check of this tool failed**: {write.say(fault)}" for fault in diagnosis.faults]
    if rows:
        yield "None of this counts as absent."
    yield write.bullets(rows) or "Every question of this runbook was answered."


def _for_a_chat(report: Report, _: Pen) -> Iterator[str]:
    yield "## For a chat or a ticket"
    yield escape.fence(paste.block(report))


def _for_support(report: Report, _: Pen) -> Iterator[str]:
    if report.diagnosis.verdict != "healthy":
        yield "## For Fly's support"
        yield escape.fence(fly_support.packet(report))


def _targets(report: Report, _: Pen) -> Iterator[str]:
    yield inline.markdown_targets(report.evidence.observations)


def _low(sentence: str) -> str:
    """A title inside a sentence; what is written in capitals, or is a name, stays."""
    first = sentence.partition(" ")[0]
    plain = first != "Fly" and (first[1:].islower() or first == "A")
    return sentence[:1].lower() + sentence[1:] if plain else sentence


_PARTS: tuple[Part, ...] = (
    _opening,
    _checks,
    _summary,
    _impact,
    _what_to_do,
    _cause,
    _contributing,
    _ruled_out,
    _own_words,
    _since,
    grounds.timeline,
    grounds.visibility,
    grounds.hypotheses,
    grounds.siblings,
    _verification,
    _prevention,
    _not_checked,
    _for_a_chat,
    _for_support,
    grounds.evidence,
    grounds.closing,
    _targets,
)
_STAY = (_opening, _checks, _summary, _for_a_chat, grounds.evidence, grounds.closing, _targets)
_MAY_GO = tuple(make for make in _PARTS if make not in _STAY)
