"""A pandas table in three renderings. Cells are sentences, so they may hold code and footnotes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runbooks.base.facets import NUMBER
from runbooks.report import escape, inline

if TYPE_CHECKING:
    import pandas as pd

HTML_ROWS, MARKDOWN_ROWS, TEXT_ROWS = 400, 60, 40
HTML_CELL, MARKDOWN_CELL, TEXT_CELL = 800, 300, 500
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


def _is_notes(column: str) -> bool:
    return column.strip().lower() in ("evidence", "footnotes", "proof")


def html(table: pd.DataFrame, known: Collection[str], styles: Mapping[str, Markup], label: str = "Table") -> Markup:
    """A semantic table in its own scroll container; `styles` maps part names to attributes."""
    columns, rows, left = grid(table, HTML_ROWS)
    box = styles["long" if len(rows) > LONG else "scroll"]
    out = [f'<div{box} role="region" tabindex="0" aria-label="{escape.html(label, 120)}">']
    out.append(f"<table{styles['table']}><thead><tr>")
    out += [
        f'<th scope="col"{styles["th"]}>{escape.html(name)}</th>' if name else f"<td{styles['th']}></td>"
        for name in columns
    ]
    out.append("</tr></thead><tbody>")
    for row in rows:
        out.append("<tr>")
        for name, value in zip(columns, row, strict=True):
            numbers = _NUMBERS.findall(value[:400]) if _is_notes(name) else []
            shown = (
                inline.html_notes(numbers, known)
                if numbers
                else inline.html(value, known, HTML_CELL, f"<code{styles['code']}>")
            )
            part = "short" if len(value) <= SHORT else "td"
            out.append(f"<td{styles[part]}>{shown}</td>")
        out.append("</tr>")
    out.append("</tbody></table></div>")
    if left:
        out.append(f"<p{styles['small']}>… [cut: {left:,} more rows]</p>")
    return Markup("".join(out))  # noqa: S704 - every cell is escaped above


def markdown(table: pd.DataFrame, known: Collection[str] = (), most: int = MARKDOWN_ROWS) -> str:
    """A table of GitHub Markdown."""
    columns, rows, left = grid(table, most)
    shown = [[_markdown_cell(name, value, known) for name, value in zip(columns, row, strict=True)] for row in rows]
    text = markdown_rows([escape.markdown(name) for name in columns], shown)
    return f"{text}\n\n… \\[cut: {left:,} more rows\\]" if left else text


def markdown_rows(columns: list[str], rows: list[list[str]]) -> str:
    """The same from cells that are Markdown already."""
    body = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell or NOTHING for cell in row)} |" for row in body)


def _markdown_cell(column: str, value: str, known: Collection[str]) -> str:
    numbers = _NUMBERS.findall(value[:400]) if _is_notes(column) else []
    return inline.markdown_notes(numbers, known) if numbers else inline.markdown(value, known, MARKDOWN_CELL)


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
