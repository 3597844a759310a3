"""kill -9 at any moment: no half-written report that looks whole, and the next run marks the dead one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runbooks.base import folders
from runbooks.report import summary as contract

# The run does not get past its last step: the test reads of that step a moment later, and the run would have ended.
ENDLESS = """
import time
from runbooks import cli
from runbooks.execution import runner
runner.finish = lambda *_: time.sleep(600)
cli.main()
"""


@pytest.mark.parametrize("moment", [1, 3, 12, 22, 29, 30])
def test_a_run_killed_at_this_step(moment: int, tmp_path: Path) -> None:
    """Steps 1, 3 (collecting), 12, 22, and around publishing, which is the last.

    The whole group dies, as with an OOM kill or a power cut.
    """
    out = tmp_path / "out"
    command = [sys.executable, "-P", "-c", ENDLESS, "run", "machine_not_visible", "--output-root", str(out)]
    process = subprocess.Popen(
        [*command, "--source", "simulator:healthy"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    steps = 0
    for line in process.stderr:
        steps += "✓" in line
        if steps >= moment:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()

    shown = [p for p in out.glob("*/machine_not_visible--*") if p.is_dir()]
    assert not shown, "nothing may stand among the reports before the run has ended"
    (dead,) = folders.sweep(out)
    assert json.loads((dead / "manifest.json").read_text())["status"] == "died"
    assert not list((out / ".staging").iterdir())
    for path in dead.rglob("*"):
        if path.name == "report.html":
            assert path.read_text().rstrip().endswith("</html>")
        elif path.name == "summary.json":
            contract.check(json.loads(path.read_text()))
    # A summary stands only beside everything else that belongs to it.
    if (dead / "summary.json").exists():
        assert {"report.html", "report.md", "evidence"} <= {p.name for p in dead.iterdir()}
