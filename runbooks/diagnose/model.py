"""What a diagnosis says: the values that the report renders and `summary.json` prints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from runbooks.base.brief import brief

if TYPE_CHECKING:
    from runbooks.diagnose.checks import Review
    from runbooks.diagnose.fleet import FleetReview


class Status(StrEnum):
    CONFIRMED = "confirmed"
    LIKELY = "likely"
    OPEN = "open"
    REFUTED = "refuted"


HOLD = frozenset({Status.CONFIRMED, Status.LIKELY})
"""A hypothesis of these holds."""
DECIDED = frozenset({Status.CONFIRMED, Status.REFUTED})
"""One of these needs no further test."""


class Verdict(StrEnum):
    HEALTHY = "healthy"
    INCIDENT = "incident"
    INCONCLUSIVE = "inconclusive"


class ReportStatus(StrEnum):
    """The status of a report, in the words of its first screen and of `summary.json`."""

    HEALTHY = "HEALTHY"
    RESOLVED = "RESOLVED"
    ROOT_CAUSE_IDENTIFIED = "ROOT CAUSE IDENTIFIED"
    LIKELY_CAUSE = "LIKELY CAUSE"
    INVESTIGATING = "INVESTIGATING"
    INCONCLUSIVE = "INCONCLUSIVE"
    LOOK_BLOCKED = "LOOK BLOCKED"


class Answer(StrEnum):
    """The three-valued answer: of a view, of a symptom, of a check."""

    YES = "yes"
    NO = "no"
    COULD_NOT_LOOK = "could-not-look"

    @classmethod
    def of(cls, known: bool | None) -> Answer:
        """The answer for a truth value.

        Args:
            known: None, if it could not be looked at
        """
        return cls.COULD_NOT_LOOK if known is None else cls.YES if known else cls.NO


class Confidence(StrEnum):
    CONFIRMED = "confirmed"
    LIKELY = "likely"


class Owner(StrEnum):
    """Who can fix a cause: the user, in the program, the config or the caller; Fly; or either of them."""

    YOU = "you"
    FLY = "fly"
    UNDECIDED = "undecided"


class Claim(NamedTuple):
    """A sentence with its footnotes: `evidence` holds E-numbers that exist in the evidence."""

    text: str
    evidence: tuple[str, ...] = ()


NOTHING = Claim("")
"""Nothing is claimed."""


class Remedy(NamedTuple):
    """What to do, why, and how; `general`: worth doing whatever happened."""

    title: str
    why: str
    commands: tuple[str, ...] = ()
    general: bool = False


class Hypothesis(NamedTuple):
    """One line of the ledger. `always_listed` marks an initial hypothesis, which is listed whatever the evidence."""

    slug: str
    title: str
    status: Status
    statement: str
    supports: tuple[Claim, ...] = ()
    against: tuple[Claim, ...] = ()
    missing: tuple[Claim, ...] = ()
    next_test: str = ""
    always_listed: bool = False

    @property
    def evidence(self) -> tuple[str, ...]:
        """Every footnote of what speaks for it, in order, each once."""
        return tuple(dict.fromkeys(n for claim in self.supports for n in claim.evidence))


class Finding(NamedTuple):
    """A cause or a contributing condition that the evidence establishes."""

    slug: str
    title: str
    statement: str
    evidence: tuple[str, ...]
    confidence: Confidence = Confidence.CONFIRMED
    hygiene: bool = False
    owner: Owner | None = None


class ViewKey(StrEnum):
    """The views of the matrix, by what was queried."""

    MACHINE = "machine"
    LIST = "list"
    LIST_DELETED = "list-deleted"
    EVENTS = "events"
    LOG = "log"
    METRICS = "metrics"
    ORGANISATION = "organisation"
    FLY_MACHINE_LIST = "fly-machine-list"
    FLY_STATUS = "fly-status"
    LAUNCH_TOOLS = "launch-tools"
    DASHBOARD = "dashboard"
    PRIVATE_NAME = "private-name"
    DNS_APP = "dns-app"
    DNS_BELIEVED = "dns-believed"
    ENDPOINT_BELIEVED = "endpoint-believed"
    ENDPOINT_APP = "endpoint-app"
    RECORD = "record"
    CALLER = "caller"
    PASTED = "pasted"
    SEEN_BY_CALLER = "seen-by-caller"


_DERIVED = (ViewKey.FLY_MACHINE_LIST, ViewKey.FLY_STATUS, ViewKey.LAUNCH_TOOLS, ViewKey.PRIVATE_NAME)


class View(NamedTuple):
    """One row of the matrix.

    `indirect` means that it names the machine or leads to its app, but does not show it. What does not apply here, or
    that nobody can query, is no gap where it was not checked. One that is not `kept` was asked, and has nothing left of
    that time. `view` is the text that reports show; code selects rows by `key`, which is None for a row that is not one
    of the matrix.
    """

    view: str
    sees: Answer
    state: str
    evidence: tuple[str, ...]
    indirect: bool = False
    key: ViewKey | None = None
    applies: bool = True
    kept: bool = True

    @property
    def derived(self) -> bool:
        """It follows from another view, and was not asked of its own."""
        return self.key in _DERIVED


class Moment(NamedTuple):
    """One line of the timeline. `decisive` marks the moment that the cause rests on."""

    at: datetime
    source: str
    text: str
    evidence: str
    decisive: bool = False


class Span(NamedTuple):
    """The machine was in `state` from `start` to `end` (None: still, when we looked)."""

    state: str
    start: datetime
    end: datetime | None


class Symptom(NamedTuple):
    """One of the five symptoms of a machine that is not visible. `so` says what is the case.

    `felt` means that it fails for those who use the machine, and so is part of the impact.
    """

    text: str
    holds: Answer
    evidence: tuple[str, ...]
    so: str = ""
    felt: bool = False


@dataclass(frozen=True, slots=True)
class FalseClaim:
    """Something that the caller or its row said, and that the evidence refutes; `at` is when it said so."""

    at: datetime | None
    claim: Claim


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute of all compared machines, the subject's first."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The subject (first) beside its siblings; `differs` names the attributes in which it stands out."""

    machines: tuple[str, ...]
    rows: tuple[Difference, ...]
    evidence: tuple[str, ...]
    differs: tuple[str, ...] = ()


