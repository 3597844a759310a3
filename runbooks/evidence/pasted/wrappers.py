"""What stands around the lines of a pasted text: a CI job's prefixes, a container's name, the rows of a log export.

What is left are the lines as the program or the platform wrote them, with their times in front where there were any.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from runbooks.evidence.log_parser import from_around, from_init
from runbooks.evidence.parsers import text_of, time_of
from runbooks.evidence.pasted.broken_lines import joined
from runbooks.evidence.pasted.log_records import as_lines

_MAX_TEXT = 5_000_000
_MAX_ROWS = 20_000
_COLOUR = re.compile(r"(?:\x1b|\^\[|␛)\[[\d;?]{0,20}[A-Za-z]|\x1b\](?:8;;|0;)[^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)")
# `fly deploy` and Terraform put a bar before each line of another tool's output.
_PIPE = re.compile(r"^ {1,8}\| (?=\S)(?![^\n|]{0,60}\|)", re.M)
_ACTIONS_STAMP = r"\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
_ACTIONS = re.compile(rf"{_ACTIONS_STAMP} ?")
_ACTIONS_JOB = re.compile(rf"[^\t\n]{{1,200}}\t[^\t\n]{{1,200}}\t(?={_ACTIONS_STAMP})")
_ACTIONS_MARK = re.compile(r"^((?:\S{20,40} )?)##\[(?:group|endgroup|error|warning|notice|debug|command|section)\]")
_ACTIONS_GROUP = re.compile(r"##\[(?P<mark>group|endgroup)\]")
_COMPOSE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]{0,60}[-_]\d{1,3}|[a-z][a-z0-9_-]{0,30}) {1,30}\| ?")
_EXPORT_TEXT = ("event_message", "message", "msg", "log", "@message", "textPayload")
_EXPORT_TIME = ("timestamp", "@timestamp", "time", "ts", "event_timestamp", "date")
_EXPORT_HEAD = re.compile(r"[^\n]{0,500}\bevent_message\b[^\n]{0,500}")

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
# A quotation in Markdown or in a mail, which has the words of whoever quotes around it.
_QUOTED = re.compile(r" {0,3}(?:> ?){1,3}(?P<keep>)")
# A block of code in Markdown; the brackets of a document that is indented itself stand at the margin.
_BLOCK = re.compile(r"(?: {4}|\t)(?P<keep>)")
_MARGIN = frozenset("{}[]")
# What a tool puts before each line, and what of it is kept: the time of syslog and of GitLab's jobs.
_PREFIXES = (
    re.compile(r"\x1b_bk;t=\d{6,20}\x07(?P<keep>)"),  # Buildkite
    re.compile(rf"(?P<keep>{_STAMP} )\d\d[OE]\+? ?"),  # GitLab
    re.compile(rf"<\d{{1,3}}>1 (?P<keep>{_STAMP} )(?:\S{{1,200}} ){{4}}(?:\[[^\]\n]{{1,200}}\]|-)? ?"),  # syslog
    re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,100} [\w./-]{1,60}(?:\[\d{1,9}\])?: (?P<keep>)"),  # journal
    re.compile(r"\[?(?:stderr|stdout)\]?:? (?P<keep>)"),
    _QUOTED,
    re.compile(r" {0,3}[-*•] (?P<keep>)"),  # a list
    re.compile(r"`(?P<keep>)(?=[^`])"),
    _BLOCK,
    re.compile(r"\| ?(?P<keep>)"),
)
_NUMBERED = re.compile(r" {0,6}(?P<number>\d{1,5})(?:\t| {2}|[:.)] |:(?=\d{4}-)|\| ?)")
_ENTITY = re.compile(r"&(?:quot|#39|#x27|apos|lt|gt|amp|nbsp);")
_TYPESET = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'"} | dict.fromkeys("\u00a0\u2007\u202f", " "))
_UNSEEN = str.maketrans(dict.fromkeys("\u200b\u2060\ufeff"))
# A time as people's own clocks show it, before whoever speaks: neither its zone nor the order of its parts is known.
_LOCAL = re.compile(
    r"^\s{0,4}\[?(?:(?:[A-Z][a-z]{2},? )?(?:\d{1,4}[/.]\d{1,2}[/.]\d{2,4}|[A-Z][a-z]{2} {1,2}\d{1,2}(?:,? \d{4})?"
    r"|\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{4}),?[ T])?(?P<hour>\d{1,2}):(?P<rest>\d\d:\d\d(?:[.,]\d{1,9})?)"
    r"(?:[ \u202f]?(?P<half>[AaPp])\.?[Mm]\.?)?\]?[ \t]{1,4}"
    r"(?=(?:(?:app|runner|proxy|health|machine|init)\[|\[(?:info|warn|error|debug)\] ))",
    re.M,
)
_DATED = re.compile(r"\s{0,4}\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d")
_FENCE = re.compile(r"\s{0,8}(?:```|~~~)[\w-]{0,20}\s*\Z")
_MOST_LAYERS = 3


def unwrapped(text: str) -> str:
    """The text without colours, links and what a tool put around its lines.

    Args:
        text: a pasted text

    Returns:
        its own lines; the text itself where nothing known stands around them
    """
    text = uncoloured(text[:_MAX_TEXT])
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = text.translate(_TYPESET | _UNSEEN).replace("\r\n", "\n").replace("\r", "\n")
    if (lines := as_lines(text)) is not None:
        return lines
    for _ in range(_MOST_LAYERS):
        if (inner := _prefixed(text)) is None:
            break
        text = inner
    if " | " in text:
        text = _PIPE.sub("", text)
    found = (unwrap(text) for unwrap in (_export, _actions, _compose))
    return _LOCAL.sub(_clock, joined(next((inner for inner in found if inner is not None), text)))


def uncoloured(text: str) -> str:
    """The text without a terminal's colours and links: right before an id, `[2m` makes one random word of both."""
    return _COLOUR.sub("", text) if any(sign in text for sign in ("\x1b", "^[", "␛")) else text


