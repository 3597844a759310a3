"""The same by the production runner: another process, a kernel, the real limits."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from runbooks.execution.ending import exit_code_of
from runbooks.report import summary as contract
from runbooks.simulator.scenario import FOLDER

from .cells import Cell, Row
from .judge import PUBLISHING
from .play import undisturbed
from .spoiling import Done

RUNNER_DEADLINE = 60
RUNNER = (
    ("vyx-missing-environment", "*", "silent"),
    ("vyx-missing-environment", "*", "502-html"),
    ("vyx-missing-environment", "/v1/apps/*/machines*", "drip-head"),
    ("vyx-missing-environment", "/v2/*", "reset"),
    ("healthy", "/v1/apps/*", "429-long"),
    ("healthy", "/v1/*", "other-types"),
    ("healthy", "*", "10-mb"),
    ("vyx-image-missing", "*", "redirect-loop"),
    ("vyx-image-missing", "*", "clock-ahead"),
)


def through_the_runner(name: str, path: str, kind: str) -> Done:
    """`runbooks run` on a scenario of one's own, in which every matching request is spoilt."""
    cell, begun = Cell(name, Row(f"runner, {path}", (), path=path), kind), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as told:
        scenario = Path(told) / f"{name}.yaml"
        fault = json.dumps({"path": path, "kind": kind})
        scenario.write_text(f"{(FOLDER / scenario.name).read_text().rstrip()}\n  faults:\n    - {fault}\n")
        command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--json"]
        command += ["--source", f"simulator:{scenario}", "--output-root", f"{told}/outputs"]
        done = subprocess.run(
            [*command, "--deadline", str(RUNNER_DEADLINE)], capture_output=True, text=True, timeout=300, check=False
        )
        seconds = time.monotonic() - begun
        runs = list(Path(told).glob("outputs/*/machine_not_visible--*"))
        files = {str(p.relative_to(run)): p.read_text() for run in runs for p in run.rglob("*") if p.is_file()}
    try:
        problems = list(_of_the_runner(name, done, files, seconds))
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}; {done.stderr[-300:]}"]
    return Done(cell, "!" if problems else "=", tuple(problems), seconds)


def _of_the_runner(
    name: str, done: subprocess.CompletedProcess[str], files: Mapping[str, str], seconds: float
) -> Iterator[str]:
    found, normal = json.loads(done.stdout), undisturbed(name)
    contract.check(found)
    if done.returncode not in (exit_code_of(found), 124):
        yield f"exit code {done.returncode} with the verdict {found['verdict']}"
    if seconds > RUNNER_DEADLINE + PUBLISHING + 15:
        yield f"it took {seconds:.0f} s with a deadline of {RUNNER_DEADLINE} s"
    if found["verdict"] == "healthy" and normal.summary["verdict"] != "healthy":
        yield "an incident is called healthy"
    cause = found["cause"]
    if cause and cause["confidence"] == "confirmed" and cause["slug"] != normal.certain:
        yield f"{cause['slug']} is confirmed, without the fault it is {normal.certain or 'nothing'}"
    missing = {"report.html", "report.md", "summary.json", "report.ipynb", "manifest.json"} - set(files)
    if missing:
        yield f"not written: {', '.join(sorted(missing))}"
    everything = "\n".join(files.values()) + done.stderr
    for words in ("Traceback (most recent call", "the runbook itself failed", "This step failed", "fm2_"):
        if words in everything:
            yield f"{words!r} in the report or on the screen"
