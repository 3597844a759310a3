"""The whole report as one value: what page, write-up and summary are rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbooks.diagnose.model import Diagnosis
from runbooks.evidence.models import Evidence
from runbooks.report.section import Section


@dataclass(frozen=True)
class Requests:
    """How politely the world was asked: attempts in all, attempts by logical host, retries among them."""

    count: int
    by_host: Mapping[str, int]
    retries: int


@dataclass(frozen=True)
class Report:
    """`subject` has the keys of `summary.json`; `masked` counts placeholders by type."""

    runbook: str
    title: str
    subject: Mapping[str, str | None]
    evidence: Evidence
    diagnosis: Diagnosis
    sections: tuple[Section, ...]
    requests: Requests
    masked: Mapping[str, int]
    version: str
