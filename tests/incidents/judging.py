"""How the engine does on an incident whose cause is known: right, rightly silent, missed, wrong, or falsely healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of

GOOD = ("right", "rightly silent")


@dataclass(frozen=True)
class Judged:
    name: str
    grade: str
    diagnosis: Diagnosis

    @property
    def cause(self) -> str:
        found = self.diagnosis.cause
        return f"{found.slug} ({found.confidence})" if found else "none"

    @property
    def open(self) -> list[str]:
        return [h.slug for h in self.diagnosis.hypotheses if h.status in ("likely", "open") and h.supports]


def judge(name: str, incident: Mapping[str, Any], expected: Mapping[str, Any]) -> Judged:
    diagnosis = diagnose(evidence_of(incident))
    return Judged(name, _grade(diagnosis, expected), diagnosis)


def _grade(diagnosis: Diagnosis, expected: Mapping[str, Any]) -> str:
    cause = diagnosis.cause
    if diagnosis.verdict == "healthy" and not expected.get("healthy"):
        return "FALSELY HEALTHY"
    if cause is None:
        return "missed" if expected["diagnosable"] == "yes" else "rightly silent"
    if cause.slug in expected["right"]:
        return "right"
    if cause.slug in expected.get("also", ()):
        return "CONFIDENTLY WRONG" if cause.confidence == "confirmed" else "right"
    return "CONFIDENTLY WRONG" if cause.confidence == "confirmed" else "wrong"
