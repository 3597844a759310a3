"""Times of lines whose clock lacks a date or a zone, as browsers and dashboards show them.

Such a time is good for a timeline and for an order. It is no certain time: nothing is concluded from its distance to
a time of another source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from runbooks.evidence.models import LogLine
from runbooks.evidence.parsers import time_of

_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?Z?\Z")
# A time inside of the message in UTC: with its zone, or as the machine's hypervisor writes it.
_INNER = re.compile(
    r"\s{0,20}(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d|(?= \[[0-9A-Z]{26}:main\])))"
)
_STEP = timedelta(minutes=15)
_NEAR = timedelta(minutes=2)
_WIDEST = timedelta(hours=14)
_HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class PlacedLines:
    """Lines with their times, in UTC.

    Attributes:
        lines: each line with its time; None where nothing tells it
        day_assumed: the day that was taken for clocks without a date; None if the text tells it, or none was known
        zone_assumed: whether UTC was taken for times without a zone
    """

    lines: tuple[tuple[LogLine, datetime | None], ...] = ()
    day_assumed: date | None = None
    zone_assumed: bool = False


def placed(lines: Sequence[LogLine], day: date | None) -> PlacedLines:
    """Give every line a time, as far as the text or the incident tells it.

    Args:
        lines: the lines, oldest first
        day: the day of the incident, UTC, for clocks without a date

    Returns:
        the lines in the same order
    """
    offset, told = _anchor(lines)
    lacking = [line for line in lines if line.at is None and line.clock]
    undated = any(not _DATED.match(line.clock) for line in lacking)
    begin = told or day
    found: list[tuple[LogLine, datetime | None]] = []
    last: datetime | None = None
    for line in lines:
        local = None if line.at else _local(line.clock, begin, last)
        last = local or last
        found.append((line, line.at or (_utc(local, offset) if local else None)))
    return PlacedLines(
        tuple(found),
        day_assumed=day if undated and told is None else None,
        zone_assumed=bool(lacking) and offset is None and any(at for _, at in found),
    )


def _anchor(lines: Sequence[LogLine]) -> tuple[timedelta | None, date | None]:
    """How far the clock is ahead of UTC, and the day of the first line, from a line that shows both times."""
    for index, line in enumerate(lines):
        inner = _INNER.match(line.message) if line.at is None and line.clock else None
        at = time_of(inner["at"].replace(",", ".")) if inner else None
        if at is None:
            continue
        days = [at.date() + timedelta(days=n) for n in (0, -1, 1)] if 1 < at.year < 9999 else []
        shown = [local for day in days if (local := _local(line.clock, day, None))]
        gaps = [local - at.replace(tzinfo=None) for local in shown]
        rounded = [round(gap / _STEP) * _STEP for gap in gaps]
        fitting = [
            (abs(step), step, local)
            for gap, step, local in zip(gaps, rounded, shown, strict=True)
            if abs(gap - step) <= _NEAR and abs(step) <= _WIDEST
        ]
        if fitting:
            _, step, local = min(fitting)
            return step, _first_day(lines[: index + 1], local)
    return None, None


def _first_day(lines: Sequence[LogLine], last: datetime) -> date:
    """The day of the first line, counted back from a line whose day is known: clocks fall at midnight."""
    day, later = last.date(), last
    for line in reversed(lines):
        local = _local(line.clock, day, None) if line.at is None else None
        if local is None:
            continue
        if local - later > _HALF_A_DAY:
            day -= timedelta(days=1)
            local -= timedelta(days=1)
        later = local
    return day


def _local(clock: str, begin: date | None, last: datetime | None) -> datetime | None:
    """The time as shown. A clock without a date is on the day of the line before, or on the next at midnight."""
    if _DATED.match(clock):
        at = time_of(clock.replace(",", "."))
        return at.replace(tzinfo=None) if at else None
    found = _CLOCK.match(clock)
    if not found or not (begin or last):
        return None
    hour, minute, second = (int(part) for part in found.groups()[:3])
    fraction = int(((found[4] or "") + "000000")[:6])
    day = last.date() if last else begin
    if hour > 23 or minute > 59 or second > 59 or day is None or not 1 < day.year < 9999:
        return None
    at = datetime(day.year, day.month, day.day, hour, minute, second, fraction)
    return at + timedelta(days=1) if last and last - at > _HALF_A_DAY else at


def _utc(local: datetime, offset: timedelta | None) -> datetime | None:
    try:
        return (local - (offset or timedelta())).replace(tzinfo=UTC)
    except OverflowError:
        return None
