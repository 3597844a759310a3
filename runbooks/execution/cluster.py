"""Many runs on a Dask cluster: each is a task, and is published once into a folder that all workers share.

A task holds names and numbers, never a credential: every worker has its own in its own environment. A run whose worker
is lost is begun again elsewhere under the same name, so whichever ends first is the one that is published.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import secrets
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks import __version__
from runbooks.base import folders
from runbooks.base.errors import UsageError
from runbooks.collect import shared_answers
from runbooks.execution import ending, many, runner
from runbooks.execution.ending import Result
from runbooks.execution.many import Job, RunMany

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
"""The address of a cluster of processes of this machine, which is started and ended with its user."""
CONNECT_SECONDS = 10.0
WORKER_SECONDS = 30.0
"""How long a worker is waited for where there is none."""
_ADDRESS = re.compile(r"(?:tcp|tls)://[^\s/@]+:\d{1,5}", re.ASCII)
_TICK = 0.2
_LATE = 4 * runner.GRACE
"""Seconds after the end of the whole at which runs that do not come back are given up."""


@contextmanager
def connected(address: str, output_root: Path, workers: int = 0) -> Iterator[RunMany]:
    """Connect to a cluster that can make runs.

    Args:
        address: that of a Dask scheduler, such as tcp://10.0.0.5:8786, or `LOCAL`
        output_root: where the dated folders go; a folder that every worker reaches under this very path
        workers: processes of a local cluster; 0 means one a core

    Returns:
        what makes many runs there

    Raises:
        UsageError: Dask is missing, nobody answers, or a worker is no copy of this installation or lacks the folder
    """
    try:
        import dask
        import distributed
    except ImportError:
        raise UsageError("Dask is not installed.", "Install it: pip install 'fly-runbooks[cluster]'") from None
    if address != LOCAL and not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"{address[:80]!r} is no address of a Dask scheduler.", "Give --cluster local or tcp://HOST:8786."
        )
    output_root = output_root.absolute()
    with ExitStack() as stack:
        place: object = address
        if address == LOCAL:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix=folders.SCRATCH))
            # Only a process that is no daemon may have children: the warm process that forks the kernels.
            stack.enter_context(dask.config.set({"distributed.worker.daemon": False}))
            place = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers or os.cpu_count() or 1,
                    threads_per_worker=1,
                    dashboard_address=None,
                    local_directory=scratch,
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = stack.enter_context(distributed.Client(place, timeout=CONNECT_SECONDS))
        except OSError:
            raise UsageError(
                f"The Dask scheduler {address} does not answer.", "Start it: dask scheduler; see docs/cluster.md."
            ) from None
        _check(client, address, output_root)
        yield partial(_run_many, client)


def _check(client: Client, address: str, output_root: Path) -> None:
    """Every worker has this version and sees the output folder."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise UsageError(
            f"The Dask scheduler {address} has no workers.",
            f"Start one: dask worker {address} --no-nanny --nthreads 1",
        ) from None
    folders.make(output_root)
    with tempfile.NamedTemporaryFile(dir=output_root, prefix=".cluster-") as marker:
        for worker, seen in client.run(_look, marker.name, on_error="return").items():
            if isinstance(seen, BaseException):
                raise UsageError(
                    f"The worker {worker} cannot use fly-runbooks ({type(seen).__name__}).",
                    f"Install fly-runbooks[cluster]=={__version__} there.",
                )
            version, there = seen
            if version != __version__:
                raise UsageError(
                    f"The worker {worker} has fly-runbooks {version}, and this is {__version__}.",
                    "Install the same version on both.",
                )
            if not there:
                raise UsageError(
                    f"The worker {worker} does not see the output folder {output_root}.",
                    "Mount the same folder under the same path on all machines of the cluster.",
                )


