"""Many runs at once, in kernels that are forks of a warm process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from runbooks.base.errors import UsageError
from runbooks.base.settings import load_settings
from runbooks.execution import runner, warm
from runbooks.execution.many import Job, run_many
from runbooks.execution.runner import Result

SAME = ("report.html", "report.md", "summary.json")
_JOBS = [Job("machine_not_visible", {"source": f"simulator:{name}"}) for name in ("healthy", "gone-without-trace")]


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
