"""What people paste: the forms in which lines of a machine's log were published, and texts that hold none."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.models import LogLine

MACHINE = "91850296bd4738"


def line(second: int, message: str, provider: str = "app", level: str = "info") -> LogLine:
    return LogLine(datetime(2025, 10, 2, 3, 0, second, tzinfo=UTC), message, provider, level, MACHINE, "sin")


FLYCTL = f"""\
2025-10-02T03:00:15Z app[{MACHINE}] sin [info] INFO Preparing to run: `docker-entrypoint.sh node index.js` as root
2025-10-02T03:00:16Z app[{MACHINE}] sin [info][Main] Missing required environment variables: SUPABASE_SERVICE_KEY
2025-10-02T03:00:17Z runner[{MACHINE}] sin [info]machine has reached its max restart count of 3
2025-10-02T03:00:18Z health[{MACHINE}] sin [error]Health check on port 8080 has failed. Your app is not up.
"""
WANTED = (
    line(15, " INFO Preparing to run: `docker-entrypoint.sh node index.js` as root".removeprefix(" ")),
    line(16, "[Main] Missing required environment variables: SUPABASE_SERVICE_KEY"),
    line(17, "machine has reached its max restart count of 3", "runner"),
    line(18, "Health check on port 8080 has failed. Your app is not up.", "health", "error"),
)


def coloured(text: str, escape: str) -> str:
    return (
        text.replace("2025-", f"{escape}[2m2025-")
        .replace(" sin ", f"{escape}[0m {escape}[32msin{escape}[0m ")
        .replace("[info]", f"[{escape}[34minfo{escape}[0m]")
    )


@pytest.mark.parametrize(
    "text",
    [
        FLYCTL,
        FLYCTL.replace("\n", "\r\n"),
        FLYCTL.replace("\n", "\n\n"),
        FLYCTL.replace("2025-", "   2025-"),
        FLYCTL.replace("Z ", ".000 ")
        .replace("[info]", "[info] ")
        .replace("[error]", "[error] ")
        .replace("]  I", "] I"),
        FLYCTL.replace("\n", " ", 3),
        coloured(FLYCTL, "\x1b"),
        coloured(FLYCTL, ""),
        "\n".join(reversed(FLYCTL.splitlines())),
        f"$ fly logs -a vyx-app\n{FLYCTL}Error: context canceled\n",
        FLYCTL.replace("2025-10-02T03", "2025-10-02T05").replace("Z ", "+02:00 "),
    ],
    ids=lambda text: f"{len(text)} letters",
)
def test_what_flyctl_and_the_dashboard_print(text: str) -> None:
    assert [(x.at, x.message.strip(), x.provider, x.level, x.instance, x.region) for x in log_lines(text)] == [
        (x.at, x.message, x.provider, x.level, x.instance, x.region) for x in WANTED
    ]


def test_an_error_of_the_proxy_stands_before_its_head() -> None:
    (read,) = log_lines(
        'error.message="instance refused connection. is your app listening on 0.0.0.0:3000?" '
        '2023-12-02T22:27:00Z proxy[328744dbee4e85] sjc [error]request.method="GET" request.id="01HGPA7F3Q77-sjc" '
    )
    assert read.message == "instance refused connection. is your app listening on 0.0.0.0:3000?"
    assert (read.provider, read.level, read.instance, read.region) == ("proxy", "error", "328744dbee4e85", "sjc")


def test_an_error_behind_another_line_belongs_to_its_own_head() -> None:
    first, second = log_lines(
        "2023-12-02T22:26:57Z app[5683d496c42468] sjc [info][    4.310534] reboot: Restarting system      "
        'error.message="instance refused connection." '
        '2023-12-02T22:27:00Z proxy[328744dbee4e85] sjc [error]request.method="GET"'
    )
    assert first.message == "[    4.310534] reboot: Restarting system"
    assert (second.message, second.instance) == ("instance refused connection.", "328744dbee4e85")


def test_lines_of_the_nomad_era() -> None:
    lines = log_lines(
        "2022-01-21T20:41:37.016 runner[0ffeb16a] sjc [info]Starting instance\n"
        "2021-05-01T10:00:00.123Z 0ffeb16a iad [info] Main child exited normally with code: 1\n"
        "2023-02-06T17:22:55Z proxy lhr [warn]could not find an instance to route to\n"
    )
    assert [(x.provider, x.instance, x.region) for x in lines] == [
        ("runner", "0ffeb16a", "sjc"),
        ("app", "0ffeb16a", "iad"),
        ("proxy", "", "lhr"),
    ]


ENTRY = {
    "level": "info",
    "instance": MACHINE,
    "message": "boom",
    "region": "sin",
    "timestamp": "2025-10-02T03:00:15.123456789Z",
    "meta": {"Instance": MACHINE, "Region": "sin", "Event": {"Provider": "app"}, "Error": {"Code": 0, "Message": ""}},
}
SHIPPED = {
    "event": {"provider": "app"},
    "fly": {"app": {"instance": MACHINE, "name": "vyx-app"}, "region": "sin"},
    "host": "3f1c",
    "log": {"level": "info"},
    "message": "boom",
    "timestamp": "2025-10-02T03:00:15.123456789Z",
}
ANSWER = {
    "data": [
        {
            "id": "x",
            "type": "log",
            "attributes": {
                "timestamp": "2025-10-02T03:00:15.123456789Z",
                "message": "boom",
                "level": "info",
                "instance": MACHINE,
                "region": "sin",
                "meta": {"instance": MACHINE, "region": "sin", "event": {"provider": "app"}},
            },
        }
    ],
    "meta": {"next_token": "1759374015123456789"},
}


@pytest.mark.parametrize(
    "found", [ENTRY, SHIPPED, ANSWER, ANSWER["data"], [ENTRY]], ids=["flyctl", "shipper", "API", "rows", "list"]
)
@pytest.mark.parametrize("indent", [None, 4])
def test_objects(found: object, indent: int | None) -> None:
    text = json.dumps(found, indent=indent)
    for pasted in (text, f"see:\n{text}\n{text}\nthat's all"):
        for read in log_lines(pasted):
            assert read == LogLine(
                datetime(2025, 10, 2, 3, 0, 15, 123456, tzinfo=UTC), "boom", "app", "info", MACHINE, "sin"
            )
    assert len(log_lines(f"{text}\n{text}")) == 2


def test_what_a_deploy_quotes_is_the_machines() -> None:
    lines = log_lines(
        """
