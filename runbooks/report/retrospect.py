"""Sections that look back: the five checks then and now, earlier runs, what a second look changed, the notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runbooks.diagnose.fix_checks import Check, Review
from runbooks.diagnose.model import Answer
from runbooks.evidence import tables
from runbooks.report import status
from runbooks.report.section import Section
from runbooks.report.since import Change, Since

if TYPE_CHECKING:
    import pandas as pd

_EARLIER = "earlier-runs"


def standing(check: Check) -> str:
    """Sign and word of one check; one that does not apply is neither held nor failed."""
    return "– left out" if check.skipped else f"{status.ANSWER_SIGNS[check.holds]} {status.SYMPTOM_WORDS[check.holds]}"


def five_checks(review: Review, app: str) -> Section:
    """The answer of `verify_fix`; `app` is the new machine's, which should be the incident's."""
    held = sum(check.holds is Answer.YES for check in review.made)
    left = len(review.checks) - len(review.made)
    incident = review.incident
    notes = []
    if incident:
        cause = f"{incident.cause}, {incident.confidence}" if incident.cause else "its cause was not established"
        notes.append(f"The incident: {incident.headline} ({cause}; looked at {incident.looked_at})")
        if incident.app != app:
            notes.append(f"The incident was in another app, {incident.app}: “then” and “now” are not the same thing.")
    else:
        notes.append("No incident was given to compare with (parameter incident: the folder of its run).")
    if left:
        notes.append(f"{left} of the five {'is' if left == 1 else 'are'} left out, because of the parameter skip.")
    columns = ("check", *(("at the incident",) if incident else ()), "now", "what was seen", "evidence")
    rows = []
    for check in review.checks:
        then = review.then(check)
        before = ((f"{standing(then)}: {then.text}" if then else "not known"),) if incident else ()
        rows.append((check.title, *before, standing(check), check.text, " ".join(f"[{n}]" for n in check.evidence)))
    return Section(
        "five-checks",
        "The five checks",
        "Does everything hold that has to hold for the incident to be over?",
        f"{held} of {len(review.made)} checks hold"
        + (f", {len(review.failed)} {'does' if len(review.failed) == 1 else 'do'} not" if review.failed else "")
        + (f", {len(review.blind)} could not be made" if review.blind else "")
        + ".",
        notes=tuple(notes),
        table=tables.frame(columns, rows),
        evidence=tuple(dict.fromkeys(n for check in review.checks for n in check.evidence)),
    )


def since_last_time(since: Since | None) -> Section:
    """Earlier runs on the same machine or name, and what is not what it was at the newest of them."""
    question = "What did earlier runs on this machine find, and what is different now?"
    if since is None:
        return Section(
            _EARLIER, "Since last time", question, "No earlier run on this machine or name is among the outputs."
        )
    newest, count = since.earlier[0], len(since.earlier)
    runs = "1 earlier run" if count == 1 else f"{count} earlier runs"
    answer = (
        f"{runs}; since the newest, at {newest.looked_at}, {_counted(since.changes)}."
        if since.changes
        else f"{runs}; nothing is different from the newest, at {newest.looked_at}."
    )
    return Section(
        _EARLIER,
        "Since last time",
        question,
        answer,
        notes=tuple(f"{run.looked_at}: {run.verdict}, cause {run.said}: {run.headline}" for run in since.earlier),
        table=_table(since.changes) if since.changes else None,
    )


def second_look(before: str, now: str, found: Sequence[Change], kept: str, so_far: Section) -> Section:
    """What `case.refresh()` shows: the verdict so far, and what is new in it."""
    return Section(
        "second-look",
        so_far.title,
        f"What changed between {before} and {now}?",
        so_far.answer,
        notes=(
            _sentence(f"{_counted(found)} since {before}") if found else f"Nothing changed since {before}.",
            f"What was seen before is kept in {kept}/.",
            *so_far.notes,
        ),
        table=_table(found) if found else None,
    )


def notes(said: Sequence[str]) -> Section:
    """The engineer's own words, as they will stand in the report."""
    text = "\n\n".join(said)
    answer = "This goes into the report:" if text else "Nothing yet: write between the quotes and run the cell again."
    return Section("notes", "Notes", "", answer, quote=text)


def _table(found: Sequence[Change]) -> pd.DataFrame:
    return tables.frame(("what", "before", "now"), ((change.what, change.before, change.now) for change in found))


def _counted(found: Sequence[Change]) -> str:
    return "1 thing changed" if len(found) == 1 else f"{len(found)} things changed"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
