"""The whole report as one value: what page, write-up and summary are rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from runbooks.base.brief import brief
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence.models import Evidence, Requests
from runbooks.report.section import Section

if TYPE_CHECKING:
    from runbooks.report.history import Since


@dataclass(frozen=True)
class Report:
    """`subject` has the keys of `summary.json`; `masked` counts placeholders by type.

    `notes` are the engineer's own words (several lines each), `since` compares with earlier runs on the
    same subject.
    """

    runbook: str
    title: str
    subject: Mapping[str, str | None]
    evidence: Evidence
    diagnosis: Diagnosis
    sections: tuple[Section, ...]
    requests: Requests
    masked: Mapping[str, int]
    version: str
    notes: tuple[str, ...] = ()
    since: Since | None = None

    def __repr__(self) -> str:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return brief(f"Report: {self.title[:80]}", {**told, "evidence": self.evidence.observations})
