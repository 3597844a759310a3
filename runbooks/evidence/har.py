"""One exchange as an entry of HAR 1.2, and the times and JSON of the evidence's files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from runbooks.evidence.models import Exchange


def har_entry(exchange: Exchange) -> dict[str, Any]:
    """One attempt; a failed one has status 0 and `_error`. Credentials and cookies are never there."""
    headers = [{"name": name, "value": value} for name, value in exchange.headers]
    status = exchange.status or 0
    entry: dict[str, Any] = {
        "startedDateTime": iso(exchange.at),
        "time": round(exchange.duration_ms, 1),
        "request": {
            "method": exchange.method,
            "url": exchange.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [{"name": k, "value": v} for k, v in parse_qsl(urlsplit(exchange.url).query)],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers,
            "content": {
                "size": len(exchange.body.encode()),
                "mimeType": dict(exchange.headers).get("content-type", ""),
                "text": exchange.body,
            },
            "redirectURL": dict(exchange.headers).get("location", ""),
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(exchange.duration_ms, 1), "receive": 0},
        "_facet": exchange.facet,
        "_attempt": exchange.attempt,
        "_connected": exchange.connected,
        "_cut": exchange.cut,
        "_sha256": exchange.sha256,
    }
    if exchange.listed is not None:
        entry["_listed"] = exchange.listed
    if exchange.handed_on:
        entry["_handed_on"] = True
    if exchange.error is not None:
        entry["_error"] = exchange.error
    return entry


def exchange_of(entry: Mapping[str, Any]) -> Exchange:
    """The attempt that `har_entry` wrote.

    Raises:
        KeyError, ValueError: this is none of our entries
    """
    request, response = entry["request"], entry["response"]
    headers = tuple((header["name"], header["value"]) for header in response["headers"])
    return Exchange(
        facet=str(entry.get("_facet", "")),
        method=request["method"],
        url=request["url"],
        at=datetime.fromisoformat(entry["startedDateTime"]),
        status=response["status"] or None,
        body=response["content"]["text"],
        sha256=str(entry["_sha256"]),
        request_id=dict(headers).get("fly-request-id"),
        headers=headers,
        error=entry.get("_error"),
        duration_ms=float(entry["time"]),
        attempt=entry.get("_attempt", 1),
        connected=entry.get("_connected") is not False,
        cut=entry.get("_cut") is True,
        listed=entry.get("_listed"),
        handed_on=entry.get("_handed_on") is True,
    )


def iso(at: datetime) -> str:
    """A time as the evidence's files write it: UTC, microseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def dumps(value: Any) -> str:
    """A file of the evidence."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n"


def plain(value: Any) -> Any:
    """What has no form in JSON: a time as `iso` writes it, everything else as text."""
    return iso(value) if isinstance(value, datetime) else str(value)
