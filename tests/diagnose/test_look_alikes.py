"""Lines of programs and of people that look like the platform's, and answers of somebody else's server."""

from __future__ import annotations

import pytest

from runbooks.diagnose.program_patterns.required_settings import required_settings
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.served_answers import answers_below
from tests.incidents.converting import evidence_of

WARNING = "WARNING The app is not listening on the expected address"


def _causes(*lines: str) -> set[str]:
    found = diagnose(evidence_of({"evidence": {"logs": list(lines)}, "date": "2026-07-20"}))
    return {one.slug for one in found.hypotheses if one.status.value in ("likely", "confirmed")}


@pytest.mark.parametrize(
    "line",
    [
        "Resolved: we finished performing maintenance on a host last week; a host one of your machines ran on is fine",
        "Resolved: a host some of your machines are on is fine now",
        "we are performing maintenance on a host: finished yesterday",
        "I asked Fly about a host where any of your machines went down",
        "cache: out of memory capacity, evicting",
        "error: not enough storage capacity on device",
        "no memory capacity left in map",
        "queue: no capacity left in the buffer",
        'The Service "x" is invalid: spec: service must expose at least one port',
        "error: service must expose at least one port",
        "Error: our app configuration is not valid",
        "pool has no capacity",
        "connection pool is out of capacity",
        "rpc failed: unavailable: dial tcp 10.0.0.7:50051: connect: connection refused",
        "server rejected WebSocket connection: HTTP 401 (wss://gateway.discord.gg)",
        "Unexpected server response: 404 while connecting to ws://127.0.0.1:9222",
    ],
)
def test_what_only_looks_like_the_platform_names_no_cause(line: str) -> None:
    assert not _causes(line)


def test_an_upgrade_that_succeeds_later_is_over() -> None:
    assert _causes("Error: Unexpected server response: 401") == {"websocket-rejected"}
    assert not _causes("Error: Unexpected server response: 401", "retry...", "WebSocket connected")


@pytest.mark.parametrize(
    "below",
    [
        ["$ curl -I https://other-app.fly.dev/", "HTTP/2 200"],
        ["$ curl https://demo-api.fly.dev/", "curl: (52) Empty reply from server", "$ fly machine list --json", "["],
        ["$ curl https://demo-api.fly.dev/", "HTTP/2 503", "$ curl -I https://example.com", "HTTP/2 200"],
        ["$ curl https://demo-api.fly.dev/", '{"error": "x"}'],
    ],
)
def test_an_answer_of_something_else_ends_no_warning(below: list[str]) -> None:
    assert not answers_below("\n".join([WARNING, *below]), "not listening on", "demo-api")
    assert answers_below(
        "\n".join([WARNING, "$ curl -I https://demo-api.fly.dev/", "HTTP/2 200"]), "not listening on", "demo-api"
    )


def test_a_file_that_cannot_be_read_has_a_name() -> None:
    assert required_settings("fatal: TLS_CERT is not readable") == ()
    assert required_settings("MODEL_PATH could not be loaded") == ()
    assert required_settings("fatal: DATA_DIR not found") == ()
    assert required_settings("fatal: TLS_CERT is not set") == ("TLS_CERT",)
    assert required_settings("fatal: DATABASE_URL is not readable") == ("DATABASE_URL",)


def test_a_check_of_a_machine_that_is_there_is_no_refused_create_call() -> None:
    found = diagnose(
        evidence_of(
            {
                "evidence": {
                    "logs": [
                        "Error: smoke checks for 2867541b54d938 failed: the app appears to be crashing",
                        "Error: Node.js 20 detected without native WebSocket support.",
                        " INFO Main child exited normally with code: 1",
                    ]
                },
                "date": "2026-07-20",
            }
        )
    )
    assert (found.cause and found.cause.slug) == "startup-crash"
    assert not [one.title for one in found.remedies if "create call" in one.title]


