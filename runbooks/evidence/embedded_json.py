"""Objects inside of pasted text: JSON, and the literals that consoles and other languages print.

`{ machineId: 'vyx-…', reused: false }` (JavaScript), `{'reused': True}` (Python), `%{"error" => "…"}` (Elixir),
`{:error=>"…"}` (Ruby). What stands in a string is never taken for syntax.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

MACHINE_ID = re.compile(r"^[0-9a-f]{13,16}\Z")
# The pieces of an object literal, so that nothing inside of a string is taken for syntax. An unclosed string
# is a piece of its own, or each of its quotation marks would be tried to the end of the text.
_PIECE = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*(?:'|(?=\n)|\Z)|`(?:[^`\\]|\\.)*(?:`|\Z))"""
    r"""|(?P<shown>\[(?:Object|Array|Function|AsyncFunction|Circular|Getter|class)[^\]\[\n]{0,100}\])"""
    r"""|(?P<comma>,(?=\s{0,200}[}\]]))"""
    r"""|(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]{0,12}Z?)"""
    r"""|(?P<kind>(?:%[\w.]{0,60}(?=\{)|[A-Za-z_$][\w$]{0,60}(?: \[[\w ]{1,60}\])?(?= \{)))"""
    r"""|(?P<arrow>=>)|(?P<symbol>:(?=[A-Za-z_]\w{0,60}\s?=>))"""
    r"""|(?P<word>(?:[^\s{}\[\],:"'`=]|=(?!>))+)""",
    re.S,
)
# What Python and shells write of JSON between apostrophes; JSON knows no such escape.
_APOSTROPHE = re.compile(r"(?<!\\)((?:\\\\){0,20})\\(['`])")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,20})?\Z")
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "undefined": "null",
    "nil": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
_MAX_DEPTH = 4
_MAX_NESTING = 50


def objects_in(text: str) -> Iterator[Mapping[str, Any]]:
    """Every outermost `{…}` of the text that reads as JSON or as an object literal."""
    return (found for _, _, found in placed_objects(text))


def placed_objects(text: str, begin: int = 0, depth: int = 0) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """The objects with the places where they begin and end; what does not read as a whole is tried inside."""
    for start, end in _braces(text):
        found = _parse(text[start:end])
        if found is not None:
            yield begin + start, begin + end, found
        elif depth < _MAX_DEPTH:
            yield from placed_objects(text[start + 1 : end - 1], begin + start + 1, depth + 1)


def _braces(text: str) -> list[tuple[int, int]]:
    """The outermost pairs of braces, in one pass; a brace that is never closed hides nothing behind it."""
    open_at: list[int] = []
    pairs: list[tuple[int, int]] = []
    quote, index = "", 0
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote or char == "\n":
                quote = ""
        elif char in "\"'`" and open_at:
            # An apostrophe inside prose is no quote: it follows a letter.
            quote = "" if char == "'" and text[index - 1].isalpha() else char
        elif char == "{":
            open_at.append(index)
        elif char == "}" and open_at:
            start = open_at.pop()
            while pairs and pairs[-1][0] > start:
                pairs.pop()
            pairs.append((start, index + 1))
        index += 1
    return pairs


def _parse(chunk: str) -> Mapping[str, Any] | None:
    for read in (str, _as_json):
        try:
            found = json.loads(read(chunk), parse_int=_integer, parse_float=_decimal)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, Mapping):
            cleaned: Mapping[str, Any] = _writable(found)
            return cleaned
    return None


def _as_json(literal: str) -> str:
    """An object literal, as a console prints it, with its strings, keys and bare words quoted."""

    def piece(match: re.Match[str]) -> str:
        text, kind = match.group(0), match.lastgroup
        if kind in ("comma", "kind", "symbol"):
            return ""
        if kind in ("shown", "arrow"):
            return "null" if kind == "shown" else ":"
        if kind == "word":
            return _LITERALS.get(text) or (text if _NUMBER.match(text) else json.dumps(text))
        if text[0] == '"':
            return _APOSTROPHE.sub(r"\1\2", text)
        if kind == "stamp":
            return json.dumps(text)
        return json.dumps(re.sub(r"\\(['\"`\\])", r"\1", text[1:-1].replace("\\n", "\n")))

    return _PIECE.sub(piece, literal)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def _decimal(digits: str) -> float | str:
    """An id such as 9185029e602738 that somebody forgot to quote reads as a number, and is none."""
    return digits if MACHINE_ID.match(digits) or not math.isfinite(float(digits)) else float(digits)


def _writable(value: Any, depth: int = 0) -> Any:
    """Without halves of surrogate pairs, and not deeper than anybody would look."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if depth > _MAX_NESTING:
        return None
    if isinstance(value, Mapping):
        return {_writable(key): _writable(item, depth + 1) for key, item in value.items()}
    return [_writable(item, depth + 1) for item in value] if isinstance(value, list) else value
