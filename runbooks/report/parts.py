"""The parts of a report and their order: in the write-up and on the page. The templates have one macro for each.

To move a part, move its line; to leave one out, change when it is shown. Headings and contents follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbooks.report import facts
from runbooks.report.document import Report


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report.

    Attributes:
        name: the name of its macro
        title: its heading, and its words in the contents
        when: whether a report has it
        stays: a write-up that is too long never gives it up
        anchor: where links on the page lead
        of_definition: it is the section of that name in the runbook's definition; `steps` are all others
        folded: the page shows its heading and how much there is; on paper it belongs to the appendix
    """

    name: str
    title: str = ""
    when: Callable[[Report], object] = lambda _: True
    stays: bool = False
    anchor: str = ""
    of_definition: bool = False
    folded: bool = False


def _unresolved(report: Report) -> bool:
    return report.diagnosis.verdict != "healthy"


def _verifiable(report: Report) -> object:
    return report.diagnosis.verification and _unresolved(report)


def _weighed(report: Report) -> bool:
    return bool(report.diagnosis.hypotheses)


def _before(report: Report) -> bool:
    """Are there checks that were made before anything happened?"""
    return report.diagnosis.review is not None and not report.diagnosis.review.closes


def _one_machine(report: Report) -> bool:
    return report.diagnosis.fleet is None


WRITE_UP = (
    Part("opening", stays=True),
    Part("checks", "The five checks", lambda report: report.diagnosis.review and not _before(report), stays=True),
    Part("checks", "Checks before the create call", lambda report: _before(report), stays=True),
    Part("summary", "Summary", stays=True),
    Part("fleet", "Machines and rows", lambda report: report.diagnosis.fleet, stays=True),
    Part("root_cause", "Root cause", _one_machine),
    Part("contributing", "Contributing factors", lambda report: report.diagnosis.chain or report.diagnosis.untrue),
    Part("impact", "Impact", _one_machine),
    Part("what_to_do", "What to do"),
    Part("verification", "Verification", _verifiable),
    Part("prevention", "Prevention", lambda report: report.diagnosis.prevention),
    Part("notes", "Engineer's notes", lambda report: report.notes),
    Part("since", "Changes since the previous run", lambda report: report.since and report.since.earlier),
    Part("timeline", "Timeline", lambda report: report.diagnosis.timeline),
    Part("visibility", "Visibility", lambda report: report.diagnosis.visibility),
    Part("hypotheses", "Hypotheses", _weighed),
    Part("ruled_out", "Ruled out", lambda report: facts.ruled_out(report) or facts.no_incident(report)),
    Part("siblings", "Comparison with other machines of the app", lambda report: report.diagnosis.comparison),
    Part("not_checked", "Not checked"),
    Part("chat", "For a chat or a ticket", stays=True),
    Part("support", "For Fly's support", lambda report: _unresolved(report) and _one_machine(report)),
    Part("evidence", "Evidence", stays=True),
    Part("closing", stays=True),
)

PAGE = (
    Part("checks", "Results of the checks", lambda report: report.diagnosis.review, anchor="checks"),
    Part("root_cause", "Root cause", _one_machine, anchor="cause"),
    Part("impact", "Impact", lambda report: _unresolved(report) and _one_machine(report), anchor="impact"),
    Part("what_to_do", "What to do", anchor="what-to-do"),
    Part("verification", "Verify the fix", _verifiable, anchor="verification"),
    Part("prevention", "Prevention", lambda report: report.diagnosis.prevention, anchor="prevention"),
    Part("notes", "Notes", lambda report: report.notes, anchor="notes"),
    Part("since", "Changes since the previous run", lambda report: report.since, anchor="since"),
    Part("timeline", of_definition=True),
    Part("steps", when=lambda report: not report.diagnosis.hypotheses, of_definition=True),
    Part("visibility", "Visibility", lambda report: report.diagnosis.visibility, anchor="visibility"),
    Part("not_checked", "Not checked", anchor="not-checked"),
    Part("hypotheses", "Hypotheses", _weighed, anchor="hypotheses", folded=True),
    Part("steps", "Steps", _weighed, anchor="steps", of_definition=True, folded=True),
    Part("support", "For Fly's support", _one_machine, anchor="support", folded=True),
    Part("evidence", "Evidence", anchor="evidence", folded=True),
)
"""The page below its first screen: what is needed next, then, folded, what it rests on.

The steps are folded where hypotheses say what they lead to; elsewhere they are the answer.
"""
