"""A JupyterLab of its own: `make lab` without the browser and the password, on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib

from runbooks.execution.lab import copy_notebook


@dataclass(frozen=True)
class Lab:
    """Where it listens, what it serves, and where everything lies that it may write."""

    url: str
    root: Path
    home: Path

    def copy(self, runbook: str, source: str | None = None) -> Path:
        """A fresh copy of a runbook, as `python -m runbooks.execution.lab` makes one."""
        return copy_notebook(runbook, self.root, source, datetime.now(UTC))


@contextmanager
def lab(arguments: list[str], root: Path, cwd: Path, more: Mapping[str, str] | None = None) -> Iterator[Lab]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "runbooks.execution.lab", *arguments, "--output-root", str(root)]
    command += ["--", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token="]
    with (root.parent / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env={**environment(root), **(more or {})}, cwd=cwd, stdout=log, stderr=log)
    try:
        _wait_for(port, server)
        yield Lab(f"http://127.0.0.1:{port}", root, root.parent / "home")
    finally:
        server.kill()  # it would wait for a client's goodbye; its kernels notice and end
        server.wait()


def environment(root: Path) -> dict[str, str]:
    """A machine of its own: no credentials, no Jupyter settings of the person who runs the tests."""
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLY_", "RUNBOOKS_", "JUPYTER", "IPYTHON"))}
    own = {"HOME": home, "JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_DATA_DIR": home / "data"}
    own |= {"JUPYTER_RUNTIME_DIR": home / "runtime", "IPYTHONDIR": home / "ipython"}
    own |= {"MPLCONFIGDIR": Path(matplotlib.get_cachedir())}  # its list of fonts takes long to make
    return kept | {name: str(path) for name, path in own.items()} | {"RUNBOOKS_OUTPUT_ROOT": str(root)}


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("JupyterLab ended before it answered")
