"""The kernel of a single run begins early: it imports what a run needs while the runner imports papermill.

The process waits for the arguments of a kernel and becomes one. Where there are no sessions of processes, on Windows,
Jupyter starts the kernel when it comes to that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runbooks.base import garbage

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

POSSIBLE = os.name == "posix"
FORKS = sys.platform == "linux"
"""Elsewhere a fork after imports is not safe."""


@contextmanager
def waiting(log: Path, wanted: bool = True) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that will be a kernel and writes into `log`; None where that is not possible. Afterwards it is gone."""
    if not (wanted and POSSIBLE):
        yield None
        return
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()


def hand_over(process: subprocess.Popen[bytes], arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Let the waiting process become the kernel of these arguments. One that has died says why in its log."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps([list(arguments), dict(environment)]).encode() + b"\n")
            process.stdin.flush()


def server() -> ForkServerContext:
    """The fork server of this process, which imports what kernels need; it ends with this process."""
    import multiprocessing  # only here: a kernel that waits need not know it
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["runbooks.execution.warm", "runbooks.execution.preload"])
    forkserver.ensure_running()
    return context


def become(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Be a kernel with these arguments and this environment, until it ends."""
    from ipykernel import kernelapp

    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    kernelapp.launch_new_instance()


def _wait() -> None:
    garbage.rarely()
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    import ipykernel.debugger
    import ipykernel.kernelapp
    import ipykernel.zmqshell  # noqa: F401

    import runbooks.case
    import runbooks.collect.collector
    import runbooks.report.charts.sheet
    import runbooks.report.dataframes
    import runbooks.report.page  # noqa: F401

    if told := sys.stdin.buffer.readline():
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        arguments, environment = json.loads(told)
        become(arguments, environment)


if __name__ == "__main__":
    _wait()
