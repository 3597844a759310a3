"""What all figures have in common: measures, colours, and the places for letters.

All figures are equally wide, so that their letters are equally large. Letters stand in strips: lines of
the sheet that know what they hold already, which is how no two labels can overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

WIDTH = 720.0
EDGE = 10.0
"""The space that stays free around everything."""
INK, MUTED, BAND, RULE, PAPER = "#26323d", "#56616a", "#f1f3f4", "#bcc4ca", "#ffffff"
MARK, DECISIVE = "#3f5d7d", "#9c1f16"
WORDS, SMALL, TINY = 10.0, 9.0, 8.5
"""Sizes of letters: names, labels, and numbers of the axis."""


class Strip:
    """One line for letters between two edges, and what stands in it already."""

    def __init__(self, left: float, right: float, gap: float = 5.0) -> None:
        self.left, self.right, self._gap = left, right, gap
        self._taken: list[tuple[float, float]] = []

    def room(self, at: float) -> tuple[float, float]:
        """From where to where it is free around a place; an empty stretch where it is not."""
        left, right = self.left, self.right
        for start, end in self._taken:
            if start - self._gap < at < end + self._gap:
                return at, at
            if end <= at:
                left = max(left, end + self._gap)
            else:
                right = min(right, start - self._gap)
        return left, right

    def take(self, start: float, end: float) -> bool:
        """Take this stretch, if it lies inside and is free as a whole."""
        free = self.left <= start and end <= self.right
        free = free and all(end + self._gap <= a or b + self._gap <= start for a, b in self._taken)
        if free:
            self._taken.append((start, end))
        return free

    def block(self, at: float) -> None:
        """Let no letters cross this place."""
        self._taken.append((at, at))

    def grow(self, stretch: tuple[float, float], wanted: float, backwards: bool) -> tuple[float, float]:
        """A taken stretch as long as wanted, or as long as what stands beside it allows."""
        self._taken.remove(stretch)
        start, end = stretch
        left, right = self.room(end if backwards else start)
        grown = (max(left, end - wanted), end) if backwards else (start, min(right, start + wanted))
        self._taken.append(grown)
        return grown


def picture(name: str, alt: str, height: float, draw: Callable[[Sheet], None]) -> Figure:
    """A figure as `draw` fills its sheet."""
    # Imported here: matplotlib takes long, and is needed only where something is drawn.
    from runbooks.report.charts.sheet import Sheet

    sheet = Sheet(height)
    draw(sheet)
    return Figure(name, alt, sheet.svg, sheet.png)


def empty(name: str, message: str) -> Figure:
    """A figure that says why there is nothing to see."""
    return picture(name, message, 40, lambda sheet: sheet.fit(EDGE, 25, message, WIDTH - 2 * EDGE, WORDS, colour=MUTED))
