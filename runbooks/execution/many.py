"""Many runs on one machine: side by side, each in a warm kernel of its own, and ended together."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runbooks.base import folders
from runbooks.base.errors import RunbookError
from runbooks.collect import shared_answers
from runbooks.execution import ending, runner
from runbooks.execution.ending import Result

RATE_FILE, SHARED_ANSWERS = "RUNBOOKS_RATE_FILE", "RUNBOOKS_SHARED_ANSWERS"
_TICK = 0.2
"""Seconds after which a signal is noticed."""


@dataclass(frozen=True)
class Job:
    """One run to make: a runbook, and its parameters as they were given, already validated."""

    runbook: str
    parameters: Mapping[str, Any]


class RunMany(Protocol):
    """Makes many runs: `run_many` on this machine, or a cluster's."""

    def __call__(
        self,
        jobs: Sequence[Job],
        *,
        output_root: Path,
        deadline: float = runner.DEADLINE,
        workers: int = 0,
        until: float | None = None,
        on_end: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result | None]: ...


def run_many(
    jobs: Sequence[Job],
    *,
    output_root: Path,
    deadline: float = runner.DEADLINE,
    workers: int = 0,
    until: float | None = None,
    on_end: Callable[[int, Result], None] = lambda number, result: None,
) -> list[Result | None]:
    """Make every run; the list of all runs is written once, at the end.

    Args:
        jobs: what to run
        output_root: where the dated folders go
        deadline: seconds for each run
        workers: runs at the same time; 0: as many as keep the cores busy
        until: `time.monotonic()` when everything has to end: no run begins after it, and those that go on are cut
        on_end: is told the number of a job and how it ended, from this thread

    Returns:
        how each ended, in the order of the jobs; None for one that was not begun, because of a signal or `until`
    """
    signals: list[int] = []
    ended: list[Result | None] = [None] * len(jobs)

    def one(job: Job) -> Result | None:
        left = deadline if until is None else min(deadline, until - time.monotonic())
        if signals or left <= 0:
            return None
        return run_one(job, output_root=output_root, deadline=left, signals=signals)

    with _one_rate(), runner.noting(signals), ThreadPoolExecutor(workers or _side_by_side()) as pool:
        waiting: dict[Future[Result | None], int] = {pool.submit(one, job): n for n, job in enumerate(jobs)}
        while waiting:
            for future in wait(waiting, _TICK, FIRST_COMPLETED).done:
                number = waiting.pop(future)
                result = ended[number] = future.result()
                if result is not None:
                    on_end(number, result)
    ending.update_index(output_root, [])
    return ended


def _side_by_side() -> int:
    """Runs that keep the cores busy: each waits for answers, for its kernel and for the disk now and then."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + (cores + 1) // 2


def run_one(
    job: Job, *, output_root: Path, deadline: float, signals: list[int], warm: bool = True, name: str = ""
) -> Result:
    """Make one of many runs; `signals` and `name` as `signals` and `job` of `runner.run`."""
    try:
        return runner.run(
            job.runbook,
            job.parameters,
            output_root=output_root,
            deadline=deadline,
            warm=warm,
            signals=signals,
            index=False,
            job=name,
        )
    except RunbookError as error:
        return Result("failed", error.exit_code, str(error), None, ())


@contextmanager
def _one_rate() -> Iterator[None]:
    """Let all runs of this process, and their kernels, take their requests from the same buckets."""
    with (
        tempfile.TemporaryDirectory(prefix=folders.SCRATCH) as scratch,
        _environment(RATE_FILE, os.environ.get(RATE_FILE) or str(Path(scratch) / "rate")),
    ):
        yield


@contextmanager
def sharing_answers(jobs: Sequence[Job]) -> Iterator[None]:
    """Let these runs ask about an app or the organisation once: the first one that asks hands the answer on."""
    with shared_answers.sharing(subjects(jobs)) as place, _environment(SHARED_ANSWERS, place):
        yield


def subjects(jobs: Sequence[Job]) -> set[str]:
    """Ids and names of all machines that the runs are about."""
    given = (job.parameters.get(name) for job in jobs for name in ("machine_id", "machine_name"))
    return {str(name) for name in given if name}


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        os.environ.update({} if before is None else {name: before})