Error release_command failed running on machine 328733df060968 with exit code 1.
Check its logs: here's the last 100 lines below, or run 'fly logs -i 328733df060968':
  Pulling container image registry.fly.io/giggs:deployment-01J24VNWJRP19X3EKSTXWWTZ4Q
   INFO Preparing to run: `/rails/bin/docker-entrypoint ./bin/rails db:prepare` as 1000
  bin/rails aborted!
  ArgumentError: key must be 16 bytes (ArgumentError)
   INFO Main child exited normally with code: 1
-------
Error: release command failed - aborting deployment.
"""
    )
    own = [x for x in lines if not x.message.startswith("Error")]
    assert {x.instance for x in own} == {"328733df060968"}
    # What flyctl says of the deploy is about the app, whichever temporary machine it names.
    assert {x.instance for x in lines if x not in own} == {""}
    assert [x.message for x in own][2:] == [
        "bin/rails aborted!",
        "ArgumentError: key must be 16 bytes (ArgumentError)",
        " INFO Main child exited normally with code: 1",
    ]


BROWSER = """
20:57:28
2026-02-01T20:57:28.398380165 [01KGDFTSKXE4DXAS18C2AK4PHW:main] Listening on API socket ("/fc.sock").
20:57:29
 INFO Starting init (commit: 6f59af0a)...
20:57:29
 INFO Preparing to run: `sh -c python src/main.py` as flyuser
20:57:31
Traceback (most recent call last):
20:57:31
  File "/app/src/main.py", line 167, in <module>
20:57:31
ValueError: boom
20:57:32
 INFO Main child exited normally with code: 1
