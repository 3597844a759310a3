"""The capsule as evidence: what the platform has forgotten is diagnosed from it; what cannot be read is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbooks.base.facets import Facet
from runbooks.case import open_case
from runbooks.diagnose.model import Confidence, Verdict, ViewKey
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.capsule import MOST, Capsule, read_capsule
from runbooks.evidence.models import Outcome
from runbooks.simulator.scenario import Scenario, load_scenario
from tests.guard.forgotten import capsule_of, evidence_of, forgotten, judged

DEFAULT = "vyx-missing-environment"
# How long after the create call somebody missed the machine; None: the guard itself saw it fail.
FORGOTTEN: dict[str, tuple[str, timedelta | None]] = {
    DEFAULT: ("missing-environment", None),
    "vyx-late-pull-failure": ("image-pull-failed", None),
    "vyx-wrong-architecture": ("image-wrong-architecture", None),
    "bad-command": ("bad-command", None),
    "exited-normally": ("exited-normally", None),
    "image-too-large": ("image-too-large", None),
    "gone-eight-days": ("out-of-memory", timedelta(minutes=43)),
    "gone-without-trace": ("destroyed-by-request", timedelta(minutes=61)),
}
Kept = Callable[[str], tuple[Scenario, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A scenario, and the capsule that was made at its time."""
    made: dict[str, Mapping[str, Any]] = {}

    def of(name: str) -> tuple[Scenario, Mapping[str, Any]]:
        scenario = load_scenario(name)
        if name not in made:
            capsule = capsule_of(scenario, tmp_path_factory.mktemp(name), FORGOTTEN[name][1])
            assert capsule is not None
            made[name] = capsule
        return scenario, made[name]

    return of


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_the_platform_forgot_is_diagnosed_from_it(name: str, kept: Kept) -> None:
    scenario, capsule = kept(name)
    without = judged(forgotten(scenario, None))
    assert without.cause is None
    evidence = evidence_of(forgotten(scenario, capsule))
    assert [evidence.observations[n].outcome for n in (Facet.MACHINE, Facet.EVENTS)] == [Outcome.ABSENT] * 2
    assert evidence.observations[Facet.LOGS].outcome is not Outcome.SEEN
    told = diagnose(evidence)
    assert told.cause is not None
    assert (told.verdict, told.cause.slug, told.cause.confidence) == (
        Verdict.INCIDENT,
        FORGOTTEN[name][0],
        Confidence.CONFIRMED,
    )
    assert told.faults == ()
    assert told.contradictions == ()


def test_every_part_is_an_observation_of_its_time(kept: Kept) -> None:
    scenario, capsule = kept(DEFAULT)
    evidence = evidence_of(forgotten(scenario, capsule))
    for number in (Facet.MACHINE_BY_CALLER, Facet.LIST_BY_CALLER, Facet.LOGS_BY_CALLER):
        observation = evidence.observations[number]
        assert observation.outcome is Outcome.SEEN
        assert observation.reason.startswith("seen by the caller at 2025-10-02 03:00:")
        assert observation.at < scenario.look_at < evidence.looked_at
    told = diagnose(evidence)
    rows = [view for view in told.visibility if view.key is ViewKey.SEEN_BY_CALLER]
    assert [view.state for view in rows] == ["destroyed", "destroyed"]
    assert "it existed" in told.reading.text or "destroyed" in told.reading.text


def test_it_is_found_in_a_log_line_an_export_and_a_row(kept: Kept) -> None:
    _, capsule = kept(DEFAULT)
    text = json.dumps(capsule)
    shuffled = json.dumps(dict(sorted(capsule.items())), indent=2)
    export = json.dumps([{"event_message": f"capsule {text}", "timestamp": 1759374030000000}])
    row = json.dumps({"id": 7, "status": "failed", "details": text})
    plain = read_capsule(text)
    assert plain is not None
    for pasted in (f"2025-10-02T03:00:30Z error {text}\nnext line", shuffled, export, row, f'{{"capsule": {text}}}'):
        found = read_capsule(pasted)
        assert found is not None, pasted[:60]
        assert replace(found, around="") == replace(plain, around="")
        assert "fly-runbooks/capsule" not in found.around


