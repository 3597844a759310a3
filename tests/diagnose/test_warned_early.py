"""flyctl's warning about an address is over where the program is seen to listen or to answer below it."""

from __future__ import annotations

import pytest

from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of

WARNED = (
    "$ fly deploy -a demo-api",
    "WARNING The app is not listening on the expected address and will not be reachable by fly-proxy.",
    "You can fix this by configuring your app to listen on the following addresses:",
    "  - 0.0.0.0:8000",
    "  [1/1] Machine 48e2917c3d5e18 [app] update finished: success",
)
SAID = "2026-07-20T10:00:00Z app[48e2917c3d5e18] iad [info]Uvicorn running on http://{} (Press CTRL+C to quit)"


def _cause(*below: str) -> str:
    found = diagnose(evidence_of({"evidence": {"logs": [*WARNED, *below]}, "date": "2026-07-20"}))
    return found.cause.slug if found.cause else ""


@pytest.mark.parametrize(
    "below",
    [
        ("$ curl -I https://demo-api.fly.dev/", "HTTP/2 200", "server: Fly/abc (2026-01-01)"),
        ("$ curl -s https://demo-api.fly.dev/ | python3 -m json.tool", "{", '    "status": "ok"', "}"),
        ("$ curl -s -o /dev/null -w '%{http_code}\\n' https://demo-api.fly.dev/health", "200"),
        (SAID.format("0.0.0.0:8000"),),
        (SAID.format("[::]:8000"),),
    ],
)
def test_a_program_that_listens_or_answers_later_started_slowly(below: tuple[str, ...]) -> None:
    assert _cause(*below) == "slow-start"


@pytest.mark.parametrize(
    "below",
    [
        (),
        ("$ curl -I https://demo-api.fly.dev/", "HTTP/2 502", "server: Fly/abc (2026-01-01)"),
        ("$ curl -I http://localhost:8000/", "HTTP/1.1 200 OK"),
        ("$ curl -s https://api.example.com/", '{"ok": true}'),
        ("Visit your newly deployed app at https://demo-api.fly.dev/", "200 lines of log follow"),
        (SAID.format("127.0.0.1:8000"),),
        (SAID.format("0.0.0.0:3000"),),
    ],
)
def test_another_answer_or_port_does_not_end_it(below: tuple[str, ...]) -> None:
    assert _cause(*below) == "not-listening"


def test_an_answer_above_the_warning_says_nothing_of_it() -> None:
    above = ("$ curl -I https://demo-api.fly.dev/", "HTTP/2 200")
    found = diagnose(evidence_of({"evidence": {"logs": [*above, *WARNED]}, "date": "2026-07-20"}))
    assert found.cause is not None
    assert found.cause.slug == "not-listening"
