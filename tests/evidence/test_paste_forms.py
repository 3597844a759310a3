"""The forms of text that people paste, each with members that were published, retold with other names and numbers."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.evidence.caller import read_caller
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.pasted import read_pasted, unwrapped
from runbooks.evidence.pasted.clock import placed
from runbooks.evidence.pasted.stack_trace import program_output

PASTES = Path(__file__).with_name("pastes")
ID = "148e2d5b7e0689"
OTHER = "683d607a7e4398"
ULID = "01K4GZ7Q2M3VJ0N5S8T1W6X9YB"


IMAGE = "harbor-web:deployment-01K4GYX"


def aligned(*rows: str) -> str:
    """Rows with cells between bars as a table of columns with one space between them."""
    cells = [row.split("|") for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(" ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells) + "\n"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


# `fly machine status`: flyctl/internal/command/machine/status.go and flyctl#1063 (tabs), #3593 (checks, tables of a
# browser), docs/flyctl/machine-status (spaces), the vertical bars of flyctl since 0.3 (internal/render/render.go).
STATUS_TABS = f"""\
Machine ID: {ID}
Instance ID: {ULID}
State: stopped
HostStatus: ok

VM
  ID            = {ID}
  Instance ID   = {ULID}
  State         = stopped
  Image         = harbor-web:deployment-01K4GYX
  Name          = bold-frost-77
  Private IP    = fdaa:0:1:a7b:1::2
  Region        = cdg
  Process Group = app
  CPU Kind      = shared
  vCPUs         = 1
  Memory        = 512
  Created       = 2026-01-02T03:04:05Z
  Updated       = 2026-01-03T03:04:05Z
  Entrypoint    =
  Command       = ["node","index.js"]

Checks [0/1]
NAME                     \tSTATUS  \tLAST UPDATED\tOUTPUT
servicecheck-00-http-8080\tcritical\t3m ago      \t500 Internal Server Error

Event Logs
STATE  \tEVENT \tSOURCE\tTIMESTAMP                    \tINFO
stopped\texit  \tflyd  \t2026-01-03T04:04:05.123+01:00\texit_code=1,oom_killed=false,requested_stop=false
started\tstart \tflyd  \t2026-01-03T03:03:05.5Z       \t
created\tlaunch\tuser  \t2026-01-02T03:04:05Z         \t
"""
STATUS_BARS = f"""\
Machine ID: {ID}
Instance ID: {ULID}
State: stopped
HostStatus: ok

VM
 ID            │ {ID}
 Instance ID   │ {ULID}
 State         │ stopped
 Image         │ harbor-web:deployment-01K4GYX
 Name          │ bold-frost-77
 Private IP    │ fdaa:0:1:a7b:1::2
 Region        │ cdg
 CPU Kind      │ shared
 vCPUs         │ 1
 Memory        │ 512
 Created       │ 2026-01-02T03:04:05Z
 Updated       │ 2026-01-03T03:04:05Z

Event Logs
 STATE   │ EVENT  │ SOURCE │ TIMESTAMP                │ INFO
 stopped │ exit   │ flyd   │ 2026-01-03T03:04:05.123Z │ exit_code=1,oom_killed=false,requested_stop=false
 started │ start  │ flyd   │ 2026-01-03T03:03:05.5Z   │
 created │ launch │ user   │ 2026-01-02T03:04:05Z     │
