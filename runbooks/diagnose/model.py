"""What a diagnosis says: the values that the report renders and `summary.json` prints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    CONFIRMED = "confirmed"
    LIKELY = "likely"
    OPEN = "open"
    REFUTED = "refuted"


class Verdict(StrEnum):
    HEALTHY = "healthy"
    INCIDENT = "incident"
    INCONCLUSIVE = "inconclusive"


class Sees(StrEnum):
    YES = "yes"
    NO = "no"
    COULD_NOT_LOOK = "could-not-look"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence with its footnotes: `evidence` holds E-numbers that exist in the evidence."""

    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    title: str
    why: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One line of the ledger. `asked_by` is "the usual first suspicions" for those that always stand there."""

    slug: str
    title: str
    status: Status
    statement: str
    supports: tuple[Claim, ...] = ()
    against: tuple[Claim, ...] = ()
    missing: tuple[Claim, ...] = ()
    next_test: str = ""
    asked_by: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """Every footnote of what speaks for it, in order, each once."""
        return tuple(dict.fromkeys(n for claim in self.supports for n in claim.evidence))


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause or a contributing condition that the evidence establishes."""

    slug: str
    title: str
    statement: str
    evidence: tuple[str, ...]
    confidence: str = "confirmed"
    hygiene: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One row of the visibility matrix."""

    view: str
    sees: Sees
    state: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline. `decisive` marks the moment that the cause rests on."""

    at: datetime
    source: str
    text: str
    evidence: str
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The machine was in `state` from `start` to `end` (None: still, when we looked)."""

    state: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Symptom:
    """One of the seed's five symptoms: `holds` is None when it could not be looked at."""

    text: str
    holds: bool | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unchecked:
    what: str
    why: str


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
    audit: tuple[Claim, ...] = ()
