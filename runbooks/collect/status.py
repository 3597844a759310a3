"""Fly's own incident feed, the one that flyctl reads (§9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult, absent, refused, seen, unavailable, unreadable
from runbooks.evidence.models import Reason, StatusFeed
from runbooks.evidence.parsers import status_of

LOGICAL = "https://incidents.flyio.net/v1/incidents"
_AROUND = timedelta(hours=2)


_FRESH = timedelta(days=1)


def status(client: Client, configured: bool, around: datetime, now: datetime) -> FacetResult:
    """Incidents that were open within two hours of the given time. An old one may have left the feed."""
    if not configured:
        return unavailable("the status feed is switched off (RUNBOOKS_STATUS_URL=off)", code=Reason.SWITCHED_OFF)
    answer = client.get(LOGICAL, "get incidents", "status")
    if not answer.ok:
        return refused(answer, "Fly's incidents")
    if not isinstance(answer.json, Mapping) or not isinstance(answer.json.get("incidents"), list):
        return unreadable(answer, "Fly's incidents")
    everything = status_of(answer.json)
    if len(everything.incidents) != len(answer.json["incidents"]) or not all(i.name for i in everything.incidents):
        return unreadable(answer, "Fly's incidents")
    begin, end = around - _AROUND, around + _AROUND
    near = tuple(
        i
        for i in everything.incidents
        if (i.started_at is None or i.started_at <= end) and (i.resolved_at is None or i.resolved_at >= begin)
    )
    oldest = min((i.started_at for i in everything.incidents if i.started_at), default=now)
    if not near and now - around > _FRESH and oldest > begin:
        listed = (
            f"lists {_counted(len(everything.incidents))}, none as old as this" if everything.incidents else "is empty"
        )
        return unavailable(f"the feed {listed}: it may not reach back so far")
    if not near:
        return absent(
            f"the feed lists {_counted(len(everything.incidents))}"
            + (", none of them open within two hours of this time" if everything.incidents else ""),
            StatusFeed(),
        )
    return seen("; ".join(f"{i.name} ({i.status})" for i in near), StatusFeed(near))


def _counted(incidents: int) -> str:
    return {0: "no incident", 1: "1 incident"}.get(incidents, f"{incidents} incidents")
