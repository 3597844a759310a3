"""Is it mended? The first report's five checks on a new machine, each beside what it showed at the incident.

The same function judges both: the evidence of the new machine, and that of the incident's run. A check that
could not be made holds nothing closed: `holds` is then None.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One of the five: `holds` is None when it could not be looked at; `text` says what was seen."""

    slug: str
    title: str
    holds: bool | None
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Incident:
    """The run that is to be closed, as far as the later one needs it; `checks` are the five, then."""

    folder: str
    looked_at: str
    headline: str
    machine_id: str = ""
    cause: str = ""
    confidence: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Review:
    """The five checks now, and the incident they are compared with (None: none was given)."""

    checks: tuple[Check, ...]
    incident: Incident | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.holds is False)

    @property
    def blind(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.holds is None)

    @property
    def closed(self) -> bool:
        return not self.failed and not self.blind

    def then(self, check: Check) -> Check | None:
        """The same check at the incident."""
        return next((c for c in self.incident.checks if c.slug == check.slug), None) if self.incident else None
