"""The recognisers: what a log line means. One table; causes only use its names.

`TABLE` joins what the platform says (`around.py`) and what programs say (`words.py`). Who says a thing counts as
much as the wording: a program that prints a line of the proxy does not make it the proxy's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache

from runbooks.diagnose.log_noise import ECHO, GOES_ON, HEADINGS, ITEM, NO_NAMES, NOT_LISTENING, tells_nothing
from runbooks.diagnose.platform_patterns import FLYCTL, HEALTH, INIT, PROXY, RUNNER, Table
from runbooks.diagnose.program_patterns import WORDS
from runbooks.diagnose.program_patterns.required_settings import SETTING, required_settings
from runbooks.evidence.log_parser import from_around, from_init
from runbooks.evidence.models import LogLine

TABLE: Table = (*INIT, *RUNNER, *PROXY, *HEALTH, *FLYCTL, *WORDS)


class _Book:
    """Rules by their hints. Most lines hold none, so that one search for all hints is all they cost.

    A pattern is compiled when a line holds its hint: a run needs few, and all of them take a tenth of its start.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    @cached_property
    def _read(self) -> tuple[re.Pattern[str], dict[str, list[int]], list[tuple[str, str]]]:
        """The gate, the rules behind each text that it finds, and all rules with the fact that each tells."""
        rules = [(fact, pattern) for fact, pairs in self._table for _, pattern in pairs]
        hints = [hint.split("|") for _, pairs in self._table for hint, _ in pairs]
        starts = _shortest(text for texts in hints for text in texts)
        behind: dict[str, list[int]] = {start: [] for start in starts}
        for number, texts in enumerate(hints):
            for start in {start for start in starts if any(text.startswith(start) for text in texts)}:
                behind[start].append(number)
        return re.compile(f"(?=({_either(starts)}))"), behind, rules  # looking ahead, as hints overlap

    def matches(self, message: str, low: str) -> Iterator[tuple[str, re.Match[str]]]:
        """The patterns that fit, in the order of the table."""
        gate, behind, rules = self._read
        for number in sorted({number for start in set(gate.findall(low)) for number in behind[start]}):
            fact, pattern = rules[number]
            if match := _compiled(pattern).search(message):
                yield fact, match


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _shortest(texts: Iterable[str]) -> list[str]:
    """The texts without those that begin with another of them."""
    kept: list[str] = []
    for text in sorted(set(texts)):
        if not kept or not text.startswith(kept[-1]):
            kept.append(text)
    return kept


def _either(texts: list[str]) -> str:
    """A pattern for any of these texts, none a beginning of another, that looks at every letter once."""
    heads: dict[str, list[str]] = {}
    for text in texts:
        heads.setdefault(text[:1], []).append(text[1:])
    branches = [re.escape(head) + (_either(tails) if tails != [""] else "") for head, tails in heads.items()]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_MAY_SAY = {
    "app": _Book(INIT),
    "runner": _Book((*RUNNER, *INIT)),
    "proxy": _Book(PROXY),
    "health": _Book(HEALTH),
}
_ANYONE = _Book((*RUNNER, *INIT, *PROXY, *HEALTH, *FLYCTL))
_PROGRAM = _Book((*INIT, *WORDS))
_PASTED_PROGRAM = _Book(TABLE)
_MAX = 2_000


@dataclass(frozen=True, slots=True)
class LogMatch:
    """A line with what it means; `names`, `number` and `thing` as the table captured them."""

    line: LogLine
    fact: str
    names: tuple[str, ...] = ()
    number: int | None = None
    thing: str = ""


_Meaning = tuple[str, tuple[str, ...], int | None, str]


def read_lines(lines: Iterable[LogLine]) -> Iterator[LogMatch]:
    """Every recognised line, in the order of the log; one line can state several facts."""
    lists: dict[str, _List] = {}
    for line in lines:
        meanings = meanings_of(_text(line), line.provider)
        for fact, names, number, thing in meanings:
            yield LogMatch(line, fact, names, number, thing)
        if line.provider in ("app", ""):
            names = lists.setdefault(line.instance, _List()).next(_text(line))
            if names and not any(fact == "missing-variable" for fact, *_ in meanings):
                yield LogMatch(line, "missing-variable", names)


@lru_cache(maxsize=20_000)
def meanings_of(message: str, provider: str) -> tuple[_Meaning, ...]:
    """Equal lines come by the hundred, e.g. in a crash loop."""
    low = message.lower()
    found: dict[str, _Meaning] = {}
    if is_words(message, provider):
        book = _PROGRAM if provider == "app" else _PASTED_PROGRAM
    else:
        book = _MAY_SAY.get(provider, _ANYONE)
    for fact, match in book.matches(message, low):
        if fact not in found and (meaning := _meaning(fact, match, low)):
            found[fact] = meaning
    if (book is _PROGRAM or book is _PASTED_PROGRAM) and (names := required_settings(message)):
        found["missing-variable"] = ("missing-variable", names, None, "")
    if "proxy-code" not in found:
        return tuple(found.values())
    others = list(dict.fromkeys(_CODES.findall(message)))[1:]  # “[PR03] … last error: [PM05] …” gives both
    return (*found.values(), *(("proxy-code", (), None, code) for code in others))


