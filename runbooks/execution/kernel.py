"""One notebook in one kernel, run by papermill and stoppable from outside.

The kernel is this very Python, talks over a private socket file instead of TCP, and neither reads the
user's IPython start-up files nor imports from the current directory.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from runbooks.base import garbage
from runbooks.execution.steps import Step, Watch, is_parameters, steps_of
from runbooks.execution.warm import PROVISIONER

ENGINE = "runbooks"
_AT_FIRST = f"import gc; gc.set_threshold{garbage.THRESHOLDS}"
"""Run in a new kernel: most of its life is importing, which makes much and throws nothing away."""


class ThisPython(KernelSpecManager):
    """Knows one kernel: the interpreter that runs this code, whatever is registered on the machine."""

    def __init__(self, warm: bool = False, waiting: subprocess.Popen[bytes] | None = None) -> None:
        super().__init__()
        own = {"kernel_provisioner": {"provisioner_name": PROVISIONER, "config": {"waiting": waiting}}}
        self._metadata = own if warm or waiting else {}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv += ["--InteractiveShellApp.ignore_cwd=True", f"--InteractiveShellApp.exec_lines={_AT_FIRST}"]
        argv += ["--HistoryManager.enabled=False"]  # nobody recalls the lines of a run
        return KernelSpec(argv=argv, display_name="Python 3", language="python", metadata=self._metadata)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(self, nb_man: NotebookExecutionManager, watch: Watch, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self.watch = watch

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=ThisPython(self.watch.warm, self.watch.waiting),
            transport="ipc",
            connection_file=str(self.watch.scratch / "k.json"),
        )
        return self.km

    def papermill_execute_cells(self) -> None:
        """Run the cells in order; after a stop or a failure only the last one, which publishes.

        The last one makes sense only if the first cell behind the parameters, which opens the case, was done.
        """
        watch = self.watch
        watch.pid = getattr(self.km.provisioner, "pid", None)
        watch.notebook = self.nb
        watch.steps = steps_of(self.nb)
        by_cell = {step.cell: step for step in watch.steps}
        own = [s for s in watch.steps if not is_parameters(self.nb.cells[s.cell])]
        opening, last = (own[0], own[-1]) if own else (None, None)
        broken = False
        for index, cell in enumerate(self.nb.cells):
            step = by_cell.get(index)
            if step is None:
                continue
            if (broken or watch.stopping) and not (step is last and opening and opening.status == "done"):
                continue
            broken |= not self._run(step, cell, index)

    def _run(self, step: Step, cell: NotebookNode, index: int) -> bool:
        watch = self.watch
        step.status = "running"
        watch.on_step(step, len(watch.steps))
        begun = time.monotonic()
        self.nb_man.cell_start(cell, index)
        try:
            self.execute_cell(cell, index)
            step.status = "done"
        except CellExecutionError as error:
            interrupted = watch.stopping and error.ename == "KeyboardInterrupt"
            step.status = "interrupted" if interrupted else "failed"
            if not interrupted and watch.error is None:
                watch.error = (error.ename, error.evalue)
            self.nb_man.cell_exception(cell, cell_index=index, exception=error)
        except BaseException:
            step.status = "interrupted" if watch.stopping else "failed"
            raise
        finally:
            step.seconds = round(time.monotonic() - begun, 3)
            self.nb_man.cell_complete(cell, cell_index=index)
            watch.on_step(step, len(watch.steps))
        return step.status == "done"


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine with our client, so that parameters and cells are treated as papermill does."""

    @classmethod
    def execute_notebook(cls, *given: Any, **options: Any) -> NotebookNode:
        """Return nothing of what was executed, which the watch has: papermill would write it as text, for nobody."""
        super().execute_notebook(*given, **options)
        nothing: NotebookNode = new_notebook()
        return nothing

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, watch: Watch, **ignored: Any
    ) -> None:
        # Everything is published by then, and taking an interpreter apart takes half a second.
        ending = {"shutdown_kernel": "immediate"}
        client = _Client(nb_man, watch, startup_timeout=60, timeout=None, kernel_name=kernel_name, **ending)
        with (watch.scratch / "kernel.log").open("ab") as log:
            client.execute(env=dict(watch.env), stdout=log, stderr=log, cleanup_kc=True)


papermill_engines.register(ENGINE, _Engine)
