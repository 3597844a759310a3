"""A JupyterLab of its own: `make lab` without the browser and the password, on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
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
    command = [sys.executable, "-P", "-m", "runbooks.execution.lab", *arguments, "--output-root", str(root)]
    command += ["--", "--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
    command += ["--IdentityProvider.token="]
    path = root.parent / "lab.log"
    with path.open("w") as log:
        server = subprocess.Popen(command, env={**environment(root), **(more or {})}, cwd=cwd, stdout=log, stderr=log)
    try:
        yield Lab(_address(path, server), root, root.parent / "home")
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


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Where it says that it listens; it chose the port itself."""
    while server.poll() is None:
        if said := re.search(r"http://127\.0\.0\.1:\d+(?=/)", log.read_text()):
            return said[0]
        time.sleep(0.05)
    raise AssertionError(f"JupyterLab ended before it answered:\n{log.read_text()}")
