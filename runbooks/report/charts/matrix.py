"""The hypotheses as rows, pieces of evidence as columns, and in each cell what the evidence says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from runbooks.base.amount import amount
from runbooks.base.facets import known_facets
from runbooks.diagnose.model import Claim, Diagnosis, Hypothesis, Status
from runbooks.report import escape, status
from runbooks.report.charts import text_metrics
from runbooks.report.charts.drawing import (
    BAND,
    DECISIVE,
    EDGE,
    INK,
    MUTED,
    PAPER,
    RULE,
    SMALL,
    TINY,
    WIDTH,
    empty,
    picture,
)
from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

MOST_ROWS, MOST_COLUMNS = 18, 16
_FOR = "#2a7048"
_ROW, _TITLE = 22.0, 92.0
_NARROW, _WIDE, _TALLEST = 25.0, 31.0, 84.0
_NAMES = {facet.value: facet.slug for facet in known_facets()}
_NONE = ""
"""The column of claims without evidence: mostly what is missing because it could not be checked."""
_SIDES = ("+", "−", "?")
_MEANINGS = ("supports", "contradicts", "missing")


def matrix(diagnosis: Diagnosis) -> Figure:
    """Hypotheses × evidence: what supports, contradicts, and is missing."""
    if not diagnosis.hypotheses:
        return empty("matrix", "No hypothesis was evaluated: there is no evidence.")
    weighed = _Weighed(diagnosis.hypotheses)
    return picture("matrix", weighed.alt(), weighed.bottom + (24 if weighed.more() else 6), weighed.draw)


class _Weighed:
    """The hypotheses that are worth a row: all that stand, and the suspicions that a reader comes with."""

    def __init__(self, every: Sequence[Hypothesis]) -> None:
        rows = [one for one in every if one.status is not Status.REFUTED or one.always_listed]
        self.rows = rows[:MOST_ROWS]
        shown = {id(one) for one in self.rows}
        self.left_out = [one for one in every if id(one) not in shown]
        self.cells = [_cells(one) for one in self.rows]
        columns = sorted({number for cells in self.cells for number in cells}, key=_in_order)
        self.observations = sum(map(bool, columns))
        self.columns, self.more_columns = columns[:MOST_COLUMNS], len(columns[MOST_COLUMNS:])
        self.step = max(_NARROW, min(_WIDE, 330 / max(1, len(self.columns))))
        self.left = WIDTH - EDGE - self.step * len(self.columns)
        self.names = [
            text_metrics.fitted(text_metrics.clean(_named(number)), _TALLEST, TINY) for number in self.columns
        ]
        self.top = max(62.0, EDGE + 24 + max((text_metrics.width(name, TINY) for name in self.names), default=0.0))
        self.bottom = self.top + _ROW * len(self.rows)

    def draw(self, sheet: Sheet) -> None:
        for index, (number, name) in enumerate(zip(self.columns, self.names, strict=True)):
            x = self._x(index)
            sheet.line([(x, self.top), (x, self.bottom)], RULE, 0.7, 1, dotted=True)
            sheet.fit(x, self.top - 6, number or "–", self.step - 3, bold=True, align="center")
            sheet.write(x + 3, self.top - 20, name, TINY, colour=MUTED, upright=True)
        before: Status | None = None
        for row, (one, cells) in enumerate(zip(self.rows, self.cells, strict=True)):
            top = self.top + _ROW * row
            if row % 2 == 0:
                sheet.box(0, top, WIDTH, _ROW, BAND, 0)
            if one.status is not before:
                sheet.line([(0, top), (WIDTH, top)], INK if row else MUTED, 1.0, 2)
            before = one.status
            holds = one.status in (Status.CONFIRMED, Status.LIKELY)
            said = f"{status.STATUS_SIGNS[one.status]} {one.status}"
            sheet.write(EDGE, top + 15, said, SMALL, bold=holds, colour=INK if holds else MUTED)
            sheet.fit(_TITLE, top + 15, one.title, self.left - _TITLE - 12, bold=holds)
            if not cells:
                sheet.fit(self.left, top + 15, "nothing cited", WIDTH - EDGE - self.left, TINY, colour=MUTED)
            for index, number in enumerate(self.columns):
                _cell(sheet, self._x(index), top + _ROW / 2, cells.get(number, ""), self.step - 1)
        sheet.line([(0, self.bottom), (WIDTH, self.bottom)], MUTED, 1.0, 2)
        for line, (side, words) in enumerate(zip(_SIDES, _MEANINGS, strict=True)):
            y = self.top - 44 + 17 * line
            _cell(sheet, EDGE + 6, y - 3, side)
            sheet.write(EDGE + 18, y, words, TINY)
        sheet.fit(EDGE, self.bottom + 16, self.more(), WIDTH - 2 * EDGE, TINY, colour=MUTED)

    def _x(self, index: int) -> float:
        return self.left + self.step * (index + 0.5)

    def more(self) -> str:
        """What the picture leaves out, counted."""
        counted = [
            f"{left} more {word}" for word in Status if (left := sum(one.status is word for one in self.left_out))
        ]
        if self.more_columns:
            counted.append(amount(self.more_columns, "more column"))
        return f"… {', '.join(counted)}, in the table" if counted else ""

    def alt(self) -> str:
        every = len(self.rows) + len(self.left_out)
        shown = "; ".join(_row_words(one, cells) for one, cells in zip(self.rows, self.cells, strict=True))
        more = self.more()
        return (
            f"Matrix of {amount(len(self.rows), 'hypothesis', 'hypotheses')} (of {every} evaluated) "
            f"and {amount(self.observations, 'piece')} of evidence. {shown}." + (f" {more}." if more else "")
        )


def _cells(one: Hypothesis) -> dict[str, str]:
    """By number of evidence, the signs of what it is cited for."""
    found: dict[str, str] = {}
    for side, claims in zip(_SIDES, (one.supports, one.against, one.missing), strict=True):
        for number in _numbers(claims):
            found[number] = found.get(number, "") + side
    return found


def _numbers(claims: Iterable[Claim]) -> list[str]:
    return list(dict.fromkeys(number for claim in claims for number in claim.evidence or (_NONE,)))


def _cell(sheet: Sheet, x: float, y: float, signs: str, room: float = 30) -> None:
    """Filled with a plus, hollow with a minus, or a bare question mark; several signs stand side by side."""
    size = min(13.0, room / max(1, len(signs)) - 1)
    for index, sign in enumerate(signs):
        at = x + (index - (len(signs) - 1) / 2) * (size + 1)
        if sign == "+":
            sheet.marks([(at, y)], "s", size, _FOR, wide=0, order=5)
            sheet.marks([(at, y)], "+", size * 0.55, PAPER, edge=PAPER, wide=1.8, order=6)
        elif sign == "−":
            sheet.marks([(at, y)], "o", size - 1, PAPER, edge=DECISIVE, wide=1.4, order=5)
            sheet.marks([(at, y)], "_", size * 0.5, DECISIVE, edge=DECISIVE, wide=1.8, order=6)
        else:
            sheet.write(at, y + 4, "?", 11, bold=True, colour=MUTED, align="center")


def _row_words(one: Hypothesis, cells: dict[str, str]) -> str:
    told = []
    for side, word in zip(_SIDES, ("supports", "contradicts", "missing"), strict=True):
        cited = [number for number in sorted(cells, key=_in_order) if side in cells[number]]
        numbers = [escape.line(number, 12) or "without a number" for number in cited]
        more = [f"and {len(numbers) - 12} more"] if len(numbers) > 12 else []
        told += [" ".join((word, *numbers[:12], *more))] if numbers else []
    return f"{one.status}: {escape.line(one.title, 90)} ({', '.join(told) or 'nothing cited'})"


def _named(number: str) -> str:
    facet = re.sub(r"[a-z]+$", "", number)
    again = ", again" if facet != number and facet in _NAMES else ""
    return (_NAMES.get(facet, "") + again).replace("-", " ") if number else "no evidence"


def _in_order(number: str) -> tuple[bool, int, str]:
    return not number, len(re.sub(r"[a-z]+$", "", number)), number
