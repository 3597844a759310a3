"""Sections about earlier runs: the five checks then and now, changes, what a refresh changed, the notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fix_checks import Check, Review
from runbooks.diagnose.model import Answer, Diagnosis
from runbooks.evidence import tables
from runbooks.report import status
from runbooks.report.section import Section
from runbooks.report.since import Change, Since

if TYPE_CHECKING:
    import pandas as pd

_EARLIER = "earlier-runs"


def standing(check: Check) -> str:
    """Sign and word of one check; a skipped check neither passes nor fails."""
    return "– skipped" if check.skipped else f"{status.ANSWER_SIGNS[check.holds]} {status.CHECK_WORDS[check.holds]}"


def five_checks(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The answer of `verify_fix`; the app of the new machine should be the incident's."""
    review, app = diagnosis.review or Review(()), facts.subject.app
    held = sum(check.holds is Answer.YES for check in review.made)
    left = len(review.checks) - len(review.made)
    incident = review.incident
    notes = []
    if incident:
        cause = f"{incident.cause}, {incident.confidence}" if incident.cause else "cause not established"
        notes.append(f"The incident: {incident.headline} ({cause}; checked {incident.looked_at})")
        if incident.app != app:
            notes.append(f"The incident was in another app, {incident.app}: “then” and “now” are different apps.")
    else:
        notes.append("No incident to compare with. Set the parameter incident to the folder of its run.")
    if left:
        notes.append(f"{left} of the five checks {'is' if left == 1 else 'are'} skipped (parameter skip).")
    columns = ("check", *(("at the incident",) if incident else ()), "now", "observation", "evidence")
    rows = []
    for check in review.checks:
        then = review.then(check)
        before = ((f"{standing(then)}: {then.text}" if then else "not known"),) if incident else ()
        rows.append((check.title, *before, standing(check), check.text, " ".join(f"[{n}]" for n in check.evidence)))
    return Section(
        "five-checks",
        "The five checks",
        "Do all checks pass, so that the incident can be closed?",
        f"{held} of {len(review.made)} checks pass"
        + (f", {len(review.failed)} {'fails' if len(review.failed) == 1 else 'fail'}" if review.failed else "")
        + (f", {len(review.blind)} could not be checked" if review.blind else "")
        + ".",
        notes=tuple(notes),
        table=tables.frame(columns, rows),
        evidence=tuple(dict.fromkeys(n for check in review.checks for n in check.evidence)),
        in_opening=True,
    )


def since_last_time(since: Since | None) -> Section:
    """Earlier runs on the same machine or name, and what changed since the newest of them."""
    question = "What did earlier runs on this machine find, and what has changed?"
    if since is None:
        return Section(
            _EARLIER,
            "Changes since the previous run",
            question,
            "No earlier run on this machine or name is in the output folder.",
        )
    newest, count = since.earlier[0], len(since.earlier)
    runs = "1 earlier run" if count == 1 else f"{count} earlier runs"
    answer = (
        f"{runs}; since the newest, at {newest.looked_at}, {_counted(since.changes)}."
        if since.changes
        else f"{runs}; nothing changed since the newest, at {newest.looked_at}."
    )
    return Section(
        _EARLIER,
        "Changes since the previous run",
        question,
        answer,
        notes=tuple(f"{run.looked_at}: {run.verdict}, cause {run.said}: {run.headline}" for run in since.earlier),
        table=_table(since.changes) if since.changes else None,
    )


def second_look(before: str, now: str, found: Sequence[Change], kept: str, so_far: Section) -> Section:
    """What `case.refresh()` shows: the verdict so far, and what changed."""
    return Section(
        "second-look",
        so_far.title,
        f"What changed between {before} and {now}?",
        so_far.answer,
        notes=(
            _sentence(f"{_counted(found)} since {before}") if found else f"Nothing changed since {before}.",
            f"The earlier evidence is kept in {kept}/.",
            *so_far.notes,
        ),
        table=_table(found) if found else None,
    )


def notes(said: Sequence[str]) -> Section:
    """The engineer's notes, as they will be in the report."""
    text = "\n\n".join(said)
    answer = (
        "These notes go into the report:" if text else "No notes yet. Write between the quotes and run the cell again."
    )
    return Section("notes", "Notes", "", answer, quote=text)


def _table(found: Sequence[Change]) -> pd.DataFrame:
    return tables.frame(("what", "before", "now"), ((change.what, change.before, change.now) for change in found))


def _counted(found: Sequence[Change]) -> str:
    return "1 thing changed" if len(found) == 1 else f"{len(found)} things changed"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
