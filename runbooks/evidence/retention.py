"""The evidence clock: how long each source still holds what happened then, and what is lost already."""

from __future__ import annotations

from datetime import datetime

from runbooks.base.facets import FacetEnum, known_facets
from runbooks.evidence.models import Evidence, Logs, Observation


def gone_at(evidence: Evidence, observation: Observation) -> datetime | None:
    """When the platform drops the newest of what this look saw; None where nobody documents it."""
    if observation.facet.kept is None:
        return None
    newest = None
    if isinstance(observation.answer, Logs):
        newest = max((line.at for line in observation.answer.lines if line.at), default=None)
    newest = newest or evidence.subject.incident_time
    return newest + observation.facet.kept if newest else None


def overdue(evidence: Evidence) -> tuple[FacetEnum, ...]:
    """The sources that no longer hold the time of this incident."""
    happened = evidence.subject.incident_time
    if happened is None:
        return ()
    age = evidence.looked_at - happened
    return tuple(f for f in known_facets() if not f.is_repeat and f.kept is not None and age > f.kept)
