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
from typing import TYPE_CHECKING

from runbooks.report import times
from runbooks.report.charts import text_metrics
from runbooks.report.charts.drawing import EDGE, INK, MUTED, RULE, TINY, WIDTH, Strip

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

LEAST = 0.6
"""The space of the shortest gap; a gap of a second gets 0.45 more, of an hour 5.3 more."""
LEFT, RIGHT = 122.0, WIDTH - 32.0
"""Where the axis begins and ends on a sheet: left of it stand the names of the lanes."""
_LONG, _MOST_GAPS = timedelta(seconds=60), 5


@dataclass(frozen=True, slots=True)
class Axis:
    """Where each of the sorted `moments` stands on the sheet. Equal moments may stand apart."""

    moments: tuple[datetime, ...]
    places: tuple[float, ...]

    @property
    def one_day(self) -> bool:
        return self.moments[0].date() == self.moments[-1].date()

    @property
    def height(self) -> float:
        """What `draw` needs below the lanes."""
        return 31.0 + (0 if self.one_day else 11) + (12 if self._gaps else 0)

    @property
    def _gaps(self) -> list[tuple[float, str]]:
        """The middle and the words of long gaps that are wide enough for them, the longest first."""
        gaps = zip(pairwise(self.moments), pairwise(self.places), strict=True)
        long = sorted(((end - start, b - a, (a + b) / 2) for (start, end), (a, b) in gaps), reverse=True)
        told = [(middle, wide, f"⟷ {times.length(gap)}") for gap, wide, middle in long if gap >= _LONG]
        return [(middle, words) for middle, wide, words in told if wide >= text_metrics.width(words, TINY)][:_MOST_GAPS]

    def draw(self, sheet: Sheet, top: float, bottom: float, first: Iterable[int] = ()) -> None:
        """Times below the lanes, those of `first` in any case and heavier, and the long gaps between them."""
        self._ticks(sheet, top, bottom, tuple(first))
        strip = Strip(EDGE, WIDTH - EDGE)
        for middle, words in self._gaps:
            half = text_metrics.width(words, TINY) / 2
            if strip.take(middle - half, middle + half):
                sheet.write(middle, bottom + self.height - 18, words, TINY, colour=MUTED, align="center")
        day = f"{self.moments[0]:%Y-%m-%d}, UTC. " if self.one_day else "UTC. "
        note = f"{day}Short times are stretched: space grows with the logarithm of time."
        sheet.write(EDGE, bottom + self.height - 5, note, TINY, colour=MUTED)

    def _ticks(self, sheet: Sheet, top: float, bottom: float, important: tuple[int, ...]) -> None:
        """The ends, then what matters, then what fits; no second twice."""
        strip = Strip(4, WIDTH - 4, 8)
        said: set[datetime] = set()
        last = len(self.moments) - 1
        for index in (*important, 0, last, *range(1, last)):
            at, place, bold = self.moments[index].replace(microsecond=0), self.places[index], index in important
            words = f"{at:%H:%M:%S}" if self.one_day else f"{at:%Y-%m-%d}"
            half = text_metrics.width(words, TINY, bold) / 2
            if at in said or not strip.take(place - half, place + half):
                continue
            said.add(at)
            sheet.line([(place, top), (place, bottom + 3)], RULE, 0.7, 1.5, dotted=True)
            sheet.write(place, bottom + 12, f"{at:%H:%M:%S}", TINY, colour=INK, bold=bold, align="center")
            if not self.one_day:
                sheet.write(place, bottom + 23, words, TINY, colour=MUTED, bold=bold, align="center")


def build(moments: Sequence[datetime], apart: Sequence[bool] = (), right: float = RIGHT) -> Axis:
    """The axis of sorted moments; `apart[i]` parts moment i from the one before even at equal time."""
    utc = [times.utc(at) for at in moments]
    steps = [0.0]
    for index, (start, end) in enumerate(pairwise(utc), start=1):
        gap = max(0.0, (end - start).total_seconds())
        parted = bool(apart) and apart[index]
        steps.append(steps[-1] + (LEAST + 1.5 * math.log10(1 + gap) if gap or parted else 0.0))
    unit = (right - LEFT) / (steps[-1] or 1.0)
    return Axis(tuple(utc), tuple(round(LEFT + step * unit, 2) for step in steps))
