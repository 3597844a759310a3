"""A line means what those around it let it mean: after a stop that was asked for, or before the program listened."""

from __future__ import annotations

from typing import Any

import pytest

from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of

MACHINE = {"id": "2869762c077368", "state": "started", "config": {"services": [{"internal_port": 3001}]}}
REFUSED = "[PC01] instance refused connection. is your app listening on 0.0.0.0:3001?"
ABRUPT = "Virtual machine exited abruptly"


def _diagnosed(*logs: str, **looks: Any) -> Diagnosis:
    shown = dict.fromkeys(("machine", "events", "list_contains", "registry", "db_row", "network", "api_error"))
    return diagnose(evidence_of({"evidence": {**shown, **looks, "logs": list(logs)}}))


def _found(*logs: str, **looks: Any) -> tuple[str, str]:
    cause = _diagnosed(*logs, **looks).cause
    return (cause.slug, cause.confidence) if cause else ("", "")


@pytest.mark.parametrize(
    "logs",
    [
        ("Sending signal SIGINT to main child process w/ PID 640", ABRUPT),
        ("Sending signal SIGTERM to main child process w/ PID 640", "shutting down", ABRUPT),
        (ABRUPT,),
    ],
)
def test_an_abrupt_end_alone_or_after_a_stop_is_no_crash(logs: tuple[str, ...]) -> None:
    assert _found(*logs) == ("", "")


def test_an_abrupt_end_after_a_command_that_is_missing_is_its_end() -> None:
    assert _found("Error: failed to spawn command: /app/run: No such file or directory (os error 2)", ABRUPT) == (
        "bad-command",
        "likely",
    )


@pytest.mark.parametrize(
    ("logs", "confidence"),
    [
        ((REFUSED,), "confirmed"),
        ((REFUSED, "api listening on http://127.0.0.1:3001"), "confirmed"),
        (("api listening on http://localhost:3001", REFUSED), "confirmed"),
        ((REFUSED, "api listening on http://localhost:3001"), "likely"),
        ((REFUSED, "api listening on http://localhost:4000"), "confirmed"),
        (("Starting machine", REFUSED), "likely"),
        (("Starting machine", REFUSED, REFUSED), "confirmed"),
    ],
)
def test_a_refusal_before_the_program_listened_proves_nothing(logs: tuple[str, ...], confidence: str) -> None:
    assert _found(*logs, machine=MACHINE, list_contains=True) == ("not-listening", confidence)


def test_a_server_that_ends_with_code_0_may_have_been_stopped() -> None:
    end = "INFO Main child exited normally with code: 0"
    stopped = {"machine": {**MACHINE, "state": "stopped"}, "list_contains": True}
    assert _found("Preparing to run: `job.sh` as root", end, **stopped) == ("exited-normally", "confirmed")
    assert _found("Server listening on 0.0.0.0:3000", end, **stopped) == ("exited-normally", "likely")


def test_a_wake_that_was_refused_is_over_once_the_machine_started() -> None:
    refused = "[PM07] failed to change machine state: machine still active, refusing to start"
    later = _diagnosed(refused, "Machine started in 1.9s")
    assert later.cause
    assert (later.cause.slug, later.cause.confidence) == ("start-rejected", "likely")
    assert "it started later" in later.headline


BOOT = (
    "Starting init (commit: 1a2b3c4)...",
    "Mounting /dev/vdb at /data",
    "Preparing to run: `node server.js` as root",
)
DIED = ("Main child exited normally with code: 1", "Starting clean up.", "[    3.2] reboot: Restarting system")
UNSET, GONE = "Error: DATABASE_URL is not set", "Error: Cannot find module '/app/routes.js'"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ((*BOOT, UNSET, *DIED), "missing-environment"),
        ((*BOOT, "SENTRY_DSN is not set", GONE, *DIED), "bad-command"),
        ((*BOOT, GONE, UNSET, *DIED), "missing-environment"),
        ((*BOOT, UNSET, *DIED, *BOOT, "TypeError: x is not a function", *DIED), "startup-crash"),
        ((*BOOT, GONE, *DIED, *BOOT, "TypeError: x is not a function", *DIED), "startup-crash"),
        (
            (*BOOT, "API_KEY is required", "GET /v1 422 in 3 ms", "TypeError: x is not a function", *DIED),
            "startup-crash",
        ),
        ((*BOOT, "Error: ENOENT: no such file or directory, open '/data/a.json'", *DIED), "startup-crash"),
        ((*BOOT, "REDIS_URL is not set", "done", "Main child exited normally with code: 0"), "exited-normally"),
    ],
)
def test_what_a_program_only_mentioned_did_not_end_it(lines: tuple[str, ...], cause: str) -> None:
    machine = {"id": "148e22d6c47189", "state": "stopped"}
    assert _found(*lines, machine=machine, list_contains=True) == (cause, "confirmed")


def _told(*words: str) -> list[str]:
    lines = ("Preparing to run: `./serve` as app", *words)
    return [f"2026-05-04T11:00:0{n}Z app[2869762c077368] fra [info]{line}" for n, line in enumerate(lines)]


WORKS = ("processed job 0", "processed job 1", "processed job 2")
SEGFAULT = "/usr/local/lib/ruby/3.3.0/rubygems.rb:165: [BUG] Segmentation fault at 0xffffffffffffffff"


