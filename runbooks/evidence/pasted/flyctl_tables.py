"""The tables of flyctl: `fly machine status` and `list`, `fly status`, `fly checks list`, `fly image show`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runbooks.evidence.pasted.grid import FieldList, Grid, field_lists, grids, titled_fields
from runbooks.evidence.pasted.readers import Found, PastedText, reads

_ID = re.compile(r"[0-9a-f]{14}\Z")
_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_REGION = re.compile(r"[a-z]{3}\Z")
_INFO = re.compile(r"(exit_code|oom_killed|requested_stop|guest_exit_code|signal)\s{0,3}=\s{0,3}(-?\d{1,5}|true|false)")
_FROM_APP = re.compile(r"retrieved from app ([a-z0-9][a-z0-9-]{0,62})\b")
_CHECKED_APP = re.compile(r"Health Checks for ([a-z0-9][a-z0-9-]{0,62})\Z")
_SIZE = re.compile(r"(?P<kind>shared|performance)-(?:cpu-)?(?P<cpus>\d{1,3})x:(?P<memory>\d{1,7})MB")
_DEPLOYED = re.compile(r"[a-z0-9][a-z0-9-]{0,62}:deployment-\w{1,60}\Z")
_COUNTS = re.compile(r"(\d{1,4}) (passing|warning|critical)")

_EVENTS = frozenset({"state", "event", "source", "timestamp"})
_OWN_CHECKS = frozenset({"name", "status", "output"})
_LISTED = frozenset({"id", "state", "region", "image"})
_PROCESSES = frozenset({"process", "id", "region", "state"})
_CHECKS = frozenset({"name", "status", "machine", "output"})
_IMAGES = frozenset({"machine id", "registry", "repository", "tag"})


@reads("fly machine status")
def machine_status(text: PastedText) -> Iterator[Found]:
    """Its lines above, the list `VM`, the tables `Checks` and `Event Logs`; several outputs may follow each other."""
    for start, lines in _outputs(text.lines):
        above = titled_fields(lines)
        shown = next((found.fields for found in field_lists(lines) if _is_vm(found)), {})
        machine_id = shown.get("id", "") or above.get("machine id", "")
        tables = list(grids(lines, (_EVENTS, _OWN_CHECKS)))
        if not machine_id and any(set(table.columns) >= _EVENTS for table in tables) and len(text.ids) < 2:
            machine_id = next(iter(text.ids), "")  # the output was cut above its events
        elif not _ID.match(machine_id):
            continue
        yield Found(_described(machine_id, above, shown, tables), span=(start, start + len(lines)))


@reads("fly machine list")
def machine_list(text: PastedText) -> Iterator[Found]:
    """One machine a row. The app stands above the table, twice."""
    app = next((found[1] for line in text.lines if (found := _FROM_APP.search(line))), "")
    for table in grids(text.lines, (_LISTED,)):
        named = app or (table.title if _APP.match(table.title) else "")
        for row in table.rows:
            machine_id = row.get("id", "")
            if _ID.match(machine_id.rstrip("*")):
                yield Found(_listed(row), named, span=table.span)


@reads("fly status")
def app_status(text: PastedText) -> Iterator[Found]:
    """The list `App`, then one machine a row."""
    app = next(
        (f.fields.get("name", "") for f in field_lists(text.lines) if {"owner", "hostname"} <= set(f.fields)), ""
    )
    app = app if _APP.match(app) else ""
    tables = tuple(grids(text.lines, (_PROCESSES,)))
    rows = [(row, table.span) for table in tables for row in table.rows if _ID.match(row.get("id", ""))]
    if app and not rows:
        yield Found(app=app)
    for row, span in rows:
        group = row.get("process", "")
        body = {
            "id": row["id"],
            "state": row.get("state", ""),
            "region": _region(row.get("region", "")),
            "updated_at": row.get("last updated", ""),
            **({"host_status": "unreachable"} if "💀" in group else {}),
            "checks": [
                {"name": f"check {number + 1}", "status": status, "output": ""}
                for count, status in _COUNTS.findall(row.get("checks", ""))
                for number in range(min(int(count), 20))
            ],
        }
        yield Found(body, app, span=span)


@reads("fly checks list")
def checks_list(text: PastedText) -> Iterator[Found]:
    """One check a row; the checks of one machine are put together."""
    for table in grids(text.lines, (_CHECKS,)):
        named = _CHECKED_APP.search(table.title)
        checks: dict[str, list[Mapping[str, str]]] = {}
        for row in table.rows:
            if _ID.match(row.get("machine", "")):
                checks.setdefault(row["machine"], []).append(_check(row))
        for machine_id, own in checks.items():
            yield Found({"id": machine_id, "checks": own}, named[1] if named else "", span=table.span)


@reads("fly image show")
def image_show(text: PastedText) -> Iterator[Found]:
    """The image of one machine a row; a tag of `fly deploy` is in the repository of the machine's own app."""
    for table in grids(text.lines, (_IMAGES,)):
        for row in table.rows:
            reference = f"{row.get('repository', '')}:{row.get('tag', '')}"
            if _ID.match(row.get("machine id", "")) and row.get("registry") and row.get("repository"):
                app = row["repository"] if _DEPLOYED.match(reference) else ""
                image = f"{row['registry']}/{reference.removesuffix(':')}"
                yield Found({"id": row["machine id"], "config": {"image": image}}, app, span=table.span)


