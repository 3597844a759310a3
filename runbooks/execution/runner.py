"""Run a runbook under supervision: one kernel, one deadline, one honest end.

The notebook's last cell writes the report; this module adds the executed notebook and the manifest,
masks secrets in both, and gives the folder its final name when everything in it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbooks import definitions
from runbooks.base import folders
from runbooks.base.errors import ScanError, UsageError
from runbooks.base.files import DISK_FULL, why
from runbooks.base.settings import load_settings
from runbooks.evidence.bundle import what_is_left
from runbooks.evidence.redaction import Redactor, secrets_of
from runbooks.execution import blocked, early
from runbooks.execution.ending import Result, Run, finish, manifest_of, published, seen
from runbooks.execution.executed import masked
from runbooks.execution.steps import Step, Watch, steps_of

DEADLINE = 300.0
SOFT_SHARE = 0.8  # of the deadline: then the case stops looking and publishes
GRACE = 15.0  # seconds that an interrupted notebook has to publish what there is
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def notebook_path(runbook: str) -> Path:
    """The runbook's notebook, beside its module or in the checkout that this package belongs to."""
    path = definitions.notebook_of(runbook)
    if not path.is_file():
        raise UsageError(
            f"The notebook {path} does not exist.",
            "Install the package again: the notebooks belong to it.",
        )
    return path


def run(
    runbook: str,
    given: Mapping[str, Any],
    *,
    output_root: Path,
    deadline: float = DEADLINE,
    notebook: Path | None = None,
    on_step: Callable[[Step, int], None] = lambda step, total: None,
    warm: bool = False,
    signals: list[int] | None = None,
    index: bool = True,
    job: str = "",
) -> Result:
    """Execute the runbook's notebook with the given (already validated) parameters.

    Args:
        runbook: its name
        given: the parameters by name
        output_root: where the dated folders go
        deadline: seconds for the notebook
        notebook: another notebook than the runbook's own
        on_step: is told of each cell that begins or ends, and how many there are
        warm: fork the kernel from a process that has imported everything, where that is possible
        signals: where somebody else notes the signals that end this run; by default the run notes them itself
        index: whether the list of all runs is written anew
        job: the folder of this run below the output root, for one that may be begun again elsewhere: what is published
            there already is taken as its result, and other runs that were killed are left alone

    Returns:
        how it ended, and where its files are
    """
    source = notebook or notebook_path(runbook)
    original = source.read_bytes()
    redactor = _redactor()
    parameters = {name: masked(value, redactor, "parameters") for name, value in given.items()}
    output_root = output_root.absolute()
    if job and (done := folders.published(output_root, job)):
        return published(done)
    warnings = [] if job else [f"{what_is_left(old)}." for old in folders.sweep(output_root)]
    staging = folders.Staging(output_root)
    with tempfile.TemporaryDirectory(prefix=folders.SCRATCH) as scratch:
        staging.note(Path(scratch))
        environment = _environment(staging.path, output_root, deadline, scratch)
        watch = Watch(environment, Path(scratch), on_step, warm and early.FORKS)
        this = Run(
            runbook,
            parameters,
            deadline,
            datetime.now(UTC),
            redactor,
            watch,
            hashlib.sha256(original).hexdigest(),
            index,
            job,
            signals=[] if signals is None else signals,
            warnings=warnings,
        )
        try:
            folders.write_sealed(staging.path / "manifest.json", manifest_of(this, "running", "", None))
            if notebook is None and blocked.publish(runbook, parameters, staging.path, deadline * SOFT_SHARE):
                return finish(this, staging)
            if watch.warm:
                early.server()  # it imports while this process does
            with noting(this.signals) if signals is None else contextlib.nullcontext():
                with early.waiting(watch.scratch / "kernel.log", not watch.warm) as watch.waiting:
                    _supervise(this, original.decode("utf-8"))
                return finish(this, staging)
        except BaseException as error:
            if isinstance(error, ScanError) or not seen(staging.path):
                staging.discard()
            else:
                staging.leave()
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise folders.no_room(
                    output_root, f"The disk that holds {output_root} is full ({why(error)})"
                ) from None
            raise


def name_of(runbook: str, given: Mapping[str, Any], begun: datetime) -> str:
    """The folder of such a run below the output root, where its case tells no better name."""
    redactor = _redactor()
    return folders.run_name(runbook, {name: masked(given[name], redactor, "parameters") for name in given}, begun)


def _supervise(this: Run, notebook: str) -> None:
    """Wait for the notebook; at the deadline or on a signal stop it, and kill it if it does not end."""
    # Imported here: half a second that a run without a kernel does not need.
    import nbformat
    import papermill
    from jupyter_core.utils import ensure_event_loop

    from runbooks.execution.kernel import ENGINE

    node = nbformat.reads(notebook, as_version=4)
    this.watch.steps = steps_of(node)
    logging.getLogger("papermill").addHandler(logging.NullHandler())

    def work() -> None:
        try:
            papermill.execute_notebook(
                node,
                None,
                dict(this.parameters),
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                watch=this.watch,
            )
        except BaseException as error:
            this.failure = error
        finally:
            ensure_event_loop().close()  # made by nbclient for this thread, and left open by it

    thread = threading.Thread(target=work, name="notebook", daemon=True)
    end = time.monotonic() + this.deadline
    thread.start()
    stopped_at: float | None = None
    killed = False
    while thread.is_alive():
        # Polling, since a handler must not touch a lock that this very thread may be waiting on.
        thread.join(0.05)
        now = time.monotonic()
        if stopped_at is None:
            if this.signals or now >= end:
                this.cut = "cancelled" if this.signals else "deadline"
                stopped_at = now
                this.watch.stop()
        elif not killed and (len(this.signals) > 1 or now >= stopped_at + GRACE):
            killed = True
            this.watch.kill()
        elif killed and now >= stopped_at + 2 * GRACE:
            break  # the kernel is dead; only its bookkeeping hangs


def _environment(staging: Path, output_root: Path, deadline: float, scratch: str) -> dict[str, str]:
    """The kernel's environment: ours, and where and for how long the case may work."""
    return os.environ | {
        "RUNBOOKS_RUN_FOLDER": str(staging),
        "RUNBOOKS_OUTPUT_ROOT": str(output_root),
        "RUNBOOKS_DEADLINE": f"{deadline * SOFT_SHARE:g}",
        "IPYTHONDIR": str(Path(scratch) / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _redactor() -> Redactor:
    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)
    return redactor


@contextmanager
def noting(signals: list[int]) -> Iterator[None]:
    """Note signals in the list instead of dying of them; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: object) -> None:
        signals.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
