"""A pandas table as cells for a template, and as text. Cells are sentences, so they may hold code and footnotes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runbooks.base.facets import NUMBER
from runbooks.report import escape

if TYPE_CHECKING:
    import pandas as pd

HTML_ROWS, TEXT_ROWS = 400, 40
TEXT_CELL = 500
SHORT = 24
"""Characters of a cell that the page never breaks: a time, an id, a status."""
LONG = 40
"""More rows than these scroll in a box of their own, where the reader has steps below it to get to."""
NOTHING = "–"
_GAP, _TALL, _WORD = 2, 3, 40
"""Of a table in a terminal: what stands between columns, lines a row may take on average, what a column may break."""

_NUMBERS = re.compile(rf"\[?\b({NUMBER})\b\]?")


def grid(table: pd.DataFrame, most: int) -> tuple[list[str], list[list[str]], int]:
    """Column names, the first `most` rows as text, and how many rows were left out.

    A named index is the first column; an unnamed one is row numbers and not shown.
    """
    frame = table.reset_index() if any(name is not None for name in table.index.names) else table
    columns = [escape.line(name, 80) for name in frame.columns]
    rows = [
        [_cell(name, value) for name, value in zip(columns, row, strict=True)]
        for row in frame.iloc[:most].itertuples(index=False, name=None)
    ]
    return columns, rows, max(0, len(frame) - most)


def _cell(column: str, value: Any) -> str:
    """An empty cell is a dash, but in a column without a name it is a missing mark and stays empty."""
    text = "" if value is None or value != value else str(value)
    empty = text.strip() in ("", "NaT", "<NA>")
    return (NOTHING if column else "") if empty else text


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table in HTML: its text, the footnotes it holds instead, and its style: td or short."""

    text: str
    numbers: tuple[str, ...]
    part: str


@dataclass(frozen=True, slots=True)
class Cells:
    """A table for `section.html.j2`. `left` rows were left out; a long one scrolls in a box of its own."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    left: int = 0

    @property
    def has_evidence(self) -> bool:
        """Each row names its own."""
        return any(_cites(name) for name in self.columns)

    @property
    def is_long(self) -> bool:
        return len(self.rows) > LONG


def cells(table: pd.DataFrame | None) -> Cells:
    """The first rows of a table; nothing for none, and for one without columns."""
    if table is None or not len(table.columns):
        return Cells()
    columns, rows, left = grid(table, HTML_ROWS)
    made = (tuple(_made(name, value) for name, value in zip(columns, row, strict=True)) for row in rows)
    return Cells(tuple(columns), tuple(made), left)


def _cites(column: str) -> bool:
    return column.strip().lower() in ("evidence", "footnotes", "proof")


def _made(column: str, value: str) -> Cell:
    numbers = _NUMBERS.findall(value[:400]) if _cites(column) else ()
    return Cell(value, tuple(numbers), "short" if len(value) <= SHORT else "td")


def text(table: pd.DataFrame, width: int = 100) -> str:
    """A table for a terminal, without colour: in columns where those stay readable, else row by row."""
    columns, rows, left = grid(table, TEXT_ROWS)
    if not columns:
        return ""
    shown = [[escape.line(value, TEXT_CELL) for value in row] for row in rows]
    lines = _in_columns(columns, shown, width) or _row_by_row(columns, shown, width)
    if left:
        lines.append(f"… [cut: {left:,} more rows]")
    return "\n".join(lines).strip("\n")


def _in_columns(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Wrapped between words, all but very long ones; nothing where that does not fit, or makes rows too tall."""
    words = [[cell_len(word) for cell in cells for word in cell.split()] for cells in zip(columns, *rows, strict=True)]
    narrowest = [min(_WORD, max(lengths, default=0)) for lengths in words]
    # A heading is broken before the cells below it are.
    widest = [max([n, *(cell_len(row[place]) for row in rows)]) for place, n in enumerate(narrowest)]
    room = width - _GAP * (len(columns) - 1)
    if sum(narrowest) > room:
        return []
    # The widest columns give way first.
    tried = ([max(n, min(w, most)) for n, w in zip(narrowest, widest, strict=True)] for most in range(width, -1, -1))
    widths = next(w for w in tried if sum(w) <= room)
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for name, wide in zip(columns, widths, strict=True):
        drawn.add_column(Text(name), width=wide, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    screen = StringIO()
    Console(file=screen, width=width, color_system=None, force_terminal=False, force_jupyter=False, _environ={}).print(
        drawn
    )
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    return lines if len(lines) <= _TALL * (len(rows) + 1) else []


def _row_by_row(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Of each row the first two cells as a heading, then the others by name; empty ones are left out.

    A column without a name holds marks; the first one may also hold what the row is about.
    """
    lines: list[str] = []
    heads = 0 if not columns[0] and all(row[0] for row in rows) else 2
    for row in rows:
        marks = [value for name, value in zip(columns, row, strict=True) if value and not name]
        named = [(name, value) for name, value in zip(columns, row, strict=True) if name and value != NOTHING]
        lines += ["", *_hanging("  ".join([*marks, *(value for _, value in named[:heads])]), width)]
        told = ""
        for piece in (f"{name}: {value}" for name, value in named[heads:]):
            if told and len(told) + len(piece) > width - 7:
                lines += _hanging(told, width, "    ")
                told = ""
            told += f" · {piece}" if told else piece
        lines += _hanging(told, width, "    ")
    return lines


def _hanging(line: str, width: int, indent: str = "") -> list[str]:
    """Wrapped between words only: an address or a digest stays whole, to be copied."""
    return textwrap.wrap(
        line,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
