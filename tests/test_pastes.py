"""Every text of tests/evidence/pastes/, pasted with no id and no app given, with nothing reachable."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbooks.case import Case, open_case
from runbooks.diagnose.model import HOLD
from runbooks.report import facts

pytestmark = pytest.mark.usefixtures("undrawn", "nothing_reachable")

PASTES = Path(__file__).with_name("evidence") / "pastes"


@dataclass(frozen=True)
class Wanted:
    """What is known of the incident that the text is from; `causes` are those that may be likely or confirmed."""

    app: str = ""
    machine_id: str = ""
    state: str = ""
    causes: tuple[str, ...] = ()
    moments: tuple[str, ...] = field(default=())


WANTED = {
    "dashboard-slow-start-python-newest-first.txt": Wanted(
        causes=("slow-start",),
        moments=("2025-01-09T10:56:33", "2025-01-09T10:58:57"),
    ),
    "fly-checks-list.txt": Wanted("harbor-school", "148e2d5b7e0689", causes=("health-check-failing",)),
    "fly-deploy-output.txt": Wanted("sync-service", "683d607a7e4398", causes=("release-failed", "rate-limited")),
    "fly-logs-coloured.log": Wanted(
        "harbor-web",
        "5683210cd5e908",
        causes=("stopped-by-autostop",),
        moments=("2023-07-22T01:05:09", "2023-07-22T01:05:46", "2023-07-22T01:05:51"),
    ),
    "fly-logs-slow-start-spring.log": Wanted(
        "api-rosy-cloud-4618",
        causes=("slow-start",),
        moments=("2026-06-02T19:07:22", "2026-06-02T19:08:45", "2026-06-02T19:09:39"),
    ),
    "fly-machine-status.txt": Wanted(
        "ledger-api",
        "d896099a33e228",
        "started",
        causes=("out-of-memory",),
        moments=("2026-08-31T22:49:22", "2026-08-31T22:49:24"),
    ),
    "fly-status.json": Wanted(
        "relay-api",
        "286542eb100198",
        "stopped",
        causes=("out-of-memory", "restart-limit-reached"),
        moments=("2026-04-30T09:58:20", "2026-04-30T10:00:02"),
    ),
}


def published(case: Case, tmp_path: Path) -> tuple[dict[str, Any], str]:
    case.publish()
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary, (folder / "report.md").read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in PASTES.iterdir()))
def test_a_paste_is_evidence(name: str, tmp_path: Path) -> None:
    wanted = WANTED[name]
    case = open_case(caller_log=str(PASTES / name))
    summary, report = published(case, tmp_path)
    assert (summary["subject"]["app"] or "", summary["subject"]["machine_id"] or "") == (wanted.app, wanted.machine_id)
    assert case._facts.events.state == wanted.state
    held = {h["slug"] for h in summary["hypotheses"] if h["status"] in ("confirmed", "likely")}
    assert held <= set(wanted.causes)
    if not (wanted.app or wanted.machine_id):
        # The text names nobody: it can make a cause likely, and no more.
        assert not [h for h in summary["hypotheses"] if h["status"] == "confirmed"]
    times = [moment["at"][:19] for moment in summary["timeline"]]
    assert set(wanted.moments) <= set(times)
    assert "BLOCKED" not in report
    assert "pasted" in report


def test_a_dashboard_shows_no_zone_and_the_report_says_so(tmp_path: Path) -> None:
    case = open_case(caller_log=str(PASTES / "dashboard-slow-start-python-newest-first.txt"))
    _, report = published(case, tmp_path)
    assert "no time zone: UTC is assumed" in report


def test_a_clock_without_a_date_takes_the_day_that_was_given(tmp_path: Path) -> None:
    text = "10:55:46 Starting init (commit: 1df1d0a0)...\n10:55:49 INFO Main child exited normally with code: 1\n"
    case = open_case(app_name="harbor-web", caller_log=text, incident_time="2025-01-09T11:00:00Z")
    summary, report = published(case, tmp_path)
    assert "2025-01-09T10:55:49" in [moment["at"][:19] for moment in summary["timeline"]]
    assert "the day 2025-01-09 of the incident is assumed" in report


def test_what_was_given_decides_whom_it_is_about(tmp_path: Path) -> None:
    """A table of another machine shows nothing of the one that was asked for."""
    case = open_case(
        app_name="ledger-api", machine_id="91850296bd4738", caller_log=str(PASTES / "fly-machine-status.txt")
    )
    summary, _ = published(case, tmp_path)
    assert summary["subject"]["machine_id"] == "91850296bd4738"
    assert not [h for h in summary["hypotheses"] if h["status"] in ("confirmed", "likely")]


def test_a_host_that_cannot_be_asked_is_no_app() -> None:
    case = open_case(caller_log="Machine started in 1s\nINFO Main child exited normally with code: 1\n")
    reasons = [observation.reason for observation in case.evidence.observations.values()]
    assert any("no app is known" in reason for reason in reasons)


def test_what_is_secret_in_an_answer_is_secret_in_a_pasted_one(tmp_path: Path) -> None:
    told = json.loads((PASTES / "fly-status.json").read_text())
    told["Machines"][0]["config"]["files"] = [{"guest_path": "/app/key", "raw_value": "b3JjaGFyZA=="}]
    case = open_case(caller_log=json.dumps(told))
    published(case, tmp_path)
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    assert not [path for path in folder.rglob("*") if path.is_file() and "b3JjaGFyZA" in path.read_text()]


def test_a_pasted_run_is_replayed(tmp_path: Path) -> None:
    summary, report = published(open_case(caller_log=str(PASTES / "fly-status.json")), tmp_path)
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    again = open_case(source=f"bundle:{folder}")
    assert again.diagnosis.headline == summary["headline"]
    again.publish()
    (second,) = set(tmp_path.glob("*/machine_not_visible--*")) - {folder}
    assert (second / "report.md").read_text() == report


def test_a_stack_trace_alone_makes_a_cause_likely_and_no_more() -> None:
    text = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3\nKeyError: 'QUEUE_URL'\n"
    case = open_case(app_name="harbor-web", machine_id="91850296bd4738", caller_log=text)
    held = {(h.slug, h.status.value) for h in case.diagnosis.hypotheses if h.status.value in ("confirmed", "likely")}
    assert held == {("missing-environment", "likely"), ("startup-crash", "likely")}  # the second is its general form
    assert case.diagnosis.cause is not None
    assert case.diagnosis.cause.slug == "missing-environment"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", False),
        ("404 machine not found", True),
    ],
)
def test_only_what_was_looked_for_is_not_found(text: str, found: bool) -> None:
    told = f'GET "https://api.machines.dev/v1/apps/foo/machines/9080524f610e87": {text}'
    headline = open_case(caller_log=told, app_name="foo").diagnosis.headline
    assert ("not found" in headline) is found, headline


@pytest.mark.parametrize("below", [", not restarting", ", restarting", ""])
@pytest.mark.parametrize("init", ["", " INFO Main child exited normally with code: 7\n"])
def test_an_end_that_only_the_runner_tells_is_an_end_and_no_second_one(below: str, init: str) -> None:
    prefix = "2026-11-20T09:12:46Z {}[d8913e0f471de8] ams [info]"
    said = f"{prefix.format('app')}{init}" if init else ""
    told = f"{said}{prefix.format('runner')}machine exited with exit code 7{below}"
    diagnosis = open_case(caller_log=told, app_name="harbor-school").diagnosis
    assert diagnosis.headline == "The program exited with exit code 7, once."


def test_the_app_of_a_token_is_not_the_app_of_the_machine() -> None:
    made = "I made the token with fly tokens create deploy -a other"
    told = f'HTTP 404 {{"error":"Could not find App \\"tenent\\""}}\n{made}'
    found = open_case(caller_log=told, app_name="tenant").diagnosis
    assert found.headline == "The app tenent was not found."


LISTS = {
    "pydantic": (
        "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings",
        "QUEUE_URL",
        "  Field required [type=missing, input_value={}, input_type=dict]",
        "MAIL_HOST",
        "  Field required [type=missing, input_value={}, input_type=dict]",
    ),
    "a heading of an error": ("Error: Missing environment variables:", "  - QUEUE_URL", "  - MAIL_HOST"),
    "a heading of a panic": ("panic: missing required config:", "\tQUEUE_URL", "\tMAIL_HOST"),
}


@pytest.mark.parametrize("said", LISTS.values(), ids=LISTS)
def test_names_below_a_heading_are_why_the_program_ended(said: tuple[str, ...]) -> None:
    lines = (*said, "INFO Main child exited normally with code: 1")
    told = "\n".join(f"2026-11-20T09:12:44Z app[d8913e0f471de8] ams [info] {line}" for line in lines)
    cause = open_case(caller_log=told, app_name="harbor-school").diagnosis.cause
    assert cause is not None
    assert (cause.slug, cause.confidence.value) == ("missing-environment", "confirmed")
    assert "QUEUE_URL and MAIL_HOST" in cause.statement


def test_how_a_machine_was_when_it_was_created_is_no_idle_machine() -> None:
    made = '{"id":"d8913e0f471de8","name":"job-17","state":"created","config":{"image":"ghcr.io/acme/job:1"}}'
    told = f'The API answered {made}, and 20 s later GET gives 404 {{"error":"machine not found"}}'
    found = open_case(caller_log=told, app_name="harbor-school").diagnosis
    assert not [one.slug for one in found.hypotheses if one.status in HOLD]
    assert found.headline.startswith("Machine d8913e0f471de8 is not found")


def test_a_pasted_machine_is_as_old_as_the_text_says() -> None:
    made = '{"id":"d8913e0f471de8","state":"created","created_at":"2026-11-20T08:10:00Z","config":{"image":"a/b:1"}}'
    told = f"2026-11-20T09:40:00Z GET machine: {made}"
    found = open_case(caller_log=told, app_name="harbor-school").diagnosis
    (idle,) = (one for one in found.hypotheses if one.status in HOLD)
    assert (idle.slug, idle.supports[0].text) == (
        "never-started",
        "It has been in `created` for 1 hour and 30 minutes.",
    )


@pytest.mark.parametrize(("url", "found"), [("wss://api.acme.example/ws", True), ("wss://other.example/ws", False)])
def test_another_names_certificate_matters_where_the_caller_connects(url: str, found: bool) -> None:
    told = "curl: (60) SSL: no alternative certificate subject name matches target host name 'api.acme.example'"
    cause = open_case(caller_log=told, app_name="harbor-school", websocket_url=url).diagnosis.cause
    assert (cause is not None and cause.slug == "certificate-missing") is found


def test_an_entry_of_a_callers_log_that_is_json_is_in_the_timeline() -> None:
    error = {
        "type": "Error",
        "message": 'Fly API 408: {"error":"deadline_exceeded: machine did not start"}',
        "status": 408,
    }
    told = json.dumps({"level": 50, "time": 1764000000000, "err": error, "machineId": "3287123f451989", "msg": "no"})
    case = open_case(caller_log=told, app_name="harbor-school")
    (moment,) = (one for one in case.diagnosis.timeline if one.source == "caller")
    assert moment.text == "HTTP 408: deadline_exceeded: machine did not start"
    assert facts.happened(case.report) == "2025-11-24 16:00:00 UTC"


def test_what_a_panic_says_stands_below_its_place() -> None:
    said = (
        "thread 'main' panicked at src/config.rs:22:10:",
        "no such profile: staging",
        "note: run with `RUST_BACKTRACE=1`",
    )
    lines = (*said, "INFO Main child exited normally with code: 101")
    told = "\n".join(f"2026-11-20T09:12:44Z app[d8913e0f471de8] ams [info] {line}" for line in lines)
    headline = open_case(caller_log=told, app_name="harbor-school").diagnosis.headline
    assert headline == "The program exited with exit code 101, once: “no such profile: staging”."


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Executing scale plan\n  Destroying {} group:app region:ams\n  Destroyed {} group:app", "destroyed-by-deploy"),
        (
            "machine {} was found and is currently in started state, attempting to destroy...\n{} has been destroyed",
            "destroyed-by-request",
        ),
        ("Executing scale plan\n  Destroyed 148e21ea7d0298 group:app", ""),
    ],
)
def test_a_machine_that_flyctl_destroyed_is_destroyed(text: str, cause: str) -> None:
    told = text.format(*["d8913e0f471de8"] * 2)
    found = open_case(caller_log=told, app_name="harbor-school", machine_id="d8913e0f471de8").diagnosis.cause
    assert (found.slug if found else "") == cause


TABLE = """STATE     	EVENT  	SOURCE	TIMESTAMP                    	INFO
destroyed 	destroy	user  	2026-11-20T09:15:00.000Z
stopped   	exit   	flyd  	2026-11-20T09:14:55.000Z     	exit_code=0,oom_killed=false,requested_stop=true
"""
ANSWER = '[{"type":"destroy","status":"destroyed","source":"user","timestamp":1764000300000}]'


@pytest.mark.parametrize("asked", ["", "91850296bd4738"])
@pytest.mark.parametrize("events", [TABLE, ANSWER], ids=["flyctl", "API"])
def test_events_that_stand_alone_are_of_the_machine_that_is_asked_about(events: str, asked: str) -> None:
    cause = open_case(caller_log=events, app_name="harbor-school", machine_id=asked).diagnosis.cause
    assert cause is not None
    assert cause.slug == "destroyed-by-request"


@pytest.mark.parametrize("events", [TABLE, ANSWER], ids=["flyctl", "API"])
def test_events_beside_another_machine_are_not_of_the_one_that_is_asked_about(events: str) -> None:
    told = f"fly machine status d8913e0f471de8\n{events}"
    found = open_case(caller_log=told, app_name="harbor-school", machine_id="91850296bd4738").diagnosis
    assert found.cause is None
