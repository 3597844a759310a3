"""One investigation. It collects at once, because evidence perishes; its steps only display what was collected.

`case.refresh()` looks again.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TextIO, cast

import pydantic

from runbooks import __version__
from runbooks.base.errors import MissingKeyError
from runbooks.base.parameters import CommonParameters
from runbooks.base.runbook import Runbook
from runbooks.base.settings import Settings
from runbooks.case.publication import Publication
from runbooks.case.sections import CaseSections
from runbooks.diagnose.blocked import closed, is_blocked
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence.journal import Journal
from runbooks.evidence.models import Evidence, Outcome
from runbooks.report import conclusions, history, summary
from runbooks.report.browse import Browsed
from runbooks.report.document import Report
from runbooks.report.progress import Progress
from runbooks.report.section import Figure, Section
from runbooks.source import Collected, collect

if TYPE_CHECKING:
    import pandas as pd


class Case(CaseSections):
    """One investigation. Every step is a method that returns a Section.

    The sections of the runbook's definition are methods, too, whether they are written out here or not.
    In a notebook, `case` alone shows the status, what to do first, and every call.

    Example:
        case = open_case(source="simulator:vyx-missing-environment")
        case.what_to_do()
    """

    evidence: Evidence

    def __init__(
        self, definition: Runbook, parameters: CommonParameters, settings: Settings, screen: TextIO | None = None
    ) -> None:
        """`screen` is where progress is shown; None means standard output."""
        self.definition = definition
        self.runbook = definition.name
        self.parameters = parameters
        self.settings = settings
        self._screen = screen
        self._publication = Publication(definition, parameters, settings)
        self._look()
        told = self._seen.replay_context.told
        self._notes: tuple[str, ...] = tuple(told.get("notes", ())) if self._replayed else ()

    def _look(self, *, again: bool = False) -> None:
        """Collect and judge. What is computed from the evidence is computed anew when it is next asked for.

        What a person allowed was allowed once: a second look only reads.
        """
        saved = self.parameters.source.startswith("bundle:")
        told = {} if saved else self.definition.background(self.parameters)
        journal = None if saved else Journal(self._publication.folder / "evidence")
        progress = Progress(self._screen or sys.stdout)
        try:
            self._seen: Collected = collect(
                self.parameters.reading_only() if again else self.parameters,
                self.settings,
                progress,
                self.definition.facets,
                runbook=self.runbook,
                told=told,
                journal=journal,
                announce=progress.announce,
                most_requests=self.definition.most_requests,
                seconds=self.definition.seconds,
            )
        finally:
            progress.end()
            if journal is not None:
                journal.close()
        self._publication.journal = journal
        self._background: Mapping[str, Any] = self._seen.replay_context.told if saved else told
        self.evidence = self._seen.evidence
        self._facts = Facts(self.evidence)
        self._figures: dict[Callable[..., Section], Figure] = {}
        self.diagnosis: Diagnosis = self._judged()
        for computed in ("report", "_before"):
            self.__dict__.pop(computed, None)

    def _judged(self) -> Diagnosis:
        found = cast(Diagnosis, self.definition.judge(self.evidence, self.parameters, self._background))
        return closed(found, self._facts) if is_blocked(self.evidence) and not found.blocked else found

    def __getattr__(self, name: str) -> Callable[[], Section]:
        """A section of the definition that has no method of its own."""
        for make in self.__dict__["definition"].sections if "definition" in self.__dict__ else ():
            if make.__name__ == name:
                return _documented(make, partial(self._step, make))
        if name.startswith("_"):  # a question of Python or IPython, not of a person
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        raise MissingKeyError("section or method", name, [known for known in dir(self) if not known.startswith("_")])

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(make.__name__ for make in self.definition.sections)})

    def _contents(self) -> Section:
        own = [make.__name__ for make in self.definition.sections]
        return conclusions.contents(self.so_far(), self.diagnosis, own)

    def __repr__(self) -> str:
        return repr(self._contents())

    def _repr_html_(self) -> str:
        return self._contents()._repr_html_()

    def refresh(self) -> Section:
        """Look again, at everything, and say what changed. What was seen before is published first, so it is kept.

        Example:
            case.refresh()
        """
        kept = self._publication.write(self.report, self._seen, self._told())
        before = history.in_brief("", summary.build(self.report))
        self._look(again=True)
        now = history.in_brief("", summary.build(self.report))
        changed = history.changes(before, now)
        return history.second_look(before.looked_at, now.looked_at, changed, kept, self.so_far())

    @property
    def _replayed(self) -> bool:
        """Is this a saved run? Then its notes and what it was compared with are part of it."""
        return self._seen.bundle is not None

    @property
    def changed(self) -> tuple[str, ...]:
        """The reports of a saved run that are not as the run wrote them; its evidence is.

        Example:
            case.changed
        """
        return self._seen.bundle.changed if self._seen.bundle else ()

    def note(self, text: str) -> Section:
        """Your own words, for the report. They replace what was noted before; an empty text leaves it.

        Example:
            case.note("Asked Nadia: 3 users wait.")
        """
        clean = self._seen.redactor.text(text.strip(), "notes")
        if clean and (clean,) != self._notes:
            self._notes = (clean,)
            self.__dict__.pop("report", None)
        return conclusions.notes(self._notes)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Every table as a DataFrame, to explore the data; docs/frames.md lists the columns.

        Example:
            case.frames.log.tail(20)
            case.frames["log"]
        """
        from runbooks.report import dataframes  # imports pandas

        return dataframes.build(self._facts, self.diagnosis)

    def browse(self, name: str) -> Browsed:
        """One of `frames` as a table that can be sorted and searched, where itables is installed.

        Example:
            case.browse("log")
        """
        return Browsed(name, self.frames[name])

    # The report.

    @cached_property
    def report(self) -> Report:
        """The whole report as one value: what the page, the write-up and the summary are rendered from.

        Example:
            case.report.title
        """
        facts, subject = self._facts, self.evidence.subject
        told = (
            () if self.diagnosis.blocked else tuple(self._step(step, drawn=True) for step in self.definition.sections)
        )
        report = Report(
            runbook=self.runbook,
            title=self._seen.redactor.text(self.parameters.title, "parameters") or self._title(),
            subject={
                "app": subject.app,
                "machine_id": subject.machine_id or None,
                "machine_name": subject.machine_name or None,
                "instance_id": (facts.machine.description.instance_id or None) if facts.machine.description else None,
                "org": subject.org or None,
            },
            evidence=self._asked() if self.diagnosis.blocked else self.evidence,
            diagnosis=self.diagnosis,
            sections=told,
            requests=self._seen.requests,
            masked=self._seen.replay_context.masked,
            version=__version__,
            notes=self._notes,
        )
        return report if self.diagnosis.blocked else replace(report, since=self._since(report))

    def _asked(self) -> Evidence:
        """The evidence of a look that was blocked, without what was never asked: one line says that."""
        asked = {n: o for n, o in self.evidence.observations.items() if o.exchanges or o.outcome is Outcome.SEEN}
        return replace(self.evidence, observations=asked)

    def _title(self) -> str:
        subject = self.evidence.subject
        machine = subject.machine_id or subject.machine_name or "the machine"
        return self.definition.report_title.format(app=subject.app or subject.org, machine=machine)

    @cached_property
    def _before(self) -> tuple[history.Earlier, ...]:
        """Earlier runs, found once, when the case is opened or first compared; a replay has its own."""
        if self._replayed:
            found = self._seen.replay_context.told.get("earlier", ())
            return pydantic.TypeAdapter(tuple[history.Earlier, ...]).validate_python(found)
        return history.same_subject(self.settings.output_root, self.evidence)

    def _since(self, report: Report) -> history.Since | None:
        if not self._before:
            return None
        now = history.in_brief("", summary.build(report))
        return history.Since(self._before, history.changes(self._before[0], now))

    def publish(self) -> Section:
        """Write report.html, report.md, summary.json and evidence/ into one dated folder, all or nothing.

        Example:
            case.publish()
        """
        return self._publication.section(self.report, self._seen, self._told())

    def _told(self) -> dict[str, Any]:
        """What the report says besides the evidence, for a replay."""
        own = {"notes": list(self._notes), "earlier": [asdict(run) for run in self._before]}
        found: dict[str, Any] = {**self._background, **own}
        return {name: value for name, value in found.items() if value}

    def _step(self, step: Callable[[Facts, Diagnosis], Section], drawn: bool = False) -> Section:
        """A step that breaks costs only itself, and says so; so does its figure where it has to be drawn."""
        try:
            section = step(self._facts, self.diagnosis)
            if section.figure:  # what a cell has shown is not drawn again for the report
                section = replace(section, figure=self._figures.setdefault(step, section.figure))
            _ = drawn and section.figure and section.figure.svg
            return section
        except Exception as error:
            reason = self._seen.redactor.text(f"{type(error).__name__}: {error}", "error")
            return Section(
                step.__name__.strip("_").replace("_", "-"),
                step.__name__.strip("_").replace("_", " ").capitalize(),
                "",
                f"This step failed ({reason[:300]}); the others are not affected.",
                notes=("This is a fault of the runbook, not of the incident: please report it.",),
            )


def _documented(make: Callable[..., Section], call: Callable[[], Section]) -> Callable[[], Section]:
    """The call under the name of its section, so that `help` says what the section shows."""

    def section() -> Section:
        return call()

    section.__name__ = section.__qualname__ = make.__name__
    told = inspect.getdoc(make) or make.__name__.replace("_", " ").capitalize() + "."
    section.__doc__ = f"{told}\n\nExample:\n    case.{make.__name__}()"
    return section
