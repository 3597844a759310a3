"""What the platform measures of a machine: series that outlive it, told from its events (§9).

A series is a list of spans of time, each with a value. The platform samples them every 15 seconds, so what lives
shorter than that may leave no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return [one for one in (up, codes, oom, free, total) if one.spans]


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


def _always(value: float) -> Value:
    return lambda _: value


def _steady(size: float) -> Value:
    return lambda _: float(int(size * (1 - _REST)))


def _falling(size: float, seconds: float) -> Value:
    """Memory that a program takes until there is none."""
    return lambda since: float(int(size * max(0.0, 1 - _REST - (1 - _REST) * since / seconds)))