def test_what_was_cut_off_is_read_as_far_as_it_goes(kept: Kept) -> None:
    scenario, capsule = kept(DEFAULT)
    text = json.dumps(capsule)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        found = read_capsule(text[: int(len(text) * share)])
        assert found is not None
        assert found.problems == ("it is cut off, and its end is missing",)
    assert read_capsule(text[:4000]) != read_capsule(text)
    cut = forgotten(scenario, capsule)
    cut = replace(cut, parameters={**cut.parameters, "caller_log": text[: text.index('"log"')]})
    evidence = evidence_of(cut)
    assert evidence.observations[Facet.MACHINE_BY_CALLER].outcome is Outcome.SEEN
    log = evidence.observations[Facet.LOGS_BY_CALLER]
    assert log.outcome is Outcome.COULD_NOT_LOOK
    assert "cut off" in log.reason


def test_a_line_of_10000_characters_is_enough(kept: Kept) -> None:
    """Supabase cuts longer ones; what decides stands before that."""
    scenario, capsule = kept(DEFAULT)
    line = json.dumps(capsule, separators=(",", ":"))
    assert len(line) > 10_000
    cut = forgotten(scenario, capsule)
    told = judged(replace(cut, parameters={**cut.parameters, "caller_log": line[:10_000]}))
    assert told.cause is not None
    assert (told.cause.slug, told.cause.confidence) == ("missing-environment", Confidence.CONFIRMED)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"schema": "fly-runbooks/capsule/2", "app": "a"}', "it has the schema 'fly-runbooks/capsule/2'"),
        ('{"schema": "fly-runbooks/capsule/1"}', "it breaks its schema"),
        ('{"schema": "fly-runbooks/capsule/1", "app": 7, "machine": [], "events": {}, "log": "x"}', "it breaks its"),
        ('{"schema": "fly-runbooks/capsule/1", "attempts": [null, 1, {"step": []}], "log": [1]}', "it breaks its"),
        ('{"schema": "fly-runbooks/capsule/1", "x": ' + "[" * 5000 + "]" * 5000 + "}", ""),
        ('{"schema": "fly-runbooks/capsule/1", "log": "' + "x" * MOST + '"}', "it is longer than"),
        ('{"schema": "fly-runbooks/capsule/1", "response": {"status": "\\ud800"}, "machine": {"id": "\\u0000"}}', "it"),
        ('{"schema": "fly-runbooks/capsule/', ""),
    ],
)
def test_a_hostile_one_is_an_answer_that_says_so(text: str, problem: str) -> None:
    found = read_capsule(text)
    if found is not None:
        assert isinstance(found, Capsule)
        assert found.problems
        assert found.problems[0].startswith(problem)
        assert found.machine_id == ""


def test_one_about_another_machine_supports_nothing(kept: Kept) -> None:
    scenario, _ = kept(DEFAULT)
    _, other = kept("bad-command")
    told = judged(forgotten(scenario, other))
    assert told.cause is None
    assert any("is about" in claim.text for claim in told.contradictions)


def test_a_run_takes_a_file_and_its_replay_says_the_same(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, capsule = kept(DEFAULT)
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "out"))
    path = tmp_path / "capsule.json"
    path.write_text(json.dumps(capsule))
    subject = {"app_name": "vyx-app", "machine_id": "91850296bd4738"}
    open_case(**subject, caller_log=str(path), source="simulator:gone-without-trace").publish()
    (folder,) = (tmp_path / "out").glob("*/machine_not_visible--*")
    index = json.loads((folder / "evidence/index.json").read_text())
    assert {"E03c", "E06c", "E07c"} <= {look["number"] for look in index["looks"]}
    assert (folder / "evidence/E03c-machine.json").is_file()
    assert "seen by the caller at 2025-10-02 03:00" in (folder / "report.md").read_text()
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "again"))
    open_case(source=f"bundle:{folder}").publish()
    (again,) = (tmp_path / "again").glob("*/machine_not_visible--*")
    for name in ("summary.json", "report.md", "report.html"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name
