"""Which runs of this machine have test machines at Fly: one small file a run, held as long as its process lives.

The file is written before the first test machine is created, and removed when none is left. The lock on it ends with
the process, however that ends, so a later run can tell a run that died from one that is still going.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from runbooks.base import folders

FOLDER = ".canaries"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A run that may have left test machines: the app they are in, and when the run began."""

    app: str
    run: datetime


class Leftovers:
    """The files below one output root.

    Args:
        output_root: where this user's runs are kept
    """

    def __init__(self, output_root: Path) -> None:
        self.folder = output_root / FOLDER
        self._held: dict[Path, IO[bytes]] = {}

    def hold(self, app: str, run: datetime) -> None:
        """Note, before a test machine is created, that this run may have one. What was noted is on disk afterwards."""
        path = self._path(run)
        if path in self._held:
            return
        folders.make(self.folder)
        file = folders.hold(path)
        if file is None:
            raise FileExistsError(f"another run holds {path}")
        file.write(json.dumps({"app": app, "run": run.isoformat()}).encode())
        file.flush()
        os.fsync(file.fileno())
        self._held[path] = file

    def forget(self, run: datetime) -> None:
        """Nothing of this run is left at Fly."""
        path = self._path(run)
        path.unlink(missing_ok=True)
        if file := self._held.pop(path, None):
            file.close()

    def release(self) -> None:
        """End the hold on all that is still noted: from now on it is that of a run that has ended."""
        for file in self._held.values():
            file.close()
        self._held.clear()

    def alive(self, run: datetime) -> bool | None:
        """Whether the process of this run lives; None if this machine knows no such run."""
        path = self._path(run)
        if path in self._held:
            return True
        if not path.exists():
            return None
        file = folders.hold(path)
        if file is not None:
            file.close()
        return file is None

    def dead(self) -> Iterator[Leftover]:
        """Every run whose process has ended and that may have left something; unreadable files are passed over."""
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(path.read_text(encoding="utf-8"))
                found = Leftover(str(told["app"]), datetime.fromisoformat(told["run"]))
                if path == self._path(found.run) and self.alive(found.run) is False:
                    yield found

    def _path(self, run: datetime) -> Path:
        return self.folder / f"{run:%Y%m%dT%H%M%S%f}Z.json"
