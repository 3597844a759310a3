"""LOOK BLOCKED, exit code 5: nothing could be queried and nothing was pasted. And the status words beside it."""

from __future__ import annotations

import html
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from produced import command

from runbooks.case import Case, open_case
from runbooks.diagnose.checks import Review
from runbooks.diagnose.model import Diagnosis, ReportStatus, Verdict
from runbooks.execution import ending, runner
from runbooks.report import status, summary
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator

pytestmark = pytest.mark.usefixtures("undrawn")

SUBJECT = {"app_name": "my-app", "machine_id": "91850296bd4738"}
DEAD = "http://127.0.0.1:9"  # the discard port: nothing listens there
NOWHERE = {
    "FLY_API_HOSTNAME": DEAD,
    "FLY_API_BASE_URL": DEAD,
    "RUNBOOKS_STATUS_URL": "off",
    "RUNBOOKS_CONNECT_TO": "*:*=nxdomain",
}


def _blocked(root: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], **given: str) -> ending.Result:
    """A run that must not start a kernel."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def no_kernel(*_: object) -> None:
        pytest.fail("a kernel was started")

    with monkeypatch.context() as patched:
        patched.setattr(runner, "_supervise", no_kernel)
        return runner.run("machine_not_visible", {**SUBJECT, **given}, output_root=root)


def test_it_prints_nothing_and_leaves_what_others_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several runs are looked at side by side in one process, whose output belongs to none of them."""
    seen, ours = [], sys.stdout
    monkeypatch.setattr(Case, "publish", lambda case, publish=Case.publish: (seen.append(sys.stdout), publish(case)))
    _blocked(tmp_path, monkeypatch, {})
    assert seen == [ours]
    assert capsys.readouterr().out == ""


def _told(result: ending.Result) -> tuple[dict[str, Any], str, str]:
    assert result.folder is not None
    files = {path.name for path in result.folder.iterdir()}
    assert files == {"evidence", "manifest.json", "report.html", "report.md", "summary.json"}
    text = (result.folder / "report.md").read_text(encoding="utf-8")
    page = html.unescape((result.folder / "report.html").read_text(encoding="utf-8"))
    found = dict(result.summary or {})
    assert (result.exit_code, found["status"], found["verdict"]) == (5, "LOOK BLOCKED", "inconclusive")
    remedy = found["remedies"][0]
    for shown in (text, page):
        assert "LOOK BLOCKED" in shown
        assert remedy["title"] in shown
    assert remedy["commands"][0] in text
    assert len(text.splitlines()) < 60
    return found, text, page


def test_without_a_token_no_kernel_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = _blocked(tmp_path, monkeypatch, {})
    found, _, _ = _told(result)
    assert "no token is set" in found["headline"]
    assert found["remedies"][0]["commands"] == ['export FLY_API_TOKEN="$(fly tokens create readonly -o ORG -x 24h)"']
    assert found["requests"]["count"] == 0
    assert found["cause"] is None
    assert (result.folder / "report.md").read_text().count("no token") <= 3  # said once for all questions
    again = tmp_path / "again"
    monkeypatch.setenv("RUNBOOKS_RUN_FOLDER", str(again))
    replayed = open_case(source=f"bundle:{result.folder}")
    replayed.publish()
    assert replayed.diagnosis.exit_code == 5
    for name in ("report.html", "report.md", "summary.json"):
        assert (again / name).read_bytes() == (result.folder / name).read_bytes()


def test_a_refused_token_ends_the_run_with_its_first_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario("token-invalid")
    simulator = Simulator(scenario, tmp_path)
    served = simulator.start()
    try:
        environment = {
            "FLY_API_TOKEN": scenario.token,
            "FLY_API_HOSTNAME": served.base_url,
            "RUNBOOKS_STATUS_URL": "off",
        }
        result = _blocked(tmp_path / "out", monkeypatch, environment, **scenario.parameters)
    finally:
        simulator.stop()
    found, _, page = _told(result)
    assert (found["cause"]["slug"], found["cause"]["confidence"]) == ("token-invalid", "confirmed")
    assert "HTTP 401" in found["headline"]
    assert found["requests"]["count"] == 1
    assert {request["path"] for request in simulator.requests} == {"/v1/tokens/current"}
    assert 'href="#E01"' in page
    assert 'id="E01"' in page


