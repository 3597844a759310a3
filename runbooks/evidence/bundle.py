"""Evidence on disk: one HAR 1.2 file for everything asked over HTTP, one JSON for each other look.

Everything that is written here has been redacted when it came in. `index.json` ties it together and
names the version of the format, so that a later tool can still read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from runbooks.evidence.models import Evidence, Exchange, Look
from runbooks.evidence.redaction import Hit

FORMAT = "fly-runbooks/evidence/1"


def files(
    evidence: Evidence, hits: Iterable[Hit], parameters: Mapping[str, object], runbook: str, version: str
) -> dict[str, str]:
    """The files of the `evidence/` folder, by name, as text."""
    written = {"http.har": _json(_har(evidence, version))}
    for look in evidence.looks.values():
        if not look.exchanges and look.answer is not None:
            written[f"{look.number}-{look.facet.name}.json"] = _json(_own(look))
    written["redactions.json"] = _json({"masked": [asdict(hit) for hit in hits]})
    index = {
        "format": FORMAT,
        "runbook": runbook,
        "version": version,
        "source": evidence.source,
        "looked_at": _iso(evidence.looked_at),
        "parameters": dict(parameters),
        "looks": [_entry(look, written) for look in evidence.looks.values()],
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(written.items())},
    }
    return {**written, "index.json": _json(index)}


def _entry(look: Look, written: Mapping[str, str]) -> dict[str, Any]:
    own = f"{look.number}-{look.facet.name}.json"
    return {
        "number": look.number,
        "facet": look.facet.name,
        "question": look.facet.question,
        "outcome": look.outcome.value,
        "reason": look.reason,
        "at": _iso(look.at),
        "file": own if own in written else "http.har" if look.exchanges else None,
        "exchanges": [x.sha256 for x in look.exchanges],
    }


def _own(look: Look) -> dict[str, Any]:
    return {
        "number": look.number,
        "facet": look.facet.name,
        "outcome": look.outcome.value,
        "reason": look.reason,
        "at": _iso(look.at),
        "answer": asdict(look.answer),
    }


def _har(evidence: Evidence, version: str) -> dict[str, Any]:
    exchanges = [x for look in evidence.looks.values() for x in look.exchanges]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "fly-runbooks", "version": version},
            "pages": [],
            "entries": [_har_entry(exchange) for exchange in exchanges],
        }
    }


def _har_entry(exchange: Exchange) -> dict[str, Any]:
    """One attempt; a failed one has status 0 and `_error`. Credentials and cookies are never there."""
    headers = [{"name": name, "value": value} for name, value in exchange.headers]
    status = exchange.status or 0
    entry: dict[str, Any] = {
        "startedDateTime": _iso(exchange.at),
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
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(exchange.duration_ms, 1), "receive": 0},
        "_facet": exchange.facet,
        "_attempt": exchange.attempt,
        "_sha256": exchange.sha256,
    }
    if exchange.error is not None:
        entry["_error"] = exchange.error
    return entry


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return _iso(value) if isinstance(value, datetime) else str(value)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
