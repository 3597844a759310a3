"""A fleet in two figures: what rows say against what machines do, and how many began and failed over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from runbooks.base.amount import amount
from runbooks.diagnose.fleet import Bucket
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

_LEFT, _TOP, _ROW = 132.0, 46.0, 22.0
_MOST = 12
"""Rows and columns of the table, and the bars of the other figure before they are joined."""
_BARS, _HIGH = 120, 110.0
NONE = "none"


def states(counted: Mapping[tuple[str, str], int]) -> Figure:
    """How many pairs have which row status and which machine state.

    Args:
        counted: by (row status, machine state), "" where there is no row or no machine
    """
    table = _Crosstab(counted)
    return picture("states", table.alt(), _TOP + _ROW * len(table.rows) + 14, table.draw)


class _Crosstab:
    def __init__(self, counted: Mapping[tuple[str, str], int]) -> None:
        self.rows, self.columns = (_order(counted, side) for side in (0, 1))
        self.cells: dict[tuple[str, str], int] = {}
        for (row, column), number in counted.items():
            key = (row if row in self.rows else "…", column if column in self.columns else "…")
            self.cells[key] = self.cells.get(key, 0) + number
        self.step = (WIDTH - EDGE - _LEFT) / max(1, len(self.columns))

    def draw(self, sheet: Sheet) -> None:
        sheet.write(EDGE, 16, "row says", TINY, colour=INK, bold=True)
        sheet.write(_LEFT, 16, "machine is", TINY, colour=INK, bold=True)
        for place, column in enumerate(self.columns):
            x = _LEFT + self.step * (place + 1) - 8
            sheet.fit(x, 34, column or NONE, self.step - 10, TINY, colour=MUTED, align="right")
        for line, row in enumerate(self.rows):
            top = _TOP + _ROW * line
            sheet.line([(EDGE, top), (WIDTH - EDGE, top)], RULE, 0.7, 1)
            sheet.fit(EDGE, top + 15, row or NONE, _LEFT - EDGE - 12, TINY)
            for place, column in enumerate(self.columns):
                number = self.cells.get((row, column), 0)
                if not number:
                    continue
                x = _LEFT + self.step * place
                sheet.box(x + 4, top + 2, self.step - 6, _ROW - 4, BAND, 0)
                sheet.fit(x + self.step - 8, top + 15, f"{number:,}", self.step - 12, TINY, align="right", bold=True)

    def alt(self) -> str:
        told = sorted(self.cells.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
        return "Row status and machine state: " + "; ".join(
            f"row {row or NONE}, machine {column or NONE}: {number:,}" for (row, column), number in told
        )


def _order(counted: Mapping[tuple[str, str], int], side: int) -> list[str]:
    """The words of one side, the most frequent first, the missing one last; the rest is one line of its own."""
    sums: dict[str, int] = {}
    for key, number in counted.items():
        sums[key[side]] = sums.get(key[side], 0) + number
    words = sorted(sums, key=lambda word: (not word, -sums[word], word))
    return words if len(words) <= _MOST else [*words[: _MOST - 1], "…"]


def over_time(buckets: Sequence[Bucket], step: timedelta) -> Figure:
    """Bars of what was created, and in them of what fails.

    Args:
        buckets: in the order of time, at least one; empty stretches may be missing
        step: the length of each
    """
    bars = _Bars(buckets, step)
    return picture("over-time", bars.alt(), 30 + _HIGH + 44, bars.draw)


class _Bars:
    def __init__(self, buckets: Sequence[Bucket], step: timedelta) -> None:
        self.begin, self.end = buckets[0].at, buckets[-1].at + step
        slots = round((self.end - self.begin) / step)
        joined = -(-slots // _BARS)
        self.step = step * joined
        self.slots = -(-slots // joined)
        self.counts = [[0, 0] for _ in range(self.slots)]
        for one in buckets:
            slot = self.counts[int((one.at - self.begin) / self.step)]
            slot[0] += one.created
            slot[1] += one.failing
        self.most = max(1, *(max(slot) for slot in self.counts))

    def draw(self, sheet: Sheet) -> None:
        left, right, top = 64.0, WIDTH - EDGE, 30.0
        bottom, wide = top + _HIGH, (right - left) / self.slots
        for part in (0.0, 0.5, 1.0):
            y = bottom - _HIGH * part
            sheet.line([(left, y), (right, y)], RULE, 0.7, 1)
            sheet.write(left - 8, y + 3, f"{self.most * part:,.0f}", TINY, colour=MUTED, align="right")
        for place, (created, failing) in enumerate(self.counts):
            x = left + wide * place
            for number, share, fill, order in ((created, 0.9, MARK, 2), (failing, 0.5, DECISIVE, 3)):
                high = _HIGH * number / self.most
                sheet.box(x, bottom - high, max(1.0, wide * share), high, fill, order)
        each = times.length(self.step)
        sheet.write(EDGE, 16, f"machines created per {each} (wide), those of them that fail (narrow)", TINY, bold=True)
        sheet.write(left, bottom + 16, f"{times.utc(self.begin):%Y-%m-%d %H:%M}", TINY, colour=MUTED)
        sheet.write(right, bottom + 16, f"{times.utc(self.end):%Y-%m-%d %H:%M}", TINY, colour=MUTED, align="right")
        sheet.write(EDGE, bottom + 34, "UTC, by the time of creation.", TINY, colour=MUTED)

    def alt(self) -> str:
        created, failing = (sum(slot[side] for slot in self.counts) for side in (0, 1))
        worst = max(range(self.slots), key=lambda place: self.counts[place][1])
        at = times.minute(self.begin + self.step * worst)
        peak = f" Most of the failing ones in one stretch: {self.counts[worst][1]:,}, from {at}." if failing else ""
        return (
            f"{amount(created, 'machine was', 'machines were')} created from {times.minute(self.begin)} to "
            f"{times.minute(self.end)}; {failing:,} of them fail.{peak}"
        )
