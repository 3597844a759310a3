"""The one noun a notebook holds: open it, walk through its steps, publish it.

`open_case(globals())` validates the parameters and collects at once, because evidence perishes; the
steps only display what was collected. `case.refresh()` looks again.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks import __version__, folders
from runbooks.collect.known import Given
from runbooks.collect.survey import COLLECT_SECONDS, Survey
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.errors import ParameterError
from runbooks.evidence import bundle, tables
from runbooks.evidence.models import Evidence, Look
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import masked_text
from runbooks.parameters import RUNBOOKS, MachineNotVisible, caller_text, validate
from runbooks.report import conclusions, index, overview, page, steps, summary, writeup
from runbooks.report.document import Report, Requests
from runbooks.report.section import Section
from runbooks.settings import Settings, load_settings
from runbooks.source import open_source

if TYPE_CHECKING:
    import pandas as pd

RUNBOOK = "machine_not_visible"
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_opened = False


class Case:
    """One investigation. Every step is a method that returns a Section."""

    def __init__(self, parameters: MachineNotVisible, settings: Settings) -> None:
        self.parameters = parameters
        self._settings = settings
        self.refresh()

    def refresh(self) -> Section:
        """Look again, at everything, and judge anew."""
        given = self.parameters
        seconds = min(COLLECT_SECONDS, self._settings.deadline or COLLECT_SECONDS)
        with open_source(given.source, self._settings) as source:
            self._redactor = Redactor()
            told = caller_text(given.caller_log)
            # The runner masks parameters before they get here: its numbers must not be given out twice.
            self._redactor.resume("\n".join((told, *map(str, given.model_dump().values()))))
            for value, kind in self._settings.secrets:
                self._redactor.know(value, kind)
            survey = Survey(
                Given(
                    app_name=given.app_name,
                    machine_id=given.machine_id,
                    machine_name=given.machine_name,
                    org_slug=given.org_slug,
                    image=given.image,
                    websocket_url=self._redactor.text(given.websocket_url, "parameters"),
                    caller_text=told,
                    record_key=given.record_key,
                    records_table=given.records_table,
                    incident_at=given.incident_at,
                ),
                source,
                self._redactor,
                seconds,
                _progress(),
            )
            self.evidence: Evidence = survey.run()
            self._circumstances = survey.circumstances
            self._hits = tuple(source.bundle.hits) if source.bundle else None
            client = survey.client
            self._requests = Requests(
                sum(client.by_host.values()), dict(sorted(client.by_host.items())), client.retries
            )
        self.diagnosis: Diagnosis = diagnose(self.evidence)
        self._facts = Facts(self.evidence)
        self.__dict__.pop("report", None)
        return self.so_far()

    # The steps, in the order of telling.

    def so_far(self) -> Section:
        return conclusions.so_far(self.evidence, self.diagnosis)

    def symptoms(self) -> Section:
        return self._step(steps.symptoms)

    def caller(self) -> Section:
        return self._step(steps.caller)

    def app(self) -> Section:
        return self._step(steps.app)

    def machines(self) -> Section:
        return self._step(steps.machines)

    def events(self) -> Section:
        return self._step(steps.events)

    def logs(self) -> Section:
        return self._step(steps.logs)

    def image(self) -> Section:
        return self._step(steps.image)

    def token(self) -> Section:
        return self._step(steps.token)

    def create_directly(self) -> Section:
        return self._step(steps.create_directly)

    def record(self) -> Section:
        return self._step(steps.record)

    def endpoint(self) -> Section:
        return self._step(steps.endpoint)

    def timeline(self) -> Section:
        return self._step(overview.timeline)

    def siblings(self) -> Section:
        return self._step(overview.siblings)

    def searched(self) -> Section:
        return self._step(overview.searched)

    def visibility(self) -> Section:
        return conclusions.visibility(self.diagnosis)

    def hypotheses(self) -> Section:
        return conclusions.hypotheses(self.diagnosis)

    def root_cause(self) -> Section:
        return conclusions.root_cause(self.diagnosis)

    def config_audit(self) -> Section:
        return conclusions.config_audit(self.diagnosis)

    def what_to_do(self) -> Section:
        return conclusions.what_to_do(self.diagnosis)

    def verification(self) -> Section:
        return conclusions.verification(self.diagnosis)

    def prevention(self) -> Section:
        return conclusions.prevention(self.diagnosis)

    def not_checked(self) -> Section:
        return conclusions.not_checked(self.diagnosis)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Every table as a DataFrame, for free digging: looks, events, log, machines."""
        facts = self._facts
        return {
            "looks": tables.looks(self.evidence),
            "events": tables.events(facts.dated_events),
            "log": tables.log(facts.logs.lines if facts.logs else ()),
            "machines": tables.machines([s.machine for s in facts.sightings], facts.subject.machine_id),
        }

    # The report.

    @cached_property
    def report(self) -> Report:
        facts, subject = self._facts, self.evidence.subject
        told = tuple(self._step(step) for step in steps.STEPS)
        return Report(
            runbook=RUNBOOK,
            title=self._redactor.text(self.parameters.title, "parameters")
            or f"{subject.app}: {subject.machine_id or subject.machine_name or 'a machine'} is not visible",
            subject={
                "app": subject.app,
                "machine_id": subject.machine_id or None,
                "machine_name": subject.machine_name or None,
                "instance_id": (facts.machine.instance_id or None) if facts.machine else None,
                "org": subject.org or None,
            },
            evidence=self.evidence,
            diagnosis=self.diagnosis,
            sections=(*told, conclusions.config_audit(self.diagnosis)),
            requests=self._requests,
            masked=self._circumstances.masked,
            version=__version__,
        )

    def publish(self) -> Section:
        """Write report.html, report.md, summary.json and evidence/ into one dated folder, all or nothing."""
        report = self.report
        built = summary.build(report)
        summary.check(built)
        told = self.parameters.model_dump(mode="json", exclude={"source", "allow_writes"})
        told["caller_log"] = caller_text(self.parameters.caller_log)
        parameters = self._redactor.value({k: v for k, v in told.items() if v}, "parameters")
        hits = self._redactor.hits if self._hits is None else self._hits
        written = {"report.html": page.render(report), "report.md": writeup.render(report)}
        written["summary.json"] = summary.dumps(built)
        for name, text in bundle.files(
            self.evidence, self._circumstances, hits, parameters, RUNBOOK, __version__
        ).items():
            written[f"evidence/{name}"] = text
        clean, masked = self._scanned(written)
        relative = self._folder_name()
        if self._settings.run_folder:
            folder = self._settings.run_folder
            _write(folder, clean)
            (folder / ".target").write_text(relative, encoding="utf-8")
        else:
            folders.sweep(self._settings.output_root)
            staging = folders.Staging(self._settings.output_root)
            try:
                _write(staging.path, clean)
            except BaseException:
                staging.discard()
                raise
            relative = str(staging.settle(relative).absolute())
            index.write(self._settings.output_root)
        warning = (f"Warning: {masked} secrets were found in the finished files and masked there.",) if masked else ()
        return Section(
            "published",
            "Published",
            "",
            f"The report is in {relative}/.",
            notes=(
                "report.html is for people and opens offline; report.md is for an issue or a chat; "
                "summary.json is for programs; evidence/ holds what it all rests on.",
                *warning,
            ),
        )

    def _step(self, step: Callable[[Facts, Diagnosis], Section]) -> Section:
        """A step that breaks costs only itself, and says so."""
        try:
            return step(self._facts, self.diagnosis)
        except Exception as error:
            reason = self._redactor.text(f"{type(error).__name__}: {error}", "error")
            return Section(
                step.__name__.replace("_", "-"),
                step.__name__.replace("_", " ").capitalize(),
                "",
                f"This step failed ({reason[:300]}); the others are not affected.",
                notes=("This is a fault of the runbook, not of the incident: please report it.",),
            )

    def _scanned(self, written: Mapping[str, str]) -> tuple[dict[str, str], int]:
        """The last look over every byte: what still shows is masked, counted and warned about."""
        clean, masked = {}, 0
        for name, text in written.items():
            hits = self._redactor.scan(text)
            masked += sum(hit.count for hit in hits)
            clean[name] = masked_text(name, text, self._redactor) if hits else text
        if masked:
            clean["evidence/index.json"] = bundle.rehashed(clean)
        return clean, masked

    def _folder_name(self) -> str:
        subject = self.evidence.subject
        named = {"app_name": subject.app, "machine_id": subject.machine_id, "machine_name": subject.machine_name}
        return folders.run_name(RUNBOOK, named, datetime.now(UTC))


