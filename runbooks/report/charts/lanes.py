"""The rows of a figure over time: which there are, in which order, and what stands before each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbooks.report.charts import axis
from runbooks.report.charts.drawing import BAND, EDGE, MUTED, RULE, TINY, WIDTH, WORDS

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

HEIGHT = 36.0
MOST = 12
"""So many lanes at most; the last one then holds everything else."""
_OTHER = "other"
_MARKS, _WORDS = 24.0, 12.0


@dataclass(frozen=True, slots=True)
class Lanes:
    """`names` from the top down, beginning at `top`."""

    names: tuple[str, ...]
    top: float

    @property
    def bottom(self) -> float:
        return self.top + HEIGHT * len(self.names)

    def row(self, name: str) -> int:
        return self.names.index(name if name in self.names else _OTHER)

    def marks(self, row: int) -> float:
        """The line of a lane on which its marks or bars stand."""
        return self.top + HEIGHT * row + _MARKS

    def words(self, row: int) -> float:
        """The line of letters above."""
        return self.top + HEIGHT * row + _WORDS

    def draw(self, sheet: Sheet, title: Callable[[str], str], below: Iterable[str]) -> None:
        """Bands, names, and one line of small letters below each name."""
        room = axis.LEFT - 24 - EDGE
        for row, (name, small) in enumerate(zip(self.names, below, strict=True)):
            top, line = self.top + HEIGHT * row, self.marks(row)
            if row % 2 == 0:
                sheet.box(0, top, WIDTH, HEIGHT, BAND, 0)
            sheet.line([(axis.LEFT - 10, line), (WIDTH - EDGE, line)], RULE, 0.7, 1)
            sheet.fit(EDGE, top + 16, title(name), room, WORDS)
            sheet.fit(EDGE, top + 28, small, room, TINY, colour=MUTED)


def build(names: Iterable[str], order: Iterable[str], top: float) -> Lanes:
    """The lanes that hold something: the known ones in their order, then others as they come."""
    seen = dict.fromkeys(names)
    known = [name for name in order if name in seen]
    every = known + [name for name in seen if name not in known]
    return Lanes(tuple(every if len(every) <= MOST else [*every[: MOST - 1], _OTHER]), top)
