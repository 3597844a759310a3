"""A timeline without its repeats: the rounds of a crash loop, which tell the same lines again, become one line each.

Nothing that is new is ever folded, nor what is decisive, and every line keeps the number that it has in `summary.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runbooks.diagnose.model import Moment

FEWEST = 3
"""A shorter repeat is told in full: the note about it would be no shorter."""


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
