"""The machine compared with other machines of the app: equal values, different values, unique values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbooks.base.amount import amount
from runbooks.diagnose.comparison import UNKNOWN
from runbooks.diagnose.model import Comparison, Difference
from runbooks.report import escape
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
    picture,
)
from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

MOST_ROWS, MOST_SIBLINGS = 20, 6
_ROW, _TOP = 20.0, 44.0
_OWN, _OTHERS = 120.0, 292.0


def siblings(comparison: Comparison) -> Figure:
    """Machines as columns, attributes as rows: a dot where a sibling is like the machine, its own value where not."""
    compared = _Compared(comparison)
    return picture("siblings", compared.alt(), compared.bottom + 28, compared.draw)


class _Compared:
    def __init__(self, comparison: Comparison) -> None:
        self.own, *others = comparison.machines or ("",)
        self.others, self.more_others = others[:MOST_SIBLINGS], len(others[MOST_SIBLINGS:])
        self.rows, self.more_rows = comparison.rows[:MOST_ROWS], len(comparison.rows[MOST_ROWS:])
        self.alone = frozenset(comparison.differs)
        self.every = comparison
        self.step = (WIDTH - EDGE - _OTHERS) / max(1, len(self.others))
        self.bottom = _TOP + _ROW * len(self.rows)

    def draw(self, sheet: Sheet) -> None:
        sheet.box(_OWN - 8, 2, _OTHERS - _OWN - 4, self.bottom - 2, BAND, 0)
        self._head(sheet, _OWN, _OTHERS - _OWN - 20, "this machine", self.own)
        for index, name in enumerate(self.others):
            identity, _, more = name.partition(" ")
            self._head(sheet, _OTHERS + self.step * index, self.step - 8, identity, more)
        for row, difference in enumerate(self.rows):
            self._row(sheet, _TOP + _ROW * row, difference)
        sheet.line([(0, self.bottom), (WIDTH, self.bottom)], RULE, 0.7, 2)
        self._legend(sheet, self.bottom + 18)

    def _head(self, sheet: Sheet, x: float, room: float, above: str, below: str) -> None:
        sheet.fit(x, 18, above, room, bold=True)
        sheet.fit(x, 32, below, room, TINY, colour=MUTED)

    def _row(self, sheet: Sheet, top: float, difference: Difference) -> None:
        y, alone = top + 14, difference.attribute in self.alone
        sheet.line([(0, top), (WIDTH, top)], RULE, 0.7, 2)
        own, *values = difference.values or (UNKNOWN,)
        if alone:
            sheet.marks([(EDGE + 4, y - 3)], ">", 7, DECISIVE, wide=0)
            sheet.box(_OWN - 8, top, 3, _ROW, DECISIVE, 3)
        sheet.fit(EDGE + 13, y, difference.attribute, _OWN - 30 - EDGE, bold=alone)
        sheet.fit(_OWN, y, own, _OTHERS - _OWN - 20, bold=alone)
        for index, value in enumerate(values[: len(self.others)]):
            x = _OTHERS + self.step * index + 5
            _mark(sheet, x, y - 3, own, value)
            if value != own:
                sheet.fit(x + 10, y, value, self.step - 24, colour=MUTED if UNKNOWN in (own, value) else INK)

    def _legend(self, sheet: Sheet, y: float) -> None:
        x = EDGE + 4
        for own, value, words in (("a", "a", "same"), ("a", "b", "different"), ("a", UNKNOWN, "not known")):
            _mark(sheet, x, y - 3, own, value)
            sheet.write(x + 9, y, words, TINY)
            x += 26 + text_metrics.width(words, TINY)
        if self.alone:
            sheet.marks([(x, y - 3)], ">", 7, DECISIVE, wide=0)
            sheet.write(x + 9, y, "only this machine differs", TINY)
        sheet.write(WIDTH - EDGE, y, self._more(), TINY, colour=MUTED, align="right")

    def _more(self) -> str:
        counted = [
            amount(number, f"more {noun}")
            for number, noun in ((self.more_rows, "attribute"), (self.more_others, "machine"))
            if number
        ]
        return f"… {', '.join(counted)}, in the table" if counted else ""

    def alt(self) -> str:
        same = [row for row in self.every.rows if all(value == row.values[0] for value in row.values)]
        alone = [row for row in self.every.rows if row.attribute in self.alone]
        lone = "; ".join(map(_row_words, alone[:MOST_ROWS])) or "nothing"
        alike = ", ".join(_word(row.attribute) for row in same[:MOST_ROWS]) or "nothing"
        return (
            f"{_word(self.own)} compared with {amount(len(self.every.machines) - 1, 'other machine')}, "
            f"by {amount(len(self.every.rows), 'attribute')}. "
            f"Only this machine differs in {len(alone)}: {lone}. Same on all machines, {len(same)}: {alike}."
        )


def _mark(sheet: Sheet, x: float, y: float, own: str, value: str) -> None:
    """A small dot where alike, a hollow diamond where not, a question mark where one of the two is not known."""
    if value == own:
        sheet.marks([(x, y)], "o", 5, MUTED, wide=0)
    elif UNKNOWN in (own, value):
        sheet.write(x, y + 3, "?", SMALL, bold=True, colour=MUTED, align="center")
    else:
        sheet.marks([(x, y)], "D", 7, PAPER, edge=INK, wide=1.4)


def _row_words(row: Difference) -> str:
    others = list(dict.fromkeys(_word(value) for value in row.values[1:]))
    if len(others) > 3:
        others = [*others[:3], f"{len(others) - 3} more"]
    return f"{_word(row.attribute)} {_word(row.values[0])} (others {' or '.join(others)})"


def _word(text: str) -> str:
    return escape.line(text, 60)
