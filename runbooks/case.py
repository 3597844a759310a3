"""The one noun a notebook holds: open it, walk through its steps, publish it.

`open_case(globals())` validates the parameters and collects at once, because evidence perishes; the
steps only display what was collected. `case.refresh()` looks again.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pydantic

from runbooks import __version__, definitions
from runbooks.base import folders
from runbooks.base.cell_names import left_over
from runbooks.base.errors import DiskError, MissingKeyError, ParameterError, UsageError
from runbooks.base.files import DISK_FAILS, why
from runbooks.base.parameters import CommonParameters
from runbooks.base.prompt import with_token
from runbooks.base.runbook import Runbook
from runbooks.base.settings import Settings, load_settings, take_credentials
from runbooks.case_sections import CaseSections
from runbooks.diagnose.blocked import closed, is_blocked
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence import bundle, tables
from runbooks.evidence.bundle import what_is_left
from runbooks.evidence.journal import Journal
from runbooks.evidence.models import Evidence, Outcome
from runbooks.evidence.scan import masked_text
from runbooks.report import (
    blocked,
    conclusions,
    history,
    index,
    page,
    summary,
    writeup,
)
from runbooks.report.browse import Browsed
from runbooks.report.document import Report
from runbooks.report.progress import Progress
from runbooks.report.section import Figure, Section
from runbooks.source import Collected, collect, recorded_parameters

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = "machine_not_visible"
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_opened = False
_current: Case | None = None


class Case(CaseSections):
    """One investigation. Every step is a method that returns a Section.

    The sections of the runbook's definition are methods, too, whether they are written out here or not.
    In a notebook, `case` alone shows the status, what to do first, and every call.

    Example:
        case = open_case(source="simulator:vyx-missing-environment")
        case.what_to_do()
    """

    evidence: Evidence

    def __init__(self, definition: Runbook, parameters: CommonParameters, settings: Settings) -> None:
        self.definition = definition
        self.runbook = definition.name
        self.parameters = parameters
        self.settings = settings
        self._published = self._page = ""
        self._masked, self._fresh = 0, False
        self._staging: folders.Staging | None = None
        self._look()
        told = self._seen.replay_context.told
        self._notes: tuple[str, ...] = tuple(told.get("notes", ())) if self._replayed else ()

    def _look(self, *, again: bool = False) -> None:
        """Collect and judge. What is computed from the evidence is computed anew when it is next asked for.

        What a person allowed was allowed once: a second look only reads.
        """
        saved = self.parameters.source.startswith("bundle:")
        told = {} if saved else self.definition.background(self.parameters)
        journal = None if saved else Journal(self._place() / "evidence")
        progress = Progress()
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
        self._journal = journal
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

    def _place(self) -> Path:
        """The folder of the run: the runner's, or one of its own until it is published."""
        if self.settings.run_folder:
            return self.settings.run_folder
        if self._staging is None:
            root = self.settings.output_root
            for old in folders.sweep(root):
                print(f"{what_is_left(old)}.")
            self._staging = folders.Staging(root)
            given = self.parameters.model_dump(include={"app_name", "machine_id", "machine_name", "org_slug"})
            name = folders.run_name(self.runbook, given, datetime.now(UTC), self.definition.subject)
            folders.write_whole(self._staging.path / folders.TARGET, name)
        return self._staging.path

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
        kept = self._publish()
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
        again = bool(self._published)
        place = self._publish()
        warning = f"Warning: {self._masked} secrets were found in the finished files and masked there."
        return Section(
            "published",
            "Published",
            "",
            f"The report is in {place}/." + (" Nothing changed since it was written." if again and self._fresh else ""),
            notes=(
                "report.html is for people and opens offline; report.md is for an issue or a chat; "
                "summary.json is for programs; evidence/ holds what it all rests on.",
                *((warning,) if self._masked else ()),
            ),
            links=self._links(place),
        )

    def _links(self, place: str) -> tuple[tuple[str, str], ...]:
        way = folders.from_notebook(place, self.settings.run_folder, self.settings.output_root)
        names = ("report.html", "report.md", "summary.json")
        return tuple((name, f"{way}/{name}") for name in names) if way else ()

    def _publish(self) -> str:
        """The folder that holds this state of the case; written unless it is there already."""
        report = self.report
        written = self._files(report)
        # The page holds all that the case says; the counts of masked values grow whenever something is rendered.
        self._fresh = self._published != "" and written["report.html"] == self._page
        if self._fresh:
            return self._published
        clean, self._masked = self._scanned(written)
        relative = self._folder_name()
        place = self._place()
        try:
            _write(place, clean)
            folders.write_whole(place / folders.TARGET, relative)
            hashes = sorted(hashlib.sha256(text.encode()).hexdigest() for text in clean.values())
            folders.write_whole(place / folders.SCANNED, "\n".join(hashes))
        except OSError as error:
            if error.errno not in DISK_FAILS:
                raise
            raise self._not_published(place, error) from None
        if self._staging is not None:
            final = self._staging.settle(relative).absolute()
            self._staging, relative = None, str(final)
            if self._journal is not None:
                self._journal.path = final / "evidence" / self._journal.path.name
            index.write(self.settings.output_root)
        self._published, self._page = relative, written["report.html"]
        return relative

    def _not_published(self, place: Path, error: OSError) -> DiskError:
        """What could be kept of a run whose report does not fit on the disk."""
        cause = f"The report could not be written: the disk that holds {place} fails or is full ({why(error)})."
        if self._journal is None:
            return DiskError(cause, "Free some space, and replay the saved run again.")
        kept = self._journal.kept
        told = f"{kept} answers were kept" if kept != 1 else "1 answer was kept"
        return DiskError(
            f"{cause} {told} in {self._journal.path}.",
            "Free some space; `runbooks replay` makes the report from the folder of this run.",
        )

    def _files(self, report: Report) -> dict[str, str]:
        """Every file of the run by its name in the folder, not yet scanned."""
        built = summary.build(report)
        summary.check(built)
        told = recorded_parameters(self.parameters)
        told["caller_log"] = self.parameters.settled().get("caller_log", "")
        seen = self._seen
        parameters = seen.redactor.value({k: v for k, v in told.items() if v}, "parameters")
        hits = seen.redactor.hits if seen.bundle is None else seen.bundle.hits
        if report.diagnosis.blocked:
            written = {"report.html": blocked.render_page(report), "report.md": blocked.render_write_up(report)}
        else:
            written = {"report.html": page.render(report), "report.md": writeup.render(report)}
        written["summary.json"] = summary.dumps(built)
        replay_context = replace(seen.replay_context, told=self._told())
        for name, text in bundle.files(
            self.evidence, replay_context, hits, parameters, self.runbook, __version__, self._journals()
        ).items():
            written[f"evidence/{name}"] = text
        return written

    def _journals(self) -> dict[str, str]:
        """What is on disk of this run already: it is scanned and hashed with the rest."""
        if self._journal is None or not self._journal.path.parent.is_dir():
            return {}
        found = sorted(self._journal.path.parent.glob("journal*.jsonl"))
        return {path.name: path.read_text(encoding="utf-8") for path in found}

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

    def _scanned(self, written: Mapping[str, str]) -> tuple[dict[str, str], int]:
        """The last look over every byte: what still shows is masked, counted and warned about."""
        clean, masked = {}, 0
        for name, text in written.items():
            hits = self._seen.redactor.scan(text)
            masked += sum(hit.count for hit in hits)
            clean[name] = masked_text(name, text, self._seen.redactor) if hits else text
        if masked:
            clean["evidence/index.json"] = bundle.rehashed(clean)
        return clean, masked

    def _folder_name(self) -> str:
        subject = self.evidence.subject
        named = {"app_name": subject.app, "machine_id": subject.machine_id, "machine_name": subject.machine_name}
        named["org_slug"] = subject.org
        return folders.run_name(self.runbook, named, datetime.now(UTC), self.definition.subject)


