"""Changes since the previous run: what earlier runs on the same subject found, and what differs now.

Everything here is read from `summary.json`, the earlier ones' and this run's own, so that an old run is
compared by what it published and not by what today's rules would make of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 10
"""Earlier runs that are listed, the newest first."""


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
