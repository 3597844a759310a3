"""Many runs at once, in kernels that are forks of a warm process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

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


def test_nothing_begins_after_the_deadline_of_the_whole(tmp_path: Path) -> None:
    assert run_many(_JOBS, output_root=tmp_path, until=time.monotonic()) == [None, None]
