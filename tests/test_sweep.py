"""A sweep over runs that are played by a stand-in: what is locked, noted, continued, told and never done twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from runbooks.base.errors import RunbookError
from runbooks.cli import cli
from runbooks.execution import ending, many, notify, runner
from runbooks.execution import sweep as module
from runbooks.execution.ending import Result
from runbooks.execution.sweep import EXIT_LOCKED, LOCK, STATE, Locked, Swept, sweep

GIVEN = {"org_slug": "harvest", "source": "simulator:fleet-planted"}
SUSPECTS = 6


class Killed(BaseException):
    """Stands for kill -9: nothing behind it is done."""


class World:
    """Stands in for the runs: each writes the summary of a run, and can be told to die before or after it did."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: list[str] = []
        self.suspects = range(1, SUSPECTS + 3)
        self.die: Callable[[int, str], None] = lambda number, when: None

    def run(self, runbook: str, given: Mapping[str, Any], *, output_root: Path, **options: Any) -> Result:
        number = len(self.made)
        self.die(number, "before")
        named = given.get("machine_id", "all")
        now = datetime.now(UTC)  # as runs do; the clock of `time.strftime` is up to a tick behind it
        folder = output_root / f"{now:%Y-%m-%d}/{runbook}--app--{named}--{now:%H%M%SZ}-{number + 2}"
        folder.mkdir(parents=True)
        summary = self._summary(runbook, given)
        (folder / "summary.json").write_text(json.dumps(summary))
        self.made.append(named)
        self.die(number, "after")
        return Result("completed", 3, "", folder, (), summary)

    def _summary(self, runbook: str, given: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "schema": "fly-runbooks/summary/1",
            "runbook": runbook,
            "subject": {"app": "app", "machine_id": given.get("machine_id"), "machine_name": None},
            "looked_at": "2026-01-01T00:00:00Z",
            "verdict": "incident",
            "status": "LIKELY CAUSE",
            "headline": "It crashed.",
            "cause": {"slug": "startup-crash", "confidence": "likely", "statement": "It crashed.", "evidence": ["E06"]},
            "hypotheses": [],
        }
        if runbook == module.FLEET:
            one = {"app": "app", "machine_name": None, "row_key": None}
            suspects = [{**one, "machine_id": f"{number:014x}"} for number in self.suspects]
            told |= {"cause": None, "exit_code": 3, "fleet": {"suspects": suspects, "agree": 5, "disagree": 8}}
        return told


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(tmp_path)
    monkeypatch.setattr(runner, "run", found.run)
    monkeypatch.setattr(ending, "update_index", lambda root, warnings: None)
    monkeypatch.setattr("runbooks.report.summary.check", lambda summary: None)
    return found


def _sweep(world: World, **options: Any) -> Swept:
    return sweep(GIVEN, output_root=world.root, investigate=SUSPECTS, workers=1, **options)


def test_the_worst_suspects_are_investigated_and_summed_up(world: World) -> None:
    lines: list[str] = []
    done = _sweep(world, tell=lines.append)
    assert done.exit_code == 3
    assert world.made == ["all", *(f"{number:014x}" for number in range(1, SUSPECTS + 1))]
    assert done.path is not None
    told = json.loads(done.path.read_text())
    assert told["complete"]
    assert [one["cause"] for one in told["investigated"]] == ["startup-crash"] * SUSPECTS
    assert (told["fleet"]["agree"], told["fleet"]["disagree"]) == (5, 8)
    assert lines[1] == "It crashed."
    assert lines[-2].startswith(f"{SUSPECTS}/{SUSPECTS} app/")
    assert lines[-1] == "Nobody was told: RUNBOOKS_NOTIFY names no address."
    assert not (world.root / STATE).exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("moment", range(5))