def _documented(make: Callable[..., Section], call: Callable[[], Section]) -> Callable[[], Section]:
    """The call under the name of its section, so that `help` says what the section shows."""

    def section() -> Section:
        return call()

    section.__name__ = section.__qualname__ = make.__name__
    told = inspect.getdoc(make) or make.__name__.replace("_", " ").capitalize() + "."
    section.__doc__ = f"{told}\n\nExample:\n    case.{make.__name__}()"
    return section


def open_case(namespace: Mapping[str, Any] | None = None, runbook: str = DEFAULT, /, **parameters: Any) -> Case:
    """Validate, collect, judge. Give it the notebook's `globals()`, or keyword arguments.

    A notebook's cell that is run again with the same parameters gets the same case, and nothing is asked.

    Example:
        case = open_case(source="simulator:vyx-missing-environment")
    """
    global _current
    try:
        values = {**(_assigned(namespace, runbook) if namespace is not None else {}), **parameters}
        given = definitions.validate(runbook, values)
        settings = with_token(load_settings(), given)
        take_credentials()
    except UsageError:
        _withdraw(namespace)
        raise
    last = _current
    if namespace is not None and last and (last.runbook, last.parameters, last.settings) == (runbook, given, settings):
        print(f"Nothing was asked again: same parameters, looked at {tables.day(last.evidence.looked_at)}.")
        print("case.refresh() looks again, and says what changed.")
        return last
    _current = Case(definitions.find(runbook), given, settings)
    for phrase in _current.changed:
        print(f"Warning: {phrase} after the run.")
    return _current