def _outputs(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The text cut where a new `Machine ID:` begins, with the number of the first line of each part."""
    starts = [index for index, line in enumerate(lines) if line.lstrip().startswith("Machine ID:")]
    starts = starts if starts and len(starts) < 200 else [0]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield start, lines[start:end]


def _is_vm(found: FieldList) -> bool:
    return found.title == "VM" or {"instance id", "state"} <= set(found.fields)


def _described(
    machine_id: str, above: Mapping[str, str], shown: Mapping[str, str], tables: list[Grid]
) -> dict[str, Any]:
    memory, cpus = shown.get("memory", ""), shown.get("vcpus", "")
    guest = {
        "cpu_kind": shown.get("cpu kind", ""),
        **({"cpus": int(cpus)} if cpus.isdecimal() and len(cpus) < 5 else {}),
        **({"memory_mb": int(memory)} if memory.isdecimal() and len(memory) < 9 else {}),
    }
    config: dict[str, Any] = {"image": _image(shown["image"])} if shown.get("image") else {}
    config |= {"guest": guest} if shown.get("memory") else {}
    body: dict[str, Any] = {
        "id": machine_id,
        "instance_id": shown.get("instance id") or above.get("instance id", ""),
        "state": shown.get("state") or above.get("state", ""),
        "host_status": above.get("hoststatus", ""),
        "name": shown.get("name", ""),
        "region": _region(shown.get("region", "")),
        "private_ip": shown.get("private ip", ""),
        "created_at": shown.get("created", ""),
        "updated_at": shown.get("updated", ""),
        "events": [_event(row) for table in tables if set(table.columns) >= _EVENTS for row in table.rows],
        "checks": [_check(row) for table in tables if set(table.columns) >= _OWN_CHECKS for row in table.rows],
    }
    return {key: value for key, value in body.items() if value} | ({"config": config} if config else {})


def _event(row: Mapping[str, str]) -> dict[str, Any]:
    """An event as the API words it. The table holds three values of an exit and leaves out whether it restarts."""
    told = {name: _value(value) for name, value in _INFO.findall(row.get("info", ""))}
    event: dict[str, Any] = {
        "type": row.get("event", ""),
        "status": row.get("state", ""),
        "source": row.get("source", ""),
        "timestamp": row.get("timestamp", ""),
        "excerpt": True,
    }
    return event | ({"request": {"exit_event": told}} if told else {})


def _listed(row: Mapping[str, str]) -> dict[str, Any]:
    unreachable = row["id"].endswith("*")
    size, image = _SIZE.match(row.get("size", "")), row.get("image", "")
    guest = {"cpu_kind": size["kind"], "cpus": int(size["cpus"]), "memory_mb": int(size["memory"])} if size else {}
    config: dict[str, Any] = {"image": _image(image)} if image else {}
    config |= {"guest": guest} if guest else {}
    body = {
        "id": row["id"].rstrip("*"),
        "name": row.get("name", ""),
        "state": row.get("state", ""),
        "region": _region(row.get("region", "")),
        "private_ip": row.get("ip address", ""),
        "created_at": row.get("created", ""),
        "updated_at": row.get("last updated") or row.get("updated", ""),
        "host_status": "unreachable" if unreachable else "",
    }
    return {key: value for key, value in body.items() if value} | ({"config": config} if config else {})


def _check(row: Mapping[str, str]) -> dict[str, str]:
    return {"name": row.get("name", ""), "status": row.get("status", ""), "output": row.get("output", "")}


def _image(text: str) -> str:
    """flyctl prints no registry, and a version behind the tag; what `fly deploy` tags is in Fly's own registry."""
    reference = text.partition(" ")[0]
    return f"registry.fly.io/{reference}" if _DEPLOYED.match(reference) else reference


def _region(text: str) -> str:
    """Older versions print `cdg(B)` for a backup region."""
    return text[:3] if _REGION.match(text[:3]) and not text[3:4].isalnum() else ""


def _value(text: str) -> int | bool:
    return text == "true" if text in ("true", "false") else int(text)
