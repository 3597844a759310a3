"""A time axis on which a second and a day are both visible.

An incident is a burst of seconds with quiet hours around it. On a true scale the burst is one dot.
Here the space between two moments grows with the logarithm of the time between them: the order is
kept, nothing overlaps, and the labels say the true times.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from runbooks.report import times

LEAST = 0.6
"""The space of the shortest gap; a gap of a second gets 0.45 more, of an hour 5.3 more."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where each of the sorted `moments` stands between 0 and 1. Equal moments may stand apart."""

    moments: tuple[datetime, ...]
    places: tuple[float, ...]

    def place(self, at: datetime) -> float:
        """The place of a moment that is on the axis."""
        return self.places[self.moments.index(at)]

    def one_day(self) -> bool:
        return times.utc(self.moments[0]).date() == times.utc(self.moments[-1]).date()

    def gaps(self, least: timedelta, space: float) -> list[tuple[float, timedelta]]:
        """The middle and length of every gap that is long enough and has the space for a label."""
        pairs = zip(self.moments, self.moments[1:], self.places, self.places[1:], strict=False)
        return [((a + b) / 2, end - start) for start, end, a, b in pairs if end - start >= least and b - a >= space]

    def ticks(self, space: float, first: Iterable[int] = ()) -> list[tuple[float, datetime]]:
        """Labelled moments at least `space` apart: the ends, those wished `first`, then what fits; no second twice."""
        taken: dict[str, int] = {}
        last = len(self.moments) - 1
        for index in (0, last, *first, *range(len(self.moments))):
            second = f"{self.moments[index]:%Y-%m-%d %H:%M:%S}"
            if second not in taken and all(
                abs(self.places[index] - self.places[other]) >= space for other in taken.values()
            ):
                taken[second] = index
        return [(self.places[index], self.moments[index]) for index in sorted(taken.values())]


def build(moments: Sequence[datetime], apart: Sequence[bool] = ()) -> Axis:
    """The axis of sorted moments; `apart[i]` parts moment i from the one before even at equal time."""
    places = [0.0]
    for index, (start, end) in enumerate(pairwise(moments), start=1):
        gap = max(0.0, (end - start).total_seconds())
        parted = bool(apart) and apart[index]
        places.append(places[-1] + (LEAST + 1.5 * math.log10(1 + gap) if gap or parted else 0.0))
    whole = places[-1] or 1.0
    return Axis(tuple(moments), tuple(round(place / whole, 5) for place in places))