class _Withdrawn:
    """Stands in a notebook for its case when new parameters were refused: nothing can be read off it.

    Without it the cells below would go on showing the case of before, as if it were the one asked for.
    """

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            "There is no case here: the parameters were refused above.",
            "Correct them in the first cell, run it, and then run the cell that opens the case.",
        )


def _withdraw(namespace: Mapping[str, Any] | None) -> None:
    """Take every case out of a notebook's namespace."""
    if isinstance(namespace, dict):
        for name, value in list(namespace.items()):
            if isinstance(value, Case):
                namespace[name] = _Withdrawn()


def _assigned(namespace: Mapping[str, Any], runbook: str) -> dict[str, Any]:
    """The plain values in a notebook's namespace: its parameters, and names that were meant as one.

    The first time, every other plain name is an error, because a scheduler that mistypes a name would
    otherwise be told nothing. Later a person may have names of their own; then only near misses are.
    A name that the parameters cell no longer assigns is not one of its names, whatever the kernel still holds.
    """
    global _opened
    known = definitions.find(runbook).parameters.model_fields
    left = left_over(namespace.get("In", ()), known)
    plain = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON
        and name not in left
        and (name in known or value is None or isinstance(value, str | int | float | bool))
    }
    own = {n for n in plain if n not in known and _opened and not difflib.get_close_matches(n, known, n=1, cutoff=0.8)}
    _opened = True
    return {name: value for name, value in plain.items() if name not in own}


def _write(folder: Path, written: Mapping[str, str]) -> None:
    """Each file appears whole or not at all, the evidence first and the summary last.

    The index of the evidence follows the files that it speaks of: without it the journal is what a replay reads.
    """
    (folder / "evidence" / "index.json").unlink(missing_ok=True)
    for name, text in sorted(written.items(), key=lambda item: (_rank(item[0]), item[0])):
        path = folder / name
        if name.endswith(".jsonl") and path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        folders.make(path.parent)
        folders.write_whole(path, text)


def _rank(name: str) -> int:
    if name == "summary.json":
        return 3
    return 1 if name == "evidence/index.json" else 0 if name.startswith("evidence/") else 2


__all__ = ["Case", "ParameterError", "open_case"]
