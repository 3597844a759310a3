"""A session that one machine holds and another is asked for."""

from __future__ import annotations

import time

import pytest

from runbooks.diagnose.facts.sessions import lost_session
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import LogLine
from tests.diagnose.test_facts import NOW
from tests.incidents.converting import evidence_of

A, B = "4d8976ea9d3087", "918571da5b0483"


def _diagnosed(*told: tuple[str, int, str]) -> Diagnosis:
    logs = [f"2026-05-04T11:{n // 60:02}:{n % 60:02}Z app[{at}] fra [info]{words}" for at, n, words in told]
    return diagnose(evidence_of({"evidence": {"logs": logs}}))


@pytest.mark.parametrize(
    ("served", "refused"),
    [
        (
            "POST /socket.io/?EIO=4&transport=polling&sid=J3v 200",
            ("POST /socket.io/?EIO=4&sid=J3v 400", "Session ID unknown"),
        ),
        ("GET /socket.io/?sid=<secret:value#2> 200", ("GET /?sid=<secret:value#2> 400", "Session ID unknown")),
        ("session created id=0f5c2a", ("POST / 404 session not found id=0f5c2a",)),
        ('{"msg":"initialize","sessionId":"9bd2"}', ('{"error":"No valid session ID provided","sessionId":"9bd2"}',)),
        ("GET /_blazor?id=Xk2q 101", ("POST /_blazor?id=Xk2q 404", "No Connection with that ID: Status code '404'")),
        (
            "tools/call mcp-session-id: 77aa 200",
            ("mcp-session-id: 77aa Client must send notifications/initialized before making requests",),
        ),
    ],
)
def test_one_session_at_two_machines(served: str, refused: tuple[str, ...]) -> None:
    found = _diagnosed((A, 1, served), *((B, 2, words) for words in refused))
    assert found.cause
    assert (found.cause.slug, found.cause.confidence) == ("routed-to-another-machine", "likely")
    assert A in found.cause.statement
    assert B in found.cause.statement
    assert "J3v" not in found.headline  # Who has the session is the user.


@pytest.mark.parametrize(
    "told",
    [
        ((A, 1, "session created id=0f5c2a"), (A, 2, "POST / 404 session not found id=0f5c2a")),
        ((A, 1, "session created id=0f5c2a"), (B, 2, "POST / 404 session not found id=77aa")),
        ((A, 1, "GET /?sid=<secret:value#1> 200"), (B, 2, "Session ID unknown sid=<secret:value#2>")),
        ((A, 1, "session created id=0f5c2a"), (B, 200, "POST / 404 session not found id=0f5c2a")),
        (
            (A, 1, "session created id=0f5c2a"),
            (A, 2, "Sending signal SIGINT to main child process w/ PID 640"),
            (B, 3, "POST / 404 session not found id=0f5c2a"),
        ),
        ((A, 1, "POST / 404 session not found id=0f5c2a"), (B, 2, "POST / 404 session not found id=0f5c2a")),
        (
            (B, 1, "GET /orders id=cust-1001 200"),
            (A, 2, "GET /orders id=cust-1001"),
            (A, 3, "session not found, redirect to /login"),
        ),
        ((B, 1, "GET /orders id=cust-1001 200"), (A, 2, "GET /orders id=cust-1001 session not found")),
        ((A, 1, "GET / 404 id=0f5c2a"), (B, 2, "POST / 404 session not found id=0f5c2a")),
    ],
)
def test_a_session_that_is_gone_was_not_sent_elsewhere(told: tuple[tuple[str, int, str], ...]) -> None:
    assert "routed-to-another-machine" not in {h.slug for h in _diagnosed(*told).hypotheses if h.supports}


def test_many_complaints_are_looked_through_in_short_time() -> None:
    lines = [LogLine(NOW, f"GET /x sid=s{n} 200", "app", "info", B) for n in range(1000)]
    lost = [LogLine(NOW, f"session not found sid=t{n}", "app", "info", A) for n in range(1000)]
    begun = time.process_time()
    assert lost_session((*lines, *lost), lost) is None
    assert time.process_time() - begun < 2
