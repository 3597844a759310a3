"""Warm kernels: a process that has imported everything forks a kernel for each run, or waits to become one.

Only on Linux: elsewhere a fork after imports is not safe, and kernels start cold. A run is as isolated as with a kernel
of its own interpreter, and leaves the same bytes.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Any as Anything

from runbooks.execution import early

PROVISIONER = "fly-runbooks-warm"
"""The name under which pyproject.toml declares it to Jupyter."""
POSSIBLE = early.FORKS


class WarmProvisioner(LocalProvisioner):
    """Takes the process that waits for it, or forks the warm one, and is otherwise Jupyter's own provisioner."""

    waiting: subprocess.Popen[bytes] | None = Anything(None, allow_none=True)  # type: ignore[assignment]

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Do without executing `cmd`: the interpreter, `-P -m ipykernel_launcher`, and the kernel's arguments."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        if self.waiting is not None:
            early.hand_over(self.waiting, arguments, kwargs["env"])
            self.process = self.waiting
            self.pid = self.pgid = self.waiting.pid
            return self.connection_info
        given = (arguments, dict(kwargs["env"]), kwargs["stdout"].name)
        forked = early.server().Process(target=_serve, args=given, name=PROVISIONER)
        forked.start()
        self.process = _Forked(forked)  # type: ignore[assignment]
        self.pid = self.pgid = forked.pid
        return self.connection_info


class _Forked:
    """A process of the fork server with the methods of `subprocess.Popen` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, process: multiprocessing.process.BaseProcess) -> None:
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.pid is not None and self.poll() is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()


def _end_with_runner() -> None:
    """End this kernel when the process that asked for it was killed: the fork server lives as long as its forks."""
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
        os._exit(1)


def _serve(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    """In the fork: become the kernel, with the environment and the output that one of its own would have."""
    threading.Thread(target=_end_with_runner, daemon=True).start()
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    early.become(arguments, environment)
