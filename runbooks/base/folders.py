"""Where a run's files lie: a staging folder while it runs, one rename at the end.

A staging folder is held by a lock that dies with its process, so a later run can tell a killed run
from one that is still going.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from runbooks.base.errors import RunbookError

STAGING = ".staging"
QUARANTINE = ".quarantine"
TARGET = ".target"
SCRATCH = "rb-"  # short: the kernel's sockets lie below it, and their paths may hold a hundred bytes


class Staging:
    """The folder of a run that is under way."""

    def __init__(self, output_root: Path) -> None:
        self.output_root = output_root
        parent = output_root / STAGING
        try:
            parent.mkdir(parents=True, exist_ok=True)
            lock = None
            while lock is None:
                self.path = parent / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
                lock = _hold(_lock_of(self.path))
            self._lock = lock
            self.path.mkdir()
        except OSError as error:
            raise RunbookError(
                f"The output folder {output_root} cannot be written ({error.strerror}).",
                "Choose another one with --output-root or RUNBOOKS_OUTPUT_ROOT.",
            ) from error

    def note(self, scratch: Path) -> None:
        """Remember the run's temporary folder where a later run finds it, should this one be killed."""
        self._lock.write(os.fsencode(scratch))
        self._lock.flush()

    def settle(self, fallback: str) -> Path:
        """Give the folder its final name, that of the case or else `fallback`, by one rename."""
        final = _move(self.path, self.output_root, target_of(self.path) or fallback)
        self._release()
        return final

    def discard(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._release()

    def _release(self) -> None:
        _lock_of(self.path).unlink(missing_ok=True)
        self._lock.close()


def sweep(output_root: Path) -> list[Path]:
    """Find runs that were killed, mark them "died" and put them where they can be seen."""
    found: list[Path] = []
    for lock_file in sorted((output_root / STAGING).glob("*.lock")):
        folder = lock_file.with_suffix("")
        lock = _hold(lock_file)
        if lock is None:
            continue  # still running
        if folder.is_dir():
            found.append(_bury(folder, output_root))
        scratch = Path(os.fsdecode(lock_file.read_bytes()))
        if scratch.name.startswith(SCRATCH):
            shutil.rmtree(scratch, ignore_errors=True)
        lock_file.unlink(missing_ok=True)
        lock.close()
    return found


def run_name(runbook: str, parameters: Mapping[str, object], at: datetime) -> str:
    """The relative folder of a run whose case never said where it belongs."""
    subject = parameters.get("machine_id") or parameters.get("machine_name") or "unknown"
    parts = (runbook, parameters.get("app_name") or "unknown", subject)
    return f"{at:%Y-%m-%d}/{'--'.join(safe(str(part)) for part in parts)}--{at:%H%M%SZ}"


def claim(wanted: Path) -> Path:
    """Make a new folder of this name, or with -2, -3 … behind it when it is taken."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for final in _candidates(wanted):
        try:
            final.mkdir()
        except FileExistsError:
            continue
        return final
    raise RunbookError(f"There are a thousand folders called {wanted} already.")


def from_notebook(name: str, run_folder: Path | None, output_root: Path) -> str | None:
    """The way from the notebook to a run's folder, where a link may be made of it.

    `runbooks run` puts the executed notebook into that folder; one in JupyterLab works in a folder beside it.
    """
    if run_folder is not None:
        return "."
    here = Path.cwd().resolve()
    return os.path.relpath(name, here) if output_root.resolve() in here.parents else None


def hashes(folder: Path, leave_out: str) -> dict[str, str]:
    """SHA-256 of every file below `folder`, by relative path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in (leave_out, TARGET))
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def target_of(folder: Path) -> str:
    """What the case wrote about its final place: two path parts, nothing that climbs out."""
    try:
        parts = (folder / TARGET).read_text(encoding="utf-8").strip().split("/")
    except OSError:
        return ""
    return "/".join(safe(part) for part in parts) if len(parts) == 2 else ""


def _bury(folder: Path, output_root: Path) -> Path:
    manifest_file = folder / "manifest.json"
    try:
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
        begun = datetime.fromisoformat(manifest["started_at"])
        fallback = run_name(manifest["runbook"], manifest["parameters"], begun)
    except (OSError, ValueError, KeyError, TypeError):
        manifest = {"schema": "fly-runbooks/manifest/1"}
        begun = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        fallback = run_name("run", {}, begun)
    manifest |= {
        "status": "died",
        "reason": "The process was killed before it could end the run; a later run found what it left.",
        "files": hashes(folder, leave_out="manifest.json"),
    }
    write_json(manifest_file, manifest)
    return _move(folder, output_root, target_of(folder) or fallback)


def _move(folder: Path, output_root: Path, relative: str) -> Path:
    (folder / TARGET).unlink(missing_ok=True)
    wanted = output_root / relative
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for final in _candidates(wanted):
        try:
            folder.rename(final)  # fails on a folder that has files, so two runs cannot take one name
        except OSError:
            if not final.exists():
                raise
        else:
            return final
    raise RunbookError(f"There are a thousand folders called {wanted} already.")


def _candidates(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, 1000):
        yield wanted.with_name(f"{wanted.name}-{number}")


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _hold(lock_file: Path) -> IO[bytes] | None:
    """Lock the file for as long as this process lives; None when another process holds it."""
    handle = lock_file.open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    if not lock_file.exists() or os.fstat(handle.fileno()).st_ino != lock_file.stat().st_ino:
        handle.close()  # its run ended between our look and our lock
        return None
    return handle


def safe(part: str) -> str:
    """A path part made of plain characters only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip(".-")[:80] or "unknown"