class Unchecked(NamedTuple):
    """A question without an answer, and why.

    Attributes:
        gap: an answer was wanted; False where the question does not apply here, or was not wanted
        kept: False where it was asked, and Fly has nothing left of that time
    """

    what: str
    why: str
    gap: bool = True
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    verdict: Verdict
    headline: str
    cause: Finding | None
    contributing: tuple[Finding, ...]
    hypotheses: tuple[Hypothesis, ...]
    visibility: tuple[View, ...]
    timeline: tuple[Moment, ...]
    life: tuple[Span, ...]
    symptoms: tuple[Symptom, ...]
    remedies: tuple[Remedy, ...]
    prevention: tuple[Remedy, ...]
    verification: tuple[Remedy, ...]
    not_checked: tuple[Unchecked, ...]
    faults: tuple[str, ...] = ()
    reading: Claim = NOTHING
    contradictions: tuple[Claim, ...] = ()
    untrue: tuple[FalseClaim, ...] = ()
    comparison: Comparison | None = None
    review: Review | None = None
    fleet: FleetReview | None = None
    assumptions: tuple[str, ...] = ()
    """What was assumed about the times in the timeline, one sentence each."""
    untraced: bool = False
    """Nothing is left of a machine that was created, so that it may have ended as intended."""
    blocked: bool = False
    """Nothing was observed, and nothing was pasted: the report says what prevents it, and nothing else."""
    established: bool | None = None
    """Whether what is wrong is established; None means: if there is a cause. A runbook that compares views instead
    of weighing causes says it here."""

    def __repr__(self) -> str:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        cause = f"{self.cause.slug}, {self.cause.confidence}" if self.cause else "none established"
        return brief("Diagnosis", {**told, "verdict": self.verdict.value, "cause": cause})

    @property
    def status(self) -> ReportStatus:
        """RESOLVED is for a runbook that reviews a fix; a machine that was never ill is HEALTHY."""
        if self.blocked:
            return ReportStatus.LOOK_BLOCKED
        if self.verdict is Verdict.HEALTHY:
            return ReportStatus.RESOLVED if self.review and self.review.closes else ReportStatus.HEALTHY
        if self.verdict is Verdict.INCONCLUSIVE:
            return ReportStatus.INCONCLUSIVE
        if self.cause is None:
            return ReportStatus.INVESTIGATING
        confirmed = self.cause.confidence == Confidence.CONFIRMED
        return ReportStatus.ROOT_CAUSE_IDENTIFIED if confirmed else ReportStatus.LIKELY_CAUSE

    @property
    def exit_code(self) -> int:
        """0 nothing wrong found, 3 it is established what is wrong, 4 it is not, 5 could not look."""
        if self.blocked:
            return 5
        if self.verdict is Verdict.HEALTHY:
            return 0
        established = self.cause is not None if self.established is None else self.established
        return 3 if established else 4

    @property
    def audit(self) -> tuple[Claim, ...]:
        """What the config audit found, as claims."""
        return tuple(Claim(f.statement, f.evidence) for f in self.contributing if f.hygiene)

    @property
    def chain(self) -> tuple[Finding, ...]:
        """What contributed to this incident, habits left out."""
        return tuple(f for f in self.contributing if not f.hygiene)
