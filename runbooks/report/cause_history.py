"""Causes over time: a lane for each, a column for each day, week, month or year, and a mark for each run.

The marks carry the classes of their runs, so that the filters of the page narrow them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from runbooks.report.runs import EXAMPLE, LIVE, Run

MOST_CAUSES = 5
"""Causes with a lane of their own, the most frequent; the others share one."""

MOST_COLUMNS = 42

_OTHERS, _UNNAMED, _RESOLVED, _NO_REPORT = "other causes", "no cause named", "no problem found", "no report"
_LAST = (_OTHERS, _UNNAMED, _RESOLVED, _NO_REPORT)
"""The lanes that are no single cause, in their order behind those that are."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One cause (`slug`), or one way to have none. `columns` are the classes of its marks, by number from 1."""

    label: str
    slug: bool
    count: int
    alt: str
    columns: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """The lanes over one axis from `first` to `last`. `highest` is the most marks in one place.

    `older`: the first column holds all before it too; `undated`: one more column, at the end, has no date;
    `mixed`: what was not looked at live is narrower. The example, which every checkout has and whose day
    tells nothing, is left out: its mark, in `apart`, is only counted.
    """

    unit: str
    first: str
    last: str
    width: int
    highest: int
    older: bool
    undated: bool
    mixed: bool
    lanes: tuple[Lane, ...]
    apart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a column stands for: the number of the one a day falls in, and the words for a number."""

    name: str
    number: Callable[[date], int]
    label: Callable[[int], str]
    where: str


_UNITS = (
    _Unit("day", date.toordinal, lambda n: date.fromordinal(n).isoformat(), "on"),
    _Unit(
        "week",
        lambda day: (day.toordinal() - 1) // 7,
        lambda n: date.fromordinal(n * 7 + 1).isoformat(),
        "in the week of",
    ),
    _Unit("month", lambda day: day.year * 12 + day.month - 1, lambda n: f"{n // 12:04}-{n % 12 + 1:02}", "in"),
    _Unit("year", lambda day: day.year, lambda n: f"{n:04}", "in"),
)


def build(found: Sequence[Run], classes: Sequence[str]) -> Strip | None:
    """None for fewer than two runs: nothing to compare."""
    if len(found) < 2:
        return None
    marked = [(run, f"r {mark}") for run, mark in zip(found, classes, strict=True) if EXAMPLE not in run.origins]
    runs = [run for run, _ in marked]
    unit, first, numbers = _axis([day for run in runs if (day := run.day)])
    names = [unit.label(number) for number in numbers]
    older = bool(names) and first < numbers[0]
    undated = any(run.day is None for run in runs)
    mixed = len({LIVE in run.origins for run in runs}) > 1
    lanes = _lanes(runs)
    placed: dict[str, dict[int, list[str]]] = {lane: {} for lane in _order(lanes)}
    # Marks are stacked from below: what the platform itself answered first, and the older ones first.
    for at in sorted(range(len(runs)), key=lambda at: (LIVE not in runs[at].origins, -at)):
        run, mark = marked[at]
        column = max(1, unit.number(run.day) - numbers[0] + 1) if run.day else len(names) + 1
        narrow = " p" if mixed and LIVE not in run.origins else ""
        placed[lanes[at]].setdefault(column, []).append(mark + narrow)
    said = {column: f"{unit.where} {name}" for column, name in enumerate(names, start=1)}
    said |= {1: f"{said[1]} or before"} if older else {}
    return Strip(
        unit=unit.name,
        first=names[0] if names else "",
        last=names[-1] if names else "",
        width=len(names) + undated,
        highest=max((len(marks) for columns in placed.values() for marks in columns.values()), default=1),
        older=older,
        undated=undated,
        mixed=mixed,
        lanes=tuple(_lane(label, columns, said) for label, columns in placed.items()),
        apart=tuple(f"r {mark}" for run, mark in zip(found, classes, strict=True) if EXAMPLE in run.origins),
    )


def _axis(days: Sequence[date]) -> tuple[_Unit, int, range]:
    """The finest unit in whose columns nine of ten runs have room, the number of the first day, and the columns."""
    if not days:
        return _UNITS[0], 0, range(0)
    last = max(days)

    def room(unit: _Unit) -> bool:
        return 10 * sum(unit.number(last) - unit.number(day) < MOST_COLUMNS for day in days) >= 9 * len(days)

    unit = next((unit for unit in _UNITS if room(unit)), _UNITS[-1])
    first, end = unit.number(min(days)), unit.number(last)
    return unit, first, range(max(first, end - MOST_COLUMNS + 1), end + 1)


def _lanes(found: Iterable[Run]) -> list[str]:
    """The lane of each run."""
    outcomes = [_outcome(run) for run in found]
    counted = Counter(outcome for outcome in outcomes if outcome not in _LAST)
    often = sorted(counted, key=lambda cause: (-counted[cause], cause))
    # A lane for the others must hold more than one of them.
    own = set(often if len(often) <= MOST_CAUSES + 1 else often[:MOST_CAUSES]) | {*_LAST}
    return [outcome if outcome in own else _OTHERS for outcome in outcomes]


def _outcome(run: Run) -> str:
    if run.trouble:
        return _NO_REPORT
    return run.cause or (_RESOLVED if run.verdict == "healthy" else _UNNAMED)


def _order(lanes: Sequence[str]) -> list[str]:
    """The most frequent cause first; behind them the others, and what has no cause."""
    counted = Counter(lanes)
    causes = sorted((lane for lane in counted if lane not in _LAST), key=lambda lane: (-counted[lane], lane))
    return causes + [lane for lane in _LAST if lane in counted]


def _lane(label: str, columns: Mapping[int, Sequence[str]], said: Mapping[int, str]) -> Lane:
    numbers = sorted(columns)
    return Lane(
        label=label,
        slug=label not in _LAST,
        count=sum(len(columns[n]) for n in numbers),
        alt=", ".join(f"{len(columns[n])} {said.get(n, 'without a date')}" for n in numbers),
        columns=tuple((n, tuple(columns[n])) for n in numbers),
    )