def _prefixed(text: str) -> str | None:
    """The text without what stands before nearly every line; None, if nothing known does."""
    lines = text.splitlines()
    for pattern in _PREFIXES:
        if pattern is _BLOCK and any(line.rstrip(" ,") in _MARGIN for line in lines if line):
            continue
        if _begin(lines, pattern) and _most(lines, pattern, 0.5 if pattern is _QUOTED else 0.9):
            bare = (_kept(pattern, line) for line in lines)
            end = next((sign for sign in "|`" if pattern.pattern.lstrip("\\").startswith(sign)), "")
            return "\n".join(line.rstrip().removesuffix(end).rstrip() if end else line for line in bare)
    if not _begin(lines, _NUMBERED) or not _most(lines, _NUMBERED):
        return None
    numbers = [int(found["number"]) for line in lines if (found := _NUMBERED.match(line))]
    inner = [_after(_NUMBERED, line) for line in lines]
    # A single number may as well be the line's own, and those that leave lines out a list of values.
    if all(_DATED.match(line) for line in inner if line) or from_init(inner[0]) or from_around(inner[0]):
        return "\n".join(inner) if all(b > a for a, b in pairwise(numbers)) else None
    return "\n".join(inner) if len(numbers) > 1 and all(b == a + 1 for a, b in pairwise(numbers)) else None


def _kept(pattern: re.Pattern[str], line: str) -> str:
    found = pattern.match(line)
    if found is None:
        return line
    inner = line[found.end() :]
    return inner if _DATED.match(inner) else found["keep"] + inner


def _clock(local: re.Match[str]) -> str:
    """The time of day alone, from 0 to 24."""
    hour = int(local["hour"])
    if local["half"]:
        hour = hour % 12 + (12 if local["half"] in "Pp" else 0)
    return f"{hour:02d}:{local['rest']} "


def without_stamps(text: str) -> str:
    """The unwrapped text without a CI job's own times, so that a table inside stands as it was printed."""
    return re.sub(rf"^{_ACTIONS_STAMP} ?", "", text, flags=re.M)


def _actions(text: str) -> str | None:
    """GitHub Actions: a time before every line; `gh run view --log` adds the job and the step."""
    lines = text.splitlines()
    if not _begin(lines, _ACTIONS) and not _begin(lines, _ACTIONS_JOB):
        return _unmarked(text) if "##[" in text else None
    bare = [_after(_ACTIONS_JOB, line) for line in lines]
    if not _most(bare, _ACTIONS):
        return _unmarked(text) if "##[" in text else None
    marked = (_ACTIONS_MARK.sub(r"\1", line.lstrip("\ufeff")) for line in _without_settings(bare))
    # A line that has a time of its own, as those of a log have, needs no other.
    return "\n".join(inner if _DATED.match(inner := _after(_ACTIONS, line)) else line for line in marked)


