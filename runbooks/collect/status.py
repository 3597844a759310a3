"""Fly's own incident feed, the one that flyctl reads (facts §9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from runbooks.collect.client import Client
from runbooks.collect.found import Found, absent, refused, seen, unlooked, unreadable
from runbooks.evidence.models import StatusFeed
from runbooks.evidence.reading import status_of

LOGICAL = "https://incidents.flyio.net/v1/incidents"
_AROUND = timedelta(hours=2)


def status(client: Client, configured: bool, around: datetime) -> Found:
    """Incidents that were open within two hours of the given time."""
    if not configured:
        return unlooked("the status feed is switched off (RUNBOOKS_STATUS_URL=off)")
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
    if not near:
        return absent(
            f"the feed lists {_counted(len(everything.incidents))}, none open within two hours of this one",
            StatusFeed(),
        )
    return seen("; ".join(f"{i.name} ({i.status})" for i in near), StatusFeed(near))


def _counted(incidents: int) -> str:
    return "1 incident" if incidents == 1 else f"{incidents} incidents"
