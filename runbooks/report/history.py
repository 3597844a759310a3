"""Earlier runs on the same subject: what they found, where they are, and what changed since the newest of them.

Everything here is read from `summary.json`, the earlier ones' and this run's own, so that an old run is
compared by what it published and not by what today's rules would make of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks.base.errors import RunbookError
from runbooks.base.folders import safe
from runbooks.evidence import tables
from runbooks.evidence.models import Evidence, Subject
from runbooks.report import summary, times
from runbooks.report.section import Section

if TYPE_CHECKING:
    import pandas as pd

MOST = 10
"""Earlier runs that are listed, the newest first."""

_RUN = re.compile(r"^\w+--.+--.+--\d{6}Z(?:-\d+)?\Z")
_LARGEST = 20_000_000
_MOST_READ = 300
_SLUG, _TITLE = "earlier-runs", "Changes since the previous run"


@dataclass(frozen=True)
class Earlier:
    """One earlier run in brief. `looked_at` is ISO 8601; `views` maps a view to what it showed, in words."""

    folder: str
    looked_at: str
    runbook: str
    verdict: str
    headline: str
    cause: str = ""
    confidence: str = ""
    views: Mapping[str, str] = field(default_factory=dict)
    status: str = ""

    @property
    def said(self) -> str:
        """The cause as that run gave it, in words."""
        if self.cause:
            return f"{self.cause} ({self.confidence})"
        return "none" if self.verdict == "healthy" else "not established"


@dataclass(frozen=True)
class Change:
    """One thing that changed: cause, status, a view, the row."""

    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Since:
    """`earlier` newest first (at least one), `changes` against the newest of them, `left` how many more there are."""

    earlier: tuple[Earlier, ...]
    changes: tuple[Change, ...]
    left: int = 0


def in_brief(folder: str, summary: Mapping[str, Any]) -> Earlier:
    """A summary as a later run remembers it."""
    cause = summary["cause"] or {}
    return Earlier(
        folder=folder,
        looked_at=summary["looked_at"],
        runbook=summary["runbook"],
        verdict=summary["verdict"],
        headline=summary["headline"],
        cause=cause.get("slug", ""),
        confidence=cause.get("confidence", ""),
        status=summary.get("status", ""),
        views={view["view"]: _seen(view["sees"], view["state"]) for view in summary["visibility"]},
    )


def changes(before: Earlier, now: Earlier) -> tuple[Change, ...]:
    """What changed since the earlier report, the most important first."""
    pairs = [
        ("verdict", before.verdict, now.verdict),
        ("cause", before.said, now.said),
        *((view, before.views[view], shown) for view, shown in now.views.items() if view in before.views),
    ]
    return tuple(Change(what, old, new) for what, old, new in pairs if old != new)


def _seen(sees: str, state: str) -> str:
    word = {"yes": "sees it", "no": "does not", "could-not-look": "could not look"}[sees]
    return f"{word}: {state}" if state else word


def same_subject(root: Path, evidence: Evidence) -> tuple[Earlier, ...]:
    """Runs on the same machine or name, the newest first, that looked before this one did.

    Only runs of the same kind of source count: a simulated machine is never an earlier state of a real one.
    What cannot be read is left out; the page of all runs lists it with the reason.
    """
    subject, kind, now = evidence.subject, evidence.source.partition(":")[0], times.utc(evidence.looked_at)
    alike = [
        (at, folder, told)
        for folder in _candidates(root, subject.app or subject.org)
        if isinstance(told := _json(folder / "summary.json"), dict)
        and (at := _looked_at(told)) is not None
        and at < now
        and _about(told.get("subject"), subject)
    ]
    found: dict[tuple[datetime, str, str], Earlier] = {}
    # A replay tells of the same moment; the run that it replays stands before it.
    for at, folder, told in sorted(alike, key=lambda one: one[0], reverse=True):
        # To judge a whole summary takes longer than all the rest; more than are listed need not be.
        if len(found) == MOST:
            break
        known = (at, str(told.get("runbook")), str(told.get("headline")))
        if known not in found and _is_whole(told) and _kind(folder) == kind:
            found[known] = in_brief(folder.relative_to(root).as_posix(), told)
    newest = sorted(found.items(), key=lambda item: (item[0][0], item[1].folder), reverse=True)
    return tuple(brief for _, brief in newest)


def _about(known: object, subject: Subject) -> bool:
    """Whether a summary's subject, which may be anything, is this one."""
    if not isinstance(known, dict) or (known.get("app") or "") != subject.app:
        return False
    pairs = ((known.get(name), getattr(subject, name)) for name in ("machine_id", "machine_name"))
    named = [(before, now) for before, now in pairs if before or now]
    return any(before == now for before, now in named) if named else (known.get("org") or "") == subject.org


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


def _looked_at(told: Mapping[str, Any]) -> datetime | None:
    """When a run looked; None for what is no moment in time with its offset."""
    try:
        at = datetime.fromisoformat(told["looked_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _is_whole(told: Mapping[str, Any]) -> bool:
    try:
        summary.check(told)
    except RunbookError:
        return False
    return True


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


def since_last_time(since: Since | None) -> Section:
    """Earlier runs on the same machine or name, and what changed since the newest of them."""
    question = "What did earlier runs on this machine find, and what has changed?"
    if since is None:
        return Section(
            _SLUG,
            _TITLE,
            question,
            "No earlier run on this machine or name is in the output folder.",
        )
    newest, count = since.earlier[0], len(since.earlier)
    runs = "1 earlier run" if count == 1 else f"{count} earlier runs"
    answer = (
        f"{runs}; since the newest, at {newest.looked_at}, {_counted(since.changes)}."
        if since.changes
        else f"{runs}; nothing changed since the newest, at {newest.looked_at}."
    )
    return Section(
        _SLUG,
        _TITLE,
        question,
        answer,
        notes=tuple(f"{run.looked_at}: {run.verdict}, cause {run.said}: {run.headline}" for run in since.earlier),
        table=_table(since.changes) if since.changes else None,
    )


def second_look(before: str, now: str, found: Sequence[Change], kept: str, so_far: Section) -> Section:
    """What `case.refresh()` shows: the verdict so far, and what changed."""
    return Section(
        "second-look",
        so_far.title,
        f"What changed between {before} and {now}?",
        so_far.answer,
        notes=(
            _sentence(f"{_counted(found)} since {before}") if found else f"Nothing changed since {before}.",
            f"The earlier evidence is kept in {kept}/.",
            *so_far.notes,
        ),
        table=_table(found) if found else None,
    )


def _table(found: Sequence[Change]) -> pd.DataFrame:
    return tables.frame(("what", "before", "now"), ((change.what, change.before, change.now) for change in found))


def _counted(found: Sequence[Change]) -> str:
    return "1 thing changed" if len(found) == 1 else f"{len(found)} things changed"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
