"""What a reader is told about a scenario, without the pictures: evidence, diagnosis, sections. Each played once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

from runbooks.definitions.machine_not_visible import SECTIONS
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.report import charts, conclusions
from runbooks.report.section import Section
from tools.generate_docs import play


@dataclass(frozen=True)
class Told:
    evidence: Evidence
    diagnosis: Diagnosis
    sections: tuple[Section, ...]

    def texts(self) -> Iterator[str]:
        """Every sentence: of the sections and their tables, of the diagnosis, of the looks."""
        for section in self.sections:
            yield from (section.answer, *section.notes, *(item.noted for item in section.items))
            if section.table is not None:
                yield from map(str, section.table.to_numpy().ravel())
        found = self.diagnosis
        for remedy in (*found.remedies, *found.prevention, *found.verification):
            yield from (remedy.title, remedy.why)
        for hypothesis in found.hypotheses:
            yield from (hypothesis.next_test, hypothesis.statement)
        for observation in self.evidence.observations.values():
            yield observation.reason

    def commands(self) -> Iterator[tuple[str, ...]]:
        """Every group of commands that stands together."""
        found = self.diagnosis
        for section in self.sections:
            yield from (section.commands, *(item.commands for item in section.items))
        for remedy in (*found.remedies, *found.prevention, *found.verification):
            yield remedy.commands


CONCLUSIONS = (
    conclusions.visibility,
    conclusions.hypotheses,
    conclusions.root_cause,
    conclusions.what_to_do,
    conclusions.verification,
    conclusions.prevention,
    conclusions.not_checked,
)


def tell(evidence: Evidence) -> Told:
    found, facts = diagnose(evidence), Facts(evidence)
    blank: dict[str, Any] = dict.fromkeys(charts.__all__, lambda *_: None)
    with patch.multiple(charts, **blank):
        steps_ = [step(facts, found) for step in SECTIONS]
        ends = [conclusions.so_far(evidence, found), *(make(found) for make in CONCLUSIONS)]
    return Told(evidence, found, (*steps_, *ends))


@cache
def told(name: str) -> Told:
    return tell(play(name))