def test_a_sweep_that_is_killed_is_continued_and_nothing_is_done_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: int, when: str
) -> None:
    def die(number: int, now: str) -> None:
        if number == moment and now == when:
            raise Killed

    def one_by_one(jobs: Any, *, on_end: Any, output_root: Path, **options: Any) -> list[Result]:
        ended = []
        for number, job in enumerate(jobs):
            ended.append(world.run(job.runbook, job.parameters, output_root=output_root))
            on_end(number, ended[-1])
        return ended

    monkeypatch.setattr(many, "run_many", one_by_one)
    world.die = die
    with pytest.raises(Killed):
        _sweep(world)
    world.die = lambda number, now: None
    lines: list[str] = []
    done = _sweep(world, tell=lines.append)
    investigated = [name for name in world.made if name != "all"]
    assert sorted(investigated) == [f"{number:014x}" for number in range(1, SUSPECTS + 1)]
    # A fleet that was read, but not noted, is read again: only what it found is worth keeping.
    assert world.made.count("all") == (2 if (moment, when) == (0, "after") else 1)
    assert any(line.startswith("Continuing the sweep") for line in lines) == (moment > 0)
    assert len(done.summary["investigated"]) == SUSPECTS
    assert all(one["run"] for one in done.summary["investigated"])


def test_what_could_not_be_investigated_is_not_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.run

    def full(runbook: str, given: Mapping[str, Any], **options: Any) -> Result:
        if len(world.made) == 3:
            world.made.append("no room")
            return Result("failed", 1, "The disk is full.", None, ())
        return run(runbook, given, **options)

    monkeypatch.setattr(runner, "run", full)
    done = _sweep(world)
    assert (done.exit_code, done.summary["complete"]) == (1, False)
    assert "1 suspect could not be investigated; the next sweep does it: The disk is full." in done.warnings
    again = _sweep(world)
    assert (again.exit_code, again.summary["complete"]) == (3, True)
    assert sorted(world.made) == sorted(["all", "no room", *(f"{n:014x}" for n in range(1, SUSPECTS + 1))])


def test_a_cluster_makes_the_investigations(world: World) -> None:
    made: list[str] = []

    def run_many(jobs: Any, **options: Any) -> list[Result | None]:
        made.extend(job.parameters["machine_id"] for job in jobs)
        return [None] * len(jobs)

    assert not _sweep(world, run_jobs=run_many).summary["complete"]
    assert made == [f"{number:014x}" for number in range(1, SUSPECTS + 1)]
    assert world.made == ["all"]


def test_a_sweep_of_the_night_before_is_not_continued(world: World) -> None:
    begun = datetime.now(UTC) - timedelta(hours=23, minutes=59)
    told = {"begun_at": begun.isoformat(), "parameters": GIVEN, "fleet": "2026-01-01/fleet--app--all--000000Z"}
    (world.root / STATE).write_text(json.dumps(told))
    _sweep(world)
    assert world.made[0] == "all"


def test_other_parameters_begin_a_new_sweep(world: World) -> None:
    (world.root / STATE).write_text(
        json.dumps({"begun_at": "2999-01-01T00:00:00+00:00", "parameters": {"org_slug": "x"}, "fleet": "f"})
    )
    assert _sweep(world).summary["complete"]


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"begun_at": 1, "parameters": 2}', '{"more": 1}'])
def test_a_state_that_cannot_be_read_begins_a_new_sweep(world: World, state: str) -> None:
    (world.root / STATE).write_text(state)
    assert _sweep(world).summary["complete"]


def test_the_deadline_of_the_whole_ends_it_and_the_next_one_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0

    def late(number: int, when: str) -> None:
        nonlocal passed
        if when == "after" and number == 2:
            passed = 3600

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(many, "time", clock)
    world.die = late
    done = _sweep(world, deadline=3600)
    assert done.exit_code == ending.EXIT_DEADLINE
    assert not done.summary["complete"]
    assert any("ended early" in warning for warning in done.warnings)
    assert _sweep(world).summary["complete"]
    assert sorted(world.made) == sorted(["all", *(f"{number:014x}" for number in range(1, SUSPECTS + 1))])


