"""The capsule of a guard: what a provisioning function asked, was answered and saw when a machine did not settle.

Contract `fly-runbooks/capsule/1`; its JSON Schema is `capsule.schema.json` beside this file. A capsule stands in a
pasted text as a whole, inside of a log line or an export, or cut off: what can be read is read, and the rest is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from runbooks.evidence.bounded_json import loads_partly
from runbooks.evidence.embedded_json import placed_objects
from runbooks.evidence.models import CallerError, Listing, LogLine, Logs, Machine
from runbooks.evidence.parsers import listing_of, machine_of, refusal_of, text_of, time_of, whole_number
from runbooks.evidence.pasted.wrappers import unwrapped

SCHEMA = "fly-runbooks/capsule/1"
MOST = 400_000
"""Characters that are read: the contract's 256 KB, and what masking adds to them."""
_FAMILY = "fly-runbooks/capsule/"
_BEGIN = re.compile(r'\{[^{}]{0,2000}?"schema"\s{0,20}:\s{0,20}"fly-runbooks/capsule/')
_ID = re.compile(r"[0-9a-f]{13,16}\Z")
_MAX_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Capsule:
    """One capsule. A part that it does not hold is None; each has the time at which the caller saw it, UTC.

    Attributes:
        app: the app of the request
        machine_id: the machine that was created, "" if none was
        made_at: when the guard gave up and wrote it
        outcome: refused, failed, not-settled, unknown, captured; "" if it does not say
        status: of the answer to the create call, None if none came
        created_at: when the create call was made
        machine: the last description, with the events of `GET …/events` and of earlier descriptions
        listed: the entry of the app's list, destroyed machines included; no entry where the list did not hold it
        log: the lines of this machine
        errors: the refusals of the create call and of the registry
        around: the text without the capsule
        problems: what could not be read, each as a clause
    """

    app: str = ""
    machine_id: str = ""
    made_at: datetime | None = None
    outcome: str = ""
    name: str = ""
    region: str = ""
    image: str = ""
    status: int | None = None
    created_at: datetime | None = None
    machine: Machine | None = None
    machine_at: datetime | None = None
    listed: Listing | None = None
    listed_at: datetime | None = None
    log: Logs | None = None
    log_at: datetime | None = None
    errors: tuple[CallerError, ...] = ()
    around: str = ""
    problems: tuple[str, ...] = ()


def schema() -> dict[str, Any]:
    """The JSON Schema as shipped."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("capsule.schema.json").read_text(encoding="utf-8"))
    return loaded


def read_capsule(text: str) -> Capsule | None:
    """The last capsule in a pasted text that is already redacted; None if there is none.

    Args:
        text: the text, as it was pasted

    Returns:
        what could be read; `problems` says what could not
    """
    found = _found(text)
    if found is None:
        return None
    body, around, problem = found
    told = text_of(body.get("schema"))
    if told != SCHEMA:
        return Capsule(around=around, problems=(f"it has the schema {told[:60]!r}, and this version reads {SCHEMA}",))
    if problem.endswith("not read"):
        return Capsule(around=around, problems=(problem,))
    return _capsule(body, around, tuple(filter(None, (problem, "" if problem else _breaks_schema(body)))))


def capsule_bodies(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON of the capsule in a text, for masking: what is secret in an answer is secret in a capsule."""
    found = _found(text)
    if found is not None:
        yield found[0]


def _found(text: str) -> tuple[Mapping[str, Any], str, str] | None:
    """(capsule, text around it, what is wrong with it)."""
    if _FAMILY not in text:
        return None
    own = unwrapped(text)
    whole = [(start, end, one) for start, end, found in placed_objects(own) for one in _capsules_in(found)]
    if whole:
        start, end, body = whole[-1]
        large = f"it is longer than {MOST:,} characters: not read" if end - start > MOST else ""
        return body, own[:start] + own[end:], large
    begin = _BEGIN.search(own)
    if begin is None:
        return None
    value, _ = loads_partly(own[begin.start() : begin.start() + MOST].encode("utf-8", "replace"))
    return (value if isinstance(value, Mapping) else {}), own[: begin.start()], "it is cut off, and its end is missing"