def _run_many(
    client: Client,
    jobs: Sequence[Job],
    *,
    output_root: Path,
    deadline: float = runner.DEADLINE,
    workers: int = 0,
    until: float | None = None,
    on_end: Callable[[int, Result], None] = lambda number, result: None,
) -> list[Result | None]:
    """Make every run on the cluster; arguments and result as for `many.run_many`."""
    output_root, batch = output_root.absolute(), secrets.token_hex(8)
    names = job_names(jobs, datetime.now(UTC))
    shared = (os.environ.get(many.SHARED_ANSWERS, ""), tuple(sorted(many.subjects(jobs))))
    # No more than this go on at once, whoever joins later: so the shares of all are never more than the whole.
    slots = min(workers or 64, sum(client.nthreads().values()) or 1)
    left, signals = deque(range(len(jobs))), list[int]()
    ended: list[Result | None] = [None] * len(jobs)
    waiting: dict[Future[Any], int] = {}
    stopped = False
    with runner.noting(signals):
        while left or waiting:
            now = time.monotonic()
            if signals or (until is not None and now >= until):
                left.clear()
            while left and len(waiting) < slots:
                number = left.popleft()
                seconds = deadline if until is None else min(deadline, until - now)
                task = (jobs[number], names[number], str(output_root), seconds, f"1/{slots}", batch, shared)
                waiting[client.submit(_run, *task, key=f"{names[number]}-{batch}", pure=False)] = number
            if signals and not stopped:
                client.run(_stop, batch, signals[0], on_error="ignore")  # a worker that is lost has ended
                stopped = True
            if until is not None and now >= until + _LATE:
                client.cancel(list(waiting))
                break
            for future in _done(waiting):
                number = waiting.pop(future)
                result = ended[number] = _result(future)
                on_end(number, result)
    folders.sweep(output_root)
    ending.update_index(output_root, [])
    return ended


def job_names(jobs: Sequence[Job], begun: datetime) -> list[str]:
    """The folder of each job below the output root, which no two of them share."""
    names, taken = [], Counter[str]()
    for job in jobs:
        name = runner.name_of(job.runbook, job.parameters, begun)
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def _done(waiting: dict[Future[Any], int]) -> list[Future[Any]]:
    from distributed import wait

    with suppress(TimeoutError):
        wait(list(waiting), timeout=_TICK, return_when="FIRST_COMPLETED")
    return [future for future in waiting if future.done()]


def _result(future: Future[Any]) -> Result:
    """How the run ended; one that the cluster could not make has failed."""
    if future.status == "finished":
        result: Result = future.result()
        return result
    error = None if future.cancelled() else future.exception()
    told = {
        "KilledWorker": "The workers that made the run were lost, one after the other.",
        "NoneType": "The cluster lost the run: its scheduler ended or was restarted.",
    }
    name = type(error).__name__
    return Result("failed", 1, told.get(name, f"The worker could not make the run: {name}."), None, ())


# What follows is called in the workers.

_memory, _memories = ExitStack(), dict[str, str]()
_signals: dict[str, list[int]] = {}
"""The signals that end the runs of a batch; a run watches the list of its own."""


def _look(marker: str) -> tuple[str, bool]:
    return __version__, Path(marker).is_file()


def _stop(batch: str, number: int) -> None:
    _signals.setdefault(batch, []).append(number)


def _run(
    job: Job, name: str, output_root: str, seconds: float, share: str, batch: str, shared: tuple[str, tuple[str, ...]]
) -> Result:
    """Make one run, with the credentials of this process and its share of the request rate."""
    from distributed import get_worker

    os.environ["RUNBOOKS_RATE_SHARE"] = share
    os.environ[many.RATE_FILE] = str(Path(get_worker().local_directory) / "rate")
    os.environ[many.SHARED_ANSWERS] = _place(batch, *shared)
    # A daemon may have no children, so its kernels start cold.
    warm = not multiprocessing.current_process().daemon
    signals = _signals.setdefault(batch, [])
    return many.run_one(job, output_root=Path(output_root), deadline=seconds, warm=warm, signals=signals, name=name)


def _place(batch: str, place: str, subjects: tuple[str, ...]) -> str:
    """Where the runs of a batch share answers: at the client, if that is on this machine, else those of this worker.

    Between machines nothing is shared: an answer is handed on with the values that have to be masked elsewhere, too.
    """
    if not place:
        return ""
    if there := shared_answers.SharedAnswers.opened(place):
        there.close()
        return place
    if batch not in _memories:
        _memory.close()  # that of the batch before
        _memories.clear()
        _memories[batch] = _memory.enter_context(shared_answers.sharing(subjects))
    return _memories[batch]
