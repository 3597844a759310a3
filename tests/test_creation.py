"""The test creation as a whole: what it makes of a diagnosis, that a replay says the same, and who may allow it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from slices import every, scenarios

from runbooks.base.errors import ParameterError, UsageError
from runbooks.case import Case, open_case
from runbooks.cli import consent
from runbooks.definitions import validate
from runbooks.diagnose.model import Status
from runbooks.evidence.saved_files import saved_files
from runbooks.simulator.scenario import FOLDER
from runbooks.simulator.server import Simulator

pytestmark = pytest.mark.usefixtures("undrawn")

TOLD = [name for name, told in scenarios().items() if told.expect_tested]
APP = "heron-batch"
AGREED = {"allow_writes": True, "confirm_app": APP, "canary_config": True}
RUNBOOK = "machine_not_visible"
SECRET = "mAdeUp-5mtp-pa55word-f0r-tests"


def writes(requests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(r["method"], r["path"]) for r in requests if r["method"] not in ("GET", "HEAD")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Simulator]:
    """Every simulator that a case starts."""
    started: list[Simulator] = []
    start = Simulator.start

    def noted(self: Simulator) -> Any:
        started.append(self)
        return start(self)

    monkeypatch.setattr(Simulator, "start", noted)
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "out"))
    return started


def published(case: Case, root: Path) -> Path:
    case.publish()
    return next(path for path in root.rglob("summary.json")).parent


@pytest.mark.parametrize("name", every(4, TOLD))
def test_the_tests_move_the_diagnosis(name: str, asked: list[Simulator], tmp_path: Path) -> None:
    """The four outcomes; and a replay of each, which asks nobody, is the same byte for byte."""
    expect = scenarios()[name].expect_tested
    assert expect is not None
    case = open_case(source=f"simulator:{name}", **AGREED)
    found = case.diagnosis
    assert found.verdict.value == expect["verdict"]
    assert (found.cause.slug if found.cause else None) == expect["cause"]
    assert all(words in found.headline for words in expect["mentions"])
    status = {hypothesis.slug: hypothesis.status for hypothesis in found.hypotheses}
    assert (status.get("image-or-config") == Status.CONFIRMED) == (name == "canary-config-fails")
    sent = writes(asked[0].requests)
    assert sent, "the tests were made"
    assert {(method, path.rpartition("/")[0] if method == "DELETE" else path) for method, path in sent} <= {
        ("POST", f"/v1/apps/{APP}/machines"),
        ("DELETE", f"/v1/apps/{APP}/machines"),
    }
    assert not [m for m in asked[0].world.machines(APP) if m.name.startswith("runbooks-") and m.state != "destroying"]
    folder = published(case, tmp_path / "out")
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET not in path.read_text(encoding="utf-8"), path
    kept = tmp_path / "kept"
    shutil.move(folder, kept)
    again = published(open_case(source=f"bundle:{kept}"), tmp_path / "out")
    for file in ("summary.json", "report.md", "report.html"):
        assert (again / file).read_bytes() == (kept / file).read_bytes(), file
    assert len(asked) == 1


def test_step_4_explains_itself_and_does_nothing_until_it_is_allowed(asked: list[Simulator]) -> None:
    case = open_case(source="simulator:canary-both-run")
    told = repr(case.create_directly())
    assert "allow_writes" in told
    assert "your own program runs a second time, with its real secrets" in told
    assert writes(asked[0].requests) == []


def test_a_second_look_only_reads(asked: list[Simulator]) -> None:
    """The consent was for one test: `refresh` does not run the owner's program again."""
    case = open_case(source="simulator:canary-both-run", **AGREED)
    assert len(writes(asked[0].requests)) == 4
    case.refresh()
    assert writes(asked[1].requests) == []


# Who may allow it.


@pytest.mark.parametrize("word", ["allow_writes", "confirm_app", "canary_config"])
def test_no_scenario_allows_anything(word: str, tmp_path: Path, asked: list[Simulator]) -> None:
    told = yaml.safe_load((FOLDER / "canary-both-run.yaml").read_text())
    told["parameters"] |= {"allow_writes": "true", "confirm_app": APP, "canary_config": "true"}
    path = tmp_path / "crafted.yaml"
    path.write_text(yaml.safe_dump(told))
    assert not getattr(validate(RUNBOOK, {"source": f"simulator:{path}"}), word)
    open_case(source=f"simulator:{path}")
    assert writes(asked[-1].requests) == []


def test_no_bundle_allows_anything_or_sends_anything(tmp_path: Path, asked: list[Simulator]) -> None:
    """One of a run with tests, crafted to say that it may write."""
    case = open_case(source="simulator:canary-both-run", **AGREED)
    folder = published(case, tmp_path / "out")
    journal = folder / "evidence" / "journal.jsonl"
    assert '"kind": "write"' in journal.read_text()
    for path in (folder, journal):
        given = validate(RUNBOOK, {"source": f"bundle:{path}"})
        assert not given.consent().writes
        before = len(writes(asked[0].requests))
        open_case(source=f"bundle:{path}")
        assert len(writes(asked[0].requests)) == before
        assert len(asked) == 1
        with pytest.raises(ParameterError, match="no meaning for a saved run"):
            validate(RUNBOOK, {"source": f"bundle:{path}", **AGREED})
    assert saved_files(folder).has("evidence/index.json")


@pytest.mark.parametrize(
    "given",
    [
        {"allow_writes": True},
        {"allow_writes": True, "confirm_app": "heron"},
        {"allow_writes": True, "confirm_app": "HERON-BATCH"},
        {"canary_config": True},
        {"allow_writes": "True", "confirm_app": APP},
        {"allow_writes": 1, "confirm_app": APP},
    ],
)
def test_half_a_consent_is_a_usage_error(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        validate(RUNBOOK, {"source": "simulator:canary-both-run", **given})


def test_an_app_that_only_a_pasted_text_names_is_not_confirmed() -> None:
    with pytest.raises(ParameterError):
        validate(RUNBOOK, {"caller_log": "FLY_APP_NAME=heron-batch\n", "allow_writes": True, "confirm_app": APP})


class _Terminal:
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_name_is_typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(consent.sys, "stdin", _Terminal())
    monkeypatch.setattr(consent.click, "prompt", lambda *words, **more: f" {APP} ")
    assert consent.confirmed({"allow_writes": "true", "canary_config": "true"})["confirm_app"] == APP
    assert "YOUR OWN PROGRAM" in capsys.readouterr().err
    assert "confirm_app" not in consent.confirmed({"allow_writes": "false"})
