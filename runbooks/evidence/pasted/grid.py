"""Tables as terminals print them: cells between tabs, bars or runs of spaces, and lists of `key = value`.

flyctl prints its tables with tabs or bars, and a browser or a forum makes spaces of the tabs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_LINES = 20_000
_MAX_LINE = 4_000
_MAX_ROWS = 2_000
_MAX_COLUMNS = 20
_RULE = re.compile(r"[\s\-=+*|│┼─━┌┐└┘├┤┬┴╭╮╰╯]*\Z")
_BARS = re.compile(r"[|│┃]")
_WORDS = re.compile(r"\S+(?: \S+)*")
_NAMES = re.compile(
    r"(?i)\b(?:ip address|last updated|process group|app platform|health checks|id|name|state|checks|region|role|image"
    r"|volume|created|updated|size|process|version|status|machine|output|event|source|timestamp|info)\b"
)
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
# How the cells of these columns look, and whether each row has one.
_FORMS = {
    "process": (r"[\w-]{1,63}\S{0,4}", True),
    "id": (r"[0-9a-f]{14}\*?", True),
    "machine": (r"[0-9a-f]{14}", True),
    "name": (r"[\w.-]{1,80}", True),
    "version": (r"\d{1,6}", True),
    "region": (r"[a-z]{3}(?:\(B\))?", True),
    "state": (r"[a-z_]{3,20}", True),
    "status": (r"[a-z]{3,20}", True),
    "event": (r"[a-z_]{3,20}", True),
    "source": (r"[a-z]{3,20}", True),
    "role": (r"leader|primary|replica|standby|error|unknown", False),
    "checks": (r"\d{1,3}/\d{1,3}|\d{1,3} total(?:, \d{1,3} [a-z]{3,20}){0,3}", False),
    "image": (r"[\w./-]{1,200}:[\w.-]{1,128}(?:@sha256:\w{64})?(?: \([^()]{1,80}\))?", False),
    "ip address": (r"[0-9a-f]{1,4}:[0-9a-f:]{4,40}", False),
    "volume": (r"vol_\w{3,30}", False),
    "created": (_TIME, False),
    "last updated": (rf"{_TIME}|\w{{1,20}} ago|[\dhms]{{2,12}} ago|just now", False),
    "timestamp": (_TIME, True),
    "info": (r"\w{3,30}=\S{1,200}", False),
    "output": (r".{1,4000}", False),
    "process group": (r"[\w-]{1,63}", False),
    "size": (r"[a-z]{3,20}-(?:cpu-)?\w{1,20}:\d{1,7}MB", False),
}
_FIELD = re.compile(r"\s{0,20}(?P<key>[A-Za-z][A-Za-z ]{0,30}?)\s{0,20}(?P<sign>[=│|])\s?(?P<value>.*)\Z")
_TITLED = re.compile(r"(?P<key>[A-Z][A-Za-z]{1,20}(?: ID)?):[ \t]{1,4}(?P<value>\S.{0,300})\Z")


@dataclass(frozen=True, slots=True)
class Grid:
    """One table.

    Attributes:
        title: the line above its head
        columns: their names in lower case
        rows: by the names of the columns, without empty cells
        span: the first line of the table, and the line after it
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class FieldList:
    """A list of `key = value`: the line above it, and its keys in lower case."""

    title: str
    fields: Mapping[str, str]


def lines_of(text: str) -> list[str]:
    """The lines of a text, cut to what a table can have."""
    return [line[:_MAX_LINE].rstrip() for line in text.splitlines()[:MAX_LINES]]


def grids(lines: list[str], heads: Iterable[frozenset[str]]) -> Iterator[Grid]:
    """Every table whose columns hold all of one of these sets.

    Args:
        lines: the text, line by line
        heads: the names of columns, in lower case, that tell the tables that are looked for
    """
    wanted = tuple(heads)
    end = 0
    for first, line in enumerate(lines):
        # Every table of flyctl has one of these columns, and its head is in capitals.
        if first < end or not any(name in line for name in ("STATE", "STATUS", "REPOSITORY")):
            continue
        columns = _columns(line)
        names = tuple(name for name, _ in columns)
        if len(names) > 2 and any(head <= set(names) for head in wanted):
            rows, end = _rows(lines, first + 1, line, columns)
            yield Grid(_title(lines, first), names, tuple(rows), (first, end))


