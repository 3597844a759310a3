"""A timeline without its repeats: the rounds of a crash loop, which tell the same lines again, become one line each.

Nothing that is new is ever folded, nor what is decisive, and every line keeps the number that it has in `summary.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from runbooks.diagnose.model import Moment
from runbooks.report import times

FEWEST = 3
"""A shorter repeat is told in full: the note about it would be no shorter."""
_BEGAN = 6
"""Rounds whose beginning is told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One moment with its number; `like` is the number of the first that says the same (its own: it is new)."""

    number: int
    moment: Moment
    like: int


@dataclass(frozen=True, slots=True)
class RepeatedBlock:
    """One or more rounds in direct succession, each of which says the lines `like` again, in that order."""

    rounds: tuple[tuple[Line, ...], ...]

    @property
    def like(self) -> tuple[int, ...]:
        return tuple(line.like for line in self.rounds[0])

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for one in self.rounds for line in one)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list of moments: a moment (`rounds` is 0) or rounds that repeat the lines `like`.

    `missing` are the numbers that were cut before it.
    """

    lines: tuple[Line, ...]
    missing: range
    rounds: int = 0
    like: tuple[int, ...] = ()
    began: tuple[datetime, ...] = ()

    @property
    def numbers(self) -> list[int]:
        return [line.number for line in self.lines]

    @property
    def again(self) -> str:
        """In words, which lines a repeat says again, how often, and when each of its rounds began."""
        said = f"lines {spans(self.like)} again"
        if self.rounds < 2:
            return said
        later = f", and {len(self.began) - _BEGAN} later" if len(self.began) > _BEGAN else ""
        return f"{said}, {self.rounds} times, beginning at {', '.join(map(times.clock, self.began[:_BEGAN]))}{later}"

    @property
    def evidence(self) -> list[str]:
        return list(dict.fromkeys(line.moment.evidence for line in self.lines if line.moment.evidence))


def by_day(moments: Iterable[Moment], most: int) -> list[tuple[str, list[Row]]]:
    """Day by day; the rounds of a loop are folded, and of very much the middle is cut, but never what is decisive."""
    rows: list[Row] = []
    last = 0
    for one in _chosen(fold(moments), most):
        first, *_ = lines = one.lines if isinstance(one, RepeatedBlock) else (one,)
        missing = range(last + 1, first.number)
        last = lines[-1].number
        if isinstance(one, RepeatedBlock):
            began = tuple(each[0].moment.at for each in one.rounds)
            rows.append(Row(lines, missing, len(one.rounds), one.like, began))
        else:
            rows.append(Row(lines, missing))
    days = groupby(rows, key=lambda row: f"{times.utc(row.lines[0].moment.at):%Y-%m-%d}")
    return [(day, list(told)) for day, told in days]


def _chosen(told: Sequence[Line | RepeatedBlock], most: int) -> list[Line | RepeatedBlock]:
    if len(told) <= most:
        return list(told)
    head, tail = most * 3 // 5, most // 4
    decisive = [one for one in told[head:-tail] if isinstance(one, Line) and one.moment.decisive]
    return [*told[:head], *decisive[: most - head - tail], *told[-tail:]]


def fold(moments: Iterable[Moment]) -> tuple[Line | RepeatedBlock, ...]:
    """All moments in their order, those rounds folded that hold nothing but what was told before."""
    told: list[Line | RepeatedBlock] = []
    for run in _runs(moments):
        if len(run) < FEWEST:
            told += run
            continue
        last = told[-1] if told else None
        if isinstance(last, RepeatedBlock) and last.like == tuple(line.like for line in run):
            told[-1] = RepeatedBlock((*last.rounds, run))
        else:
            told.append(RepeatedBlock((run,)))
    return tuple(told)


def _runs(moments: Iterable[Moment]) -> Iterator[tuple[Line, ...]]:
    """New lines one by one; lines told before together, as long as they come in the order they were first told in."""
    first: dict[tuple[str, str, str], int] = {}
    run: tuple[Line, ...] = ()
    for number, moment in enumerate(moments, start=1):
        like = first.setdefault((moment.source, moment.text, moment.evidence), number)
        line = Line(number, moment, number if moment.decisive else like)
        if run and (line.like == number or line.like <= run[-1].like):
            yield run
            run = ()
        if line.like == number:
            yield (line,)
        else:
            run = (*run, line)
    if run:
        yield run


def spans(numbers: Sequence[int]) -> str:
    """8, 10–14: neighbours drawn together."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in found)