def _capsules_in(found: Any, depth: int = 2) -> Iterator[Mapping[str, Any]]:
    """The object itself, or what a log line or a row holds: an object in it, or its text."""
    if isinstance(found, str) and _FAMILY in found and len(found) <= MOST:
        found, _ = loads_partly(found.encode("utf-8", "replace"))
    if not isinstance(found, Mapping):
        return
    if text_of(found.get("schema")).startswith(_FAMILY):
        yield found
    elif depth:
        for value in found.values():
            yield from _capsules_in(value, depth - 1)


@cache
def _validator() -> Callable[[Any], Any]:
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema())
    return compiled


def _breaks_schema(body: Mapping[str, Any]) -> str:
    try:
        _validator()(body)
    except fastjsonschema.JsonSchemaValueException as error:
        place = str(error.name).removeprefix("data").lstrip(".")[:80]
        return f"it breaks its schema at {place or 'its beginning'}, and was read as far as possible"
    return ""


def _capsule(body: Mapping[str, Any], around: str, problems: tuple[str, ...]) -> Capsule:
    request, response, result = (_object(body.get(name)) for name in ("request", "response", "result"))
    machine = _machine(body)
    listed = body.get("listed")
    entry = _object(listed).get("entry")
    ids = (machine.id if machine else "", text_of(_object(response.get("body")).get("id")))
    return Capsule(
        app=text_of(body.get("app")),
        machine_id=next((one for one in ids if _ID.match(one)), ""),
        made_at=time_of(body.get("made_at")),
        outcome=text_of(result.get("outcome")),
        name=text_of(request.get("name")) or (machine.name if machine else ""),
        region=text_of(request.get("region")),
        image=text_of(request.get("image")),
        status=whole_number(response.get("status")),
        created_at=time_of(response.get("at")),
        machine=machine,
        machine_at=time_of(body.get("machine_at")) or _asked_at(body, "machine"),
        listed=listing_of([entry] if isinstance(entry, Mapping) else []) if isinstance(listed, Mapping) else None,
        listed_at=_asked_at(body, "listed"),
        log=_log(body.get("log")),
        log_at=_asked_at(body, "log"),
        errors=tuple(_errors(body, response)),
        around=around,
        problems=problems,
    )


def _machine(body: Mapping[str, Any]) -> Machine | None:
    """The description, with all events that the guard saw: oldest first in a capsule, newest first in an answer."""
    told, events = body.get("machine"), body.get("events")
    if not isinstance(told, Mapping):
        return None
    rows = list(reversed(events[:_MAX_ROWS])) if isinstance(events, list) else told.get("events")
    own = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return machine_of({**told, "events": own})


def _log(rows: Any) -> Logs | None:
    if not isinstance(rows, list):
        return None
    lines = [
        LogLine(time_of(row.get("at")), *(text_of(row.get(name)) for name in LogLine.__slots__[1:6]))
        for row in rows[:_MAX_ROWS]
        if isinstance(row, Mapping)
    ]
    return Logs(tuple(lines), cut=len(rows) > _MAX_ROWS)


def _errors(body: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[CallerError]:
    """The refusals that the guard was given, in the order of its attempts."""
    for attempt in _attempts(body):
        status = whole_number(attempt.get("status"))
        if attempt.get("step") == "image" and status is not None and status >= 400:
            yield _error(status, attempt.get("error"), attempt)
    status = whole_number(response.get("status"))
    if status is not None and status >= 400:
        yield _error(status, response.get("body"), response)


def _error(status: int, body: Any, told: Mapping[str, Any]) -> CallerError:
    words = body if isinstance(body, str) else json.dumps(body)
    text = refusal_of(status, words).text
    return CallerError(status, text, time_of(told.get("at")), text_of(told.get("request_id")))


def _attempts(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = body.get("attempts")
    return [row for row in rows[:_MAX_ROWS] if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _asked_at(body: Mapping[str, Any], step: str) -> datetime | None:
    """When this was last answered."""
    times = [
        time_of(row.get("last_at") or row.get("at"))
        for row in _attempts(body)
        if row.get("step") == step and row.get("status") == 200
    ]
    return next((at for at in reversed(times) if at), time_of(body.get("made_at")))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
