"""`outputs/index.html`: every run that left a folder, newest first, the broken ones too."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbooks.errors import RunbookError
from runbooks.report import page, status, summary

_LARGEST = 20_000_000
"""Bytes of a summary that are read; a larger file is no summary."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `trouble` says why nothing else is known about it."""

    folder: str
    looked_at: str
    runbook: str = ""
    app: str = ""
    subject: str = ""
    verdict: str = ""
    confidence: str = ""
    headline: str = ""
    cause: str = ""
    trouble: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @property
    def standing(self) -> status.Standing:
        return status.standing(self.verdict, self.confidence)


def write(output_root: Path) -> Path:
    """Writes the index of the runs under `output_root` in one move, and returns its path."""
    root = Path(output_root)
    text = page.environment().get_template("index.html.j2").render(rows=rows(root))
    target = root / "index.html"
    handle, staged = tempfile.mkstemp(dir=root, prefix=".index-", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(staged).chmod(0o644)
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    return target


def rows(root: Path) -> list[Row]:
    """The runs, newest first; what cannot be read is a row that says so."""
    found = [_row(folder) for folder in _folders(root)]
    return sorted(found, key=lambda row: (row.looked_at, row.folder), reverse=True)


def _folders(root: Path) -> Iterator[Path]:
    """`<root>/<day>/<run>`; hidden folders are runs that are still being written."""
    for day in sorted(root.iterdir()):
        if day.name.startswith(".") or not day.is_dir():
            continue
        for run in sorted(day.iterdir()):
            if not run.name.startswith(".") and run.is_dir():
                yield run


def _row(folder: Path) -> Row:
    place = f"{folder.parent.name}/{folder.name}"
    links = tuple(
        (name, quote(f"{place}/{name}", errors="replace"))
        for name in ("report.html", "report.md", "report.ipynb", "summary.json")
        if (folder / name).is_file()
    )
    try:
        found = _read(folder / "summary.json")
    except FileNotFoundError:
        return _broken(folder, "no summary.json: the run did not finish", links)
    except (OSError, ValueError, RecursionError, RunbookError) as error:
        return _broken(folder, f"summary.json cannot be used: {error}", links)
    subject, cause = found["subject"], found["cause"] or {}
    return Row(
        folder=place,
        looked_at=found["looked_at"],
        runbook=found["runbook"],
        app=subject["app"] or "",
        subject=subject["machine_name"] or subject["machine_id"] or "",
        verdict=found["verdict"],
        confidence=cause.get("confidence", ""),
        headline=found["headline"],
        cause=cause.get("slug", ""),
        links=links,
    )


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST:
        raise RunbookError("it is far too large.")
    found = json.loads(path.read_text(encoding="utf-8"))
    summary.check(found)
    return dict(found)


def _broken(folder: Path, trouble: str, links: tuple[tuple[str, str], ...]) -> Row:
    """What the name still tells: `<runbook>--<app>--<subject>--HHMMSSZ` under its day."""
    parts = [*folder.name.split("--"), "", "", "", ""]
    clock = parts[3]
    known = len(clock) == 7 and clock[:6].isdigit() and clock.endswith("Z")
    hour = f"T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z" if known else ""
    return Row(
        folder=f"{folder.parent.name}/{folder.name}",
        looked_at=f"{folder.parent.name}{hour}",
        runbook=parts[0],
        app=parts[1],
        subject=parts[2],
        trouble=trouble,
        links=links,
    )
