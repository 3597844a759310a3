"""What `runbooks run` leaves of a scenario: made once for all tests that look at it, in whichever process they run."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from runbooks import cli

SHARED = "TESTS_SHARED"
"""The environment variable that names a folder which all processes of a session share."""


@dataclass(frozen=True)
class Produced:
    """How the command ended, what it printed, and the folder that it left. The folder is there to be read only."""

    code: int
    stdout: str
    stderr: str
    folder: Path


@dataclass(frozen=True)
class Production:
    """The runs of this session, below one folder that all its processes share."""

    shared: Path

    def of(self, scenario: str) -> Produced:
        root, told = self.shared / scenario, self.shared / f"{scenario}.json"
        with (self.shared / f"{scenario}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits, and finds it done
            if not told.exists():
                ended = command(
                    *("run", "machine_not_visible", "--json"),
                    *("--source", f"simulator:{scenario}", "--output-root", str(root)),
                )
                told.write_text(json.dumps(ended))
        (folder,) = root.glob("*/machine_not_visible--*")
        return Produced(*json.loads(told.read_text()), folder)


def command(*arguments: str) -> tuple[int, str, str]:
    """`runbooks …`, by the function that the command calls; its exit code, stdout and stderr."""
    out, err, code = io.StringIO(), io.StringIO(), None
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("FLY_", "RUNBOOKS_"))}
    with (
        patch.object(sys, "argv", ["runbooks", *arguments]),
        patch.dict(os.environ, bare, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int), f"the command ended with {code!r}: {err.getvalue()}"
    return code, out.getvalue(), err.getvalue()
