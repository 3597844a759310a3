"""What the platform measures of a machine: series that outlive it, told from its events (§9).

A series is a list of spans of time, each with a value. The platform samples them every 15 seconds, so what lives
shorter than that may leave no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from runbooks.simulator.machine import Machine

SCRAPE = 15
"""Seconds between two samples."""
_STAYS = timedelta(minutes=5)
"""For how long the exit of a program is reported after it."""
_MB = 1024 * 1024
_REST = 0.45
"""The part of its memory that a program uses that does not run out of it."""

Value = Callable[[float], float]


@dataclass(frozen=True)
class Span:
    """From `start` to `end`; `value` is asked with the seconds since `start`."""

    start: datetime
    end: datetime
    value: Value


@dataclass(frozen=True)
class Measured:
    """One series with its labels, the name of the metric among them."""

    labels: dict[str, str]
    spans: list[Span] = field(default_factory=list)

    def last(self, after: float, until: float) -> float | None:
        """The newest sample in the half-open time `(after, until]`, in seconds since 1970."""
        for span in reversed(self.spans):
            begin, end = span.start.timestamp(), span.end.timestamp()
            at = min(until, end) // SCRAPE * SCRAPE
            if at > after and at >= begin:
                return span.value(at - begin)
        return None


def measured(machine: Machine, now: datetime) -> list[Measured]:
    """The series of one machine up to now."""
    up, codes, oom, free, total = (
        Measured(
            {"__name__": name, "app": machine.app, "region": machine.region, "host": "7a1c", "instance": machine.id}
        )
        for name in (
            "fly_instance_up",
            "fly_instance_exit_code",
            "fly_instance_exit_oom",
            "fly_instance_memory_mem_available",
            "fly_instance_memory_mem_total",
        )
    )
    size = float((machine.config.get("guest") or {}).get("memory_mb", 256)) * _MB
    for start, end, told in _runs(machine, now):
        killed = bool(told and told.get("oom_killed"))
        seconds = max(1.0, (end - start).total_seconds())
        up.spans.append(Span(start, end, lambda _: 1.0))
        total.spans.append(Span(start, end, lambda _: size))
        free.spans.append(Span(start, end, _falling(size, seconds) if killed else _steady(size)))
        if told is not None:
            code = float(told.get("exit_code") or 0)
            codes.spans.append(Span(end, min(now, end + _STAYS), _always(code)))
            oom.spans.append(Span(end, min(now, end + _STAYS), _always(float(killed))))
    found = [up, codes, oom, free, total]
    if machine.held:
        # A machine that nobody holds connections to has this series too; no scenario needs it.
        labels = {**up.labels, "__name__": "fly_app_concurrency"}
        found.append(Measured(labels, [Span(one.start, one.end, _open(machine, one.start)) for one in up.spans]))
    return [one for one in found if one.spans]


def edge_answers(
    answered: Iterable[tuple[datetime, str, int]], since: Mapping[str, datetime], now: datetime
) -> list[Measured]:
    """The edge's counters of its answers, one for each app and status, which name no machine.

    Args:
        answered: (time, app, status) of each visit
        since: app → since when the edge knows it
        now: until when they are measured
    """
    told: dict[tuple[str, int], list[datetime]] = {}
    for at, app, status in answered:
        told.setdefault((app, status), []).append(at)
    return [
        Measured(
            {"__name__": "fly_edge_http_responses_count", "app": app, "status": str(status)},
            [Span(since[app], now, _counter(since[app], times))],
        )
        for (app, status), times in told.items()
        if app in since
    ]


def _runs(machine: Machine, now: datetime) -> Iterator[tuple[datetime, datetime, dict[str, Any] | None]]:
    """From when to when its program ran, and how it ended (None: it still runs)."""
    start: datetime | None = None
    for event in machine.events:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        if (event["type"], event["status"]) == ("start", "started"):
            start = at
        elif event["type"] == "exit" and start is not None:
            yield start, at, event["request"]["exit_event"]
            start = None
    if start is not None:
        yield start, now, None


def _open(machine: Machine, start: datetime) -> Value:
    return lambda since: float(machine.connections(start + timedelta(seconds=since)))


def _counter(start: datetime, times: list[datetime]) -> Value:
    return lambda since: float(sum(at <= start + timedelta(seconds=since) for at in times))


def _always(value: float) -> Value:
    return lambda _: value


def _steady(size: float) -> Value:
    return lambda _: float(int(size * (1 - _REST)))


def _falling(size: float, seconds: float) -> Value:
    """Memory that a program takes until there is none."""
    return lambda since: float(int(size * max(0.0, 1 - _REST - (1 - _REST) * since / seconds)))
