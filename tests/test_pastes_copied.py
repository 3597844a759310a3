"""Every text of tests/evidence/pastes_copied/, pasted with no id and no app given, with nothing reachable.

Logs of callers in the form of their loggers, outputs of flyctl with words of a person between them, and copies that
are cut at both ends.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from pasted_texts import WantedOf, told_as_wanted

from runbooks.case import open_case

pytestmark = pytest.mark.usefixtures("undrawn", "nothing_reachable")

PASTES = Path(__file__).with_name("evidence") / "pastes_copied"
APP, MACHINE = "pixel-render", "4d891ee6b71d28"
Wanted = partial(WantedOf, app=APP)
CRASHED = ("missing-environment", "startup-crash", "restart-limit-reached")
NO_ROOM = ("region-capacity", "host-capacity")

WANTED = {
    "pino.log": Wanted(causes=("volume-placement", "host-capacity"), refusal=(412, "existing volume id")),
    "winston.log": Wanted(machine_id=MACHINE, state="stopped", causes=("startup-crash",), exit_code=78),
    "structlog.log": Wanted(causes=("region-unavailable",), refusal=(422, "yul is deprecated")),
    "zap.log": Wanted(causes=("quota-or-billing",), refusal=(422, "maximum number of machines")),
    "logrus.log": Wanted(machine_id=MACHINE, causes=("name-conflict",), refusal=(409, "unique machine name violation")),
    "slog.log": Wanted(machine_id=MACHINE, causes=("lease-held",), refusal=(409, "lease currently held by")),
    "tracing.log": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(401, "token validation error")),
    "monolog.log": Wanted(causes=("image-tag-missing",), refusal=(400, "manifest unknown")),
    "serilog.clef": Wanted(causes=("rate-limited",), refusal=(429, "rate limit exceeded")),
    "log4j-ecs.log": Wanted(causes=NO_ROOM, refusal=(422, "could not find a candidate host")),
    # What a caller calls its `app` may be its own name.
    "elixir-logger.log": Wanted(app="", causes=("quota-or-billing",), refusal=(403, "trial has ended")),
    "faraday.log": Wanted(causes=("request-invalid",), refusal=(422, "minimum required")),
    "deno-edge.log": Wanted(app="pixel-rendr", causes=("app-not-found", "wrong-app"), refusal=(404, "app not found")),
    "httpx-traceback.txt": Wanted(
        machine_id=MACHINE, causes=("start-rejected",), refusal=(412, "from current state: 'replacing'")
    ),
    "releases-failed.txt": Wanted(machine_id=MACHINE, state="started", causes=("release-failed",)),
    "scale-zero.txt": Wanted(causes=("no-machine-behind-app",)),
    "machines-middle.json": Wanted(app="", machine_id=MACHINE, state="stopped", causes=("out-of-memory",)),
    # What came after the exit is cut off.
    "events-middle.json": Wanted(machine_id=MACHINE, causes=("startup-crash",), exit_code=3),
    "certs-in-log.txt": Wanted(
        app="",
        machine_id=MACHINE,
        causes=("certificate-missing",),
        lines=("Server listening", "has not been issued", "GET /healthz"),
    ),
    "logs-of-two.log": Wanted(
        app="", machine_id=MACHINE, causes=CRASHED, lines=("REDIS_URL is required", "max restart count"), exit_code=1
    ),
    "doctor.txt": Wanted(causes=("no-public-ip",)),
    "secrets-and-log.txt": Wanted(
        machine_id=MACHINE, causes=CRASHED, lines=("KeyError: 'QUEUE_URL'", "with code: 1"), exit_code=1
    ),
    "machine-start.txt": Wanted(machine_id=MACHINE, causes=NO_ROOM, refusal=(None, "lack of capacity")),
    "release-command.txt": Wanted(
        causes=("release-failed",), refusal=(None, "release"), lines=("password authentication failed", "with code: 1")
    ),
    "teams.txt": Wanted(
        app="",
        machine_id=MACHINE,
        causes=("bad-command", "startup-crash"),
        lines=("Cannot find module", "with code: 1"),
        exit_code=1,
    ),
    "jira.txt": Wanted(machine_id=MACHINE, state="started", causes=("health-check-failing",)),
    "mail-wrapped.txt": Wanted(causes=("image-unauthorized",), refusal=(None, "failed to authorize")),
    "docker-json.log": Wanted(causes=("volume-placement",), refusal=(422, "in the wrong region")),
    "kubectl-klog.log": Wanted(
        app="",
        machine_id=MACHINE,
        causes=("stuck-in-transition",),
        leads=False,
        refusal=(408, "failed to reach desired state"),
    ),
    "zsh-prompts.txt": Wanted(
        machine_id=MACHINE,
        state="stopped",
        causes=("bad-command", "startup-crash"),
        lines=("gunicorn: not found", "with code: 127"),
        exit_code=127,
    ),
    "row-and-404.txt": Wanted(
        machine_id=MACHINE, causes=("record-never-updated",), leads=False, refusal=(None, "machine not found")
    ),
    # A second round, with clients, services and chats that the first did not have.
    "guzzle-truncated.log": Wanted(causes=("image-tag-missing",), refusal=(400, "manifest unknown")),
    "serde-debug.log": Wanted(causes=NO_ROOM, refusal=(422, "could not find a candidate host")),
    "feign.log": Wanted(causes=("quota-or-billing",), refusal=(403, "organization is suspended")),
    "ktor.log": Wanted(machine_id=MACHINE, causes=("start-rejected",), refusal=(412, "refusing to start")),
    "httpclient-net.txt": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(401, "Unauthorized")),
    "heroku.log": Wanted(machine_id=MACHINE, causes=("name-conflict",), refusal=(409, "unique machine name violation")),
    "lambda.log": Wanted(causes=("rate-limited",), refusal=(429, "rate limit exceeded")),
    "wrangler-tail.txt": Wanted(causes=("request-invalid",), refusal=(422, "config.image is required")),
    "gcp-logging.json": Wanted(causes=("region-unavailable",), refusal=(422, "yul is deprecated")),
    "github-issue.md": Wanted(
        app="",
        machine_id=MACHINE,
        causes=("image-wrong-architecture", "startup-crash", "restart-limit-reached"),
        lines=("Exec format error", "max restart count"),
    ),
    "whatsapp.txt": Wanted(
        app="", machine_id=MACHINE, causes=CRASHED, lines=("KeyError: 'QUEUE_URL'", "with code: 1"), exit_code=1
    ),
    "watch-status.txt": Wanted(machine_id=MACHINE, state="started", causes=("health-check-failing",)),
    # Stopped: by whom, nothing says.
    "ssh-console.txt": Wanted(machine_id=MACHINE, state="stopped"),
    "host-incident.txt": Wanted(causes=("host-unreachable",), leads=False),
    "pytest-output.txt": Wanted(causes=("quota-or-billing",), refusal=(403, "trial has ended")),
    "render-json.log": Wanted(
        machine_id=MACHINE,
        causes=("stuck-in-transition",),
        leads=False,
        refusal=(408, "failed to reach desired state"),
    ),
    "bunyan.log": Wanted(causes=("volume-placement", "host-capacity"), refusal=(412, "existing volume id")),
    "machine-run.txt": Wanted(
        machine_id=MACHINE,
        causes=("stuck-in-transition",),
        leads=False,
        refusal=(None, "waiting for machine's state to change"),
        lines=("timeout reached waiting",),
    ),
    "sidekiq-json.log": Wanted(
        app="pixel-rendr", causes=("app-not-found", "wrong-app"), refusal=(404, "app not found")
    ),
    "telegram.txt": Wanted(
        app="", machine_id=MACHINE, causes=("out-of-memory",), lines=("Out of memory", "signal 'SIGKILL'")
    ),
    # A third round: printers of objects, clients of HTTP and other clouds' tools.
    "machine-destroy.txt": Wanted(
        machine_id=MACHINE,
        causes=("start-rejected",),
        leads=False,
        refusal=(None, "unable to destroy machine"),
        lines=("attempting to destroy",),
    ),
    "structlog-dict.log": Wanted(causes=("quota-or-billing",), refusal=(422, "maximum number of machines")),
    "zerolog-console.log": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(401, "unauthorized")),
    "pino-pretty.log": Wanted(causes=("volume-placement", "host-capacity"), refusal=(412, "existing volume id")),
    "elixir-metadata.log": Wanted(causes=NO_ROOM, refusal=(422, "could not find a candidate host")),
    "print-r.txt": Wanted(causes=("image-tag-missing",), refusal=(400, "manifest unknown")),
    "requests-repl.txt": Wanted(causes=("quota-or-billing",), refusal=(403, "organization is suspended")),
    "jq-rows.txt": Wanted(machine_id=MACHINE, state="stopped", causes=("out-of-memory",)),
    # Of YAML the outermost values alone are read, so the reason of the exit is missing.
    "machine.yaml": Wanted(machine_id=MACHINE, state="stopped"),
    "journal.json": Wanted(causes=("rate-limited",), refusal=(429, "rate limit exceeded")),
    "har.json": Wanted(causes=("request-invalid",), refusal=(422, "multiple of 256")),
    "postman.txt": Wanted(causes=("region-unavailable",), refusal=(422, "yul is deprecated")),
    "pulumi.txt": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(403, "token validation error")),
    "faraday-inspect.txt": Wanted(
        machine_id=MACHINE, causes=("name-conflict",), refusal=(409, "unique machine name violation")
    ),
    "grep-prefix.txt": Wanted(
        app="",
        machine_id=MACHINE,
        causes=("bad-command", "startup-crash"),
        lines=("Cannot find module", "with code: 1"),
        exit_code=1,
    ),
}


def test_every_text_is_told() -> None:
    assert {path.name for path in PASTES.iterdir()} == set(WANTED)


@pytest.mark.parametrize("name", sorted(WANTED))
def test_what_was_copied_is_evidence(name: str) -> None:
    told_as_wanted(PASTES / name, WANTED[name])


AT = "2026-11-20T08:15:10Z"
URL = f"https://api.machines.dev/v1/apps/{APP}/machines"
NO_ADDRESS = f"No public ipv4 or ipv6 ip addresses allocated to app {APP}"
NO_MACHINES = f"No machines are available on this app {APP}"
RELEASED = (
    f"Running {APP} release_command: bin/migrate\nStarting machine\n"
    f"{AT}  INFO Preparing to run: `bin/migrate` as root\n{AT} boom\n"
    f"{AT}  INFO Main child exited normally with code: 1\n"
    "Error release_command failed running on machine 2865d39b7ae018 with exit code 1.\n"
)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (f"$ fly m list -a {APP}\n{NO_MACHINES}\n", "no-machine-behind-app"),
        (f"$ dig +short {APP}.fly.dev\n$ fly doctor -a {APP}\n{NO_ADDRESS}\n", "no-public-ip"),
        (f"wss://{APP}.fly.dev/ws fails\n{NO_ADDRESS}\n", "no-public-ip"),
        (
            f"$ fly certs list -a {APP}\nHOSTNAME        SOURCE  STATUS\nimg.example.com  Fly     Not verified\n",
            "certificate-missing",
        ),
        (RELEASED, "release-failed"),
        (
            f"$ fly m start {MACHINE} -a {APP}\nError: could not start machine due to lack of capacity. Try x",
            "host-capacity",
        ),
        (
            f'{{"message":"create failed","error.message":"POST {URL}: rate limit exceeded","level":"error"}}',
            "rate-limited",
        ),
    ],
)
def test_more_of_each_kind_lead_to_their_cause(text: str, cause: str) -> None:
    found = open_case(caller_log=text).diagnosis.cause
    assert found is not None
    assert found.slug == cause


@pytest.mark.parametrize(
    "text",
    [
        # An app that nobody visits needs no address.
        f"$ fly doctor -a {APP}\n{NO_ADDRESS}\n",
        f"$ fly doctor -a {APP}\n{NO_ADDRESS}\ncurl https://other-app.fly.dev\n",
        # What became of a machine that is named is not known.
        f"created machine {MACHINE} in {APP}\n$ fly m list -a {APP}\n{NO_MACHINES}\n",
        f"{AT} app[{MACHINE}] fra [info]up\n{NO_MACHINES}\n",
        # The caller's own programs and charts.
        f'{{"time":"{AT}","level":"ERROR","msg":"Main child exited normally with code: 1","fly_app":"{APP}"}}\n' * 3,
        f"{AT} app[worker.1]: KeyError: 'QUEUE_URL'\n{AT} heroku[worker.1]: Process exited with status 1\n",
        "REVISION\tUPDATED\tSTATUS\tCHART\n31\ttoday\tfailed\torders-1.2\n",
        f"fly_app={APP} worker exited with code 1: panic: no such tenant\n",
        f'machine {MACHINE}\n[{{"type":"exit","status":"stopped","source":"provisioner","timestamp":1795680920120}}]\n',
    ],
)
def test_what_only_looks_like_it_leads_to_none(text: str) -> None:
    case = open_case(caller_log=text)
    assert case.diagnosis.cause is None
    assert case._facts.events.state == ""
    assert not case._facts.events.crash_codes


def test_a_crash_of_the_apps_own_machine_counts_beside_a_failed_release() -> None:
    line = f"{AT} app[{MACHINE}] fra [info] INFO Main child exited normally with code: 3\n"
    case = open_case(caller_log=RELEASED + line)
    assert [code for code, _ in case._facts.events.crash_codes] == [3]
