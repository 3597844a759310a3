"""Reads what the caller pasted: its JSON answer, its log, or both in one text (facts: seed-incident).

Three forms occur: a JSON object, the object-literal form that JavaScript consoles print
(`{ machineId: 'vyx-…', wasReused: false }`), and an embedded refusal
(`Fly API error (400): {"error":"failed to get manifest …"}`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from runbooks.evidence.models import Caller
from runbooks.evidence.reading import refusal_of, text_of, time_of

MACHINE_ID = re.compile(r"^[0-9a-f]{13,16}\Z")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
# The pieces of an object literal, so that nothing inside of a string is taken for syntax. An unclosed string
# is a piece of its own, or each of its quotation marks would be tried to the end of the text.
_PIECE = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*(?:'|(?=\n)|\Z)|`(?:[^`\\]|\\.)*(?:`|\Z))"""
    r"""|(?P<shown>\[(?:Object|Array|Function|AsyncFunction|Circular|Getter|class)[^\]\[\n]{0,100}\])"""
    r"""|(?P<comma>,(?=\s{0,200}[}\]]))"""
    r"""|(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]{0,12}Z?)"""
    r"""|(?P<kind>[A-Za-z_$][\w$]{0,60}(?= \{))"""
    r"""|(?P<word>[^\s{}\[\],:"'`]+)""",
    re.S,
)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,20})?\Z")
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "undefined": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
# Statuses that refuse; 443 is a port and 512 an amount of memory.
_CODE = r"(?:4(?:0\d|1[0-8]|2[1-9]|31|51)|5(?:0\d|1[01]|2[0-7]|30))"
_ERROR = re.compile(
    rf"(?i)(?:error|failed|status|http|responded|returned)[^\n(:]{{0,40}}[(:\s]\s{{0,20}}(?:http\s{{0,20}})?({_CODE})\b\)?"
)
_ERROR_WORDS = re.compile(
    r"(?i)failed to get manifest|MANIFEST_UNKNOWN|unique machine name violation"
    r"|could not find a candidate host|token validation error|insufficient (?:resources|memory|cpus)"
    r"|over the allowed quota"
    r"|deadline_exceeded|failed_precondition|already_exists|rate limit exceeded"
)
_KEYS = {
    "machine_id": ("flyMachineId", "fly_machine_id", "machine_id", "machineId", "id"),
    "machine_name": ("machineName", "machine_name", "name", "machineId", "machine_id"),
    "websocket_url": ("websocketUrl", "websocket_url", "wsUrl", "ws_url"),
    "status": ("status", "state"),
    "region": ("region",),
    "message": ("message", "error"),
    "image": ("image", "dockerImage", "docker_image"),
}
# What is called `name` may as well be an error's or a row's: those are no names of machines.
_NAME = re.compile(r"(?!\S*Error\Z)(?![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-)[A-Za-z0-9][A-Za-z0-9_.-]{0,100}\Z")
_MAX_DEPTH = 4
_MAX_NESTING = 50
_MAX_BODY = 100_000
_SUCCESS = re.compile(r"(?i)\b(success|successfully|provisioned|created)\b")


def read_caller(text: str) -> Caller:
    """Read a pasted text that is already redacted. Whatever cannot be read stays in `text`."""
    fields: dict[str, Any] = {}
    status, error, refused = _refusal_in(text)
    for start, found in _objects(text, 0):
        if start != refused:
            fields.update(_flat(found))
    ids = [text_of(fields[key]) for key in _KEYS["machine_id"] if key in fields]
    names = [text_of(fields[key]) for key in _KEYS["machine_name"] if key in fields]
    message = _first(fields, "message")
    caller = Caller(
        text=text,
        machine_id=next((value for value in ids if MACHINE_ID.match(value)), ""),
        machine_name=next((value for value in names if _NAME.match(value) and not MACHINE_ID.match(value)), ""),
        websocket_url=_first(fields, "websocket_url") or _socket(fields),
        status=_first(fields, "status"),
        region=_first(fields, "region"),
        message=message,
        image=_first(fields, "image"),
        reused=_bool(fields.get("wasReused", fields.get("reused"))),
        at=_first_time(text),
        error_status=status,
        error_text=error,
        fields=fields,
    )
    return replace(caller, ok=_claim(caller))


