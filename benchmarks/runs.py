"""What a run costs, in empty notebooks: one cold run, a warm batch, and one worker of a cluster against two.

    python benchmarks/runs.py [--batch RUNS] [--repeat TIMES]

Every figure is a ratio of measurements made one after the other, of the processes that a user starts: wall time
and CPU, children included. The baseline is papermill with a notebook of one cell, `pass`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nbformat

from runbooks.execution.cluster import LOCAL, connected
from runbooks.execution.many import Job, RunMany, run_many
from runbooks.execution.runner import notebook_path

RUNBOOK, SOURCE = "machine_not_visible", "simulator:vyx-missing-environment"
BIN = Path(sys.executable).parent
COLD, PLAIN, WARM, CLUSTER = 2.0, 1.0, 0.6, 0.9
"""What is to be reached."""
LOOP = "import hashlib\nfor n in range({}): hashlib.sha256(bytes(100_000)).digest()"


@dataclass(frozen=True)
class Cost:
    """Seconds of a process and its children."""

    wall: float
    cpu: float

    def over(self, other: Cost) -> str:
        return f"wall {self.wall / other.wall:.2f}, CPU {self.cpu / other.cpu:.2f}"


def measured(work: Callable[[], object]) -> Cost:
    """Wall time, and CPU of the children that ended with the work."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def command(*words: object, exits: int = 0) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False)  # noqa: S603
    if done.returncode != exits:
        raise SystemExit(f"{words[0]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")


def papermill(notebook: Path, folder: Path, *words: str) -> Cost:
    return measured(lambda: command(BIN / "papermill", notebook, folder / "out.ipynb", "-k", "python3", *words))


def cold(folder: Path) -> Cost:
    words = ("run", RUNBOOK, "--source", SOURCE, "--output-root", folder / "cold")
    return measured(lambda: command(BIN / "runbooks", *words, exits=3))


def per_run_and_core(runs: int, folder: Path, cores: int) -> float:
    """Wall seconds of a warm batch that has so many cores, its process included, times the cores, for each run."""
    words = [sys.executable, __file__, "--only-batch", runs, "--cores", cores, "--folder", folder]
    return measured(lambda: command(*words)).wall * cores / runs


def made(make: RunMany, runs: int, folder: Path, workers: int) -> float:
    """Wall seconds for so many runs, all of which have to be complete."""
    jobs = [Job(RUNBOOK, {"source": SOURCE})] * runs
    begun = time.perf_counter()
    results = make(jobs, output_root=folder, workers=workers)
    wall = time.perf_counter() - begun
    if [result and result.exit_code for result in results] != [3] * runs:
        raise SystemExit(f"Not every run was made: {results}")
    return wall


def with_workers(runs: int, folder: Path, workers: int) -> float:
    """Wall seconds of the runs on so many Dask workers, each of which has made a run before."""
    with connected(LOCAL, folder, workers) as make:
        made(make, workers, folder, workers)
        return made(make, runs, folder, workers)


def raw_speed_up(seconds: float) -> float:
    """How much faster two bare processes do the same work than one after the other: what the machine can give."""
    rounds = 1_000
    begun = time.perf_counter()
    exec(LOOP.format(rounds))  # noqa: S102 - the constant above
    rounds = int(rounds * seconds / (time.perf_counter() - begun))
    words = [sys.executable, "-c", LOOP.format(rounds)]

    def side_by_side() -> None:
        for process in [subprocess.Popen(words) for _ in range(2)]:  # noqa: S603
            process.wait()

    one = measured(lambda: command(*words)).wall
    return 2 * one / measured(side_by_side).wall


def told(name: str, figure: str, aim: str) -> None:
    print(f"{name:<72} {figure:<28} {aim}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=40, help="runs of the warm batch and of the cluster")
    parser.add_argument("--repeat", type=int, default=3, help="single runs, of which the middle counts")
    parser.add_argument("--only-batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_batch:
        if sys.platform == "linux":
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
        made(run_many, given.only_batch, given.folder, 0)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder, cores = Path(scratch), min(2, os.cpu_count() or 1)
        empty = folder / "empty.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("pass")]), empty)
        os.environ["RUNBOOKS_OUTPUT_ROOT"] = str(folder / "plain")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python keeps what it compiled
        rounds = [
            (papermill(empty, folder), papermill(notebook_path(RUNBOOK), folder, "-r", "source", SOURCE), cold(folder))
            for _ in range(given.repeat)
        ]
        base, plain, run = (middle(costs) for costs in zip(*rounds, strict=True))
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; empty notebook {base.wall:.2f} s", flush=True)
        told("cold run ÷ empty notebook", run.over(base), f"≤ {COLD}")
        told("cold run ÷ papermill of the same notebook", run.over(plain), f"< {PLAIN:g}")
        # Two cores may be halves of one: then they do not do twice the work, as the two bare processes below show.
        for used in sorted({1, cores}):
            warm = per_run_and_core(given.batch, folder / f"warm-{used}", used) / base.wall
            name = f"warm batch of {given.batch} on {used} of the cores, a run and core"
            told(f"{name} ÷ empty notebook", f"{warm:.2f}", f"≤ {WARM}")
        one, two = (with_workers(given.batch, folder / f"dask-{n}", n) for n in (1, 2))
        raw = raw_speed_up(max(2.0, one / 4))
        told(f"two Dask workers ÷ one, {given.batch} runs", f"{one / two:.2f} × faster", "")
        told("two bare processes ÷ one", f"{raw:.2f} × faster", "")
        told("the first ÷ the second", f"{one / two / raw:.2f}", f"≥ {CLUSTER}")
        print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