@pytest.mark.parametrize(
    "words",
    [
        SEGFAULT,
        "Fatal Python error: Segmentation fault",
        "fatal error: all goroutines are asleep - deadlock!",
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "panic(main thread): Segmentation fault at address 0x0",
        "thread 'main' panicked at src/main.rs:12:40: called `Result::unwrap()` on an `Err` value: Os { code: 13 }",
    ],
)
def test_the_last_words_of_a_runtime_end_the_life_that_its_boot_began(words: str) -> None:
    assert _found(*_told(words, "-- Control frame information --")) == ("startup-crash", "likely")


@pytest.mark.parametrize(
    "dump",
    [
        ("goroutine 1 [running]:", "main.main()", "\t/app/main.go:12 +0x1d", "exit status 2"),
        ("[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]", "", "main.(*T).Run(0x0)"),
        ("note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",),
        ("ruby 3.3.0 (2023-12-25 revision 5124f9ac75) [x86_64-linux]", "c:0001 p:0000 s:0003 E:000010 (none) [FINISH]"),
        ("Current thread 0x00007f (most recent call first):", '  File "/app/a.py", line 3 in <module>'),
    ],
)
def test_a_dump_below_the_last_words_is_no_life_after_them(dump: tuple[str, ...]) -> None:
    words = "panic: runtime error: invalid memory address or nil pointer dereference"
    assert _found(*_told("listening on :80", words, *dump)) == ("startup-crash", "likely")


@pytest.mark.parametrize(
    "logs",
    [
        ("WARNING: [pool www] child 41 exited on signal 11 (SIGSEGV) after 3.1 seconds from start", "GET / 200"),
        ("thread 'tokio-runtime-worker' panicked at src/api.rs:3:9: boom",),
        ("fatal error: cannot send mail, will retry", "mail sent", "processed 12 jobs"),
        (SEGFAULT, "Server listening on 0.0.0.0:3000"),
        (SEGFAULT, "GET /health 200 in 3 ms"),
        ("listening on :80", "/app/convert.sh: line 4: 12 Segmentation fault (core dumped) ffmpeg -i x", *WORKS),
        ("listening on :80", "/app/convert.sh: line 4: 12 Segmentation fault (core dumped) ffmpeg -i x"),
        ("listening on :80", "panic: oops [recovered]", "processed job 1"),
        ("listening on :80", "fatal error: concurrent map writes", "goroutine 7 [running]:", *WORKS),
    ],
)
def test_a_program_that_goes_on_has_not_ended(logs: tuple[str, ...]) -> None:
    assert _found(*_told(*logs)) == ("", "")


@pytest.mark.parametrize(("deployed", "found"), [(True, ("no-public-ip", "confirmed")), (False, ("", ""))])
def test_flyctl_names_the_address_of_what_it_has_started(deployed: bool, found: tuple[str, str]) -> None:
    told = "Visit your newly deployed app at https://quiet-oak.fly.dev/"
    words = told if deployed else "$ fly ips list -a quiet-oak"
    network = {"hostname": "quiet-oak.fly.dev", "resolves": False, "public_ips": []}
    assert _found(words, network=network) == found


NOT_YET = "The certificate for shop.example.com has not been issued yet."


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        (('0 issue "amazon.com"', NOT_YET), "certificate-missing"),
        (('shop.example.com.\t300\tIN\tCAA\t0 issue ";"', NOT_YET), "certificate-missing"),
        (('0 issue "digicert.com"', '0 issue "letsencrypt.org"', NOT_YET), ""),
        ((NOT_YET, "Added to App              = 3 days ago"), "certificate-missing"),
        ((NOT_YET, "Added to App              = 1 minute ago"), ""),
        ((NOT_YET,), ""),
        ((NOT_YET, "Added to App = 3 days ago", "The certificate for shop.example.com has been issued."), ""),
    ],
)
def test_a_certificate_under_way_is_not_missing_unless_something_keeps_it(logs: tuple[str, ...], found: str) -> None:
    assert _found(*logs)[0] == found


def test_the_output_quoted_is_not_the_greeting_of_the_start() -> None:
    words = "A server is already running. Check /app/tmp/pids/server.pid."
    found = _diagnosed(*BOOT, "=> Booting Puma", words, "=> Rails 7.0.4 application starting in production", *DIED)
    assert words in found.headline


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("Permission denied (os error 13)", "may not be executed"),
        ("No such file or directory (os error 2)", "not found"),
    ],
)
def test_a_command_that_may_not_run_is_not_said_to_be_missing(reason: str, told: str) -> None:
    assert told in _diagnosed(*BOOT, f"Error: failed to spawn command: ./start.sh: {reason}").headline


WAITED = "timeout reached waiting for health checks to pass for machine 2869762c077368"


@pytest.mark.parametrize(
    "line",
    [
        f"Error: {WAITED}",
        f"Error: failed to update machine 2869762c077368: {WAITED}",
        f"Error: failed to update machine 2869762c077368: Unrecoverable error: {WAITED}",
        f"Error: failed to create green machines: {WAITED}",
        f"Unrecoverable error: {WAITED}",
    ],
)
def test_a_deploy_that_waited_for_a_check_ended_by_the_check(line: str) -> None:
    assert _found(line)[0] == "health-check-failing"


@pytest.mark.parametrize(
    "lines",
    [
        ("** (exit) exited in: GenServer.call(Shop.Cache, :all, 5000)", "    ** (EXIT) time out"),
        ("** (exit) exited in: FLAME.Pool.call(Shop.Runner, #Function<43.33/0>, [])", "    ** (EXIT) time out"),
        ("** (exit) exited in: Task.Supervised.call(Shop, :x)", "    ** (EXIT) no process: the process is not alive"),
    ],
)
def test_a_call_that_nobody_answered_is_no_crash(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == ("", "")
