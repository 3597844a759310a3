"""Does a printed command exist? A line is cut as a shell cuts it, and held against the forms in `commands.yaml`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from slices import read_yaml

PLACEHOLDER = r"[A-Z][A-Z0-9]*([_-][A-Z0-9]+)*"
"""What a reader has to fill in by hand: NEW_ID, REGION."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATOR = re.compile(r"[|&;]+")


class Unknown(Exception):
    """The command is none that exists; the text says what of it."""


@dataclass(frozen=True)
class Call:
    """One program with its arguments, as the shell would start it."""

    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join((self.program, *self.words))


@dataclass(frozen=True)
class Parsed:
    """A call that exists: the form it has, its flags with their values, its positional words."""

    form: str
    flags: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    registry: bool = False


@cache
def table() -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(Path(__file__).with_name("commands.yaml"))
    return loaded


def programs() -> frozenset[str]:
    known = table()["programs"]
    return frozenset((*known, *(name for told in known.values() for name in told.get("called", ()))))


def calls(line: str) -> Iterator[Call]:
    """Every program that the line would start, without variables set before it and programs that only start another."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise Unknown(f"no shell reads it ({error}): {line}") from None
    if any(set(token) <= set("<>()") for token in tokens):
        raise Unknown(f"redirections and subshells are not printed: {line}")
    words: list[str] = []
    for token in [*tokens, ";"]:
        if not _OPERATOR.fullmatch(token):
            words.append(token)
        elif words:
            yield from _call(words)
            words = []


def _call(words: list[str]) -> Iterator[Call]:
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words:
        return
    program = words[0].rpartition("/")[2]
    before = table()["programs"].get(program, {}).get("before")
    if before is None:
        yield Call(program, tuple(words[1:]))
        return
    own, rest = words[1 : 1 + len(before)], words[1 + len(before) :]
    for kind, value in zip(before, own, strict=False):
        _value(kind, value, f"{program}: ")
    if not rest:
        raise Unknown(f"{program} starts nothing: {' '.join(words)}")
    yield from _call(rest)


def check(line: str) -> tuple[Parsed, ...]:
    """All calls of the line; raises Unknown where one of them does not exist."""
    found = tuple(parsed for call in calls(line) if (parsed := parse(call)))
    if not found and not any(call.program in programs() for call in calls(line)):
        raise Unknown(f"no command at all: {line}")
    return found


def exists(phrase: str) -> None:
    """The same for a phrase in prose, which may name a command without the words and flags that it needs."""
    for call in calls(phrase):
        parse(call, whole=False)


def parse(call: Call, whole: bool = True) -> Parsed | None:
    """The call against its form; None for a program that other tests look after."""
    known = table()["programs"]
    program = next((name for name, told in known.items() if call.program in (name, *told.get("called", ()))), None)
    if program is None:
        raise Unknown(f"no program {call.program!r} is in the table: {call}")
    told = known[program]
    if "elsewhere" in told:
        return None
    name, rest = _subcommand(call, told)
    form = told["forms"][name] or {}
    flags = _spelled({**(told.get("flags") or {}), **(form.get("flags") or {})})
    given, words = _cut(call, rest, flags, told.get("equals", True), form.get("first", False))
    where = f"{program} {name}".strip()
    _count(where, words, form.get("words", "").split(), whole or bool(rest))
    for kind, value in zip(_kinds(form.get("words", "").split(), len(words)), words, strict=True):
        if kind == "address":
            _address(value, given)
        else:
            _value(kind, value, f"{where}: ")
    for flag, value in given:
        if flags[flag] is not None:
            _value(flags[flag], value, f"{where} {flag}: ")
    return Parsed(where, tuple(given), tuple(words), form.get("registry", False))


def _subcommand(call: Call, told: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The longest name of a form that the first words spell, and what follows it."""
    first = call.words[:1]
    leading = (*(told.get("same", {}).get(word, word) for word in first), *call.words[1:])
    for length in range(len(leading), -1, -1):
        if " ".join(leading[:length]) in told["forms"]:
            return " ".join(leading[:length]), tuple(leading[length:])
    raise Unknown(f"{call.program} has no {' '.join(call.words[:2])!r}: {call}")


