"""What `summary.json` says of a fleet besides what every summary says: `fly-runbooks/summary-fleet/1`."""

from __future__ import annotations

from typing import Any

from runbooks.diagnose.fleet import FleetReview, Suspect
from runbooks.diagnose.fleet_shared import LEVEL
from runbooks.report import escape, times

SCHEMA = "fly-runbooks/summary-fleet/1"
MOST_SUSPECTS = 1_000
MOST_SHARED = 100
_LONG = 400


def of(found: FleetReview) -> dict[str, Any]:
    """The keys that a fleet adds to a summary, and those that it replaces."""
    return {
        "schema": SCHEMA,
        "exit_code": found.exit_code,
        "fleet": {
            "table": _text(found.table),
            "machines": found.machines,
            "rows": found.rows,
            "pairs": found.total,
            "agree": found.agree,
            "disagree": found.disagree,
            "not_known": found.not_known,
            "thresholds": {
                "waiting_minutes": found.thresholds.waiting.total_seconds() / 60,
                "orphaned_minutes": found.thresholds.orphaned.total_seconds() / 60,
            },
            "classes": {one.value: number for one, number in found.classes.items()},
            "unknown": {why.value: number for why, number in found.unknown.items()},
            "states": [
                {"row_status": _text(row) or None, "machine_state": _text(state) or None, "pairs": number}
                for (row, state), number in found.states.items()
            ],
            "test": {"name": "fisher-exact-one-sided", "correction": "holm", "level": LEVEL, "tested": found.tested},
            "shared": [
                {
                    "attribute": one.attribute,
                    "value": _text(one.value),
                    "failing_with": one.failing_with,
                    "failing": one.failing,
                    "healthy_with": one.healthy_with,
                    "healthy": one.healthy,
                    "p": one.p,
                    "p_corrected": one.adjusted,
                }
                for one in found.telling[:MOST_SHARED]
            ],
            "suspects": [_suspect(rank, one) for rank, one in enumerate(found.suspects[:MOST_SUSPECTS], start=1)],
            "suspects_left": max(0, len(found.suspects) - MOST_SUSPECTS),
        },
    }


def _suspect(rank: int, one: Suspect) -> dict[str, Any]:
    return {
        "rank": rank,
        "reason": one.reason.value,
        "app": _text(one.app) or None,
        "machine_id": _text(one.machine_id) or None,
        "machine_name": _text(one.machine_name) or None,
        "row_key": _text(one.row_key) or None,
        "machine_state": _text(one.state) or None,
        "row_status": _text(one.row_status) or None,
        "region": _text(one.region) or None,
        "since": times.iso(one.since) if one.since else None,
    }


def _text(value: str) -> str:
    return escape.plain(value, _LONG)
