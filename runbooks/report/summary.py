"""`summary.json`: the part of a report that other programs read.

Its shape is a contract; `summary.schema.json` beside this file states it, strictly. A fleet's has a schema of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from runbooks.base.errors import RunbookError
from runbooks.diagnose.checks import Check
from runbooks.diagnose.model import Answer, Claim, Finding, Hypothesis, Moment, Remedy, View
from runbooks.report import escape, fleet_summary, times
from runbooks.report.document import Report

SCHEMA = "fly-runbooks/summary/1"
SUBJECT = ("app", "machine_id", "machine_name", "instance_id", "org")

_FILES = {SCHEMA: "summary.schema.json", fleet_summary.SCHEMA: "summary-fleet.schema.json"}
_LONG = 4_000
_PROGRAM = 40_000


def build(report: Report) -> dict[str, Any]:
    """The summary of a report. A fault of one of the tool's own checks counts as not checked."""
    diagnosis = report.diagnosis
    cause = diagnosis.cause
    faults = [{"what": "one of this tool's own checks failed", "why": _text(fault)} for fault in diagnosis.faults]
    told = {
        "schema": SCHEMA,
        "runbook": _text(report.runbook),
        "subject": {key: _text(report.subject.get(key) or "") or None for key in SUBJECT},
        "looked_at": times.iso(report.evidence.looked_at),
        "verdict": str(diagnosis.verdict),
        "status": str(diagnosis.status),
        "exit_code": diagnosis.exit_code,
        "headline": _text(diagnosis.headline),
        "cause": None if cause is None else _cause(cause),
        "contributing": [_finding(finding) for finding in diagnosis.contributing],
        "hypotheses": [_hypothesis(hypothesis) for hypothesis in diagnosis.hypotheses],
        "visibility": [_view(view) for view in diagnosis.visibility],
        "timeline": [_moment(moment) for moment in diagnosis.timeline],
        "remedies": [_remedy(remedy) for remedy in diagnosis.remedies],
        "prevention": [_remedy(remedy) for remedy in diagnosis.prevention],
        "not_checked": [{"what": _text(u.what), "why": _text(u.why), "gap": u.gap} for u in diagnosis.not_checked]
        + faults,
        "checks": [_check(check, diagnosis.review.then(check)) for check in diagnosis.review.checks]
        if diagnosis.review
        else [],
        "requests": {
            "count": report.requests.count,
            "by_host": {_text(host): n for host, n in sorted(report.requests.by_host.items())},
            "retries": report.requests.retries,
        },
    }
    return told | (fleet_summary.of(diagnosis.fleet) if diagnosis.fleet else {})


def dumps(summary: Mapping[str, Any]) -> str:
    """The file's text: the same summary always gives the same bytes."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def check(summary: Any) -> None:
    """Raises RunbookError, naming the path, when the summary breaks its contract."""
    named = summary.get("schema") if isinstance(summary, dict) else None
    try:
        _validator(named if named in _FILES else SCHEMA)(summary)
    except fastjsonschema.JsonSchemaValueException as found:
        place = "$" + str(found.name).removeprefix("data")
        raise RunbookError(
            f"summary.json breaks its schema at {place}: {escape.line(str(found.message), 300)}.",
            "This is a fault of the tool, please report it with the evidence folder.",
        ) from None


def schema(name: str = SCHEMA) -> dict[str, Any]:
    """The JSON Schema of this name as shipped."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name(_FILES[name]).read_text(encoding="utf-8"))
    return loaded


@cache
def _validator(name: str) -> Callable[[Any], Any]:
    """Compiled once. (jsonschema would do as well, but takes seconds to import; tests use it.)"""
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema(name))
    return compiled


def _text(value: str) -> str:
    return escape.plain(value, _LONG)


def _notes(numbers: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(numbers))


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "slug": finding.slug,
        "statement": _text(finding.statement),
        "evidence": _notes(finding.evidence),
    }


def _cause(cause: Finding) -> dict[str, Any]:
    said = _finding(cause)
    return {"slug": said["slug"], "confidence": cause.confidence} | said


def _hypothesis(hypothesis: Hypothesis) -> dict[str, Any]:
    return {
        "slug": hypothesis.slug,
        "title": _text(hypothesis.title),
        "status": str(hypothesis.status),
        "for": _claims(hypothesis.supports),
        "against": _claims(hypothesis.against),
        "missing": _claims(hypothesis.missing),
        "next_test": _text(hypothesis.next_test),
    }


def _check(check: Check, then: Check | None) -> dict[str, Any]:
    return {"name": check.slug, "then": _state(then) if then else None, "now": _state(check)}


def _state(check: Check) -> str:
    """yes, warn, no, could-not-look, or skipped where the check does not apply."""
    if check.skipped:
        return "skipped"
    return "warn" if check.warns and check.holds is Answer.YES else str(check.holds)


def _claims(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    return [{"text": _text(claim.text), "evidence": _notes(claim.evidence)} for claim in claims]


def _view(view: View) -> dict[str, Any]:
    return {
        "view": _text(view.view),
        "sees": str(view.sees),
        "state": _text(view.state),
        "evidence": _notes(view.evidence),
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": times.iso(moment.at),
        "source": _text(moment.source),
        "text": _text(moment.text),
        "evidence": moment.evidence,
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "title": _text(remedy.title),
        "commands": [escape.plain(command, _PROGRAM) for command in remedy.commands],
        "why": _text(remedy.why),
    }