def _without_settings(lines: list[str]) -> Iterator[str]:
    """A step's command as a prompt shows it, without the runner's own list of shell and variables below it.

    A list that is not closed may hold all that follows, and stays.
    """
    closed = ""
    ends: list[str] = []
    for line in reversed(lines):
        mark = _ACTIONS_GROUP.match(_after(_ACTIONS, line))
        closed = mark["mark"] if mark else closed
        ends.append(closed)
    listed = False
    for line, next_mark in zip(lines, [*ends[-2::-1], ""], strict=True):
        words = _after(_ACTIONS, line)
        if words.startswith("##[group]Run ") and next_mark == "endgroup":
            listed = True
            yield f"$ {words.removeprefix('##[group]Run ')}"
        elif not listed:
            yield line
        listed = listed and not words.startswith("##[endgroup]")


def _unmarked(text: str) -> str:
    return "\n".join(_ACTIONS_MARK.sub(r"\1", line) for line in text.splitlines())


def _compose(text: str) -> str | None:
    """The form of Docker Compose: the container's name and a bar before every line."""
    lines = text.splitlines()
    if not _begin(lines, _COMPOSE) or not _most(lines, _COMPOSE):
        return None
    if len(lines) < 2 and not re.match(r"[\w.-]{1,60}[-_]\d{1,3} ", text):
        return None  # a single line may as well have a bar of its own
    names = {found["name"] for line in lines[:200] if (found := _COMPOSE.match(line))}
    return "\n".join(_after(_COMPOSE, line) for line in lines) if len(names) < 20 else None


def _export(text: str) -> str | None:
    """A log export of Supabase, or of a service with the same columns: JSON, JSON lines or CSV; oldest line first."""
    head = text[:2000].lstrip("\ufeff \t\r\n")
    if head[:1] in ("[", "{"):
        rows = _json_rows(text)
    elif _EXPORT_HEAD.match(head):
        rows = _csv_rows(text)
    else:
        return None
    dated = [(at, words) for row in rows if (words := _words(row)) and (at := _at(row))]
    if not dated or len(dated) * 2 < len(rows):
        return None
    falling = sum(later[0] < earlier[0] for earlier, later in pairwise(dated))
    if falling > len(dated) // 2:
        dated.reverse()
    dated.sort(key=lambda pair: pair[0])
    return "\n".join(f"{at:%Y-%m-%dT%H:%M:%S.%f}Z {words}" for at, words in dated)


def _json_rows(text: str) -> list[Mapping[str, Any]]:
    """Rows whose text is in `event_message`; other services' JSON lines are read elsewhere."""
    if "event_message" not in text:
        return []
    try:
        found = json.loads(text)
        found = found.get("result") or found.get("data") or [found] if isinstance(found, Mapping) else found
    except (ValueError, RecursionError):
        found = list(_json_lines(text))
    rows = found if isinstance(found, list) else []
    return [row for row in rows[:_MAX_ROWS] if isinstance(row, Mapping) and "event_message" in row]


def _json_lines(text: str) -> Iterator[Any]:
    for line in text.splitlines()[:_MAX_ROWS]:
        if line[:1] == "{":
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


def _csv_rows(text: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    try:
        for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff \t\r\n"))):
            rows.append({str(key).strip(): value for key, value in row.items() if isinstance(value, str)})
            if len(rows) >= _MAX_ROWS:
                break
    except csv.Error:
        # A field above the library's limit: what was read so far is what there is.
        return rows
    return rows


def _words(row: Mapping[str, Any]) -> str:
    return next((text_of(row[key]).rstrip() for key in _EXPORT_TEXT if text_of(row.get(key)).strip()), "")


def _at(row: Mapping[str, Any]) -> datetime | None:
    return next((at for key in _EXPORT_TIME if (at := time_of(row.get(key)))), None)


def _after(pattern: re.Pattern[str], line: str) -> str:
    found = pattern.match(line)
    return line[found.end() :] if found else line


def _begin(lines: list[str], pattern: re.Pattern[str]) -> bool:
    """Does one of the first lines begin so? Most texts need no further look."""
    return any(pattern.match(line) for line in lines[:20])


def _most(lines: Iterable[str], pattern: re.Pattern[str], part: float = 0.9) -> bool:
    """Does this part of the lines that are not empty begin so?"""
    full = [line for line in lines if line.strip() and not _FENCE.match(line)]
    return bool(full) and sum(bool(pattern.match(line)) for line in full) >= part * len(full)