"""


@pytest.mark.parametrize(
    "text",
    [
        BROWSER,
        BROWSER.replace("\n20:", "\n\n20:"),
        "\n".join(row for row in BROWSER.splitlines() if not row.startswith("20:")),
        "\n".join(f"20:57:3{i} {row}" for i, row in enumerate(BROWSER.split("\n")[2::2])),
        "\n".join(f"2026-02-01 20:57:3{6 - i}.123\t\n{row}" for i, row in enumerate(BROWSER.split("\n")[-2:0:-2])),
    ],
    ids=["clocks above", "clocks above, blank lines", "no clocks", "clocks before", "newest first"],
)
def test_bare_lines_of_a_browser_with_the_program_between_boot_and_end(text: str) -> None:
    lines = log_lines(f"{text}\nand then nothing")
    assert [x.message.strip() for x in lines][1:] == [
        "INFO Starting init (commit: 6f59af0a)...",
        "INFO Preparing to run: `sh -c python src/main.py` as flyuser",
        "Traceback (most recent call last):",
        'File "/app/src/main.py", line 167, in <module>',
        "ValueError: boom",
        "INFO Main child exited normally with code: 1",
    ]
    assert lines[4].message.startswith("  File")
    assert {x.provider for x in lines} == {""}
    assert {x.at for x in lines} == {None}  # a browser's clock has no zone


@pytest.mark.parametrize(
    "text",
    [
        "19:07:24 Machine started in 1.81s",
        "2025-01-09 10:55:53.858\t\nMachine started in 1.81s",
        "2023-10-13 22:18:46.210583 | rxh-dev-todo | info | Machine started in 1.81s",
        "[2026-02-07T17:22:49Z] Machine started in 1.81s",
        "    Machine started in 1.81s",
    ],
)
def test_a_bare_line_of_the_platform(text: str) -> None:
    (read,) = log_lines(text)
    assert (read.message.strip(), read.provider, read.instance) == ("Machine started in 1.81s", "", "")
    assert (read.at is not None) == ("Z]" in text)


def test_a_clock_and_a_sender_are_enough() -> None:
    first, second = log_lines(
        "12:55:18Z app     Server starting on :8080...\n"
        "00:44:43Z health[91850296bd4738] Health check 'servicecheck-00-http-8080' on port 8080 has failed\n"
    )
    assert (first.provider, first.message) == ("app", "Server starting on :8080...")
    assert (second.provider, second.instance) == ("health", MACHINE)


def test_output_of_a_deploy_names_its_machine() -> None:
    lines = log_lines(
        "==> Building image\n"
        "Updating existing machines in 'vyx-app' with rolling strategy\n"
        " ✔ [1/2] Machine 91850296bd4738 [app] update finished: success\n"
        "WARNING The app is not listening on the expected address and will not be reachable by fly-proxy.\n"
    )
    assert [x.instance for x in lines] == [MACHINE, ""]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "[provision] Creating machine vyx-63eea370 in sin",
        "2025-10-02T03:00:15.123Z INFO Machine created { id: '91850296bd4738', state: 'created' }",
        'Fly API error (400): {"error":"failed to get manifest registry.fly.io/vyx-app:stub"}',
        '{"machineId":"vyx-63eea370","status":"starting","timestamp":"2025-10-02T03:00:15Z"}',
        '{"level":"info","message":"machine provisioned","timestamp":"2025-10-02T03:00:15Z"}',
        "Error: failed to launch VM: failed to launch machine: insufficient memory available",
        "KeyError: 'DATABASE_URL'",
        "2025-10-02 03:00:15,123 ERROR app.fly: Missing required environment variables: FLY_API_TOKEN",
        "10:00:01 [info] [provision] retry 1 of 3",
        "GET /v1/apps/vyx-app/machines/91850296bd4738 404",
        "Starting init script for customer 7\nwaiting for machine 91850296bd4738",
    ],
)
def test_the_callers_own_log_is_not_the_machines(text: str) -> None:
    assert log_lines(text) == ()


def test_the_callers_own_lines_between_the_machines_are_left_out() -> None:
    lines = log_lines(f"[provision] POST /machines\n{FLYCTL}[provision] KeyError: 'FLY_API_TOKEN'\n")
    assert len(lines) == 4


def test_a_boot_without_an_end_does_not_swallow_the_rest() -> None:
    lines = log_lines(" INFO Preparing to run: `x` as root\n[provision] waiting\n[provision] gave up\n")
    assert [x.message.strip() for x in lines] == ["INFO Preparing to run: `x` as root"]


def test_of_a_very_long_text_the_end_is_read() -> None:
    start = datetime(2025, 10, 2, tzinfo=timezone(timedelta()))
    text = "\n".join(
        f"{start + timedelta(seconds=i):%Y-%m-%dT%H:%M:%S}Z app[{MACHINE}] sin [info]line {i}" for i in range(25_000)
    )
    lines = log_lines(text)
    assert len(lines) <= 20_000
    assert lines[-1].message == "line 24999"


@given(st.text(max_size=600))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text: str) -> None:
    for read in log_lines(text):
        assert len(read.message) <= 8_000


HEAD = f"2025-10-02T03:00:15Z app[{MACHINE}] sin [info]"

# fmt: off
PIECES = [
    HEAD, "\n", " ", '{"', "{", "[", "}", "]", '"message":', "error.message=", '"', "\x1b[31m", "[0m", "20:57:28",
    "\t", "|", " INFO Starting init (commit", "Main child exited", "Machine ", MACHINE, "here's the last lines below",
]
# fmt: on


@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=80,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_mixture_is_read(pieces: list[str]) -> None:
    log_lines("".join(pieces))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "{\n" * 50_000,
        "[" * 200_000,
        '{"a":[\n' * 30_000,
        ("{\n" + '"x": 1,\n' * 50) * 400,
        HEAD * 5_000,
        'error.message="' * 20_000,
        ("\x1b[" + "1;" * 40) * 5_000,
        " " * 300_000,
        "20:57:28\n" * 30_000,
        " INFO Starting init (commit\n" * 20_000,
        "2025-10-02T03:00:15Z " * 10_000,
        "Machine " * 30_000,
        ("-" * 200 + "\n") * 2_000,
        "error.code=1 " * 20_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begun = time.process_time()
    log_lines(text)
    assert time.process_time() - begun < 1.5
