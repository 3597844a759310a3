"""Reads what the caller pasted: its JSON answer, its log, or both in one text (facts: seed-incident).

Three forms occur: a JSON object, the object-literal form that JavaScript consoles print
(`{ machineId: 'vyx-…', wasReused: false }`), and an embedded refusal
(`Fly API error (400): {"error":"failed to get manifest …"}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from runbooks.evidence.models import Caller
from runbooks.evidence.reading import refusal_of, text_of, time_of

MACHINE_ID = re.compile(r"^[0-9a-f]{13,16}$")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_$][\w$]*)(\s*:)")
_STRING = re.compile(r"'((?:[^'\\\n]|\\.)*)'")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_ERROR = re.compile(
    r"(?i)(?:error|failed|status|http|responded|returned)[^\n(:]{0,40}[(:\s]\s*(?:http\s*)?([45]\d\d)\b\)?"
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
    "websocket_url": ("websocketUrl", "websocket_url", "wsUrl", "ws_url", "url"),
    "status": ("status", "state"),
    "region": ("region",),
    "message": ("message", "error"),
    "image": ("image", "dockerImage", "docker_image"),
}
_SUCCESS = re.compile(r"(?i)\b(success|successfully|provisioned|created)\b")


def read_caller(text: str) -> Caller:
    """Read a pasted text that is already redacted. Whatever cannot be read stays in `text`."""
    fields: dict[str, Any] = {}
    for found in objects_in(text):
        fields.update(_flat(found))
    ids = [text_of(fields[key]) for key in _KEYS["machine_id"] if key in fields]
    names = [text_of(fields[key]) for key in _KEYS["machine_name"] if key in fields]
    message = _first(fields, "message")
    status, error = _refusal_in(text)
    caller = Caller(
        text=text,
        machine_id=next((value for value in ids if MACHINE_ID.match(value)), ""),
        machine_name=next((value for value in names if value and not MACHINE_ID.match(value)), ""),
        websocket_url=_first(fields, "websocket_url"),
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
    position = 0
    while (start := text.find("{", position)) >= 0:
        end = _closing(text, start)
        position = start + 1 if end is None else end
        if end is not None and (found := _parse(text[start:end])) is not None:
            yield found


def _closing(text: str, start: int) -> int | None:
    depth, quote, index = 0, "", start
    while index < min(len(text), start + 100_000):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote or char == "\n":
                quote = ""
        elif char in "\"'`":
            # An apostrophe inside prose is no quote: it follows a letter.
            quote = "" if char == "'" and index and text[index - 1].isalpha() else char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return index + 1
        index += 1
    return None


def _parse(chunk: str) -> Mapping[str, Any] | None:
    for candidate in (chunk, _as_json(chunk)):
        try:
            found = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, Mapping):
            return found
    return None


def _as_json(literal: str) -> str:
    quoted = _STRING.sub(lambda m: json.dumps(m.group(1).replace("\\'", "'")), literal)
    return _TRAILING_COMMA.sub(r"\1", _BARE_KEY.sub(r'\1"\2"\3', quoted)).replace(": undefined", ": null")


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object's own keys, with those of `data`, `machine`, `config` and `body` one level in."""
    flat: dict[str, Any] = {}
    for key in ("data", "body", "response", "machine", "config"):
        inner = found.get(key)
        if isinstance(inner, Mapping):
            flat.update(_flat(inner))
    flat.update({k: v for k, v in found.items() if not (v is None and k in flat)})
    return flat


def _refusal_in(text: str) -> tuple[int | None, str]:
    """Status and text of a refusal that stands somewhere in the caller's words."""
    marker = _ERROR.search(text)
    words = _ERROR_WORDS.search(text)
    status = int(marker.group(1)) if marker else None
    start = text.find("{", marker.end()) if marker else -1
    if marker and 0 <= start - marker.end() <= 20:
        end = _closing(text, start)
        if end is not None:
            return status, refusal_of(status or 0, text[start:end]).text
    if words is None and marker is None:
        return None, ""
    at = words.start() if words else marker.start() if marker else 0
    line = text[text.rfind("\n", 0, at) + 1 : text.find("\n", at) if "\n" in text[at:] else len(text)]
    return status, line.strip()[:500]


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


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _first_time(text: str) -> Any:
    match = _STAMP.search(text)
    return time_of(match.group(0)) if match else None
