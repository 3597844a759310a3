"""A machine as PowerShell lists an answer of the API: `name : value` lines, with `@{…}` for what is nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runbooks.evidence.pasted.readers import Found, PastedText, reads

_ID = re.compile(r"[0-9a-f]{14}\Z")
_FIELD = re.compile(r"(?P<key>[a-z_]{2,40}) {0,30}: ?(?P<value>.*)\Z")
_IMAGE = re.compile(r"[@{; ]image=([^;}\s]{1,300})")
_EVENT = re.compile(r"@\{([^{}\n]{1,500})\}")
_PLAIN = ("id", "name", "state", "region", "instance_id", "private_ip", "created_at", "updated_at", "host_status")


@reads("answer of the Machines API in PowerShell")
def listed_answer(text: PastedText) -> Iterator[Found]:
    """One machine a block; a row of the caller's own has no instance, no config and no events."""
    fields: dict[str, str] = {}
    first = 0
    for number, line in enumerate((*text.lines, "")):
        found = _FIELD.match(line)
        if found and len(fields) < 100:
            first = first if fields else number
            fields.setdefault(found["key"], found["value"].strip())
            continue
        if (
            _ID.match(fields.get("id", ""))
            and "state" in fields
            and fields.keys() & {"instance_id", "config", "events"}
        ):
            yield Found(_machine(fields), span=(first, number))
        fields = {}


def _machine(fields: dict[str, str]) -> dict[str, Any]:
    """What the list shows whole. PowerShell cuts long values with `…`, and leaves out what is nested twice."""
    body: dict[str, Any] = {key: fields[key] for key in _PLAIN if fields.get(key)}
    if image := _IMAGE.search(fields.get("config", "")):
        body["config"] = {"image": image[1]}
    events = [_event(found[1]) for found in _EVENT.finditer(fields.get("events", "").removeprefix("{"))]
    if events := [event for event in events if event.get("type") and event.get("timestamp")]:
        body["events"] = events
    return body


def _event(text: str) -> dict[str, Any]:
    pairs = dict(pair.strip().partition("=")[::2] for pair in text.split(";"))
    stamp = pairs.get("timestamp", "")
    event: dict[str, Any] = {key: pairs[key] for key in ("type", "status", "source") if pairs.get(key)}
    return event | ({"timestamp": int(stamp), "excerpt": True} if stamp.isdecimal() and len(stamp) < 17 else {})
