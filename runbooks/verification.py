"""The case of `verify_fix`: the first report's five checks on a new machine, beside what they were at the incident."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import pydantic

from runbooks import earlier
from runbooks.base.parameters import VerifyFix
from runbooks.case import Case
from runbooks.diagnose import fix_checks
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.report import retrospect
from runbooks.report.document import Report
from runbooks.report.section import Section


class Verification(Case):
    """Everything that a case can tell about the new machine, and the five checks, which decide the verdict."""

    runbook = "verify_fix"
    parameters: VerifyFix

    def five_checks(self) -> Section:
        return retrospect.five_checks(self.review, self.evidence.subject.app)

    @property
    def review(self) -> fix_checks.Review:
        return fix_checks.Review(fix_checks.checks(self.evidence, self._left_out), self._incident)

    def _judged(self) -> Diagnosis:
        subject = self.evidence.subject
        return fix_checks.closing(diagnose(self.evidence), self.review, subject.machine_id or subject.machine_name)

    @property
    def _left_out(self) -> tuple[str, ...]:
        return self.parameters.skipped

    @cached_property
    def _incident(self) -> fix_checks.Incident | None:
        """The incident's run, judged by the same checks; a replay has it with it."""
        if self._replayed:
            found = self._seen.replay_context.told.get("incident")
            return pydantic.TypeAdapter(fix_checks.Incident).validate_python(found) if found else None
        given = self.parameters
        return earlier.incident(given.incident_path, self.settings) if given.incident else None

    @cached_property
    def report(self) -> Report:
        return replace(super().report, review=self.review)

    def _title(self) -> str:
        subject = self.evidence.subject
        return f"{subject.app}: is {subject.machine_id or subject.machine_name or 'the new machine'} mended?"

    def _told(self) -> dict[str, Any]:
        incident = self._incident
        return super()._told() | ({"incident": asdict(incident)} if incident else {})
