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
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from runbooks.base.errors import DiskError, RunbookError
from runbooks.base.files import DISK_FULL, why
from runbooks.base.seal import sealed
from runbooks.base.settings import load_settings

STAGING = ".staging"
QUARANTINE = ".quarantine"
TARGET = ".target"
SCANNED = ".scanned"
"""Hashes of the files that the case has looked over already, one a line."""
_BESIDE = (TARGET, SCANNED)
"""What is no file of the run, and goes when the folder takes its place."""
SCRATCH = "rb-"  # short: the kernel's sockets lie below it, and their paths may hold a hundred bytes
KERNEL_SECONDS = 5.0
"""How long a kernel may outlive its runner; it looks once a second."""
ROOM = 16_000_000
"""Bytes that must be free before a run begins: a report, its notebook and its evidence, with something to spare."""


class Staging:
    """The folder of a run that is under way.

    Raises:
        DiskError: the disk has no room for a run
        RunbookError: the folder cannot be written
    """

    def __init__(self, output_root: Path) -> None:
        self.output_root = output_root
        parent = output_root / STAGING
        try:
            make(parent)
            require_room(parent)
            lock = None
            while lock is None:
                self.path = parent / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
                lock = hold(_lock_of(self.path))
            self._lock = lock
            weakref.finalize(self, lock.close)
            make(self.path)
        except OSError as error:
            raise not_written(output_root, error) from error

    def note(self, scratch: Path) -> None:
        """Remember the run's temporary folder where a later run finds it, should this one be killed."""
        self._lock.write(os.fsencode(scratch))
        self._lock.flush()

    def settle(self, fallback: str, job: str = "") -> Path:
        """Give the folder its final name by one rename.

        Args:
            fallback: the name, if the case told none
            job: the name of a run that may have been begun twice; if the other one has it already, this one is dropped

        Returns:
            the folder that is published now
        """
        final = _move(self.path, self.output_root, job or target_of(self.path) or fallback, job)
        if job and self.path.exists():
            shutil.rmtree(self.path)
        self._release()
        return final

    def discard(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._release()

    def leave(self) -> None:
        """Let go of the folder where it is: the next run finds it as one that died."""
        self._lock.close()

    def _release(self) -> None:
        _lock_of(self.path).unlink(missing_ok=True)
        self._lock.close()


def sweep(output_root: Path) -> list[Path]:
    """Find runs that were killed, mark them "died" and put them where they can be seen."""
    found: list[Path] = []
    for lock_file in sorted((output_root / STAGING).glob("*.lock")):
        folder = lock_file.with_suffix("")
        lock = hold(lock_file)
        if lock is None:
            continue  # still running
        if folder.is_dir():
            if _still_written(folder):
                lock.close()
                continue
            job = _manifest_of(folder).get("job")
            if isinstance(job, str) and published(output_root, job):
                shutil.rmtree(folder)
            else:
                found.append(_bury(folder, output_root))
        scratch = Path(os.fsdecode(lock_file.read_bytes()))
        if scratch.name.startswith(SCRATCH):
            shutil.rmtree(scratch, ignore_errors=True)
        lock_file.unlink(missing_ok=True)
        lock.close()
    return found


def _still_written(folder: Path) -> bool:
    """A kernel lives a moment longer than the runner that was killed; it is waited for."""
    end = time.monotonic() + KERNEL_SECONDS
    for journal in (folder / "evidence").glob("journal*.jsonl"):
        with journal.open("rb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        return True
                    time.sleep(0.05)
                except OSError:
                    break  # a file system without locks
    return False


def run_name(runbook: str, parameters: Mapping[str, object], at: datetime, subject: str = "unknown") -> str:
    """The relative folder of a run; `subject` names what it is about where it is about no single machine."""
    subject = str(parameters.get("machine_id") or parameters.get("machine_name") or subject)
    parts = (runbook, parameters.get("app_name") or parameters.get("org_slug") or "unknown", subject)
    return f"{at:%Y-%m-%d}/{'--'.join(safe(str(part)) for part in parts)}--{at:%H%M%SZ}"


def claim(wanted: Path) -> Path:
    """Make a new folder of this name, or with -2, -3 … behind it when it is taken."""
    make(wanted.parent)
    for final in _candidates(wanted):
        try:
            final.mkdir()
            final.chmod(0o777 & ~umask())
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
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.name not in (leave_out, *_BESIDE)
    )
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a manifest with its seal; the one that was there stays whole until the new one is."""
    write_whole(path, sealed(value))


def write_whole(path: Path, text: str) -> None:
    """The file appears with all of the text or not at all; what could not be written leaves no rest."""
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o666 & ~umask())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def umask() -> int:
    """What is taken from the rights of every file of a run: all of group and others, unless RUNBOOKS_UMASK says so."""
    return _umask(os.environ.get("RUNBOOKS_UMASK", ""), os.environ.get("RUNBOOKS_PROFILE", ""), Path.cwd())


@cache
def _umask(variable: str, profile: str, folder: Path) -> int:
    """By what it depends on: every file that is written asks for it."""
    return load_settings().umask


def make(folder: Path) -> None:
    """Make a folder and those above it that are missing, with the rights that RUNBOOKS_UMASK leaves."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        one.chmod(0o777 & ~umask())


def protect(folder: Path) -> None:
    """Give everything below a folder of a run, and the folder itself, the rights that RUNBOOKS_UMASK leaves."""
    mask = umask()
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def require_room(folder: Path) -> None:
    """Look at the room on the disk before anything is asked.

    Raises:
        DiskError: there is less than `ROOM`
    """
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise no_room(
            folder, f"The disk that holds {folder} has {free / 1e6:.1f} MB left, and a run needs {ROOM / 1e6:.0f}"
        )


def not_written(output_root: Path, error: OSError) -> RunbookError:
    """What to say where the output folder cannot be written: its disk is full, or it is not ours."""
    if error.errno in DISK_FULL:
        return no_room(output_root, f"The disk that holds {output_root} is full ({why(error)})")
    return RunbookError(
        f"The output folder {output_root} cannot be written ({why(error)}).",
        "Choose another one with --output-root or RUNBOOKS_OUTPUT_ROOT.",
    )


def no_room(folder: Path, cause: str) -> DiskError:
    return DiskError(
        f"{cause}. Nothing was asked.",
        "Free some space, or choose a place on another disk with --output-root or RUNBOOKS_OUTPUT_ROOT.",
    )


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
    manifest = {name: told for name, told in manifest.items() if name not in ("seal", "sealed")}
    manifest |= {
        "status": "died",
        "reason": "The process was killed before it could end the run; a later run found what it left.",
        "files": hashes(folder, leave_out="manifest.json"),
    }
    write_sealed(manifest_file, manifest)
    return _move(folder, output_root, target_of(folder) or fallback)


def published(output_root: Path, job: str) -> Path | None:
    """The folder in which the run of this job was published, if it was; `job` as for `Staging.settle`."""
    for final in _candidates(output_root / job):
        if not final.exists():
            return None
        manifest = _manifest_of(final)
        if manifest.get("job") == job and manifest.get("status") != "died":
            return final
    return None


def _manifest_of(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _move(folder: Path, output_root: Path, relative: str, job: str = "") -> Path:
    for name in _BESIDE:
        (folder / name).unlink(missing_ok=True)
    protect(folder)
    wanted = output_root / relative
    make(wanted.parent)
    for final in _candidates(wanted):
        try:
            folder.rename(final)  # fails on a folder that has files, so two runs cannot take one name
        except OSError:
            if not final.exists():
                raise
            if job and published(output_root, job) == final:
                return final
        else:
            return final
    raise RunbookError(f"There are a thousand folders called {wanted} already.")


def _candidates(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, 1000):
        yield wanted.with_name(f"{wanted.name}-{number}")


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def hold(lock_file: Path) -> IO[bytes] | None:
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