def open_case(namespace: Mapping[str, Any] | None = None, /, **parameters: Any) -> Case:
    """Validate, collect, judge. Give it the notebook's `globals()`, or keyword arguments."""
    values = {**(_assigned(namespace) if namespace is not None else {}), **parameters}
    return Case(validate(RUNBOOK, values), load_settings())


def _assigned(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values in a notebook's namespace: its parameters, and names that were meant as one.

    The first time, every other plain name is an error, because a scheduler that mistypes a name would
    otherwise be told nothing. Later a person may have names of their own; then only near misses are.
    """
    global _opened
    known = RUNBOOKS[RUNBOOK].model_fields
    plain = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON
        and (name in known or value is None or isinstance(value, str | int | float | bool))
    }
    own = {n for n in plain if n not in known and _opened and not difflib.get_close_matches(n, known, n=1, cutoff=0.8)}
    _opened = True
    return {name: value for name, value in plain.items() if name not in own}


def _progress() -> Callable[[Look], None]:
    """One growing line: what was asked, with a sign for how it ended."""
    signs = {"seen": "✓", "absent": "✗", "could-not-look": "?"}
    stream = sys.stdout

    def show(look: Look) -> None:
        end = "\n" if look.facet.name == "edge-app" else "  "
        stream.write(f"{signs[look.outcome.value]} {look.facet.name}{end}")
        stream.flush()

    return show


def _write(folder: Path, written: Mapping[str, str]) -> None:
    """Each file appears whole or not at all, the evidence first and the summary last."""
    for name, text in sorted(written.items(), key=lambda item: (item[0] == "summary.json", item[0])):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)


__all__ = ["Case", "ParameterError", "open_case"]
