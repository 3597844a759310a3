"""A check and its result, for every runbook that is made of checks: `verify_fix`, `preflight`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbooks.diagnose.model import Answer

YES, NO, BLIND = Answer.YES, Answer.NO, Answer.COULD_NOT_LOOK


@dataclass(frozen=True)
class Check:
    """One check; `text` says what was seen.

    Attributes:
        skipped: a person said that it does not apply here
        warns: it holds, and something about it should change
        cause: the cause of the catalogue that follows where it does not hold, "" if it has none
    """

    slug: str
    title: str
    holds: Answer
    text: str
    evidence: tuple[str, ...] = ()
    skipped: bool = False
    warns: bool = False
    cause: str = ""


def check(
    slug: str, title: str, holds: Answer, text: str, evidence: Sequence[str], *, cause: str = "", warns: bool = False
) -> Check:
    """A check with its result; `cause` counts where it does not hold or warns."""
    return Check(slug, title, holds, text, tuple(evidence), warns=warns, cause=cause)


@dataclass(frozen=True)
class Incident:
    """The run that is to be closed, as far as the later one needs it; `checks` are the same ones, then."""

    folder: str
    looked_at: str
    headline: str
    app: str = ""
    machine_id: str = ""
    cause: str = ""
    confidence: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Review:
    """The checks now, and the incident they are compared with (None: none was given).

    Attributes:
        title: what the checks are called
        closes: whether they close an incident; else they are made before anything happens
    """

    checks: tuple[Check, ...]
    incident: Incident | None = None
    title: str = "The five checks"
    closes: bool = True

    @property
    def made(self) -> tuple[Check, ...]:
        """Those that apply here."""
        return tuple(check for check in self.checks if not check.skipped)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.made if check.holds is Answer.NO)

    @property
    def blind(self) -> tuple[Check, ...]:
        return tuple(check for check in self.made if check.holds is Answer.COULD_NOT_LOOK)

    @property
    def warned(self) -> tuple[Check, ...]:
        return tuple(check for check in self.made if check.holds is Answer.YES and check.warns)

    @property
    def closed(self) -> bool:
        return bool(self.made) and not self.failed and not self.blind

    def then(self, check: Check) -> Check | None:
        """The same check at the incident."""
        return next((c for c in self.incident.checks if c.slug == check.slug), None) if self.incident else None