def _spelled(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {spelling: kind for names, kind in flags.items() for spelling in names.split(", ")}


def _cut(
    call: Call, rest: Sequence[str], flags: Mapping[str, Any], equals: bool, first: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """Flags with their values, and words. `first`: no flag counts any more once a word has come."""
    given: list[tuple[str, str]] = []
    words: list[str] = []
    left = list(rest)

    def known(flag: str) -> Any:
        if flag not in flags:
            raise Unknown(f"{call.program} knows no {flag} here: {call}")
        return flags[flag]

    def taken(flag: str) -> str:
        if not left:
            raise Unknown(f"{flag} wants a value: {call}")
        return left.pop(0)

    while left:
        word = left.pop(0)
        if word == "--":
            words += left
            break
        if not word.startswith("-") or word == "-" or (first and words):
            words.append(word)
        elif word.startswith("--"):
            flag, sign, value = word.partition("=") if equals else (word, "", "")
            kind = known(flag)
            if kind is None and sign and value not in ("true", "false"):
                raise Unknown(f"{flag} is a switch: {call}")
            if isinstance(kind, list) and kind[0] == "=" and not sign:
                raise Unknown(f"{flag} takes its value behind an equals sign only: {call}")
            given.append((flag, value if sign else "" if kind is None else taken(flag)))
        else:
            for position, letter in enumerate(word[1:], start=2):
                if known(f"-{letter}") is None:
                    given.append((f"-{letter}", ""))
                else:
                    given.append((f"-{letter}", word[position:] or taken(f"-{letter}")))
                    break
    return given, words


def _count(where: str, words: Sequence[str], kinds: Sequence[str], whole: bool) -> None:
    least = sum(not kind.endswith(("?", "...")) for kind in kinds)
    most = None if any(kind.endswith("...") for kind in kinds) else len(kinds)
    if (whole and len(words) < least) or (most is not None and len(words) > most):
        raise Unknown(f"{where} takes {' '.join(kinds) or 'no words'}, not {list(words)}")


def _kinds(kinds: Sequence[str], count: int) -> list[str]:
    """One kind for each of so many words: the last one, when it may come any number of times, as often as needed."""
    named = [kind.rstrip("?").removesuffix("...") for kind in kinds]
    return [*named, *named[-1:] * (count - len(named))][:count]


def _value(kind: str | list[str], value: str, where: str) -> None:
    if isinstance(kind, list):
        if value not in kind or value == "=":
            raise Unknown(f"{where}{value!r} is none of {', '.join(k for k in kind if k != '=')}")
    elif not re.fullmatch(f"(?:{table()['kinds'][kind]})|{PLACEHOLDER}", value, re.DOTALL):
        raise Unknown(f"{where}{value!r} is no {kind}")


def _address(url: str, flags: Sequence[tuple[str, str]]) -> None:
    """The URL against the routes that exist, for the method that curl would use."""
    names = dict(flags)
    body = any(flag in names for flag in ("-d", "--data", "--json"))
    head = "-I" in names or "--head" in names
    method = names.get("-X") or names.get("--request") or ("HEAD" if head else "POST" if body else "GET")
    parts = urlsplit(url)
    bare = url.partition("?")[0]
    for place in table()["addresses"]:
        for base in place["at"]:
            for route, queries in place["paths"].items():
                verb, _, path = route.partition(" ")
                if verb == method and re.fullmatch(_pattern(base + path), bare):
                    asked = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
                    odd = {name for name in asked - set(queries) if not name.startswith("metadata.")}
                    if odd:
                        raise Unknown(f"{method} {path} has no query {', '.join(sorted(odd))}: {url}")
                    return
    raise Unknown(f"no such address: {method} {url}")


def _pattern(path: str) -> str:
    """A path with kinds in braces, as a pattern; a part of it may be left to fill in by hand."""
    kinds = table()["kinds"]
    parts = re.split(r"\{(\w+)\}", path)
    return "".join(
        re.escape(part) if n % 2 == 0 else f"(?:{kinds[part]}|{PLACEHOLDER})" for n, part in enumerate(parts)
    )
