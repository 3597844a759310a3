"""Old runs are removed: only what a run wrote itself, by its manifest, and nothing beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbooks.base.duration import seconds_in
from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, read_below
from runbooks.base.seal import intact
from runbooks.evidence import bounded_json
from runbooks.evidence.saved_files import MAX_FILE
from runbooks.execution.sweep import SCHEMA, SUMMARIES

MANIFEST = "manifest.json"
_SWEEP = re.compile(r"\d{4}-\d\d-\d\d-\d{6}Z\.json\Z")
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_UNITS = ("hour", "day", "week")
"""Nobody keeps reports for minutes: the m of 3m would be months."""


@dataclass(frozen=True)
class Old:
    """A run, or the summary of a sweep, that may go.

    Attributes:
        folder: where it lies
        ended_at: when it ran, as it says itself
        files: what it wrote and nobody changed since, as paths below the folder; the manifest of a run is the last
        size: bytes of these files
        foreign: what else lies in the folder of a run, changed files too, and stays
    """

    folder: Path
    ended_at: datetime
    files: tuple[str, ...]
    size: int
    foreign: tuple[str, ...] = ()

    @property
    def is_run(self) -> bool:
        return MANIFEST in self.files

    @property
    def place(self) -> Path:
        """What a person knows it by."""
        return self.folder if self.is_run else self.folder / self.files[0]


def period(text: str) -> timedelta:
    """`30d`, `12h`, `4w` or `30 days` as a length of time; a bare number means days.

    Raises:
        UsageError: it is none of these
    """
    seconds = seconds_in(text, "day", _UNITS)
    if seconds is None:
        raise UsageError(f"{text[:40]!r} is no length of time.", "Write it as a number of days, or as 12h, 30d or 4w.")
    return timedelta(seconds=seconds)


def old_runs(root: Path, keep: timedelta, at: datetime, keep_incidents: bool = False) -> Iterator[Old]:
    """The runs below an output root that ended longer ago than `keep`, the oldest first.

    A folder without a manifest that a run wrote and nobody changed is no run here.

    Args:
        root: the output root
        keep: how long a run is kept
        at: now
        keep_incidents: whether runs stay whose verdict is an incident
    """
    days = sorted(path for path in root.iterdir() if _DAY.match(path.name) and path.is_dir() and not path.is_symlink())
    for folder in (run for day in days for run in sorted(day.iterdir()) if run.is_dir() and not run.is_symlink()):
        told = _told(folder, MANIFEST)
        files, ended = told.get("files"), _moment(told.get("ended_at") or told.get("started_at"))
        if told.get("schema") != "fly-runbooks/manifest/1" or not isinstance(files, dict) or ended is None:
            continue
        if at - ended <= keep or (keep_incidents and _told(folder, "summary.json").get("verdict") == "incident"):
            continue
        sizes = {str(name): _unchanged(folder, str(name), digest) for name, digest in sorted(files.items())}
        own = [*(name for name, size in sizes.items() if size is not None), MANIFEST]
        beside = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not _is_folder(path))
        foreign = tuple(sorted(name for name in beside if name not in own))
        yield Old(folder, ended, tuple(own), sum(filter(None, sizes.values())), foreign)


def old_sweeps(root: Path, keep: timedelta, at: datetime, keep_incidents: bool = False) -> Iterator[Old]:
    """The summaries of sweeps that ended longer ago than `keep`, the oldest first; those that were changed stay.

    So do those of older versions: without a seal, they do not tell whether they were changed.

    Args: as for `old_runs`; the incident of a sweep is that of its fleet.
    """
    folder = root / SUMMARIES
    names = sorted(path.name for path in folder.glob("*.json")) if not folder.is_symlink() else []
    for name in filter(_SWEEP.match, names):
        told = _told(folder, name)
        ended, fleet = _moment(told.get("ended_at")), told.get("fleet")
        if told.get("schema") != SCHEMA or "seal" not in told or ended is None or at - ended <= keep:
            continue
        if not (keep_incidents and isinstance(fleet, dict) and fleet.get("verdict") == "incident"):
            yield Old(folder, ended, (name,), (folder / name).stat().st_size)


def remove(run: Old) -> None:
    """Remove the files of a run, its manifest last: a removal that is interrupted can be repeated.

    Raises:
        OSError: a file cannot be removed
    """
    for name in run.files:
        (run.folder / name).unlink(missing_ok=True)
    below = sorted((path for path in run.folder.rglob("*") if _is_folder(path)), reverse=True)
    for folder in (*below, run.folder, run.folder.parent) if run.is_run else (run.folder,):
        with suppress(OSError):  # something else lies in it
            folder.rmdir()


def _told(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file; nothing where it cannot be read or its seal says that it was changed."""
    try:
        data = read_below(folder, name, MAX_FILE)
        told = bounded_json.loads(data)
        changed = intact(data) is False
    except (NotReadable, OSError, ValueError):
        return {}
    return told if isinstance(told, dict) and not changed else {}


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _unchanged(folder: Path, name: str, digest: object) -> int | None:
    """The bytes of a file that is as the run wrote it; None for any other, and for what lies behind a link."""
    try:
        data = read_below(folder, name, MAX_FILE)
    except (NotReadable, OSError):
        return None
    return len(data) if hashlib.sha256(data).hexdigest() == digest else None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