def test_without_a_network_the_reason_is_the_first_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = _blocked(tmp_path, monkeypatch, {**NOWHERE, "FLY_API_TOKEN": "FlyV1 fm2_bm90IGEgcmVhbCB0b2tlbg=="})
    found, _, _ = _told(result)
    assert found["headline"].startswith("Nothing could be checked: api.machines.dev did not answer: no connection")
    assert "Restore the connection" in found["remedies"][0]["title"]


def _case(monkeypatch: pytest.MonkeyPatch, **given: str) -> Case:
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    return open_case(**SUBJECT, **given)


def test_what_was_pasted_is_read_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 401 that the caller met is an incident of the caller, and no obstacle to this look."""
    refused = '{"error": "Authenticate: token validation error", "status": 401}'
    diagnosis = _case(monkeypatch, caller_log=refused).diagnosis
    assert not diagnosis.blocked
    assert diagnosis.status is not ReportStatus.LOOK_BLOCKED
    assert diagnosis.exit_code != 5


def test_a_case_in_a_notebook_is_blocked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _case(monkeypatch)
    assert case.diagnosis.status is ReportStatus.LOOK_BLOCKED
    assert "no token is set" in str(case.so_far())
    assert not any(observation.exchanges for observation in case.evidence.observations.values())


@pytest.fixture(scope="module")
def healthy() -> Diagnosis:
    return open_case(source="simulator:healthy").diagnosis


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({}, "HEALTHY", 0),
        ({"verdict": Verdict.INCIDENT}, "INVESTIGATING", 4),
        ({"verdict": Verdict.INCIDENT, "established": True}, "INVESTIGATING", 3),
        ({"verdict": Verdict.INCONCLUSIVE}, "INCONCLUSIVE", 4),
        ({"verdict": Verdict.INCONCLUSIVE, "blocked": True}, "LOOK BLOCKED", 5),
    ],
)
def test_status_and_exit_code_are_those_of_the_diagnosis(
    healthy: Diagnosis, changes: dict[str, Any], words: str, code: int
) -> None:
    """Whatever the runbook: one that compares views says with `established` that it knows what is wrong."""
    diagnosis = replace(healthy, **changes)
    assert (status.of(diagnosis).words, diagnosis.exit_code) == (words, code)
    assert ending.exit_code_of({"exit_code": diagnosis.exit_code, "verdict": "healthy"}) == code


def test_a_runbook_that_closes_no_incident_resolves_none(healthy: Diagnosis) -> None:
    """RESOLVED is for a fix that was verified; the checks of another runbook leave a healthy machine healthy."""
    assert replace(healthy, review=Review(())).status is ReportStatus.RESOLVED
    assert replace(healthy, review=Review((), closes=False)).status is ReportStatus.HEALTHY


@pytest.mark.parametrize(
    ("runbook", "given"), [("fleet", {"org_slug": "my-org"}), ("preflight", {"app_name": "a", "machine_id": "vyx-1"})]
)
def test_every_runbook_is_blocked_alike(runbook: str, given: dict[str, str], tmp_path: Path) -> None:
    result = runner.run(runbook, given, output_root=tmp_path)
    assert (result.exit_code, (result.summary or {})["status"]) == (5, "LOOK BLOCKED")
    assert result.steps == ()


def test_a_summary_from_before_the_statuses_is_still_read() -> None:
    old = json.loads((Path(__file__).parent / "compat/bundle-0.1.0/summary.json").read_text())
    summary.check(old)
    assert ending.exit_code_of(old) == 3
    assert status.standing(old["verdict"], old["cause"]["confidence"]).words == "ROOT CAUSE IDENTIFIED"


def test_exit_zero_does_not_hide_that_nothing_was_looked_at() -> None:
    code, _, error = command(
        *("run", "machine_not_visible", "-p", "app_name", "a", "-p", "machine_id", "x1", "--exit-zero")
    )
    assert code == 5, error
