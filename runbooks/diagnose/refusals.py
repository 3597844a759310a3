"""Reads refusals: which words of `refusal_patterns.py` stand in a text, and what they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from runbooks.diagnose.refusal_patterns import STEMS, TABLE

_MOST_TEXT = 20_000
_MOST_NAME = 200
_MOST_QUOTE = 300
# What only wraps another refusal, or is the name of a status, says nothing beside a better one.
_WEAK = frozenset({"launch-failed", "server-error", "forbidden"})
# A way that broke is the way to the platform unless the line names another end.
_WAYS = frozenset({"connection", "timeout"})
_ELSEWHERE = re.compile(
    r"postgres|psycopg|redis|mysql|maria|mongo|sequelize|prisma|supabase|smtp|openai|SQLSTATE|PG::|\bdb\b|websocket|wss?://"
    r"|:(?:5432|6379|3306|27017|5672|9092)\b|(?:127\.0\.0\.1|localhost|\[::1\]):(?!4280)|(?<!_api)\.internal\b|\.fly\.dev\b",
    re.I,
)
# So does a pool, a queue or a cache have room, unless the line speaks of machines, too.
_OF_A_STORE = re.compile(
    r"^(?=.*\b(?:\w{0,20}pools?|queues?|buffers?|caches?|heap|semaphores?|executors?|channels?|brokers?|topics?)\b)"
    r"(?!.*\b(?:fly\w{0,4}|VMs?|machines?|hosts?|regions?|insufficient_capacity)\b)",
    re.I,
)
_NOT_THE_PLATFORM = {**dict.fromkeys(_WAYS, _ELSEWHERE), "region-capacity": _OF_A_STORE}
_BY_STATUS = {401: "token", 403: "forbidden", 408: "timeout", 429: "rate-limit"}
_COMPILED = tuple(
    (kind, tuple(re.compile(p.replace(" ?", r"\s{0,20}").replace(" ", r"\s{1,20}"), re.I | re.M) for p in patterns))
    for kind, patterns in TABLE
)
_MARKS = (
    (re.compile(r"\x1b\[[0-9;]{0,12}m"), ""),
    (re.compile(r"\\{1,16}([\"'])"), r"\1"),
    (re.compile(r"\\{1,16}n"), "\n"),
    (re.compile(r"\n[ \t]{0,20}[│|>]{1,4}"), "\n"),
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One refusal inside of a text: its kind, the words that say so, and what they name (keys as in TABLE)."""

    kind: str
    quote: str
    names: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=512)
def meanings(text: str, status: int | None = None) -> tuple[Meaning, ...]:
    """Every refusal that the text holds, in order of appearance, each once.

    A status is asked only where no words are known: 401, 403, 408, 429 and 5xx have a meaning of their own.
    """
    plain = text[:_MOST_TEXT]
    for mark, instead in _MARKS:
        plain = mark.sub(instead, plain)
    found: list[tuple[int, int, Meaning]] = []
    low = " ".join(plain.lower().split())
    for kind, patterns in _COMPILED if any(stem in low for stem in STEMS) else ():
        for pattern in patterns:
            for match in pattern.finditer(plain):
                taken = any(start < match.end() and match.start() < end for start, end, _ in found)
                if not taken and not _of_another(kind, plain, match):
                    found.append((match.start(), match.end(), _meaning(kind, match)))
    told = _each_once(meaning for _, _, meaning in sorted(found, key=lambda entry: entry[0]))
    better = tuple(meaning for meaning in told if meaning.kind not in _WEAK)
    return better or told[:1] or _by_status(status)


def _of_another(kind: str, text: str, match: re.Match[str]) -> bool:
    """Does the line say that the words are about something else than the platform? A region is one of Fly's."""
    other = _NOT_THE_PLATFORM.get(kind)
    return other is not None and not match.groupdict().get("region") and bool(other.search(_around(text, match)))


def _around(text: str, match: re.Match[str]) -> str:
    """The line in which the words stand, or as much of it as can matter."""
    begin = text.rfind("\n", max(0, match.start() - _MOST_QUOTE), match.start()) + 1 or max(
        0, match.start() - _MOST_QUOTE
    )
    end = text.find("\n", match.end(), match.end() + _MOST_QUOTE)
    return text[begin : end if end >= 0 else match.end() + _MOST_QUOTE]


def _meaning(kind: str, match: re.Match[str]) -> Meaning:
    names = {
        name: " ".join(value.split())[:_MOST_NAME].rstrip(" .,;:')")
        for name, value in match.groupdict().items()
        if value
    }
    return Meaning(kind, " ".join(match.group(0).split())[:_MOST_QUOTE], names)


def _each_once(found: Iterable[Meaning]) -> tuple[Meaning, ...]:
    """The same said twice is one; what is said with fewer names adds nothing to what is said with more."""
    told: list[Meaning] = []
    for meaning in found:
        for index, other in enumerate(told):
            if other.kind == meaning.kind and meaning.names.items() <= other.names.items():
                break
            if other.kind == meaning.kind and other.names.items() <= meaning.names.items():
                told[index] = meaning
                break
        else:
            told.append(meaning)
    return tuple(told)


def _by_status(status: int | None) -> tuple[Meaning, ...]:
    kind = _BY_STATUS.get(status or 0) or ("server-error" if 500 <= (status or 0) <= 599 else "")
    return (Meaning(kind, f"HTTP {status}"),) if kind else ()
