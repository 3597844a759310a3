"""The words and signs of the report: one place, so that page, write-up and index agree.

A state is always said by word and sign; colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbooks.diagnose.checks import Check
from runbooks.diagnose.model import Answer, Diagnosis, Owner, ReportStatus, View
from runbooks.evidence.models import Evidence


@dataclass(frozen=True, slots=True)
class Standing:
    """The status line: its words, what they mean here, and the tone they are shown in."""

    words: str
    sign: str
    meaning: str
    tone: str


STANDINGS: Mapping[ReportStatus, Standing] = {
    ReportStatus.ROOT_CAUSE_IDENTIFIED: Standing(
        "ROOT CAUSE IDENTIFIED", "●", "the cause is confirmed by evidence", "bad"
    ),
    ReportStatus.LIKELY_CAUSE: Standing("LIKELY CAUSE", "◐", "a cause is likely, but not confirmed", "open"),
    ReportStatus.INVESTIGATING: Standing(
        "INVESTIGATING", "○", "something failed or is missing, and the cause is not established", "open"
    ),
    ReportStatus.INCONCLUSIVE: Standing("INCONCLUSIVE", "?", "the evidence does not establish the state", "open"),
    ReportStatus.LOOK_BLOCKED: Standing(
        "LOOK BLOCKED", "⊘", "nothing could be queried, and nothing was pasted", "open"
    ),
    ReportStatus.HEALTHY: Standing("HEALTHY", "✓", "no problem was found at the time of the check", "good"),
    ReportStatus.RESOLVED: Standing("RESOLVED", "✓", "the fix is verified", "good"),
}
"""The words of each status, the worst first."""

OWNERS: Mapping[Owner, str] = {
    Owner.YOU: "your team (not Fly)",
    Owner.FLY: "Fly",
    Owner.UNDECIDED: "not determined (your team or Fly)",
}
"""The owner of the fix."""
STATUS_SIGNS: Mapping[str, str] = {"confirmed": "●", "likely": "◐", "open": "○", "refuted": "✗"}
TERMS = (
    "The caller is the program that made the create call, the row its entry in your database. A view is one place "
    "where the machine may be listed. flyd is the part of Fly that runs machines. E and a number name a piece of "
    "evidence."
)
GENERAL = "In any case, whatever happened here"
CONFIRMED_MEANS = (
    "Confirmed means that the evidence proves it of this machine: one of them is the root cause, the others contribute "
    "to the incident or follow from it."
)
ANSWER_SIGNS: Mapping[Answer, str] = {Answer.YES: "✓", Answer.NO: "✗", Answer.COULD_NOT_LOOK: "?"}
"""The one table of signs for three-valued answers."""
ANSWER_WORDS: Mapping[Answer, str] = {Answer.YES: "yes", Answer.NO: "no", Answer.COULD_NOT_LOOK: "not checked"}
CHECK_WORDS: Mapping[Answer, str] = {
    Answer.YES: "passes",
    Answer.NO: "fails",
    Answer.COULD_NOT_LOOK: "not checked",
}


def standing(verdict: str, confidence: str | None, status: str = "") -> Standing:
    """What the status line says.

    Args:
        verdict: of a summary
        confidence: of its cause; None or "": there is none
        status: of a summary; "": it is older than the statuses, and the other two tell it
    """
    if status:
        return STANDINGS[ReportStatus(status)]
    by_cause = {"confirmed": ReportStatus.ROOT_CAUSE_IDENTIFIED, "likely": ReportStatus.LIKELY_CAUSE}
    if verdict == "incident":
        return STANDINGS[by_cause.get(confidence or "", ReportStatus.INVESTIGATING)]
    return STANDINGS[ReportStatus.HEALTHY if verdict == "healthy" else ReportStatus.INCONCLUSIVE]


def words_of(summary: Mapping[str, Any]) -> str:
    """The status words of a run, from its summary.json."""
    confidence = (summary.get("cause") or {}).get("confidence")
    return standing(str(summary.get("verdict")), confidence, summary.get("status", "")).words


def of(diagnosis: Diagnosis) -> Standing:
    found, cause = STANDINGS[diagnosis.status], diagnosis.cause
    if diagnosis.status is ReportStatus.ROOT_CAUSE_IDENTIFIED and cause and cause.owner is Owner.UNDECIDED:
        return replace(
            found,
            words=f"{found.words}, REASON OPEN",
            tone="open",
            meaning="what happened is confirmed; its reason, and who has to mend it, are not determined",
        )
    return found


def of_view(view: View) -> str:
    """Sign and word of one view; an indirect one is no proof of the machine, and a derived one was not asked."""
    if view.derived:
        return f"– derived: {ANSWER_WORDS[view.sees]}"
    if view.indirect and view.sees is Answer.YES:
        return "– indirect"
    if not view.kept:
        return "– nothing left"
    if not view.applies and view.sees is Answer.COULD_NOT_LOOK:
        return "– not applicable"
    return f"{ANSWER_SIGNS[view.sees]} {ANSWER_WORDS[view.sees]}"


def of_check(check: Check | None) -> str:
    """Sign and word of one check; a skipped check neither passes nor fails, and an unknown one is a dash."""
    if check is None:
        return "–"
    if check.skipped:
        return "– skipped"
    if check.warns and check.holds is Answer.YES:
        return "! warning"
    return f"{ANSWER_SIGNS[check.holds]} {CHECK_WORDS[check.holds]}"


def simulated(evidence: Evidence) -> str:
    """The scenario's name when the evidence comes from the simulator, else nothing."""
    return evidence.source.partition(":")[2] if evidence.source.startswith("simulator:") else ""
