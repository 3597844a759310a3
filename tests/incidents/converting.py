"""A public incident as evidence: each posted thing at the look that would have delivered it, the rest not looked at.

Only `evidence` is read: what the poster concluded, and the name of the file, never reach the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from runbooks.base.facets import known_facets
from runbooks.evidence.caller import MACHINE_ID, read_caller
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.models import (
    Addresses,
    Evidence,
    Image,
    Listing,
    LogLine,
    Logs,
    Observation,
    Outcome,
    Record,
    Records,
    Resolution,
    Subject,
)
from runbooks.evidence.parsers import events_of, machine_of, time_of

UNNAMED = "00000000000000"
"""Stands for an id that the poster left out."""


def evidence_of(incident: Mapping[str, Any]) -> Evidence:
    """The evidence of one file of the collection; whatever it does not show could not be looked at."""
    shown = {key: value for key, value in incident["evidence"].items() if value not in (None, [], {})}
    machine = dict(shown.get("machine") or {})
    events, row, network = shown.get("events") or [], shown.get("db_row") or {}, shown.get("network") or {}
    machine.setdefault("id", next((v for v in row.values() if MACHINE_ID.match(str(v))), UNNAMED))
    name = str(machine.get("name") or next((v for k, v in row.items() if k == "machine_id"), ""))
    app = _app(machine, network) or _named(shown) or "app"
    url = f"wss://{network['hostname']}" if "<" not in str(network.get("hostname", "<")) else ""
    now = _looked_at(incident, machine, events)
    known = bool(shown.get("machine") or events)
    subject = Subject(
        app, machine["id"] if known else "", name, websocket_url=url or (f"wss://{app}.fly.dev" if network else "")
    )
    answers: dict[str, Any] = {}
    told = machine_of(machine)
    contains = shown.get("list_contains")
    if known and (contains is not False or told.state not in ("", "destroyed", "destroying")):
        answers["E03"] = told
    elif known:
        answers["E06"] = Listing((told,))
    if contains is not None:
        answers["E05"] = Listing((told,) if contains and known else ())
    if events:
        answers["E04"] = events_of(events)
    lines = [
        str(line.get("message", line)) if isinstance(line, Mapping) else str(line) for line in shown.get("logs") or []
    ]
    if lines and known:
        answers["E07"] = Logs(tuple(_line(line) for line in lines))
    words = [*([] if known else lines), *refusal_lines(shown.get("api_error"))]
    if words:
        answers["E19"] = read_caller("\n".join(words))
    if row:
        answers["E14"] = Records("rows", (name,), (_record(row),))
    answers.update(_of_the_registry(shown.get("registry")), **_of_the_network(network, app))
    return Evidence(subject, now, {number: _look(number, answers, now) for number in _NUMBERS}, source="public record")


_NUMBERS = {facet.value: facet for facet in known_facets()}


def _look(number: str, answers: Mapping[str, Any], now: datetime) -> Observation:
    facet = _NUMBERS[number]
    if number not in answers:
        return Observation(facet, Outcome.COULD_NOT_LOOK, "nobody posted it", now)
    answer = answers[number]
    missing = isinstance(answer, Resolution) and answer.code != "NOERROR"
    missing = missing or (isinstance(answer, Image) and answer.exists is False)
    return Observation(facet, Outcome.ABSENT if missing else Outcome.SEEN, "as posted", now, answer)


def _looked_at(incident: Mapping[str, Any], machine: Mapping[str, Any], events: Any) -> datetime:
    """The day after the post, or after the last thing that it dates."""
    day = time_of(f"{str(incident.get('date') or '2026-01-01')[:10]}T00:00:00Z") or datetime(2026, 1, 1, tzinfo=UTC)
    times = [day, time_of(machine.get("updated_at")), *(e.at for e in events_of(events))]
    return max(t for t in times if t) + timedelta(days=1)


def _app(machine: Mapping[str, Any], network: Mapping[str, Any]) -> str:
    image = str((machine.get("config") or {}).get("image") or "")
    if image.startswith("registry.fly.io/"):
        return image.removeprefix("registry.fly.io/").partition(":")[0].partition("@")[0]
    return str(network.get("app") or "")


def _named(shown: Mapping[str, Any]) -> str:
    """The app that the posted text names, which its poster would have looked into."""
    lines = [str(x.get("message", x)) if isinstance(x, Mapping) else str(x) for x in shown.get("logs") or []]
    return next(iter(read_caller("\n".join([*lines, *refusal_lines(shown.get("api_error"))])).identity.apps), "")


def _line(text: str) -> LogLine:
    """One posted line; flyctl's own beginning of a line is read where the poster left it in."""
    read = log_lines(text)
    return LogLine(None, read[0].message, read[0].provider) if read else LogLine(None, text)


def refusal_lines(error: Any) -> list[str]:
    if not error:
        return []
    status, body = error.get("status"), error.get("body")
    text = json.dumps(body) if isinstance(body, Mapping | list) else str(body or "")
    return [f"Fly API error ({status}): {text}" if status else text]


def _record(row: Mapping[str, Any]) -> Record:
    def told(*keys: str) -> str:
        return next((str(row[k]) for k in keys if row.get(k) is not None), "")

    return Record(
        "rows",
        machine_id=told("machine_id", "machineId"),
        fly_machine_id=told("fly_machine_id", "flyMachineId"),
        status=told("status", "state"),
        region=told("region"),
        websocket_url=told("websocket_url", "websocketUrl"),
        error_message=told("error_message", "error"),
        created_at=time_of(row.get("created_at")),
        updated_at=time_of(row.get("updated_at")),
        row=dict(row),
    )


def _of_the_registry(found: Any) -> dict[str, Any]:
    """A registry's answer counts where a manifest was asked for; other probes prove nothing."""
    if not isinstance(found, Mapping) or "image show" in str(found.get("probe", "")):
        return {}
    status, body = found.get("status"), json.dumps(found.get("body") or "")
    exists = True if status == 200 else False if status == 404 and "MANIFEST_UNKNOWN" in body else None
    architectures = found.get("architectures") or [found["architecture"]] if found.get("architecture") else []
    digest = str(found.get("digest") or "")
    return {"E09": Image(str(found.get("image") or ""), exists, digest, tuple(map(str, architectures)))}


def _of_the_network(network: Mapping[str, Any], app: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    host = str(network.get("hostname") or "")
    if network.get("resolves") is False:
        own = "<" in host or host == f"{app}.fly.dev"
        found["E12" if own else "E13"] = Resolution(f"{app}.fly.dev" if own else host, "NODATA", control="fly.io")
    if isinstance(network.get("public_ips"), list):
        found["E11"] = Addresses(tuple((str(ip), False) for ip in network["public_ips"]))
    return found
