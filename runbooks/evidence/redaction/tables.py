"""Tables in a text: what stands in a column whose heading is the name of a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from runbooks.evidence.redaction.assigned import is_nothing
from runbooks.evidence.redaction.names import Strength, strength_of
from runbooks.evidence.redaction.prepared import Prepared

# What the column of a table can be called, in the line above its rows: with commas, tabs, or as a terminal draws it.
_COLUMNS = ("pass", "pwd", "secret", "token", "api_key")
_CELL = r"[\"']?[\w.-]{1,40}[\"']?"
_HEADING = re.compile(rf"[ \t]*[|│]?[ \t]*{_CELL}(?:(?:[ \t]*[|│\t,;][ \t]*){_CELL}){{1,30}}[ \t]*[|│]?\r?$")
# The same with nothing but blanks between the cells, which begin below their names.
_ALIGNED = re.compile(r"[ ]*[\w.-]{1,40}(?:[ ]{2,80}[\w.-]{1,40}){1,30}[ ]*\r?$")
_NAME = re.compile(r"[^ ]+")
# What a cell of a heading is followed by: most places are no heading, and that is soon seen.
_ENDS = re.compile(r"[\w.-]{1,40}[\"']?(?:[ \t]*[|│\t,;\r\n]|[ ]{2})")
_RULER = re.compile(r"[-+|: \t\u2500-\u257f=]+\r?$")
# A column `pass` counts what passed, unless it stands beside somebody.
_MATE = re.compile(r"(?i)user|login|account|host|e-?mail")
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
                if _may_be_secret(inner):
                    at = start + sum(len(cell) + 1 for cell in cells[: self.column]) + cells[self.column].index(inner)
                    yield at, at + len(inner)
            if end < 0:
                return


class Aligned(NamedTuple):
    """A heading with a column that is secret, where the cells begin below their names."""

    begins: int
    end: int

    def cells(self, text: str) -> Iterator[tuple[int, int]]:
        """Where what is in this column stands, row by row, as long as a cell begins there."""
        end = self.end
        for _ in range(_ROWS):
            start, end = end + 1, text.find("\n", end + 1)
            line = text[start : end if end >= 0 else len(text)]
            cell = _NAME.match(line, self.begins)
            if not _RULER.match(line):
                if (
                    cell is None
                    or line[self.begins - 1 : self.begins] not in ("", " ")
                    or not line[: self.begins].strip()
                ):
                    return
                inner = cell[0].rstrip("\r")
                if _may_be_secret(inner) and line[cell.end() : cell.end() + 2].strip(" \r") == "":
                    yield start + cell.start(), start + cell.start() + len(inner)
            if end < 0:
                return


def _may_be_secret(cell: str) -> bool:
    return len(cell) > 2 and " " not in cell and not cell.startswith(("*", "<", "[", "\0")) and not is_nothing(cell)


def _tables(text: str, places: list[int]) -> Iterator[Table | Aligned]:
    """The tables whose heading has one of the places in it."""
    for at in places:
        if not _ENDS.match(text, at):
            continue
        begin, end = text.rfind("\n", max(0, at - _WIDE), at) + 1, text.find("\n", at, at + _WIDE)
        if end < 0 or (begin == 0 and at > _WIDE):
            continue
        heading = text[begin:end]
        if _ALIGNED.match(heading):
            name = next(name for name in _NAME.finditer(heading) if name.end() > at - begin)
            if _is_secret(name[0].strip("\r"), heading) and name.start():
                yield Aligned(name.start(), end)
            continue
        if not _HEADING.match(text, begin, end):
            continue
        sign = next((sign for sign in "|│\t,;" if sign in heading), "")
        names = [name.strip(" \t\r\"'") for name in heading.split(sign)]
        column = heading.count(sign, 0, at - begin)
        if (sign != "," or ", " not in heading) and _is_secret(names[column], heading):
            yield Table(sign, names, column, end)


def _is_secret(name: str, heading: str) -> bool:
    """Is a column of this name in this heading one of secrets?"""
    return strength_of(name) is Strength.STRONG and (name.lower() != "pass" or _MATE.search(heading) is not None)


def table_spans(prepared: Prepared) -> Iterator[tuple[int, int]]:
    """Where values stand whose column is called after a secret."""
    text, free = prepared.text, 0
    for table in _tables(text, prepared.places(_COLUMNS)):
        # A row of a table is no heading of another one; a heading can have two such columns.
        if table.end >= free:
            for span in table.cells(text):
                yield span
                free = span[0]
