"""The evidence clock: how long each source still holds what happened then, and what is lost already."""

from __future__ import annotations

from datetime import datetime

from runbooks.evidence.catalogue import FACETS, Facet
from runbooks.evidence.models import Evidence, Logs, Look


def gone_at(evidence: Evidence, look: Look) -> datetime | None:
    """When the platform drops the newest of what this look saw; None where nobody documents it."""
    if look.facet.kept is None:
        return None
    newest = None
    if isinstance(look.answer, Logs):
        newest = max((line.at for line in look.answer.lines if line.at), default=None)
    newest = newest or evidence.subject.incident_time
    return newest + look.facet.kept if newest else None


def overdue(evidence: Evidence) -> tuple[Facet, ...]:
    """The sources that no longer hold the time of this incident."""
    happened = evidence.subject.incident_time
    if happened is None:
        return ()
    return tuple(f for f in FACETS.values() if f.kept is not None and evidence.looked_at - happened > f.kept)
