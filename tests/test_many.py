"""Many runs at once, in kernels that are forks of a warm process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbooks.base.errors import RunbookError, UsageError
from runbooks.base.settings import load_settings
from runbooks.cli import cli
from runbooks.execution import runner, warm
from runbooks.execution.ending import Result
from runbooks.execution.many import Job, run_many

SAME = ("report.html", "report.md", "summary.json")
_JOBS = [Job("machine_not_visible", {"source": f"simulator:{name}"}) for name in ("healthy", "gone-without-trace")]


@pytest.mark.slow
def test_a_warm_run_leaves_the_bytes_of_a_cold_one(tmp_path: Path) -> None:
    assert warm.POSSIBLE
    told: list[int] = []
    results = run_many(_JOBS, output_root=tmp_path / "warm", on_end=lambda number, result: told.append(number))
    assert sorted(told) == [0, 1]
    assert (tmp_path / "warm" / "index.html").is_file()
    for job, result in zip(_JOBS, results, strict=True):
        cold = runner.run(job.runbook, job.parameters, output_root=tmp_path / "cold")
        assert result is not None
        assert result.folder is not None
        assert cold.folder is not None
        assert (result.status, result.exit_code) == (cold.status, cold.exit_code)
        for name in SAME:
            assert (result.folder / name).read_bytes() == (cold.folder / name).read_bytes(), name


@pytest.mark.slow
def test_a_kernel_does_not_run_the_program_that_asked_for_it(tmp_path: Path) -> None:
    script = tmp_path / "nightly.py"
    script.write_text(
        "from pathlib import Path\n"
        "from runbooks.execution.many import Job, run_many\n"
        "with open('begun', 'a') as begun:\n"
        "    begun.write('x')\n"
        "job = Job('machine_not_visible', {'source': 'simulator:healthy'})\n"
        "print([result and result.exit_code for result in run_many([job] * 2, output_root=Path('out'))])\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[0, 0]\n", 0), done.stderr
    assert (tmp_path / "begun").read_text() == "x"


def test_a_signal_ends_what_runs_and_begins_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def run(runbook: str, given: object, *, signals: list[int], **options: object) -> Result:
        begun.set()
        while not signals:
            time.sleep(0.01)
        return Result("cancelled", 143, "", None, ())

    monkeypatch.setattr(runner, "run", run)

    def end() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end).start()
    results = run_many(_JOBS * 3, output_root=tmp_path, workers=1)
    assert [result and result.exit_code for result in results] == [143, None, None, None, None, None]


def test_runs_at_once_share_one_request_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[Path | None] = []

    def run(runbook: str, given: object, **options: object) -> Result:
        files.append(load_settings().rate_file)
        return Result("completed", 0, "", None, ())

    monkeypatch.setattr(runner, "run", run)
    run_many(_JOBS, output_root=tmp_path)
    assert files[0] is not None
    assert files[0] == files[1]
    assert load_settings().rate_file is None


@pytest.mark.parametrize(("told", "share"), [("1/4", 0.25), ("0.5", 0.5), ("1", 1.0)])
def test_a_share_of_the_rate(monkeypatch: pytest.MonkeyPatch, told: str, share: float) -> None:
    monkeypatch.setenv("RUNBOOKS_RATE_SHARE", told)
    assert load_settings().rate_share == share


@pytest.mark.parametrize("told", ["0", "1/0", "2", "-1", "nan", "all", "1e999"])
def test_what_is_no_share_is_refused(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("RUNBOOKS_RATE_SHARE", told)
    with pytest.raises(UsageError, match="RUNBOOKS_RATE_SHARE cannot be read"):
        load_settings()


def test_nothing_begins_after_the_deadline_of_the_whole(tmp_path: Path) -> None:
    assert run_many(_JOBS, output_root=tmp_path, until=time.monotonic()) == [None, None]


def _played(codes: dict[str, int]) -> Callable[..., Result]:
    def run(runbook: str, given: dict[str, Any], **options: Any) -> Result:
        name = given["source"].partition(":")[2]
        told = {"runbook": runbook, "subject": {"app": "a", "machine_id": name}, "verdict": "x", "headline": name}
        return Result("completed", codes[name], "", options["output_root"], (), told)

    return run


@pytest.mark.parametrize(("codes", "worst"), [((0, 0), 0), ((0, 5), 5), ((4, 3), 3), ((3, 1), 1), ((143, 1), 143)])
def test_several_runs_end_with_the_worst_code(
    codes: tuple[int, int], worst: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("healthy", "startup-crash")
    monkeypatch.setattr(runner, "run", _played(dict(zip(names, codes, strict=True))))
    file = tmp_path / "many.yaml"
    file.write_text("".join(f"- source: simulator:{name}\n  title: 0123\n" for name in names))
    arguments = ["run", "machine_not_visible", "-f", str(file), "--output-root", str(tmp_path), "--json"]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == worst, ended.output
    assert [told["headline"] for told in json.loads(ended.stdout)] == list(names)


def test_several_runs_are_refused_as_a_whole_before_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "run", _played({}))
    consent = {"allow_writes": "true", "confirm_app": "heron-batch"}
    sets = [{"source": "simulator:healthy"}, {"source": "simulator:canary-both-run", **consent}]
    for wrong, told in ((sets, "one run with one consent"), ([{"app_nme": "x"}, {}], "app_name"), (["x"], "flat list")):
        file = tmp_path / "many.yaml"
        file.write_text(json.dumps(wrong))
        refused = CliRunner().invoke(cli, ["run", "machine_not_visible", "-f", str(file)])
        assert isinstance(refused.exception, RunbookError), refused.output
        assert told in str(refused.exception)
    assert not list(tmp_path.glob("2*"))


def test_no_process_is_made_ready_for_what_needs_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run, and runs that are all blocked: without a token nothing can be asked."""
    monkeypatch.setattr("runbooks.execution.early.server", lambda: pytest.fail("a fork server was started"))
    assert run_many([], output_root=tmp_path) == []
    blocked = [Job("machine_not_visible", {"app_name": "a", "machine_id": f"{number:014x}"}) for number in range(3)]
    assert [result and result.exit_code for result in run_many(blocked, output_root=tmp_path)] == [5, 5, 5]
