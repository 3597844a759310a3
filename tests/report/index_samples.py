"""Folders of runs made by hand, for the tests of the page that lists them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from played import demo

from runbooks.report import summary

DAYS = ("2025-09-28", "2025-10-01", "2025-10-01", "2025-10-02")


def told(**changes: Any) -> dict[str, Any]:
    """The demo's summary with other words; `cause` and `confidence` go into its cause, None for none."""
    found = summary.build(demo())
    for derived in ("status", "exit_code"):  # of the demo; a summary without them is read by verdict and cause
        del found[derived]
    slug, confidence = changes.pop("cause", "missing-environment"), changes.pop("confidence", "confirmed")
    found["cause"] = found["cause"] | {"slug": slug, "confidence": confidence} if slug else None
    found["subject"] = found["subject"] | changes.pop("subject", {})
    summary.check(found | changes)
    return found | changes


def leave(
    root: Path, place: str, summary_: dict[str, Any] | str | None = None, source: str = "", **manifest: object
) -> Path:
    """One run's folder. `source` is where its evidence came from, and what else is given stands in its manifest."""
    folder = root / place
    folder.mkdir(parents=True)
    if isinstance(summary_, dict):
        (folder / "report.html").write_text("<p>", encoding="utf-8")
        (folder / "report.md").write_text("#", encoding="utf-8")
    if summary_ is not None:
        text = summary_ if isinstance(summary_, str) else summary.dumps(summary_)
        (folder / "summary.json").write_text(text, encoding="utf-8")
    if source:
        (folder / "evidence").mkdir()
        (folder / "evidence" / "index.json").write_text(json.dumps({"source": source}), encoding="utf-8")
    if manifest:
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def fill(root: Path) -> None:
    """Eight runs of two apps by two runbooks, one of them died, and the example."""
    for number, day in enumerate(DAYS):
        at = f"{day}T1{number}:00:00Z"
        name = f"{day}/machine_not_visible--vyx-app--vyx-63eea370--1{number}0000Z"
        leave(root, name, told(looked_at=at, confidence="likely" if number == 3 else "confirmed"), "live")
    relay = {"app": "harbor-relay", "machine_name": "relay-eu-3"}
    place = "2025-10-02/machine_not_visible--harbor-relay--01234567890123--150000Z"
    leave(root, place, told(looked_at="2025-10-02T15:00:00Z", cause="out-of-memory", subject=relay), "live")
    fixed = told(
        runbook="verify_fix", verdict="healthy", cause=None, headline="Fixed.", looked_at="2025-10-02T16:00:00Z"
    )
    leave(root, "2025-10-02/verify_fix--vyx-app--vyx-63eea370--160000Z", fixed, "simulator:vyx-fixed")
    replayed = told(looked_at="2025-09-28T10:00:00Z")
    replay = {"parameters": {"source": "bundle:/somewhere"}}
    leave(root, "2025-10-02/machine_not_visible--vyx-app--vyx-63eea370--170000Z", replayed, "live", **replay)
    died = {"status": "died", "reason": "The process was killed."}
    leave(root, "2025-10-02/machine_not_visible--vyx-app--half--180000Z", None, "live", **died)
    leave(root, "example", told(), "simulator:vyx-missing-environment")