HOLD = """
import sys, time
from pathlib import Path
from runbooks.execution.sweep import _locked
with _locked(Path(sys.argv[1]), float(sys.argv[2]), False):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("deadline", "late"), [("3600", False), ("0", True)])
def test_a_second_sweep_ends_with_75_and_names_the_first(world: World, deadline: str, late: bool) -> None:
    command = [sys.executable, "-c", HOLD, str(world.root), deadline]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(Locked) as refused:
                _sweep(world)
            assert refused.value.exit_code == EXIT_LOCKED
            assert f"process {holder.pid}" in str(refused.value)
            assert ("longer than its deadline" in str(refused.value)) == late
            assert world.made == []
        finally:
            holder.kill()
    assert (world.root / LOCK).exists()
    assert _sweep(world, wait=True).summary["complete"]  # the lock went with its process


def test_only_changes_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(notify, "deliver", lambda address, title, body: bool(sent.append(title)) or True)
    lines: list[str] = []
    for _ in range(3):
        _sweep(world, addresses=["json://localhost"], tell=lines.append)
    assert sent == [f"fly-runbooks: {SUSPECTS + 1} changes"]
    nothing = "No message was needed: nothing changed since the last one."
    said = [line for line in lines if "message" in line]
    assert said == [f"A message about {SUSPECTS + 1} changes was sent: JSON to localhost.", nothing, nothing]


def test_a_suspect_that_recovered_is_told_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(notify, "deliver", lambda address, title, body: bool(sent.append(body)) or True)
    for world.suspects in (range(1, 3), range(1, 3), range(2, 3), range(2, 3), range(1, 3)):
        _sweep(world, addresses=["json://localhost"])
    one = f"{module.EACH} app {1:014x}"
    lines = [line for body in sent[1:] for line in body.splitlines() if line.startswith(module.EACH)]
    assert lines == [
        f"{one}: LIKELY CAUSE → NO LONGER A SUSPECT",
        f"{one}: NO LONGER A SUSPECT → LIKELY CAUSE startup-crash (likely). It crashed.",
    ]


def test_nothing_is_called_recovered_where_the_fleet_was_not_read_whole() -> None:
    suspect = {"app": "app", "machine_id": None, "machine_name": "job-1"}
    whole = {"exit_code": 3, "fleet": {"suspects": [suspect], "suspects_left": 0}}
    assert module._listed(whole) == {f"{module.EACH} app job-1"}
    assert module._listed(whole | {"exit_code": 4}) is None
    assert module._listed({"exit_code": 3, "fleet": {"suspects": [suspect], "suspects_left": 7}}) is None


def test_the_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBOOKS_NOTIFY", raising=False)
    arguments = ["sweep", "-p", "org_slug", "harvest", "--source", GIVEN["source"], "--output-root", str(world.root)]
    ended = CliRunner().invoke(cli, [*arguments, "--investigate", "2", "--json"])
    assert ended.exit_code == 3, ended.output
    assert len(json.loads(ended.stdout)["investigated"]) == 2
    assert "2/2 app/" in ended.stderr
    quiet = CliRunner().invoke(cli, [*arguments, "--investigate", "0", "--quiet"])
    assert (quiet.exit_code, quiet.output) == (3, "")


def test_what_the_fleet_could_not_read_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made, machines = world._summary, 0
    unread = {"what": "Which machines are there? (E35)", "why": "organisation nobody: not found", "gap": True}

    def nothing(runbook: str, given: Mapping[str, Any]) -> dict[str, Any]:
        counts = {"suspects": [], "machines": machines, "rows": 5}
        found = {"exit_code": 4, "not_checked": [unread], "fleet": counts}
        return made(runbook, given) | found

    monkeypatch.setattr(world, "_summary", nothing)
    lines: list[str] = []
    unread_at_all = _sweep(world, tell=lines.append)
    told = "Not checked: Which machines are there? (E35): organisation nobody: not found"
    assert unread_at_all.warnings == ("It crashed.", told)  # the headline; --quiet shows warnings, too
    assert not {told, "It crashed."} & set(lines)
    machines = 7
    assert _sweep(world, tell=lines.append).warnings == ()
    assert {told, "It crashed."} <= set(lines)


def test_an_output_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "a file"
    taken.write_text("")
    with pytest.raises(RunbookError, match=r"The output folder .*a file/outputs cannot be written"):
        sweep({"org_slug": "vyx"}, output_root=taken / "outputs")
