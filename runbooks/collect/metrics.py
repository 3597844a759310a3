"""Fly's Prometheus: what was measured of a machine, for about 15 days, also after it is gone (§9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from runbooks.collect.client import PLATFORM, Client
from runbooks.collect.result import FacetResult, absent, refused, seen, unavailable, unreadable
from runbooks.evidence.metrics import Metrics, is_partial, query, series_of

LOGICAL = f"{PLATFORM}/prometheus/*"
"""The base of an organisation's store; `*` is the organisation."""
KEPT = timedelta(days=15)
MOST_SAMPLES = 720
"""Samples of one series: a step is at least a minute, and as long as it takes to cover the time with these."""
_SHORTEST = 60


def metrics(
    client: Client, org_slug: str, app_name: str, machine_id: str, start: datetime, end: datetime
) -> FacetResult:
    """Ask once for the series of a machine and its app.

    Args:
        client: the client to ask with
        org_slug: the organisation, whose store it is
        app_name: the app, a label of every series
        machine_id: the machine, the label `instance` of its own series
        start: the earliest time of interest; the store keeps about 15 days
        end: the latest time of interest

    Returns:
        seen with `Metrics` where a series of the machine exists; absent, with what the app has, where none does
    """
    last, first = int(end.timestamp()), int(max(start, end - KEPT).timestamp())
    step = max(_SHORTEST, -(-(last - first) // MOST_SAMPLES))
    # Whole steps since 1970: VictoriaMetrics moves other times to such, to find them in its cache.
    first, last = first // step * step, -(-last // step) * step
    asked = {
        "query": query(app_name, machine_id, step),
        "start": str(first),
        "end": str(last),
        "step": str(step),
    }
    url = f"{PLATFORM}/prometheus/{quote(org_slug, safe='')}/api/v1/query_range?{urlencode(asked)}"
    answer = client.get(url, "query metrics", org_slug)
    if not answer.ok:
        return refused(answer, f"the metrics of {machine_id}")
    series = series_of(answer.json)
    if series is None:
        return unreadable(answer, f"the metrics of {machine_id}")
    asked_from, asked_to = (datetime.fromtimestamp(at, UTC) for at in (first, last))
    found = Metrics(series, asked_from, asked_to, timedelta(seconds=step))
    own = [one for one in series if one.labels.get("instance") == machine_id and one.samples]
    if own:
        since, until = min(one.samples[0][0] for one in own), max(one.samples[-1][0] for one in own)
        until = min(until, end)  # a sample stands for the step that ends at its time
        return seen(
            f"{len(own)} series of machine {machine_id}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC, one "
            f"value every {step} s; the last one is repeated for up to 5 minutes, also after the machine has ended",
            found,
        )
    if is_partial(answer.json):
        return unavailable(f"the metrics of {machine_id}: a part of the store did not answer")
    return absent(
        f"no series of machine {machine_id} since {found.start:%Y-%m-%d %H:%M} UTC "
        f"(Fly keeps about {KEPT.days} days, and a very short life can fall between two samples)",
        found,
    )
