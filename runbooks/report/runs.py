"""The runs that lie below an output root, the broken ones too: what their folders tell without being trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from stat import S_ISREG
from typing import Any
from urllib.parse import quote

from runbooks.base.errors import RunbookError
from runbooks.report import escape, summary
from runbooks.report.status import Standing
from runbooks.report.status import standing as standing_of

LIVE, SIMULATED, REPLAY, EXAMPLE = "live", "simulated", "replay", "example"
"""Where a run's evidence came from; nothing is said where no file tells."""

_LARGEST = 20_000_000
"""Bytes of a file that are read; a larger one is none of ours."""

_NAME = re.compile(r"^(?P<runbook>\w+)--(?P<app>.+?)--(?P<subject>.+)--(?P<clock>\d{6})Z(?:-\d+)?\Z", re.ASCII)
_LAB = re.compile(r"^\w+--lab--\d{6}Z(?:-\d+)?\Z", re.ASCII)
_DAY = re.compile(r"^\d{4}-\d\d-\d\d(?=T|\Z)", re.ASCII)
_FILES = ("report.html", "report.md", "report.ipynb", "summary.json")
_NO_REPORT = Standing("NO REPORT", "!", "the run has no readable summary", "open")
_CUT_SHORT = ("cancelled", "deadline", "died", "failed")


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `at` is when it ran, `looked_at` when its evidence was gathered: long before, in a replay.
    `trouble` says why nothing else is known about it, `ending` how it was cut short."""

    folder: str
    at: str
    looked_at: str = ""
    runbook: str = ""
    app: str = ""
    subject: str = ""
    verdict: str = ""
    status: str = ""
    confidence: str = ""
    headline: str = ""
    cause: str = ""
    trouble: str = ""
    ending: str = ""
    origins: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def standing(self) -> Standing:
        return _NO_REPORT if self.trouble else standing_of(self.verdict, self.confidence, self.status)

    @property
    def day(self) -> date | None:
        """The day it ran, in UTC; None where no name and no file tells one that exists."""
        try:
            return date.fromisoformat(self.at[:10])
        except ValueError:
            return None

    @property
    def of_old(self) -> bool:
        """Whether its evidence is of another day than the run."""
        return bool(self.looked_at) and self.looked_at[:10] != self.at[:10]


def found(root: Path) -> tuple[list[Run], int]:
    """The runs, newest first, and how many notebooks opened in Lab lie beside them (their runs have own folders)."""
    folders = list(_folders(root))
    runs = [_run(root, folder) for folder in folders if not _lab(folder)]
    return sorted(runs, key=lambda run: (run.at, run.folder), reverse=True), len(folders) - len(runs)


def _folders(root: Path) -> Iterator[Path]:
    """`<root>/<day>/<run>`, and what holds a report right below the root, as the committed example does.

    Hidden folders are runs that are still being written. A link to another place below the root would
    show the same run twice.
    """
    real = root.resolve()
    for day in _below(root, real):
        if _is_file(day / "summary.json") or _is_file(day / "report.html"):
            yield day
            continue
        try:
            yield from _below(day, real)
        except OSError:
            yield day


def _below(folder: Path, root: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and _is_folder(path) and not (path.is_symlink() and _inside(path, root))
    ]


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a circle of links
        return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _lab(folder: Path) -> bool:
    return bool(_LAB.match(folder.name)) and not _is_file(folder / "summary.json")


def _run(root: Path, folder: Path) -> Run:
    place = folder.relative_to(root).as_posix()
    manifest = _told(folder / "manifest.json")
    links = tuple((name, quote(f"{place}/{name}", errors="replace")) for name in _FILES if _is_file(folder / name))
    origins = _origins(folder, manifest, place)
    ending = _ending(manifest)
    try:
        known = _summary(folder / "summary.json")
    except FileNotFoundError:
        return _broken(folder, place, "no summary.json: the run did not finish", ending, origins, links)
    except (OSError, ValueError, RecursionError, RunbookError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        return _broken(folder, place, f"summary.json cannot be used: {said}", ending, origins, links)
    subject, cause = known["subject"], known["cause"] or {}
    return Run(
        folder=place,
        at=_ran_at(folder) or known["looked_at"],
        looked_at=known["looked_at"],
        runbook=known["runbook"],
        app=subject["app"] or subject["org"] or "",
        subject=subject["machine_name"] or subject["machine_id"] or "",
        verdict=known["verdict"],
        status=known.get("status", ""),
        confidence=cause.get("confidence", ""),
        headline=known["headline"],
        cause=cause.get("slug", ""),
        ending=ending,
        origins=origins,
        links=links,
    )


def _broken(
    folder: Path, place: str, trouble: str, ending: str, origins: tuple[str, ...], links: tuple[tuple[str, str], ...]
) -> Run:
    """What the names still tell: `<runbook>--<app>--<subject>--HHMMSSZ` under its day."""
    named = _NAME.match(folder.name)
    day = _DAY.match(folder.parent.name)
    return Run(
        folder=place,
        at=_ran_at(folder) or (day[0] if day else ""),
        runbook=named["runbook"] if named else "",
        app=_known(named["app"]) if named else "",
        subject=_known(named["subject"]) if named else "",
        trouble=trouble,
        ending=ending,
        origins=origins,
        links=links,
    )


def _known(part: str) -> str:
    """A folder is named "unknown" where the run did not find the name."""
    return "" if part == "unknown" else part


def _ran_at(folder: Path) -> str:
    named, day = _NAME.match(folder.name), _DAY.match(folder.parent.name)
    clock = named["clock"] if named else ""
    return f"{day[0]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z" if day and clock else ""


def _origins(folder: Path, manifest: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The manifest alone knows a replay, whose files are those of the run it replays."""
    parameters = manifest.get("parameters")
    asked = parameters.get("source") if isinstance(parameters, dict) else None
    source = asked if isinstance(asked, str) else ""
    marks = [EXAMPLE] if place == "example" else []
    if source.startswith("bundle:"):
        marks.append(REPLAY)
    if not source.startswith("simulator:"):
        recorded = _told(folder / "evidence" / "index.json").get("source")
        source = recorded if isinstance(recorded, str) else source
    if source.startswith("simulator:"):
        marks.append(SIMULATED)
    elif source == "live" and not marks:
        marks.append(LIVE)
    return tuple(marks)


def _ending(manifest: Mapping[str, Any]) -> str:
    """How a run was cut short, in the manifest's words."""
    told = manifest.get("status")
    if told not in _CUT_SHORT:
        return ""
    reason = manifest.get("reason")
    return f"{told}: {escape.line(reason, 300)}" if isinstance(reason, str) and reason else str(told)


def _summary(path: Path) -> dict[str, Any]:
    known = _load(path)
    summary.check(known)
    return dict(known)


def _told(path: Path) -> Mapping[str, Any]:
    """A file that may help; without it the run is listed all the same."""
    try:
        told = _load(path)
    except (OSError, ValueError, RecursionError, RunbookError):
        return {}
    return told if isinstance(told, dict) else {}


def _load(path: Path) -> Any:
    """Neither a pipe, which would never end, nor more than a run's file can hold."""
    found = path.stat()
    if not S_ISREG(found.st_mode):
        raise RunbookError("it is no plain file.")
    if found.st_size > _LARGEST:
        raise RunbookError("it is far too large.")
    return json.loads(path.read_text(encoding="utf-8"))