def field_lists(lines: list[str]) -> Iterator[FieldList]:
    """Every list of at least three `key = value` lines."""
    title, fields = "", dict[str, str]()
    for line in (*lines, ""):
        found = _FIELD.match(line) if line[:1] in " \t" else None
        if found and len(fields) < 100:
            fields.setdefault(found["key"].strip().lower(), found["value"].strip().rstrip("|│").strip())
            continue
        if len(fields) >= 3:
            yield FieldList(title, fields)
        fields = {}
        title = line.strip() or title


def titled_fields(lines: list[str]) -> dict[str, str]:
    """`Key: value` lines at the beginning of a line, keys in lower case; the first of each key counts."""
    found: dict[str, str] = {}
    for line in lines:
        if field := _TITLED.match(line):
            found.setdefault(field["key"].lower(), field["value"].strip())
    return found


def _title(lines: list[str], head: int) -> str:
    """The line above a head that is neither empty nor a rule."""
    above = (line.strip() for line in reversed(lines[max(0, head - 5) : head]))
    return next((line for line in above if line and not _RULE.match(line)), "")


def _columns(line: str) -> list[tuple[str, int]]:
    """The names of the columns of a head, in lower case, with the places where they begin."""
    if len(line) > 1000:
        return []
    if "\t" in line or _BARS.search(line):
        cells, at = [], 0
        for cell in re.split(r"[\t|│┃]", line):
            if cell.strip():
                cells.append((cell.strip().lower(), at + len(cell) - len(cell.lstrip())))
            at += len(cell) + 1
        return cells[:_MAX_COLUMNS]
    # With spaces alone a head such as `PROCESS ID   VERSION` has to be told apart by its words.
    found = [(match.group().lower(), match.start()) for match in _NAMES.finditer(line)]
    return found[:_MAX_COLUMNS] if len(found) > 2 and not _NAMES.sub("", line).strip() else []


def _rows(
    lines: list[str], index: int, head: str, columns: list[tuple[str, int]]
) -> tuple[list[Mapping[str, str]], int]:
    """The rows below a head, and the line after them; a row that only continues cells is joined to the one before."""
    rows: list[dict[str, str]] = []
    names = [name for name, _ in columns]
    edge = bool(_BARS.match(head.strip()[:1]))
    while index < len(lines) and len(rows) < _MAX_ROWS:
        line = lines[index]
        if not line.strip():
            break
        index += 1
        if _RULE.match(line):
            continue
        cells = _cells(line, columns, edge)
        if cells is None:
            index -= 1
            break
        row = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
        if not row:
            continue
        if rows and names[0] not in row and ("\t" in line or _BARS.search(line)):
            for name, cell in row.items():
                rows[-1][name] = f"{rows[-1].get(name, '')} {cell}".strip()[:_MAX_LINE]
            continue
        rows.append(row)
    return list(rows), index


@lru_cache(maxsize=50)
def _typed(names: tuple[str, ...]) -> re.Pattern[str]:
    """A row by the form of its cells, as a page shows it that makes one space of many."""
    cells = (_FORMS.get(name, "") for name in names)
    known = [rf"\s{{1,200}}({form})" if must else rf"(?:\s{{1,200}}({form}))?" for form, must in filter(None, cells)]
    return re.compile(f"{''.join(known)}\\s*\\Z" if len(known) == len(names) else r"(?!)")


def _cells(line: str, columns: list[tuple[str, int]], edge: bool) -> list[str] | None:
    """The cells of a row; None if the line is none of the table."""
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    if _BARS.search(line):
        # An output may hold bars of its own: what is too much belongs to the last cell.
        cells = [cell.strip() for cell in _BARS.split(line, len(columns) + edge - 1)]
        cells = cells[1:] if edge else cells
        return [*cells[:-1], cells[-1].rstrip("|│┃ ").strip()]
    parts = [match.group() for match in _WORDS.finditer(line)]
    if len(parts) == len(columns):
        return parts
    if typed := _typed(tuple(name for name, _ in columns)).match(f" {line}"):
        return [cell or "" for cell in typed.groups()]
    starts = [start for _, start in columns]
    ends = [*starts[1:], len(line) + 1]
    cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    # Cells begin where the columns do; a line of prose does not.
    aligned = all(start == 0 or start >= len(line) or line[start - 1] in " \t" for start in starts)
    return cells if aligned and sum(map(bool, cells)) > 1 else None
