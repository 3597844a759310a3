"""The forms of text that people paste, each with members that were published, retold with other names and numbers."""

from __future__ import annotations

import json
from pathlib import Path

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
