"""Reads what the caller pasted: its JSON answer, its log, or both in one text (facts: seed-incident).

Its objects are read by `objects.py`, the platform's refusals inside of it by `refused.py`; here is what the caller
itself claims.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runbooks.evidence.caller_errors import STAMP, own_words, refused_in
from runbooks.evidence.capsule import Capsule, read_capsule
from runbooks.evidence.embedded_json import MACHINE_ID, objects_in, placed_objects
from runbooks.evidence.models import Caller
from runbooks.evidence.parsers import text_of, time_of
from runbooks.evidence.paste_identity import PasteIdentity
from runbooks.evidence.pasted import read_pasted
from runbooks.evidence.served_answers import without_served

__all__ = ["MACHINE_ID", "objects_in", "read_caller"]

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
# A caller's log, where no object holds it: launched runner-17 id=e4086b4a1174be
_MADE = re.compile(r"(?i)\b(?:created|launched|provisioned)\b[^\n]{0,120}?\b(?:machine_?)?id[=:] ?\"?([0-9a-f]{14})\b")
_SUCCESS = re.compile(r"(?i)\b(success|successfully|provisioned|created)\b")


def read_caller(text: str) -> Caller:
    """Read a pasted text that is already redacted. Whatever cannot be read stays in `text`."""
    capsule = read_capsule(text)
    caller = _read(text if capsule is None else capsule.around)
    return caller if capsule is None else _with(replace(caller, text=text), capsule)


def _read(text: str) -> Caller:
    fields: dict[str, Any] = {}
    pasted = read_pasted(text)
    words = without_served(own_words(pasted.words))
    refused = refused_in(words)
    for start, _, found in placed_objects(words):
        if start not in refused.bodies:
            fields.update(_flat(found))
    ids = [text_of(fields[key]) for key in _KEYS["machine_id"] if key in fields]
    names = [text_of(fields[key]) for key in _KEYS["machine_name"] if key in fields]
    ids += _MADE.findall(words)[-1:]
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
        at=_first_time(words) or (pasted.identity.last_at if pasted.machines else pasted.identity.first_at),
        error_status=refused.chosen.status if refused.chosen else None,
        error_text=refused.chosen.text if refused.chosen else "",
        fields=fields,
        errors=refused.errors,
        pasted=pasted,
    )
    return replace(caller, ok=_claim(caller))


def _with(caller: Caller, capsule: Capsule) -> Caller:
    """What the capsule of a guard names comes before what the words around it do."""
    own, told = capsule, caller.pasted.identity
    instance = own.machine.instance_id if own.machine else ""
    identity = PasteIdentity(
        apps=_first_of(own.app, told.apps),
        repositories=told.repositories,
        machine_ids=_first_of(own.machine_id, told.machine_ids),
        temporary_ids=told.temporary_ids,
        machine_names=_first_of(own.name, told.machine_names),
        instance_ids=_first_of(instance, told.instance_ids),
        regions=_first_of(own.region, told.regions),
        hostnames=told.hostnames,
        first_at=min(filter(None, (own.created_at, own.made_at, told.first_at)), default=None),
        last_at=max(filter(None, (own.made_at, told.last_at)), default=None),
    )
    pasted = replace(
        caller.pasted,
        forms=("capsule of a guard", *caller.pasted.forms),
        identity=identity,
        app=own.app or caller.pasted.app,
        machine_id=own.machine_id or caller.pasted.machine_id,
        machine_name=own.name or caller.pasted.machine_name,
    )
    chosen = own.errors[-1] if own.errors else None
    return replace(
        caller,
        machine_id=own.machine_id or caller.machine_id,
        machine_name=own.name or caller.machine_name,
        region=own.region or caller.region,
        image=own.image or caller.image,
        at=own.created_at or own.made_at or caller.at,
        error_status=chosen.status if chosen else caller.error_status,
        error_text=chosen.text if chosen else caller.error_text,
        ok=caller.ok if own.status is None else own.status < 300,
        errors=(*caller.errors, *own.errors),
        pasted=pasted,
        capsule=capsule,
    )


def _first_of(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (name, *names))))


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object's own keys, with those of `data`, `machine`, `config` and `body` one level in."""
    flat: dict[str, Any] = {}
    for key in ("data", "body", "response", "machine", "config"):
        inner = found.get(key)
        if isinstance(inner, Mapping):
            flat.update(_flat(inner))
    flat.update({k: v for k, v in found.items() if not (v is None and k in flat)})
    return flat


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
    match = STAMP.search(text)
    return time_of(match.group(0)) if match else None
