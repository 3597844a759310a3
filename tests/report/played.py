"""What a run of a scenario reports, made without a run. Each scenario is played once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any
from unittest.mock import patch

from shared_evidence import play

from runbooks import __version__
from runbooks.definitions.machine_not_visible import FACETS, RUNBOOK, SECTIONS
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Requests
from runbooks.report import charts, conclusions
from runbooks.report.document import Report
from runbooks.report.section import Section

SCENARIOS = {
    # what somebody believed, and what the write-up has to tell him: the first action, and what was not so
    "vyx-missing-environment": ("Set SUPABASE_SERVICE_KEY", "the image tag is missing", "destroyed"),
    "vyx-image-missing": ("Push the tag, or request an image that exists", "the program crashes", ""),
    "stuck-in-transition": (
        "Do not deploy; read its log and its state again",
        "the image tag is missing",
        "in state created",
    ),
    "record-never-updated": ("Correct the row", "Fly had an incident", "started"),
    "gone-without-trace": (
        "Check in your own systems whether the machine did its work",
        "the image tag is missing",
        "",
    ),
    "two-machines-one-name": ("List the app's machines by that name", "the token cannot read this app", "started"),
    "healthy": ("no action is needed", "the image tag is missing", "started"),
}


def undrawn() -> Any:
    """No picture is drawn meanwhile: that takes longer than all the rest, and what is printed is in the words."""
    blank: dict[str, Any] = dict.fromkeys(charts.__all__, lambda *_: None)
    return patch.multiple(charts, **blank)


def judged(evidence: Evidence, drawn: bool = True) -> Report:
    """The report on this evidence: its diagnosis, and the steps in order."""
    subject, facts, diagnosis = evidence.subject, Facts(evidence), diagnose(evidence, facets=FACETS)
    description = facts.machine.description
    with nullcontext() if drawn else undrawn():
        sections = tuple(step(facts, diagnosis) for step in SECTIONS)
    return Report(
        runbook=RUNBOOK.name,
        title=RUNBOOK.title,
        subject={
            "app": subject.app,
            "machine_id": subject.machine_id or None,
            "machine_name": subject.machine_name or None,
            "instance_id": (description.instance_id or None) if description else None,
            "org": subject.org or None,
        },
        evidence=evidence,
        diagnosis=diagnosis,
        sections=sections,
        requests=Requests(14, {"api.machines.dev": 9, "registry.fly.io": 5}, 1),
        masked={"jwt": 1, "api-key": 2},
        version=__version__,
    )


@cache
def played(name: str, drawn: bool = True) -> Report:
    return judged(play(name), drawn)


def demo() -> Report:
    """What `make demo` reports."""
    return played("vyx-missing-environment")


def stuck() -> Report:
    return played("stuck-in-transition")


def healthy() -> Report:
    return played("healthy")


def concluded(report: Report) -> tuple[Section, ...]:
    """What a notebook shows behind the steps, without its pictures."""
    found = report.diagnosis
    told = (
        conclusions.visibility,
        conclusions.hypotheses,
        conclusions.root_cause,
        conclusions.what_to_do,
        conclusions.verification,
        conclusions.prevention,
        conclusions.not_checked,
    )
    with undrawn():
        return (conclusions.so_far(report.evidence, found), *(make(found) for make in told))


def texts(report: Report) -> Iterator[str]:
    """Every sentence: of the sections and their tables, of the diagnosis, of the looks."""
    found = report.diagnosis
    for section in (*report.sections, *concluded(report)):
        yield from (section.answer, *section.notes, *(item.noted for item in section.items))
        if section.table is not None:
            yield from map(str, section.table.to_numpy().ravel())
    for remedy in (*found.remedies, *found.prevention, *found.verification):
        yield from (remedy.title, remedy.why)
    for hypothesis in found.hypotheses:
        yield from (hypothesis.next_test, hypothesis.statement)
    for observation in report.evidence.observations.values():
        yield observation.reason


def commands(report: Report) -> Iterator[tuple[str, ...]]:
    """Every group of commands that stands together."""
    found = report.diagnosis
    for section in (*report.sections, *concluded(report)):
        yield from (section.commands, *(item.commands for item in section.items))
    for remedy in (*found.remedies, *found.prevention, *found.verification):
        yield remedy.commands
