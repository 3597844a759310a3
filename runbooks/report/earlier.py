"""Earlier runs on the same subject, found below the output root."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from runbooks.base.errors import RunbookError
from runbooks.base.folders import safe
from runbooks.evidence.models import Evidence
from runbooks.report import summary, times
from runbooks.report.since import MOST, Earlier, in_brief

_RUN = re.compile(r"^\w+--.+--.+--\d{6}Z(?:-\d+)?\Z")
_LARGEST = 20_000_000
_MOST_READ = 300


def same_subject(root: Path, evidence: Evidence) -> tuple[Earlier, ...]:
    """Runs on the same machine or name, the newest first, that looked before this one did.

    Only runs of the same kind of source count: a simulated machine is never an earlier state of a real one.
    What cannot be read is left out; the page of all runs lists it with the reason.
    """
    subject, kind = evidence.subject, evidence.source.partition(":")[0]
    found: dict[tuple[datetime, str, str], Earlier] = {}
    for folder in _candidates(root, subject.app):
        told = _summary(folder)
        if told is None or _kind(folder) != kind:
            continue
        known = told["subject"]
        same_id = bool(subject.machine_id) and known["machine_id"] == subject.machine_id
        same_name = bool(subject.machine_name) and known["machine_name"] == subject.machine_name
        at = datetime.fromisoformat(told["looked_at"])
        if known["app"] == subject.app and (same_id or same_name) and at < times.utc(evidence.looked_at):
            # A replay tells of the same moment; the run that it replays stands before it.
            brief = in_brief(folder.relative_to(root).as_posix(), told)
            found.setdefault((at, brief.runbook, brief.headline), brief)
    newest = sorted(found.items(), key=lambda item: (item[0][0], item[1].folder), reverse=True)
    return tuple(brief for _, brief in newest[:MOST])


def _candidates(root: Path, app: str) -> Iterator[Path]:
    """Folders whose names tell of the same app, in the order of their names: a run before its replays."""
    days = [day for day in sorted(root.glob("????-??-??")) if day.is_dir()] if root.is_dir() else []
    runs = [
        run
        for day in days
        for run in sorted(day.iterdir())
        if _RUN.match(run.name) and run.name.split("--")[1] == safe(app)
    ]
    yield from runs[-_MOST_READ:]


def _summary(folder: Path) -> Mapping[str, Any] | None:
    found = _json(folder / "summary.json")
    try:
        summary.check(found)
        datetime.fromisoformat(found["looked_at"])
    except (RunbookError, ValueError):
        return None
    return dict(found)


def _kind(folder: Path) -> str:
    """live or simulator, as the evidence itself tells."""
    index = _json(folder / "evidence" / "index.json")
    source = index.get("source") if isinstance(index, dict) else None
    return source.partition(":")[0] if isinstance(source, str) else ""


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