_CODES = re.compile(r"\[(P[A-Z]\d\d)\]")


def _meaning(fact: str, match: re.Match[str], low: str) -> _Meaning | None:
    groups = match.groupdict()
    said = groups.get("names") or ""
    names = tuple(dict.fromkeys(name.upper() for name in _NAME.findall(said) if name not in NO_NAMES))
    if fact == "missing-variable" and (bool(said) > bool(names) or _goes_on(low)):
        return None
    if fact == "listens" and any(word in low[: match.end()] for word in NOT_LISTENING):
        return None
    number = groups.get("number")
    thing = groups.get("thing") or groups.get("thing2") or ""
    return fact, names, int(number) if number else None, thing.strip()


def _goes_on(low: str) -> bool:
    return any(word in low for word in GOES_ON)


_NAME = re.compile(r"\b[A-Z][A-Z0-9_]{2,}\b|^[a-z_]+$")


class _List:
    """Names that follow a heading, one a line: “Missing environment variables:”, then “  - DATABASE_URL”."""

    __slots__ = ("left", "previous")

    def __init__(self) -> None:
        self.left = 0
        self.previous = ""

    def next(self, message: str) -> tuple[str, ...]:
        before, self.previous = self.previous, message
        if ":" in message[-8:] or '"received"' in message:
            for heading, lines in HEADINGS:
                if heading.search(message):
                    self.left = 0 if _goes_on(message.lower()) else lines
                    return ()
        if "ield required" in message and "missing" in message:  # pydantic: the name stands a line above
            name = before.strip()
            return (name.upper(),) if re.fullmatch(r"[A-Za-z]\w{1,60}", name) else ()
        if not self.left:
            return ()
        item = ITEM.match(message)
        self.left = self.left - 1 if item or self.left <= 5 or not message.strip() else 0
        return (item["name"],) if item and item["name"] not in NO_NAMES else ()


def is_words(message: str, provider: str) -> bool:
    """Is this text a program's, as far as wording and sender tell?"""
    if provider == "app":
        return not from_init(message)
    return provider == "" and not from_init(message) and not from_around(message)


@lru_cache(maxsize=20_000)
def _is_program(message: str, provider: str) -> bool:
    return is_words(message, provider)


def is_program(line: LogLine) -> bool:
    """Did the customer's own program print this, rather than the platform around it?"""
    return _is_program(_text(line), line.provider)


def named_setting(text: str) -> str:
    """The first name in it that looks like a variable of the environment."""
    found = _SETTING.search(text)
    return found[0] if found else ""


_SETTING = re.compile(SETTING)


def short(text: str, limit: int = 160) -> str:
    """A quotation in one line, at most `limit` characters long, with the cut shown."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


_TELLING = frozenset(fact for fact, _ in WORDS if fact not in ("listens", "answers", "still-starting")) | {
    "out-of-memory",
    "exec-format",
    "spawn-failed",
}
_ENDS = frozenset({"exited", "killed", "abrupt"})


def last_output(lines: Iterable[LogLine], before: datetime | None = None) -> tuple[LogLine, ...]:
    """What the program said last before its last end, at most five lines, the telling one at the end.

    Frames of stacks, blank lines and the noise of shutting down are left out; lines after `before` are, too. A command
    that a shell shows is left out where anything else was said.
    """
    kept = [line for line in lines if before is None or line.at is None or line.at <= before]
    life = [line for line in _last_life(kept) if is_program(line)]
    above = ["", *map(_text, life)]
    said = [x for x, frame in zip(life, above, strict=False) if _tells(x) or not tells_nothing(_text(x), frame)]
    said = [x for x in said if not ECHO.match(_text(x))] or said
    back = next((number for number, line in enumerate(reversed(said[-15:])) if _tells(line)), 0)
    return tuple(said[: len(said) - back][-5:])


def _tells(line: LogLine) -> bool:
    """Does the line say why? The head of a traceback does not."""
    return any(
        fact in _TELLING and (fact != "uncaught" or thing)
        for fact, _, _, thing in meanings_of(_text(line), line.provider)
    )


def _last_life(lines: list[LogLine]) -> list[LogLine]:
    """The lines up to the last end of the program and after the end before; all, where no end says anything."""
    ends = [i for i, x in enumerate(lines) if any(m[0] in _ENDS for m in meanings_of(_text(x), x.provider))]
    for number in range(len(ends) - 1, -1, -1):
        life = lines[ends[number - 1] + 1 if number else 0 : ends[number]]
        if any(is_program(line) and not tells_nothing(_text(line)) for line in life):
            return life
    return lines


def _text(line: LogLine) -> str:
    return line.message[:_MAX]
