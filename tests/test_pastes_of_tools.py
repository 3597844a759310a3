"""Every text of tests/evidence/pastes_of_tools/, pasted with no id and no app given, with nothing reachable.

The decoys are of nobody's machine. The image of a machine names no app, unless `fly deploy` made its tag: an app may
run the image of another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pasted_texts import WantedOf, told_as_wanted

from runbooks.base.parameters import caller_text
from runbooks.case import open_case
from runbooks.evidence.caller import read_caller

pytestmark = pytest.mark.usefixtures("undrawn", "nothing_reachable")

PASTES = Path(__file__).with_name("evidence") / "pastes_of_tools"
APP, MACHINE = "orders-worker", "3d8d9f12a4be89"
CRASHED = ("missing-environment", "startup-crash", "restart-limit-reached")
Wanted = partial(WantedOf, app=APP)
EXITED = ("KeyError: 'QUEUE_URL'", "Main child exited normally with code: 1")

OOM = Wanted(machine_id=MACHINE, state="stopped", causes=("out-of-memory",))
CRASH = Wanted(machine_id=MACHINE, causes=CRASHED, lines=EXITED)
NOTHING = Wanted(app="")

WANTED = {
    "supabase-edge-export.json": Wanted(
        app="", causes=("region-capacity", "host-capacity"), refusal=(412, "insufficient resources available")
    ),
    "supabase-edge-export.csv": Wanted(causes=("image-tag-missing",), refusal=(400, "manifest unknown")),
    "machine-status-display-config.txt": OOM,
    "machine-list-cut.json": replace(OOM, app=""),
    "machine-list-without-head.json": NOTHING,
    "volumes-list.txt": Wanted(machine_id=MACHINE),
    "certs-show.txt": Wanted(causes=("certificate-missing",), lines=("has not been issued",)),
    # Without a URL that somebody uses, an app needs no public address.
    "ips-list.txt": Wanted(),
    "releases-image.txt": Wanted(causes=("release-failed",)),
    "image-show.txt": Wanted(machine_id=MACHINE),
    "scale-show.txt": Wanted(causes=("no-machine-behind-app",)),
    "services-list.txt": NOTHING,
    "config-show.json": Wanted(),
    "terraform-json.log": Wanted(app="", causes=("request-invalid",), refusal=(422, "unable to place machine")),
    # A request that flyctl gave up says nothing about the checks.
    "actions-groups.log": Wanted(
        machine_id=MACHINE,
        causes=("release-failed",),
        refusal=(None, "request canceled"),
        lines=("Updating existing machines", "timeout reached waiting"),
    ),
    "gitlab-sections.log": Wanted(causes=("image-tag-missing",), refusal=(None, "manifest unknown")),
    "jenkins-timestamps.log": CRASH,
    "circleci.log": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(None, "authenticated to view")),
    "sentry-issue.txt": Wanted(causes=("rate-limited",), refusal=(429, "rate limit exceeded")),
    "grafana-panel.txt": CRASH,
    "vercel-function.log": Wanted(causes=("token-invalid", "token-out-of-scope"), refusal=(401, "nauthorized")),
    "axiom-export.json": CRASH,
    "papertrail.log": CRASH,
    "newrelic.json": CRASH,
    "powershell-5.txt": Wanted(
        machine_id=MACHINE, causes=("name-conflict",), refusal=(None, "unique machine name violation")
    ),
    "powershell-list.txt": Wanted(machine_id=MACHINE, state="stopped"),
    "go-plus-v.txt": Wanted(causes=("quota-or-billing",), refusal=(403, "organization is suspended")),
    "curl-v.txt": Wanted(machine_id=MACHINE, refusal=(404, "machine not found")),
    "httpie.txt": replace(OOM, app=""),
    "devtools-curl.txt": Wanted(app="", machine_id=MACHINE, causes=("wrong-hostname",), leads=False),
    "discord.txt": Wanted(app="", machine_id=MACHINE, causes=CRASHED, lines=EXITED),
    "slack.txt": Wanted(app="", machine_id=MACHINE, causes=CRASHED, lines=EXITED),
    "mail-quote.txt": Wanted(app="", machine_id=MACHINE, causes=CRASHED, lines=EXITED),
    "notion.txt": Wanted(causes=("image-tag-missing",), refusal=(400, "manifest unknown")),
    "box-table.txt": Wanted(app="", machine_id=MACHINE, causes=CRASHED, lines=EXITED),
    "java-exception.txt": Wanted(
        app="", causes=("region-unavailable", "request-invalid"), refusal=(422, "region xyz not found")
    ),
}
DECOYS = sorted(path.name for path in PASTES.glob("decoy-*"))


def test_every_text_is_told() -> None:
    assert {path.name for path in PASTES.iterdir()} == {*WANTED, *DECOYS}


@pytest.mark.parametrize("name", sorted(WANTED))
def test_what_a_tool_printed_is_evidence(name: str) -> None:
    told_as_wanted(PASTES / name, WANTED[name])


@pytest.mark.parametrize("name", DECOYS)
def test_what_is_nobodys_machine_stays_that(name: str) -> None:
    case = open_case(app_name=APP, caller_log=str(PASTES / name))
    assert not [h.slug for h in case.diagnosis.hypotheses if h.status.value == "confirmed"]
    assert case._facts.events.state == ""
    assert not read_caller(caller_text(str(PASTES / name))).pasted.lines
