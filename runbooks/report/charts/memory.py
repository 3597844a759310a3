"""How much memory the machine used while it was measured, against what it had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from runbooks.report import times
from runbooks.report.charts.drawing import (
    BAND,
    DECISIVE,
    EDGE,
    INK,
    MARK,
    MUTED,
    RULE,
    TINY,
    WIDTH,
    picture,
)
from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

Measured = tuple[datetime, float, float]
_LEFT, _RIGHT, _TOP, _HIGH = 92.0, WIDTH - 24.0, 26.0, 96.0
_FULL = 0.9
_MB = 2.0**20


def memory(measured: Sequence[Measured]) -> Figure:
    """A curve over time; the upper edge is all the memory there was.

    Args:
        measured: (time, bytes in use, bytes in all), oldest first, at least one
    """
    curve = _Curve(measured)
    return picture("memory", curve.alt(), _TOP + _HIGH + 40, curve.draw)


class _Curve:
    def __init__(self, measured: Sequence[Measured]) -> None:
        self.measured = list(measured)
        self.total = max(total for _, _, total in self.measured)
        self.begin, self.end = self.measured[0][0], self.measured[-1][0]
        self.most = max(self.measured, key=lambda one: (one[1], one[0]))

    def draw(self, sheet: Sheet) -> None:
        bottom = _TOP + _HIGH
        sheet.box(_LEFT, _TOP, _RIGHT - _LEFT, _HIGH, BAND, 0)
        for part in (0.0, 0.5, 1.0):
            y = bottom - _HIGH * part
            sheet.line([(_LEFT, y), (_RIGHT, y)], RULE, 0.7, 1)
            sheet.write(_LEFT - 8, y + 3, f"{self.total * part / _MB:.0f} MB", TINY, colour=MUTED, align="right")
        places = [self._place(*one[:2]) for one in self.measured]
        sheet.line(places, MARK, 1.6, 4)
        sheet.marks(places if len(places) == 1 else [], "o", 5, MARK)
        full = self.most[1] >= _FULL * self.total
        sheet.marks([self._place(*self.most[:2])], "D", 7, DECISIVE if full else MARK)
        sheet.write(_LEFT, 16, "memory in use", TINY, colour=INK, bold=True)
        sheet.write(_RIGHT, 16, f"most: {self.most[1] / _MB:.0f} of {self.total / _MB:.0f} MB", TINY, align="right")
        sheet.write(_LEFT, bottom + 16, f"{times.utc(self.begin):%Y-%m-%d %H:%M}", TINY, colour=MUTED)
        if self.end > self.begin:
            sheet.write(_RIGHT, bottom + 16, f"{times.utc(self.end):%Y-%m-%d %H:%M}", TINY, colour=MUTED, align="right")
        sheet.write(EDGE, bottom + 34, "UTC. The diamond is the highest value.", TINY, colour=MUTED)

    def _place(self, at: datetime, used: float) -> tuple[float, float]:
        span = (self.end - self.begin).total_seconds()
        part = (at - self.begin).total_seconds() / span if span else 0.5
        return round(_LEFT + (_RIGHT - _LEFT) * part, 2), round(_TOP + _HIGH * (1 - used / self.total), 2)

    def alt(self) -> str:
        at, used, total = self.most
        return (
            f"Memory in use from {times.utc(self.begin):%Y-%m-%d %H:%M} to {times.utc(self.end):%Y-%m-%d %H:%M} UTC: "
            f"at most {used / _MB:.0f} of {total / _MB:.0f} MB, at {times.utc(at):%Y-%m-%d %H:%M}; "
            f"{self.measured[-1][1] / _MB:.0f} MB at the end."
        )
