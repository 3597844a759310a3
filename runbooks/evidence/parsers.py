"""Tolerant readers: a body as it came in, a model out; whatever is missing or odd costs only itself.

Shapes of §1.4 and §8.1, old ones included: both exit-event nestings, times as RFC3339 text or
as milliseconds, booleans for autostop, `incomplete_config` instead of `config`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from runbooks.evidence.models import (
    Addresses,
    App,
    Event,
    Exit,
    ImageRef,
    Listing,
    LogLine,
    Machine,
    PlatformIncident,
    Refusal,
    StatusFeed,
    TokenScope,
)

_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)")
_FRACTION = re.compile(r"(\.\d{6})\d+")
_MAX_TEXT = 500
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def text_of(value: Any) -> str:
    """A string, or nothing: numbers become text, containers and None become ""."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def time_of(value: Any) -> datetime | None:
    """A UTC time from RFC3339 text, or from seconds, milliseconds or nanoseconds since 1970.

    Go prints a time that was never set as year 1: that is no time. Its log writes a date with slashes.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    if not isinstance(value, str):
        return None
    text = _FRACTION.sub(r"\1", value.strip()[:64])
    if re.fullmatch(r"[0-9]{9,20}", text):
        return _from_number(int(text))
    try:
        return _in_utc(datetime.fromisoformat(_SLASHES.sub(r"\1-\2-\3", text)))
    except ValueError:
        return None


def _in_utc(at: datetime) -> datetime | None:
    try:
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        return None
    return at if at.year > 1 else None


def _from_number(number: float) -> datetime | None:
    for unit in (10**9, 10**6, 10**3, 1):
        if 10**9 * unit <= number < 10**10 * unit:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def ulid_time(text: str) -> datetime | None:
    """The time in a ULID, or in a fly-request-id, which begins with one: ten letters of milliseconds (§1.1)."""
    letters = text[:10].upper()
    if len(letters) < 10 or any(letter not in _CROCKFORD for letter in letters):
        return None
    milliseconds = 0
    for letter in letters:
        milliseconds = milliseconds * 32 + _CROCKFORD.index(letter)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def exit_of(request: Any) -> Exit | None:
    """The exit of an event's `request`: the nested form first, as Fly's own client reads it (§4.3)."""
    body = _exit_body(request)
    if body is None:
        return None
    return Exit(
        exit_code=whole_number(body.get("exit_code")),
        signal=whole_number(body.get("signal")),
        guest_exit_code=whole_number(body.get("guest_exit_code")),
        guest_signal=whole_number(body.get("guest_signal")),
        oom_killed=body.get("oom_killed") is True,
        requested_stop=body.get("requested_stop") is True,
        restarting=body.get("restarting") is True,
        exited_at=time_of(body.get("exited_at")),
    )


def _exit_body(request: Any) -> Mapping[str, Any] | None:
    if not isinstance(request, Mapping):
        return None
    monitor = request.get("MonitorEvent") or request.get("monitor_event")
    body = monitor.get("exit_event") if isinstance(monitor, Mapping) else None
    body = body if isinstance(body, Mapping) else request.get("exit_event")
    return body if isinstance(body, Mapping) else None


def event_of(body: Mapping[str, Any]) -> Event:
    request = body.get("request")
    exit_event = exit_of(request)
    if exit_event is not None and body.get("type") == "exit" and "exit_code" not in (_exit_body(request) or {}):
        # Go leaves zero out (§1.4): an exit event without a code says 0.
        exit_event = Exit(0, *(getattr(exit_event, name) for name in Exit.__slots__[1:]))
    return Event(
        id=text_of(body.get("id")),
        type=text_of(body.get("type")),
        status=text_of(body.get("status")),
        source=text_of(body.get("source")),
        at=time_of(body.get("timestamp")),
        exit=exit_event,
        restart_count=whole_number(request.get("restart_count")) if isinstance(request, Mapping) else None,
        raw=body,
    )


def events_of(body: Any) -> tuple[Event, ...]:
    """Events oldest first: by time, then by ULID. An entry that is no object is shown as what it is, not dropped.

    The API lists the newest first, so that is what the order of entries without a time means (§1.5).
    """
    rows = body if isinstance(body, list | tuple) else ()
    events = [event_of(item) if isinstance(item, Mapping) else _unreadable(item) for item in reversed(rows)]
    return tuple(sorted(events, key=lambda e: (e.at or datetime.max.replace(tzinfo=UTC), e.id)))


def _unreadable(item: Any) -> Event:
    return Event("", "unreadable", text_of(item)[:_MAX_TEXT], "", None, raw={"unreadable": item})


def image_ref_of(body: Any) -> ImageRef | None:
    if not isinstance(body, Mapping):
        return None
    return ImageRef(*(text_of(body.get(key)) for key in ("registry", "repository", "tag", "digest")))


def machine_of(body: Mapping[str, Any]) -> Machine:
    told = [body.get(key) for key in ("config", "incomplete_config") if isinstance(body.get(key), Mapping)]
    config = next(filter(None, told), told[0] if told else None)
    # One answer printed in the public docs has these two inside `config` by mistake; read both places.
    inner = config or {}
    return Machine(
        id=text_of(body.get("id")),
        name=text_of(body.get("name")),
        state=text_of(body.get("state")),
        region=text_of(body.get("region")),
        instance_id=text_of(body.get("instance_id") or body.get("version")),
        app_name=text_of(body.get("app_name")),
        created_at=time_of(body.get("created_at") or inner.get("created_at")),
        updated_at=time_of(body.get("updated_at")),
        config=config,
        image_ref=image_ref_of(body.get("image_ref") or inner.get("image_ref")),
        events=events_of(body.get("events")),
        host_status=text_of(body.get("host_status")),
        cordoned=body.get("cordoned") is True,
        raw=body,
    )


def listing_of(body: Any) -> Listing:
    """An app's list (bare array) or an organisation's (object with `machines`, §1.6).

    An entry that is no object, or that has no id, may be any machine. The list is not complete with one:
    absence from it proves nothing.
    """
    if isinstance(body, Mapping):
        regions = body.get("error_regions")
        inner = listing_of(body.get("machines"))
        return Listing(
            machines=inner.machines,
            error_regions=tuple(text_of(r) for r in regions) if isinstance(regions, list) else (),
            complete=inner.complete and not body.get("next_cursor"),
        )
    rows = body if isinstance(body, list | tuple) else ()
    machines = tuple(machine for item in _dicts(rows) if (machine := machine_of(item)).id)
    return Listing(machines, complete=len(machines) == len(rows))


def app_of(body: Mapping[str, Any]) -> App:
    organization = body.get("organization")
    return App(
        id=text_of(body.get("id")),
        name=text_of(body.get("name")),
        status=text_of(body.get("status")),
        org_slug=text_of(organization.get("slug")) if isinstance(organization, Mapping) else "",
        machine_count=whole_number(body.get("machine_count")),
        network=text_of(body.get("network")),
        created_at=time_of(body.get("created_at")),
        raw=body,
    )


def token_scopes_of(body: Any) -> tuple[TokenScope, ...]:
    rows = body.get("tokens") if isinstance(body, Mapping) else None
    return tuple(
        TokenScope(
            organization=text_of(row.get("organization")),
            org_slug=text_of(row.get("org_slug")),
            apps=tuple(_app_names(row.get("apps"))),
            user=text_of(row.get("user")),
        )
        for row in _dicts(rows)
    )


def log_lines_of(body: Any) -> tuple[LogLine, ...]:
    rows = body.get("data") if isinstance(body, Mapping) else None
    lines = []
    for row in _dicts(rows):
        attributes = row.get("attributes")
        if not isinstance(attributes, Mapping):
            continue
        meta = attributes.get("meta")
        event = meta.get("event") if isinstance(meta, Mapping) else None
        lines.append(
            LogLine(
                at=time_of(attributes.get("timestamp")),
                message=text_of(attributes.get("message")),
                provider=text_of(event.get("provider")) if isinstance(event, Mapping) else "",
                level=text_of(attributes.get("level")),
                instance=text_of(attributes.get("instance")),
                region=text_of(attributes.get("region")),
            )
        )
    return tuple(lines)


def addresses_of(body: Any) -> Addresses:
    rows = body.get("ips") if isinstance(body, Mapping) else None
    return Addresses(tuple((text_of(row.get("ip")), row.get("shared") is True) for row in _dicts(rows)))


def status_of(body: Any) -> StatusFeed:
    """Incidents of the feed `flyctl` reads, or of a Statuspage answer: both hold `incidents`."""
    rows = body.get("incidents") if isinstance(body, Mapping) else None
    return StatusFeed(
        tuple(
            PlatformIncident(
                name=text_of(row.get("name")),
                status=text_of(row.get("status")),
                started_at=time_of(row.get("started_at") or row.get("created_at")),
                resolved_at=time_of(row.get("resolved_at")),
                components=tuple(text_of(c.get("name")) for c in _dicts(row.get("components"))),
            )
            for row in _dicts(rows)
        )
    )


def refusal_of(status: int, body: str) -> Refusal:
    """The text of an error answer, whichever of the forms of §1.2 it has."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(status, " ".join(body[: 10 * _MAX_TEXT].split())[:_MAX_TEXT], json=False)
    if isinstance(parsed, Mapping):
        text = text_of(parsed.get("message")) or text_of(parsed.get("error")) or text_of(parsed.get("details"))
        errors = parsed.get("errors")
        if not text and isinstance(errors, list):
            text = "; ".join(f"{text_of(e.get('code'))}: {text_of(e.get('message'))}" for e in _dicts(errors[:10]))
        return Refusal(status, (text or body)[:_MAX_TEXT])
    return Refusal(status, (text_of(parsed) or body)[:_MAX_TEXT])


def _app_names(apps: Any) -> Iterable[str]:
    for app in apps if isinstance(apps, list) else ():
        yield text_of(app.get("name") or app.get("id")) if isinstance(app, Mapping) else text_of(app)


def _dicts(rows: Any) -> Iterable[Mapping[str, Any]]:
    return (row for row in rows if isinstance(row, Mapping)) if isinstance(rows, list | tuple) else ()


def whole_number(value: Any) -> int | None:
    """A whole number, also where it came as text or as a float; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value.strip()) else None