@pytest.mark.parametrize(
    ("lines", "slug"),
    [
        (("Machine stopping. trial has ended",), "trial-limit"),
        (
            ("Trial machine stopping. To run for longer", "Error: failed to list active VMs: trial has ended"),
            "trial-limit",
        ),
        (("Error: failed to launch VM: trial has ended, please add a credit card",), "quota-or-billing"),
    ],
)
def test_a_trial_that_stopped_a_machine_is_told_apart_from_one_that_refused_a_call(
    lines: tuple[str, ...], slug: str
) -> None:
    assert _causes(*lines) == {slug}


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("Error: supabaseKey is required.", "Find the variable that the program reads for supabaseKey, and set it"),
        ("Error: SUPABASE_KEY is required.", "Set SUPABASE_KEY"),
    ],
)
def test_the_argument_of_a_library_is_no_variable(line: str, title: str) -> None:
    lines = [line, " INFO Main child exited normally with code: 1"]
    found = diagnose(evidence_of({"evidence": {"logs": lines}, "date": "2026-07-20"}))
    assert title in [one.title for one in found.remedies]


FULL = "Instance reached hard limit of 25 concurrent connections"
NOBODY = "[PR04] could not find a good candidate within 40 attempts at load balancing"
FAILS = "Health check 'servicecheck-00-http-8000' on port 8000 has failed. Your app is not responding properly."


@pytest.mark.parametrize(
    ("lines", "slugs"),
    [
        ((FULL, NOBODY), {"concurrency-limit"}),
        ((FAILS, NOBODY), {"health-check-failing"}),
        ((NOBODY,), {"no-machine-behind-app"}),
    ],
)
def test_a_machine_that_is_full_or_fails_its_check_is_there(lines: tuple[str, ...], slugs: set[str]) -> None:
    assert _causes(*lines) == slugs


def test_what_nobody_looked_for_is_not_called_missing() -> None:
    line = "Error: failed to restart machine 287d1e3f4b0058: failed to wait for health checks to pass: request canceled"
    found = diagnose(evidence_of({"evidence": {"logs": [line]}, "date": "2026-07-20"}))
    assert "not found" not in found.headline
    assert "request canceled" in found.headline


@pytest.mark.parametrize(
    "line",
    [
        "[webhook-relay] OpenClaw returned 404 for deployment d-17",
        "Telegram API responded with 401: bot token rejected",
        "ERROR github: status 422 while opening the pull request",
        "elevenlabs error: 402 payment of your plan",
    ],
)
def test_the_status_of_another_service_is_no_refusal_of_the_platform(line: str) -> None:
    found = diagnose(evidence_of({"evidence": {"logs": [line]}, "date": "2026-07-20"}))
    assert "the platform refused" not in found.headline.lower()


@pytest.mark.parametrize(
    "line",
    ["slack-agent: Fly API error (422): unheard of", "discord bot: POST /v1/apps/demo/machines 422 unheard of"],
)
def test_a_service_may_also_be_what_runs_on_the_platform(line: str) -> None:
    found = diagnose(evidence_of({"evidence": {"logs": [line]}, "date": "2026-07-20"}))
    assert "unheard of" in found.headline


def test_an_answer_of_somebody_else_repeats_no_create_call() -> None:
    line = "[webhook-relay] Gateway returned 404 for deployment d-17"
    found = diagnose(evidence_of({"evidence": {"logs": [line]}, "date": "2026-07-20"}))
    assert found.cause is None
    assert not [one.title for one in found.remedies if "repeat the create call" in one.title]


def test_a_tool_that_is_too_old_is_updated() -> None:
    line = "Error: error creating a new machine: failed to launch VM: flyctl version too old, must be at least 0.1.20"
    found = diagnose(evidence_of({"evidence": {"logs": [line]}, "date": "2026-07-20"}))
    assert "Update flyctl" in found.remedies[0].title
    assert found.remedies[0].commands[0].startswith("fly version upgrade && ")