"""
STATUSES = {
    "tabs": STATUS_TABS,
    "bars": STATUS_BARS,
    "tabs made spaces": STATUS_TABS.expandtabs(12),
    "windows": STATUS_TABS.replace("\n", "\r\n"),
    "prompt and colours": "$ fly m status\n"
    + STATUS_TABS.replace("VM\n", "\x1b[1mVM\x1b[0m\n").replace("stopped\texit", "\x1b[31mstopped\x1b[0m\texit"),
    "twice": STATUS_TABS + "\n$ fly machine status again\n" + STATUS_BARS,
}


@pytest.mark.parametrize("text", STATUSES.values(), ids=STATUSES)
def test_fly_machine_status(text: str) -> None:
    found = read_pasted(text)
    (one,) = found.machines
    machine = one.machine
    assert (found.forms, found.machine_id, found.machine_name) == (("fly machine status",), ID, "bold-frost-77")
    assert (found.app, one.whole, one.at) == ("harbor-web", False, machine.events[-1].at)
    assert (machine.state, machine.region, machine.host_status) == ("stopped", "cdg", "ok")
    assert machine.image == "registry.fly.io/harbor-web:deployment-01K4GYX"
    assert machine.config is not None
    assert machine.config["guest"] == {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512}
    assert [(e.type, e.status, e.source) for e in machine.events] == [
        ("launch", "created", "user"),
        ("start", "started", "flyd"),
        ("exit", "stopped", "flyd"),
    ]
    ended = machine.events[-1]
    assert ended.at == datetime(2026, 1, 3, 3, 4, 5, 123000, tzinfo=UTC)
    assert ended.exit is not None
    assert (ended.exit.exit_code, ended.exit.oom_killed, ended.exit.requested_stop) == (1, False, False)


def test_what_a_check_prints_is_no_answer_of_the_api() -> None:
    caller = read_caller(STATUS_TABS)
    assert not caller.errors
    assert caller.pasted.machines[0].fails
    assert caller.is_answer is False


# `fly machine list`: flyctl#3593 (tabs), superfly/docs machines overview (spaces, no checks), flyctl since 0.3 (bars,
# tests of internal/command/machine/list.go), a host that does not answer (`*`), a README that quotes it (indented).
LIST_TABS = f"""\
2 machines have been retrieved from app harbor-web.
View them in the UI here

harbor-web
ID            \tNAME         \tSTATE  \tCHECKS\tREGION\tROLE\tIMAGE                         \tIP ADDRESS       \t\
VOLUME\tCREATED             \tLAST UPDATED        \tPROCESS GROUP\tSIZE
{OTHER}\tquiet-sun-12 \tstarted\t1/1   \tcdg   \t    \tharbor-web:deployment-01K4GYX \tfdaa:0:1:a7b:1::3\t\
      \t2026-01-02T03:04:05Z\t2026-01-03T03:04:05Z\tapp          \tshared-cpu-1x:256MB
{ID}\tbold-frost-77\tstopped\t0/1   \tcdg   \t    \tharbor-web:deployment-01K4GYX \tfdaa:0:1:a7b:1::2\t\
      \t2026-01-02T03:04:05Z\t2026-01-04T03:04:05Z\tapp          \tshared-cpu-1x:256MB
