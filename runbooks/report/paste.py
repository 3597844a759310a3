"""One block for a chat or a support ticket: what somebody needs who cannot open the report."""

from __future__ import annotations

from runbooks.report import escape, facts, status, times
from runbooks.report.document import Report

MOST_LINES = 12
_WIDE = 240


def block(report: Report) -> str:
    """At most twelve lines of plain text, none of them long."""
    return "\n".join(escape.line(line, _WIDE) for line in _lines(report)[:MOST_LINES])


def _lines(report: Report) -> list[str]:
    diagnosis, standing = report.diagnosis, status.of(report.diagnosis)
    subject = report.subject
    lines = [f"{standing.words}: {escape.line(diagnosis.headline, 200)}"]
    if status.simulated(report.evidence):
        lines.append("(simulated reconstruction, not a real machine)")
    lines.append(_listed(("app", subject.get("app")), ("org", subject.get("org")), ("region", facts.region(report))))
    lines.append(
        _listed(
            ("machine", subject.get("machine_id")),
            ("name", subject.get("machine_name")),
            ("instance", subject.get("instance_id")),
        )
    )
    lines.append(f"happened {facts.happened(report)}; looked at {times.second(report.evidence.looked_at)}")
    moment = facts.decisive(report)
    if moment is not None:
        lines.append(
            f"decisive: {times.clock(moment.at)} UTC, {escape.line(moment.source, 30)}: {escape.line(moment.text, 160)}"
        )
    if diagnosis.cause is not None:
        cause = diagnosis.cause
        lines.append(f"cause ({cause.confidence}): {cause.slug}: {escape.line(cause.statement, 160)}")
    for exchange in list(facts.request_ids(report))[:2]:
        lines.append(
            f"fly-request-id {escape.line(exchange.request_id or '', 60)} "
            f"({exchange.method} {escape.line(exchange.url, 90)} → {exchange.status}, "
            f"{times.second(exchange.at)})"
        )
    if diagnosis.chain:
        also = ", ".join(finding.slug for finding in diagnosis.chain)
        lines.append(f"also: {escape.line(also, 200)}")
    if diagnosis.remedies:
        lines.append(f"next: {escape.line(diagnosis.remedies[0].title, 200)}")
    if diagnosis.not_checked:
        lines.append(f"not checked: {len(diagnosis.not_checked)}, see the report")
    return [line for line in lines if line]


def _listed(*pairs: tuple[str, str | None]) -> str:
    return " · ".join(f"{label} {escape.line(value, 70)}" for label, value in pairs if value)
