"""How moments and lengths of time are written: always UTC, always said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbooks.diagnose.facts import format_duration


def utc(at: datetime) -> datetime:
    """The same moment in UTC; a time without a zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def iso(at: datetime) -> str:
    """2025-10-02T14:02:11Z, with milliseconds where there are any."""
    moment = utc(at)
    fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def clock(at: datetime) -> str:
    """14:02:11, with milliseconds where there are any; the day and the zone are said elsewhere."""
    return iso(at)[11:-1]


def minute(at: datetime) -> str:
    """2025-10-02 14:02 UTC."""
    return f"{utc(at):%Y-%m-%d %H:%M} UTC"


def second(at: datetime) -> str:
    """2025-10-02 14:02:11 UTC."""
    return f"{utc(at):%Y-%m-%d %H:%M:%S} UTC"


def between(start: datetime, end: datetime) -> str:
    """2025-10-02 14:02:11–14:02:48 UTC (37 seconds)."""
    first, last = utc(start), utc(end)
    if first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M:%S}–{last:%H:%M:%S} UTC ({format_duration(last - first)})"
    return f"{first:%Y-%m-%d %H:%M:%S} – {last:%Y-%m-%d %H:%M:%S} UTC ({format_duration(last - first)})"


def length(span: timedelta) -> str:
    """For the labels of a figure, which have no room for words: 0.4 s, 37 s, 2 min 5 s, 3 h 10 min, 4 d 2 h."""
    seconds = span.total_seconds()
    if seconds < 0:
        return f"−{length(-span)}"
    if seconds < 10:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for unit, size, below, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