"""
LIST_BARS = "\n".join(f" {line}".replace("\t", " │ ") if "\t" in line else line for line in LIST_TABS.splitlines())
LIST_OLD = """\
2 machines have been retrieved from app harbor-web.
View them in the UI here (https://fly.io/apps/harbor-web/machines/)

harbor-web
""" + aligned(
    "ID|NAME|STATE|REGION|IMAGE|IP ADDRESS|VOLUME|CREATED|LAST UPDATED",
    f"{OTHER}|quiet-sun-12|started|cdg|{IMAGE}|fdaa:0:1:a7b:1::3||2026-01-02T03:04:05Z|2026-01-03T03:04:05Z",
    f"{ID}|bold-frost-77|stopped|cdg|{IMAGE}|fdaa:0:1:a7b:1::2||2026-01-02T03:04:05Z|2026-01-04T03:04:05Z",
)
LISTS = {
    "tabs": LIST_TABS,
    "bars": LIST_BARS,
    "spaces": LIST_OLD,
    "indented": "\n".join(f"  {line}" for line in LIST_TABS.splitlines()),
    "prompt": "user@host:~$ fly m list -a harbor-web\n" + LIST_BARS + "\nuser@host:~$ ",
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_fly_machine_list(text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id) == ("harbor-web", ID)  # the one that is not well
    shown = [(m.machine.id, m.machine.name, m.machine.state, m.machine.region) for m in found.machines]
    assert shown == [(OTHER, "quiet-sun-12", "started", "cdg"), (ID, "bold-frost-77", "stopped", "cdg")]
    assert found.machines[1].at == at(2026, 1, 4, 3, 4, 5)
    assert found.machines[1].machine.image == "registry.fly.io/harbor-web:deployment-01K4GYX"


def test_of_two_machines_alike_none_is_the_subject() -> None:
    assert read_pasted(LIST_TABS.replace("stopped", "started")).machine_id == ""


def test_a_host_that_does_not_answer() -> None:
    found = read_pasted(LIST_TABS.replace(f"{ID}\t", f"{ID}*\t"))
    assert (found.machines[1].machine.id, found.machines[1].machine.host_status) == (ID, "unreachable")


# `fly status`: flyctl#2160 (standby, spaces), flyctl#1564, docs `fly status` (role), a host that does not answer.
ABOUT = """\
App
  Name     = harbor-web
  Owner    = personal
  Hostname = harbor-web.fly.dev
  Image    = harbor-web:deployment-01K4GYX

Machines
"""
PROCESSES = (
    "PROCESS|ID|VERSION|REGION|STATE|ROLE|CHECKS|LAST UPDATED",
    f"app|{ID}|6|cdg|stopped||1 total, 1 critical|2026-01-03T03:04:05Z",
    f"worker†|{OTHER}|6|ams|started||1 total, 1 passing|2026-01-02T03:04:05Z",
)
STATUS_OF_APP = ABOUT + aligned(*PROCESSES)
STATUS_OF_APP_TABS = ABOUT + "\n".join(row.replace("|", "\t") for row in PROCESSES)
APPS = {
    "spaces": STATUS_OF_APP,
    "tabs": STATUS_OF_APP_TABS,
    "bars": STATUS_OF_APP_TABS.replace("\t", " │ ").replace(" = ", " │ "),
    "prompt": f"$ fly status -a harbor-web\n{STATUS_OF_APP}\n$",
    "updates available": "Updates available:\n\nMachine x 1 -> 2\n" + STATUS_OF_APP_TABS,
}


@pytest.mark.parametrize("text", APPS.values(), ids=APPS)
def test_fly_status(text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id, found.forms) == ("harbor-web", ID, ("fly status",))
    one, two = found.machines
    assert (one.machine.state, one.machine.region, one.fails) == ("stopped", "cdg", True)
    assert (two.machine.state, two.machine.region, two.fails) == ("started", "ams", False)
    assert one.at == at(2026, 1, 3, 3, 4, 5)


# `fly checks list`: flyctl/internal/command/checks/list.go (bars), #2197 (JSON), outputs over several rows.
CHECKS = {
    "bars": (PASTES / "fly-checks-list.txt").read_text().replace("harbor-school", "harbor-web"),
    "box": "Health Checks for harbor-web\n NAME │ STATUS │ MACHINE │ LAST UPDATED │ OUTPUT\n──────┼────────┼─────────\n"
    f" servicecheck-00-http-3000 │ critical │ {ID} │ 2m ago │ context deadline exceeded\n",
    "tabs": f"Health Checks for harbor-web\nNAME\tSTATUS\tMACHINE\tLAST UPDATED\tOUTPUT\n"
    f"servicecheck-00-http-3000\tcritical\t{ID}\t2m ago\tcontext deadline exceeded\n",
    "continued": f"Health Checks for harbor-web\n NAME | STATUS | MACHINE | LAST UPDATED | OUTPUT\n"
    f" servicecheck-00-http-3000 | critical | {ID} | 2m ago | context deadline\n | | | | exceeded\n",
    "spaces": "Health Checks for harbor-web\n"
    "NAME                       STATUS    MACHINE         LAST UPDATED  OUTPUT\n"
    f"servicecheck-00-http-3000  critical  {ID}  2m3s ago      context deadline exceeded\n",
    "json": json.dumps(
        {ID: [{"name": "servicecheck-00-http-3000", "status": "critical", "output": "context deadline exceeded"}]},
        indent=4,
    ),
}


@pytest.mark.parametrize(("form", "text"), CHECKS.items(), ids=CHECKS)
def test_fly_checks_list(form: str, text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id) == ("" if form == "json" else "harbor-web", ID)
    (check,) = found.machines[0].machine.raw["checks"]
    assert (check["name"], check["status"]) == ("servicecheck-00-http-3000", "critical")
    assert check["output"] == "context deadline exceeded"
    assert found.machines[0].fails
    assert not read_caller(text).errors


# JSON of flyctl and the API: flyctl/internal/command/status/machines.go, machine/list.go, docs machines API resource.
MACHINE = json.loads((PASTES / "fly-status.json").read_text())["Machines"][0]
JSONS = {
    "fly status": (PASTES / "fly-status.json").read_text(),
    "fly status, indented": json.dumps(json.loads((PASTES / "fly-status.json").read_text()), indent=4),
    "fly machine list": "$ fly m list --json\n" + json.dumps([MACHINE], indent=4) + "\n$",
    "an organisation's": json.dumps({"machines": [{**MACHINE, "app_name": "relay-api"}], "last_machine_id": "x"}),
    "GET machine": "curl -s https://api.machines.dev/v1/apps/relay-api/machines/286542eb100198\n" + json.dumps(MACHINE),
    "in words": f"I asked for it and got {json.dumps(MACHINE)} back, and that was it.",
}


@pytest.mark.parametrize("text", JSONS.values(), ids=JSONS)
def test_json_of_a_machine(text: str) -> None:
    found = read_pasted(text)
    (one,) = found.machines
    assert (found.app, found.machine_id, found.machine_name) == ("relay-api", "286542eb100198", "wild-sound-1")
    assert (one.machine.state, one.whole, one.at) == ("stopped", True, at(2026, 4, 30, 10, 0, 2))
    ended = one.machine.events[-1].exit
    assert ended is not None
    assert (ended.exit_code, ended.oom_killed) == (137, True)
    assert read_caller(text).status != "deployed"


# GitHub Actions: raw logs of a run, `gh run view --log`, groups; superfly/flyctl#2365, #708, dwyl/mvp#407.
FAILED_RELEASE = f"""\
==> Building image
Running harbor-web release_command: bin/rails db:migrate
Error release_command failed running on machine {ID} with exit code 1.
Check its logs: here's the last 100 lines below, or run 'fly logs -i {ID}':
  Starting init (commit: 7943db6)...
  bin/rails aborted!
   INFO Main child exited normally with code: 1
Error: release command failed - aborting deployment. machine {ID} exited with non-zero status of 1
"""


def stamped(text: str, prefix: str = "") -> str:
    return "\n".join(
        f"{prefix}2026-01-03T03:04:{second:02}.1234567Z {line}" for second, line in enumerate(text.splitlines())
    )


GROUPED = (
    f"##[group]Run flyctl deploy -a harbor-web --remote-only\n{FAILED_RELEASE}##[error]Process exited with code 1."
)
JOBS = {
    "plain": FAILED_RELEASE,
    "raw log": stamped(GROUPED),
    "byte order mark": "\ufeff" + stamped(GROUPED),
    "gh run view": stamped(GROUPED, "deploy\tRun flyctl deploy\t"),
    "copied from the page": GROUPED,
    "coloured": stamped(GROUPED.replace("Error:", "\x1b[31mError:\x1b[0m")),
}


@pytest.mark.parametrize("text", JOBS.values(), ids=JOBS)
def test_a_release_command_in_a_ci_job(text: str) -> None:
    """The machine of a release command exists for one command: it is not what the text is about."""
    found, lines = read_pasted(text), log_lines(unwrapped(text))
    assert (found.app, found.machine_id) == ("harbor-web", "")
    assert any("Main child exited normally" in line.message for line in lines)
    assert "##[" not in unwrapped(text)


def test_a_table_in_a_ci_job() -> None:
    found = read_pasted(stamped(STATUS_TABS, "deploy\tfly machine status\t"))
    assert [e.type for e in found.machines[0].machine.events] == ["launch", "start", "exit"]


# `fly deploy`: superfly/flyctl#2365 (smoke checks), #2878 (states), superfly/flyctl-actions#61, dwyl/mvp#407.
DEPLOYS = {
    "release command": FAILED_RELEASE,
    "states": f"==> Building image\nWatch your deployment at https://fly.io/apps/harbor-web/monitoring\n"
    f"  Machine {ID} [app] has state: created\n  Machine {ID} [app] has state: replacing\n",
    "smoke checks": f"Updating existing machines in 'harbor-web' with rolling strategy\n"
    f"Smoke checks for {ID} failed: the app appears to be crashing\n",
    "client's time-out": (PASTES / "fly-deploy-output.txt").read_text().replace("sync-service", "harbor-web")
    .replace(OTHER, ID),
    "groups": f"Process groups have changed. This will:\n * destroy 1 \"worker\" machine\n"
    f"> Destroying machine {ID}\nfly deploy -a harbor-web\n",
}  # fmt: skip


@pytest.mark.parametrize(("form", "text"), DEPLOYS.items(), ids=DEPLOYS)
def test_fly_deploy(form: str, text: str) -> None:
    found = read_pasted(text)
    assert (found.forms, found.app) == (("fly deploy",), "harbor-web")
    assert found.machine_id == ("" if form == "release command" else ID)
    assert [m.machine.state for m in found.machines] == (["replacing"] if form == "states" else [])


# `docker compose logs` and `docker logs -t`: docker docs; supabase/supabase#32978 shows the first.
def test_names_of_containers_are_taken_off() -> None:
    inner = 'POST /machines failed: 422 {"error":"could not find a candidate host"}\nretrying'
    for prefix in ("api-1  | ", "supabase-edge_1    | ", "web  | "):
        text = "\n".join(prefix + line for line in inner.splitlines())
        assert unwrapped(text) == inner
        assert read_caller(text).error_status == 422


# Supabase log exports: supabase/supabase#47489 (microseconds), docs guides/telemetry/logs (CSV columns).
ROWS = [
    {"event_message": "listening on 9999\n", "event_type": "Log", "id": "b", "timestamp": 1767409447000000},
    {
        "event_message": 'Fly API error: 422 {"error":"could not find a candidate host"}',
        "event_type": "Log",
        "id": "a",
        "level": "error",
        "timestamp": 1767409445000000,
    },
]
EXPORTS = {
    "json": json.dumps(ROWS),
    "json, indented": json.dumps(ROWS, indent=2),
    "json lines": "\n".join(map(json.dumps, ROWS)),
    "json of the API": json.dumps({"result": ROWS, "error": None}),
    "csv": "id,timestamp,event_message,level\nb,1767409447000000,listening on 9999,log\n"
    'a,1767409445000000,"Fly API error: 422 {""error"":""could not find a candidate host""}",error\n',
    "csv, other order": "event_message,id,timestamp\nlistening on 9999,b,2026-01-03T03:04:07Z\n"
    '"Fly API error: 422 {""error"":""could not find a candidate host""}",a,2026-01-03T03:04:05Z\n',
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
def test_supabase_exports(text: str) -> None:
    first, second = unwrapped(text).splitlines()
    assert first.startswith("2026-01-03T03:04:05.000000Z Fly API error: 422")
    assert second.startswith("2026-01-03T03:04:07.000000Z listening")
    caller = read_caller(text)
    assert (caller.error_status, caller.error_text) == (422, "could not find a candidate host")
    assert caller.errors[0].at == at(2026, 1, 3, 3, 4, 5)


# Dashboards: a time on its own row, newest first, clocks without a date; superfly/flyctl#708 (bars).
def test_a_clock_takes_the_day_of_the_incident_and_says_so() -> None:
    text = "23:59:58 Starting init (commit: 1df1d0a0)...\n00:00:01 INFO Main child exited normally with code: 1\n"
    found = placed(log_lines(text), date(2026, 1, 3))
    assert [when for _, when in found.lines] == [at(2026, 1, 3, 23, 59, 58), at(2026, 1, 4, 0, 0, 1)]
    assert (found.day_assumed, found.zone_assumed) == (date(2026, 1, 3), True)


def test_without_any_day_a_clock_is_no_time() -> None:
    text = "23:59:58 Starting init (commit: 1df1d0a0)...\n00:00:01 INFO Main child exited normally with code: 1\n"
    assert [when for _, when in placed(log_lines(text), None).lines] == [None, None]


def test_a_line_that_shows_utc_tells_the_zone_and_the_day() -> None:
    text = (
        f"01:59:58 Starting init (commit: 1df1d0a0)...\n"
        f"02:00:01 2026-01-04T00:00:01.123456789 [{ULID}:main] Running Firecracker v1.14.4\n"
        "02:00:03 INFO Main child exited normally with code: 1\n"
    )
    found = placed(log_lines(text), date(2020, 1, 1))
    assert [when for _, when in found.lines] == [
        at(2026, 1, 3, 23, 59, 58),
        at(2026, 1, 4, 0, 0, 1),
        at(2026, 1, 4, 0, 0, 3),
    ]
    assert (found.day_assumed, found.zone_assumed) == (None, False)


def test_newest_first_with_the_time_on_its_own_row() -> None:
    lines = log_lines((PASTES / "dashboard-slow-start-python-newest-first.txt").read_text())
    found = placed(lines, None)
    times = [when for _, when in found.lines if when]
    assert len(times) == 11
    assert times == sorted(times)
    assert found.zone_assumed


def test_a_head_without_its_time_is_a_head() -> None:
    text = f"proxy[{ID}] ams [error] could not find a good candidate\nrunner[{ID}] ams [info] Starting machine"
    assert [(line.provider, line.instance, line.region, line.message) for line in log_lines(text)] == [
        ("proxy", ID, "ams", "could not find a good candidate"),
        ("runner", ID, "ams", "Starting machine"),
    ]


def test_lines_above_a_bare_end_are_the_programs_and_a_callers_are_not() -> None:
    end = "INFO Main child exited normally with code: 1"
    assert [line.message for line in log_lines(f"FATAL: KEY is missing\n{end}")] == ["FATAL: KEY is missing", end]
    assert [line.message for line in log_lines(f"$ fly logs\n{end}")] == [end]


def test_bars_of_a_deploy_are_taken_off() -> None:
    text = (
        "--> release\n  | Starting init (commit: 7943db6)...\n  | boom\n  | Main child exited normally with code: 1\n"
    )
    assert [line.message for line in log_lines(unwrapped(text))] == [
        "Starting init (commit: 7943db6)...",
        "boom",
        "Main child exited normally with code: 1",
    ]


# Stack traces alone: Python, Node.js (nodejs/node docs), Go, Ruby on Rails, Rust, Java, Elixir.
TRACES = {
    "python": 'Traceback (most recent call last):\n  File "/app/main.py", line 3, in <module>\n'
    "    url = os.environ['QUEUE_URL']\nKeyError: 'QUEUE_URL'\n",
    "node": "/app/index.js:3\n  throw new Error('QUEUE_URL is not set')\n\nError: QUEUE_URL is not set\n"
    "    at Object.<anonymous> (/app/index.js:3:9)\n    at Module._compile (node:internal/modules/cjs/loader:1:1)\n",
    "go": "panic: QUEUE_URL is not set\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d\n",
    "ruby": '/app/config/queue.rb:3:in `fetch\': key not found: "QUEUE_URL" (KeyError)\n'
    "\tfrom /app/config/queue.rb:3:in `<main>'\n",
    "rust": "thread 'main' panicked at src/main.rs:4:10:\nQUEUE_URL must be set: NotPresent\n",
    "java": 'Exception in thread "main" java.lang.IllegalStateException: QUEUE_URL is not set\n'
    "\tat com.example.Main.main(Main.java:7)\n",
}


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES)
def test_a_stack_trace_alone_is_the_programs(text: str) -> None:
    assert [line.message for line in program_output(read_caller(text))] == [
        row for row in text.splitlines() if row.strip()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "the deploy was slow today",
        TRACES["python"].replace("QUEUE_URL", "FLY_API_TOKEN"),
        TRACES["node"].replace("QUEUE_URL is not set", "could not create machine"),
        'Error: HTTP 422 {"error":"could not find a candidate host"}\n    at create (/srv/provision.js:3:9)\n',
        '{"success": true}\n' + TRACES["go"],
        STATUS_TABS + TRACES["go"],
    ],
)
def test_the_callers_own_trace_is_not_the_programs(text: str) -> None:
    assert program_output(read_caller(text)) == ()


# Whom a text is about.
@pytest.mark.parametrize(
    ("text", "apps", "ids"),
    [
        ("$ fly logs -a harbor-web", ("harbor-web",), ()),
        ("flyctl machine status --app=harbor-web " + ID, ("harbor-web",), (ID,)),
        (f"GET https://api.machines.dev/v1/apps/harbor-web/machines/{ID}", ("harbor-web",), (ID,)),
        (f"Downscaling app harbor-web in region cdg. Automatically stopping machine {ID}", ("harbor-web",), (ID,)),
        (f"App harbor-web has excess capacity, autostopping machine {ID}.", ("harbor-web",), (ID,)),
        ("2026-01-03T03:04:05Z app[91850296047385] cdg [info]boom", (), ("91850296047385",)),
        ('{"fly":{"app":{"instance":"' + ID + '","name":"harbor-web"}}}', ("harbor-web",), (ID,)),
        (f"dial tcp: lookup {ID}.vm.harbor-web.internal", ("harbor-web",), (ID,)),
        ("commit 1df1d0a0, build 20260103030405, sha256:" + "ab12" * 16, (), ()),
        ("fly logs -a NAME", (), ()),
    ],
)
def test_identity(text: str, apps: tuple[str, ...], ids: tuple[str, ...]) -> None:
    found = read_pasted(text).identity
    assert (found.apps, found.machine_ids) == (apps, ids)


# Every text of the folder.
WANTED = {
    "dashboard-slow-start-python-newest-first.txt": ("", ""),
    "fly-checks-list.txt": ("harbor-school", "148e2d5b7e0689"),
    "fly-deploy-output.txt": ("sync-service", "683d607a7e4398"),
    "fly-logs-coloured.log": ("harbor-web", "5683210cd5e908"),
    "fly-logs-slow-start-spring.log": ("api-rosy-cloud-4618", ""),
    "fly-machine-status.txt": ("ledger-api", "d896099a33e228"),
    "fly-status.json": ("relay-api", "286542eb100198"),
}


@pytest.mark.parametrize("path", sorted(PASTES.iterdir()), ids=lambda path: path.name)
def test_the_subject_of_a_paste(path: Path) -> None:
    found = read_pasted(path.read_text())
    assert (found.app, found.machine_id) == WANTED[path.name]


# Hostile texts.
LONG = 300_000


@pytest.mark.parametrize(
    "text",
    [
        "Machine ID: " * (LONG // 12),
        f"Machine ID: {ID}\n" * (LONG // 30),
        "NAME | STATUS | MACHINE | OUTPUT\n" * (LONG // 33),
        "STATE\tEVENT\tSOURCE\tTIMESTAMP\n" + "a\tb\tc\n" * (LONG // 6),
        "  a = b\n" * (LONG // 8),
        "|" * LONG,
        "\t" * LONG,
        "[" * LONG,
        '{"id":' * (LONG // 6),
        '"event_message",' * (LONG // 16),
        "event_message,timestamp\n" + '"' * LONG,
        "2026-01-03T03:04:05.1234567Z " * (LONG // 29),
        "fly -a " * (LONG // 7),
        "a-1 | " * (LONG // 6),
        " | x\n" * (LONG // 5),
        "\x1b[" * (LONG // 2),
        "00:00:01 Starting init (commit\n" * (LONG // 31),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begun = time.process_time()
    found = read_pasted(text)
    placed(log_lines(unwrapped(text)), date(2026, 1, 3))
    assert len(found.machines) <= 200
    assert time.process_time() - begun < 3


WHOLE = (STATUS_TABS, LIST_BARS, GROUPED, STATUS_OF_APP, EXPORTS["csv"])
PIECES = st.sampled_from([*(row for text in WHOLE for row in text.splitlines(True)), '{"Machines": [', "]}", "\0", "│"])


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_any_mixture_is_read(pieces: list[str]) -> None:
    found = read_caller("".join(pieces))
    assert all(one.machine.id for one in found.pasted.machines)