def objects_in(text: str) -> Iterator[Mapping[str, Any]]:
    """Every outermost `{…}` of the text that reads as JSON or as an object literal."""
    return (found for _, found in _objects(text, 0))


def _objects(text: str, begin: int, depth: int = 0) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects with the places where they begin; what does not read as a whole is tried inside."""
    for start, end in _braces(text):
        found = _parse(text[start:end])
        if found is not None:
            yield begin + start, found
        elif depth < _MAX_DEPTH:
            yield from _objects(text[start + 1 : end - 1], begin + start + 1, depth + 1)


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
        text = match.group(0)
        if match.lastgroup in ("comma", "kind"):
            return ""
        if match.lastgroup == "shown":
            return "null"
        if match.lastgroup == "word":
            return _LITERALS.get(text) or (text if _NUMBER.match(text) else json.dumps(text))
        if match.lastgroup == "stamp" or text[0] == '"':
            return text if text[0] == '"' else json.dumps(text)
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


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object's own keys, with those of `data`, `machine`, `config` and `body` one level in."""
    flat: dict[str, Any] = {}
    for key in ("data", "body", "response", "machine", "config"):
        inner = found.get(key)
        if isinstance(inner, Mapping):
            flat.update(_flat(inner))
    flat.update({k: v for k, v in found.items() if not (v is None and k in flat)})
    return flat


def _refusal_in(text: str) -> tuple[int | None, str, int]:
    """Status and text of a refusal that stands somewhere in the caller's words, and where its body begins."""
    marker = _ERROR.search(text)
    words = _ERROR_WORDS.search(text)
    status = int(marker.group(1)) if marker else None
    start = text.find("{", marker.end(), marker.end() + 21) if marker else -1
    if start >= 0:
        body = text[start : start + _MAX_BODY]
        if body.startswith('{\\"'):
            # It stands inside of a JSON string.
            body = body.partition("\n")[0].replace('\\"', '"').replace("\\\\", "\\")
        pair = next(iter(_braces(body)), None)
        if pair is not None and pair[0] == 0:
            return status, refusal_of(status or 0, body[: pair[1]]).text, start
    if words is None and marker is None:
        return None, "", -1
    at = words.start() if words else marker.start() if marker else 0
    end = text.find("\n", at)
    line = text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)]
    return status, line[max(0, at - text.rfind("\n", 0, at) - 1 - 250) :].strip()[:500], -1


def _claim(caller: Caller) -> bool | None:
    """Does the caller claim success? Its answer counts, not its log: an error it kept back is no denial."""
    success = caller.fields.get("success", caller.fields.get("ok"))
    if isinstance(success, bool):
        return success
    if _SUCCESS.search(caller.message) and not re.search(r"(?i)fail|error|not ", caller.message):
        return True
    if caller.status.lower() in {"error", "failed"} or "error" in caller.fields:
        return False
    return True if caller.websocket_url or caller.status else (False if caller.error_text else None)


def _first(fields: Mapping[str, Any], kind: str) -> str:
    return next((text_of(fields[key]) for key in _KEYS[kind] if text_of(fields.get(key))), "")


def _socket(fields: Mapping[str, Any]) -> str:
    """A plain `url` is the caller's WebSocket only if it says so: most are addresses of something else."""
    url = text_of(fields.get("url"))
    return url if url.startswith(("ws://", "wss://")) else ""


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _first_time(text: str) -> Any:
    match = _STAMP.search(text)
    return time_of(match.group(0)) if match else None
