"""One source is all there is: a log, an error text, a row, an endpoint, a machine or its events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runbooks.base.facets import known_facets
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import (
    Evidence,
    LogLine,
    Logs,
    Observation,
    Outcome,
    Probe,
    Record,
    Records,
    Resolution,
    Subject,
)
from runbooks.evidence.parsers import events_of, machine_of

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ID, NAME, APP = "91850296bd4738", "scan-7", "heron-scan"
BY_NUMBER = {facet.value: facet for facet in known_facets()}


def only(subject: Subject | None = None, **answers: Any) -> Diagnosis:
    """Evidence in which just these looks were made; an answer of None means absent."""
    observations = {
        number: Observation(facet, Outcome.COULD_NOT_LOOK, "nobody asked", NOW) for number, facet in BY_NUMBER.items()
    }
    for number, answer in answers.items():
        outcome = Outcome.ABSENT if answer is None else Outcome.SEEN
        observations[number] = Observation(BY_NUMBER[number], outcome, "asked", NOW, answer)
    return diagnose(Evidence(subject or Subject(APP, ID, NAME), NOW, observations))


def speaker(message: str) -> str:
    """Who prints such a line: what a program prints itself is taken for no word of the platform."""
    words = {"App ": "proxy", "[PC01]": "proxy", "Trial ": "runner", "machine exited": "runner", "Virtual": "runner"}
    return next((who for beginning, who in words.items() if message.startswith(beginning)), "app")


def log(*messages: str) -> Logs:
    """Lines a second apart, the last one a minute ago."""
    start = NOW - timedelta(seconds=60 + len(messages))
    return Logs(
        tuple(LogLine(start + timedelta(seconds=n), m, speaker(m), "info", ID, "fra") for n, m in enumerate(messages))
    )


def cause(found: Diagnosis) -> str | None:
    return found.cause.slug if found.cause else None


BOOT = ("Starting init (commit: 6d47c1d)...", "Preparing to run: `node dist/index.js` as root")
LOGS: Mapping[str, tuple[str, ...]] = {
    "missing-environment": (*BOOT, "Error: DATABASE_URL is not set", "Main child exited normally with code: 1"),
    "bad-command": (*BOOT, "Error: Cannot find module '/app/dist/index.js'", "Main child exited normally with code: 1"),
    "image-wrong-architecture": (
        BOOT[0],
        "Error: failed to spawn command: node: Exec format error (os error 8)",
        "Virtual machine exited abruptly",
    ),
    "out-of-memory": (*BOOT, "Out of memory: Killed process 642 (node) total-vm:812340kB, anon-rss:201112kB"),
    "startup-crash": (*BOOT, "panic: invalid header", "Main child exited normally with code: 2"),
    "exited-normally": (
        *BOOT,
        "done",
        "Main child exited normally with code: 0",
        "machine exited with exit code 0, not restarting",
    ),
    "stopped-by-autostop": (
        *BOOT,
        f"App {APP} has excess capacity, autostopping machine {ID}. 0 out of 1 machines left running",
        "Sending signal SIGINT to main child process w/ PID 642",
        "Main child exited normally with code: 0",
    ),
    "trial-limit": (
        *BOOT,
        "Trial machine stopping. To run for longer than 5m0s, add a credit card by visiting https://fly.io/trial.",
        "Sending signal SIGINT to main child process w/ PID 642",
        "Main child exited normally with code: 0",
    ),
    "not-listening": (
        *BOOT,
        *("waiting",) * 40,
        "[PC01] instance refused connection. is your app listening on 0.0.0.0:8080? make sure it is not only "
        "listening on 127.0.0.1",
    ),
}


@pytest.mark.parametrize("slug", LOGS)
def test_only_the_log(slug: str) -> None:
    assert cause(only(E07=log(*LOGS[slug]))) == slug


@pytest.mark.parametrize("slug", LOGS)
def test_only_a_log_that_somebody_pasted(slug: str) -> None:
    start = NOW - timedelta(seconds=120)
    pasted = "\n".join(
        f"{start + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ} {speaker(message)}[{ID}] fra [info]{message}"
        for n, message in enumerate(LOGS[slug])
    )
    found = only(E19=read_caller(pasted))
    assert cause(found) == slug
    assert "E19" in (found.cause.evidence if found.cause else ())


ERRORS = {
    "image-tag-missing": "failed to get manifest registry.fly.io/heron-scan:latest: MANIFEST_UNKNOWN",
    "image-unauthorized": "failed to get manifest ghcr.io/heron/scan:1: unauthorized",
    "region-capacity": "could not find a candidate host",
    "host-capacity": "aborted: could not reserve resource for machine: insufficient memory available",
    "volume-placement": "insufficient resources to create new machine with existing volume id 'vol_4ql8x9zk2mw7pd3r'",
    "region-unavailable": "region maa not found",
    "quota-or-billing": "You have reached the maximum number of machines for this app",
    "name-conflict": f'already_exists: unique machine name violation, machine ID {ID} already exists with name "s7"',
    "lease-held": f"machine ID {ID} lease currently held by 7c1f@tokens.fly.io, expires at 2026-05-04T12:10:00Z",
    "rate-limited": "rate limit exceeded",
    "request-invalid": "json: cannot unmarshal array into Go value of type main.stopRequest",
    "start-rejected": "failed_precondition: unable to start machine from current state: 'replacing'",
    "token-invalid": "Authenticate: token validation error",
}
CLIENTS = {
    "edge function": 'Fly API error (STATUS): {"error":"TEXT"}',
    "flyctl": "Error: failed to launch VM: TEXT (Request ID: 01KQS6B4T0E6Y5B8W2N9J3F7HD-fra)",
    "terraform": "Error: Failed to create machine\n\n  with fly_machine.scan,\n  on main.tf line 12\n\nTEXT",
    "elixir": 'failed POST to https://api.machines.dev/v1/apps/heron-scan/machines with STATUS ({"error":"TEXT"})',
    "plain": "TEXT",
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", ["400", "403", "409", "412", "422"])
@pytest.mark.parametrize("slug", ERRORS)
def test_only_an_error_text_whatever_its_status_and_its_client(slug: str, status: str, client: str) -> None:
    quoted = ERRORS[slug].replace('"', '\\"') if '"TEXT"' in CLIENTS[client] else ERRORS[slug]
    text = CLIENTS[client].replace("STATUS", status).replace("TEXT", quoted)
    assert cause(only(Subject(APP, "", NAME), E19=read_caller(text))) == slug


def row(**fields: Any) -> Records:
    return Records("cloud_machines", (NAME,), (Record("cloud_machines", "k", NAME, **fields),))


def test_only_a_row_with_an_error_message() -> None:
    message = 'Fly API error (422): {"error":"could not find a candidate host"}'
    assert cause(only(Subject(APP, "", NAME), E14=row(status="error", error_message=message))) == "region-capacity"


def test_only_a_row_that_waits_proves_nothing() -> None:
    found = only(E14=row(status="starting", created_at=NOW - timedelta(hours=3)))
    assert found.cause is None
    assert found.verdict == "inconclusive"


def test_only_an_endpoint_that_does_not_exist_proves_nothing_about_the_machine() -> None:
    url = f"wss://{NAME}.fly.dev/"
    found = only(
        Subject(APP, ID, NAME, websocket_url=url),
        E13=Resolution(f"{NAME}.fly.dev", "NXDOMAIN", control="fly.io"),
        E17=Probe(url, "dns", detail="NXDOMAIN"),
    )
    assert found.cause is None
    assert "wrong-hostname" in {h.slug for h in found.hypotheses}


@pytest.mark.parametrize(
    ("url", "reached", "found"),
    [
        ("wss://chat.example.com:8081/", "tls", "websocket-port-or-scheme"),
        ("wss://chat.example.com:9000/", "tcp", "websocket-port-or-scheme"),
        ("wss://chat.example.com:8081/", "open", None),
        ("wss://chat.example.com/", "tls", None),
        ("wss://chat.internal:8081/", "tls", None),
    ],
)
def test_a_port_of_the_machine_at_a_name_of_ones_own(url: str, reached: str, found: str | None) -> None:
    services = [
        {"internal_port": 8080, "protocol": "tcp", "ports": [{"port": 443, "handlers": ["tls", "http"]}]},
        {"internal_port": 8081, "protocol": "tcp", "ports": [{"port": 8081, "handlers": []}]},
    ]
    body = {"id": ID, "name": NAME, "state": "started", "region": "fra", "config": {"services": services}}
    look = only(Subject(APP, ID, NAME, websocket_url=url), E03=machine_of(body), E17=Probe(url, reached))
    assert (look.cause.slug if look.cause else None) == found


def test_a_machine_without_events() -> None:
    machine = machine_of({"id": ID, "name": NAME, "state": "started", "region": "fra", "cordoned": True, "config": {}})
    assert cause(only(E03=machine)) == "cordoned"


def test_events_without_a_machine() -> None:
    body = [
        {"id": "1", "type": "launch", "status": "created", "source": "user", "timestamp": 1777890000000},
        {"id": "2", "type": "start", "status": "started", "source": "flyd", "timestamp": 1777890003000},
        {
            "id": "3",
            "type": "exit",
            "status": "stopped",
            "source": "flyd",
            "timestamp": 1777890009000,
            "request": {"exit_event": {"exit_code": 137, "oom_killed": True}},
        },
    ]
    assert cause(only(E04=events_of(body))) == "out-of-memory"


def test_lines_of_another_machine_are_not_this_ones() -> None:
    """The base machines of a deploy complain, too, and about other variables (§0.1)."""
    stranger = Logs(
        tuple(
            LogLine(x.at, x.message, x.provider, x.level, "3d8d7e5f1b0289")
            for x in log(*LOGS["missing-environment"]).lines
        )
    )
    assert only(E07=stranger).cause is None
    pasted = "\n".join(
        f"2026-05-04T11:00:0{n}Z app[3d8d7e5f1b0289] fra [info]{m}" for n, m in enumerate(LOGS["startup-crash"])
    )
    assert only(E19=read_caller(pasted)).cause is None
