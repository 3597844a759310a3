"""A client tells with which status its upgrade to a WebSocket was refused."""

from __future__ import annotations

import pytest

from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of


def _cause(*lines: str) -> str:
    found = diagnose(evidence_of({"evidence": {"logs": list(lines)}, "date": "2026-07-20"}))
    return found.cause.slug if found.cause else ""


@pytest.mark.parametrize(
    "line",
    [
        "WebSocket connection to 'wss://app.fly.dev/live' failed: Error during WebSocket handshake: "
        "Unexpected response code: 431",
        "Error: Unexpected server response: 403",
        "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 401",
        "websocket._exceptions.WebSocketBadStatusException: Handshake status 404 Not Found",
        "WebSocket protocol error: HTTP error: 400 Bad Request",
    ],
)
def test_a_refused_upgrade_is_told_by_its_status(line: str) -> None:
    assert _cause(line) == "websocket-rejected"


@pytest.mark.parametrize(
    "line",
    [
        "Error: Unexpected server response: 502",
        "WebSocket connection to 'wss://a.example.org/live' failed: Unexpected response code: 200",
        "GET /socket 403 in 3ms",
        "fetch failed: Unexpected response code: 404",
    ],
)
def test_other_answers_are_not(line: str) -> None:
    assert _cause(line) != "websocket-rejected"
