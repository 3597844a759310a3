"""What is known of a notebook while it runs: its steps, and how it can be stopped. Nothing here needs Jupyter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass
class Step:
    """One code cell. `status`: not-run, running, done, failed, interrupted."""

    number: int
    title: str
    cell: int
    status: str = "not-run"
    seconds: float | None = None


@dataclass
class Watch:
    """What the supervisor and the notebook's thread share. Only `stop` and `kill` come from outside."""

    env: Mapping[str, str]
    scratch: Path
    on_step: Callable[[Step, int], None] = lambda step, total: None
    warm: bool = False
    waiting: subprocess.Popen[bytes] | None = None
    steps: list[Step] = field(default_factory=list)
    notebook: NotebookNode | None = None
    error: tuple[str, str] | None = None
    stopping: bool = False
    pid: int | None = None

    def stop(self) -> None:
        """Interrupt the running cell; afterwards only the publishing cell is still run."""
        self.stopping = True
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        self.stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)  # the kernel leads a process group of its own


def steps_of(notebook: NotebookNode) -> list[Step]:
    """Every code cell with the heading above it, or named after what it calls."""
    steps: list[Step] = []
    heading = ""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            lines = [line for line in cell.source.splitlines() if line.startswith("#")]
            heading = lines[-1].lstrip("#").strip() if lines else heading
        elif cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            if "injected-parameters" in tags:
                title = "Parameters of this run"
            elif "parameters" in tags:
                title = "Parameters"
            else:
                title = heading or _named(cell.source)
            steps.append(Step(len(steps) + 1, title, index))
            heading = ""
    return steps


def _named(source: str) -> str:
    """`case.config_audit()` is "Config audit"; anything else is its own first line."""
    call = re.fullmatch(r"case\.(\w+)\(\)", source.strip())
    if call:
        return call[1].replace("_", " ").capitalize()
    return (source.strip().splitlines() or ["(empty cell)"])[0]


def is_parameters(cell: NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])))
