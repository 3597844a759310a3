"""`verify_fix`: the five checks on worlds whose state is known, and what a whole run leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runbooks.base.errors import ParameterError, SourceError
from runbooks.base.settings import load_settings
from runbooks.case import open_case
from runbooks.definitions import validate
from runbooks.definitions.verify_fix import VerifyFix
from runbooks.diagnose import fix_checks
from runbooks.diagnose.checks import Check, Review
from runbooks.diagnose.model import Answer, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.report import summary as contract
from runbooks.source import collect

YES, NO, BLIND = Answer.YES, Answer.NO, Answer.COULD_NOT_LOOK
WORLDS = {
    # image, listed, running, endpoint, row
    "vyx-fixed": (YES, YES, YES, YES, YES),
    "vyx-missing-environment": (YES, NO, NO, NO, NO),
    "vyx-image-missing": (NO, NO, NO, NO, NO),
    "healthy-row-stale": (YES, YES, YES, YES, NO),
    "healthy-endpoint-wrong": (YES, YES, YES, NO, NO),
    "stopped-by-autostop": (YES, YES, NO, BLIND, NO),
    "list-incomplete": (YES, NO, YES, YES, NO),
    "token-invalid": (BLIND, BLIND, BLIND, BLIND, NO),
}


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published run of the demo's incident."""
    root = tmp_path_factory.mktemp("incident")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOKS_OUTPUT_ROOT", str(root))
        open_case(source="simulator:vyx-missing-environment").publish()
    (folder,) = root.glob("*/machine_not_visible--*")
    return folder


@pytest.mark.parametrize("name", WORLDS)
def test_the_checks_see_what_is_so(name: str) -> None:
    evidence = collect(validate("verify_fix", {"source": f"simulator:{name}"}), load_settings()).evidence
    found = fix_checks.checks(evidence)
    assert tuple(check.slug for check in found) == fix_checks.CHECKS
    assert dict(zip(fix_checks.CHECKS, WORLDS[name], strict=True)) == {check.slug: check.holds for check in found}
    for check in found:
        assert check.text
        assert set(check.evidence) <= set(evidence.observations)
        assert check.holds is BLIND or check.evidence, "what holds or does not rests on a look"
    judged = fix_checks.closing(diagnose(evidence), Review(found), evidence.subject.machine_id)
    assert (judged.verdict is Verdict.HEALTHY) == (set(WORLDS[name]) == {YES})


def test_a_check_that_does_not_apply_is_left_out_and_said() -> None:
    given = validate("verify_fix", {"source": "simulator:healthy-row-stale", "skip": "row"})
    assert isinstance(given, VerifyFix)
    found = fix_checks.checks(collect(given, load_settings()).evidence, given.skipped)
    review = Review(found)
    assert review.closed
    assert [check.slug for check in review.checks if check.skipped] == ["row"]
    assert "parameter skip" in found[-1].text


def test_nothing_left_to_check_closes_nothing() -> None:
    skipped = Check("row", "The row", BLIND, "left out", skipped=True)
    assert not Review((skipped,)).closed


def test_a_cause_that_is_found_keeps_it_open_though_every_check_holds() -> None:
    evidence = collect(validate("verify_fix", {"source": "simulator:wrong-region"}), load_settings()).evidence
    review = Review(fix_checks.checks(evidence))
    assert review.closed
    judged = fix_checks.closing(diagnose(evidence), review, "x")
    assert judged.verdict is Verdict.INCIDENT
    assert "wrong-region" in judged.headline


@pytest.mark.parametrize(
    ("values", "word"), [({"skip": "rows"}, "there are image"), ({"incident": "/nowhere/at/all"}, "no bundle")]
)
def test_what_cannot_be_used_is_refused_before_anything_is_asked(values: dict[str, str], word: str) -> None:
    with pytest.raises((ParameterError, SourceError), match=word):
        validate("verify_fix", {"app_name": "vyx", "machine_id": "91850296bd4738", **values})


def test_the_app_is_taken_from_the_incident(incident: Path) -> None:
    given = validate("verify_fix", {"machine_id": "e82d339b617e48", "incident": str(incident)})
    assert given.app_name == "vyx-app"
    assert given.machine_id == "e82d339b617e48"
    assert given.image == given.websocket_url == "", "the new machine's own"


@pytest.mark.parametrize(
    ("scenario", "code", "status"),
    [("vyx-fixed", 0, "RESOLVED"), ("vyx-missing-environment", 3, "ROOT CAUSE IDENTIFIED")],
)
def test_a_whole_run_closes_the_incident_or_says_what_still_fails(
    scenario: str, code: int, status: str, incident: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-P", "-m", "runbooks", "run", "verify_fix", "--json", "--output-root", str(tmp_path)]
    command += ["--source", f"simulator:{scenario}", "-p", "incident", incident.name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=incident.parent, check=False)
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    contract.check(found)
    assert found["runbook"] == "verify_fix"
    (folder,) = tmp_path.glob("*/verify_fix--vyx-app--*")
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text()
        assert status in text
        assert "missing-environment" in text
        assert "The machine runs and stays up" in text, "the five checks are in it"
    if code == 0:
        assert "2025-10-02" in found["headline"]
        assert "closed" in found["headline"]
        assert found["remedies"] == []
    else:
        assert "The incident's cause is still present" in found["headline"]


def test_a_replay_needs_no_incident_folder_and_gives_the_same_bytes(
    incident: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "first"))
    case = open_case(None, "verify_fix", source="simulator:vyx-fixed", incident=str(incident))
    case.note("Sara set the secret at 10:41.\nEverybody has been told.")
    case.publish()
    (first,) = (tmp_path / "first").glob("*/verify_fix--*")
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "second"))
    monkeypatch.chdir(tmp_path)
    open_case(None, "verify_fix", source=f"bundle:{first}").publish()
    (second,) = (tmp_path / "second").glob("*/verify_fix--*")
    for name in ("report.html", "report.md", "summary.json"):
        assert (second / name).read_bytes() == (first / name).read_bytes(), name
    assert "Sara set the secret" in (second / "report.md").read_text()
