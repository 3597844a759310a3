"""The caller's files: which lines of them make the request, build the URL, or write the row.

Only these lines are kept, masked, with their numbers; a file itself is never saved. Nothing is run, and nothing is
asked: a URL is a name. What a line does is read from its form, so a line that matches may do something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

MOST_FILES = 50
MOST_BYTES = 300_000
"""Bytes of one file."""
MOST_LINES = 200
"""Lines that are kept of one file."""
MOST_IN_ALL = 1_000
"""Lines that are kept of all files."""
_LONGEST = 1_000
_QUOTED = 200

_NAME = r"[A-Z][A-Z0-9]{0,60}(?:_[A-Z0-9]{1,60}){1,8}"
_HOLE = r"(?:\$\{[^{}\n]{1,200}\}|\{[^{}\n]{0,200}\}|%s|%\(\w{1,60}\)s)"
# `NAME: value`, `"NAME": value`, `env.NAME = value`, `env["NAME"] = value`, `NAME=value,`, `-e NAME=value`, `{ NAME }`.
_VARIABLES = (
    re.compile(rf"(?:^|[\s{{,(\[])[\"']?({_NAME})[\"']?\s*:(?!:)"),
    re.compile(rf"\b\w*(?:env|Env|ENV|variables|config)\w*\.({_NAME})\s*=(?!=)"),
    re.compile(rf"\w\[\s*[\"'`]({_NAME})[\"'`]\s*\]\s*=(?!=)"),
    re.compile(rf"(?:^|[\s,(])({_NAME})=(?=[^=\s])"),
    re.compile(rf"(?:-e|--env)[ =][\"']?({_NAME})="),
    re.compile(rf"[\[(]\s*[\"']({_NAME})[\"']\s*,\s*\S"),
    re.compile(rf"(?:^\s*|\{{\s+|,\s*)({_NAME})\s*(?=,\s*$|\s*\}})"),
    re.compile(rf"\bset\w*\(\s*[\"'`]({_NAME})[\"'`]\s*,"),
)
_READS = re.compile(r"(?:env\.get|getenv|environ(?:\.get)?|process\.env|Deno\.env|import\.meta\.env)")
_DECLARES = re.compile(r"^\s*(?:export\s+)?(?:const|let|var|type|interface|import|from)\b")
_IMAGE = re.compile(
    r"[\"'`]((?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d{1,5})?/(?:[\w.${}()-]+/){0,4}[\w.${}()-]+"
    r"(?:[:@][\w.:${}()-]+)?)[\"'`]"
)
_IMAGE_KEY = re.compile(
    r"\b\w*image\w*[\"']?\s*(?:[:=]|=>)\s*(?:[^\"'`\n]{0,200}[\"'`])?"
    r"([a-z0-9][\w./${}-]{2,200}(?::[\w.${}-]+)?)",
    re.IGNORECASE,
)
_SCHEME = r"(?:wss?|https?)://"
_URLS = (
    re.compile(rf"{_SCHEME}({_HOLE})\.fly\.dev"),
    re.compile(
        rf"{_SCHEME}[\"'`]\s*(?:\+|\.\.|<>|\|\|)\s*([\w.$()\[\]\"']{{1,100}})\s*(?:\+|\.\.|<>|\|\|)\s*[\"'`]\.fly\.dev"
    ),
    re.compile(r"[\"'`\s(]({hole})\.fly\.dev".replace("{hole}", _HOLE)),
    re.compile(r"([\w.$()\[\]\"']{1,100})\s*\+\s*[\"'`]\.fly\.dev"),
)
_OF_THE_APP = re.compile(r"(?i)app")
_STATUS = re.compile(
    r"\bstatus[\"'`]?\]?\s*(?::|=(?!=)|=>)\s*(?:[\w.]{0,60}\.)?[\"'`]?([A-Za-z]{5,14})\b", re.IGNORECASE
)
_STATES = ("provisioning", "starting", "running", "started", "created", "pending", "creating")
_STARTED_AT = re.compile(r"\bstarted_?at[\"'`]?\]?\s*(?::|=(?!=)|=>)", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(?://|#|\*|/\*|--)")


class LineKind(StrEnum):
    """What a line does."""

    VARIABLE = "variable"
    IMAGE = "image"
    URL = "url"
    STATUS = "status"
    STARTED_AT = "started-at"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was given: `text` is None where it was not read, and `reason` then says why."""

    name: str
    text: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line that matters. `value` is what it names: a variable, a reference, a state; `text` is the line, masked."""

    kind: LineKind
    path: str
    number: int
    value: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.number}"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file, by its name: how many lines it has, or why it was not read."""

    name: str
    lines: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The caller's files, and the lines of them that make the request."""

    files: tuple[ReadFile, ...] = ()
    lines: tuple[SourceLine, ...] = ()


def read_sources(files: tuple[SourceFile, ...], masked: Callable[[str], str]) -> Sources:
    """Find the lines that matter.

    Args:
        files: names and texts
        masked: takes the secrets out of a text
    """
    told: list[ReadFile] = []
    lines: list[SourceLine] = []
    for file in files:
        name = masked(file.name)
        if file.text is None:
            told.append(ReadFile(name, reason=file.reason))
            continue
        rows = file.text.split("\n")
        told.append(ReadFile(name, len(rows)))
        found = (line for number, row in enumerate(rows, 1) for line in _of_line(name, number, row.rstrip("\r")))
        kept = islice(found, min(MOST_LINES, MOST_IN_ALL - len(lines)))
        lines += [replace(line, value=masked(line.value), text=masked(line.text)) for line in kept]
    return Sources(tuple(told), tuple(lines))


def _of_line(path: str, number: int, row: str) -> Iterator[SourceLine]:
    if _COMMENT.match(row) or not row.strip():
        return
    row = row[:_LONGEST]
    text = " ".join(row.split())[:_QUOTED]
    for kind, value in dict.fromkeys(_read(row)):
        yield SourceLine(kind, path, number, value, text)


def _read(row: str) -> Iterator[tuple[LineKind, str]]:
    if not _DECLARES.match(row):
        sent = _READS.sub("", row)
        for pattern in _VARIABLES:
            for match in pattern.finditer(sent):
                yield LineKind.VARIABLE, match[1]
    for pattern in (_IMAGE, _IMAGE_KEY):
        for match in pattern.finditer(row):
            yield LineKind.IMAGE, match[1]
    for pattern in _URLS:
        found = pattern.search(row)
        if found and not _OF_THE_APP.search(_filled(found[1], row[found.end() :])):
            yield LineKind.URL, found[1]
            break
    for match in _STATUS.finditer(row):
        if match[1].lower() in _STATES:
            yield LineKind.STATUS, match[1].lower()
    if _STARTED_AT.search(row):
        yield LineKind.STARTED_AT, "started_at"


def _filled(hole: str, rest: str) -> str:
    """What stands in a hole: its own words, else what is handed over behind the text."""
    return rest if hole in ("{}", "%s") else hole
