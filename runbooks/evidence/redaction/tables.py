"""Tables in a text: what stands in a column whose heading is the name of a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from runbooks.evidence.redaction.names import Strength, strength_of
from runbooks.evidence.redaction.prepared import Prepared

# What the column of a table can be called, in the line above its rows: with commas, tabs, or as a terminal draws it.
_COLUMNS = ("passw", "secret", "token", "api_key")
_CELL = r"[\"']?[\w.-]{1,40}[\"']?"
_HEADING = re.compile(rf"[ \t]*\|?[ \t]*{_CELL}(?:(?:[ \t]*[|\t,;][ \t]*){_CELL}){{1,30}}[ \t]*\|?\r?$")
# What a cell of a heading is followed by: most places are no heading, and that is soon seen.
_ENDS = re.compile(r"[\w.-]{1,40}[\"']?[ \t]*[|\t,;\r\n]")
_RULER = re.compile(r"[-+|: \t]+\r?$")
_ROWS = 1_000
_WIDE = 400


class Table(NamedTuple):
    """A heading with a column that is secret, and what stands between its cells."""

    sign: str
    names: list[str]
    column: int
    end: int

    def cells(self, text: str) -> Iterator[tuple[int, int]]:
        """Where what is in this column stands, row by row, as long as the rows are of the heading's form."""
        end = self.end
        for _ in range(_ROWS):
            start, end = end + 1, text.find("\n", end + 1)
            line = text[start : end if end >= 0 else len(text)]
            cells = line.split(self.sign, len(self.names))
            if not _RULER.match(line):
                if len(cells) != len(self.names):
                    return
                inner = cells[self.column].strip(" \t\r\"'")
                if len(inner) > 2 and " " not in inner and not inner.startswith(("*", "<", "[", "\0")):
                    at = start + sum(len(cell) + 1 for cell in cells[: self.column]) + cells[self.column].index(inner)
                    yield at, at + len(inner)
            if end < 0:
                return


def _tables(text: str, places: list[int]) -> Iterator[Table]:
    """The tables whose heading has one of the places in it."""
    for at in places:
        if not _ENDS.match(text, at):
            continue
        begin, end = text.rfind("\n", max(0, at - _WIDE), at) + 1, text.find("\n", at, at + _WIDE)
        if end < 0 or (begin == 0 and at > _WIDE) or not _HEADING.match(text, begin, end):
            continue
        heading = text[begin:end]
        sign = next((sign for sign in "|\t,;" if sign in heading), "")
        names = [name.strip(" \t\r\"'") for name in heading.split(sign)]
        column = heading.count(sign, 0, at - begin)
        if (sign != "," or ", " not in heading) and strength_of(names[column]) is Strength.STRONG:
            yield Table(sign, names, column, end)


def table_spans(prepared: Prepared) -> Iterator[tuple[int, int]]:
    """Where values stand whose column is called after a secret."""
    text, free = prepared.text, 0
    for table in _tables(text, prepared.places(_COLUMNS)):
        # A row of a table is no heading of another one; a heading can have two such columns.
        if table.end >= free:
            for span in table.cells(text):
                yield span
                free = span[0]
