"""`verify_fix`: five checks on a new machine, each compared with its state at the incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import pydantic
from pydantic import Field, model_validator

from runbooks import source
from runbooks.base.errors import SourceError
from runbooks.base.parameters import Parameters, Text, shown
from runbooks.base.runbook import Runbook
from runbooks.base.settings import CHECKOUT, load_settings
from runbooks.definitions import discovered, validate
from runbooks.definitions.machine_not_visible import FACETS, SECTIONS
from runbooks.diagnose.checks import Incident, Review
from runbooks.diagnose.fix_checks import CHECKS, checks, closing
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.models import Evidence
from runbooks.report import times
from runbooks.report.conclusions import five_checks

_INHERITED = ("app_name", "org_slug", "records_table")
"""What the new machine has in common with the incident's. Its id, its image and its URL are its own."""


class VerifyFix(Parameters):
    """What this runbook takes besides the parameters of every runbook."""

    incident: Text = Field("", description="the incident's run to compare with: its folder, or the zip of it")
    skip: Text = Field("", description="checks that do not apply here, comma-separated: " + ", ".join(CHECKS))

    @model_validator(mode="after")
    def _checks(self) -> Self:
        unknown = [name for name in self.skipped if name not in CHECKS]
        if unknown:
            raise ValueError(f"skip: {shown(unknown[0])} is no check; there are {', '.join(CHECKS)}")
        return self

    @property
    def incident_path(self) -> Path:
        """Where the incident's run lies: as given, else below the checkout (a notebook runs in its own folder).

        Or below the output root, which is what JupyterLab's file browser copies as the path of a folder.
        """
        path = Path(self.incident).expanduser()
        places = (path, CHECKOUT / path, load_settings().output_root / path)
        return next((place for place in places if place.exists()), path)

    @property
    def skipped(self) -> tuple[str, ...]:
        return tuple(filter(None, (name.strip() for name in self.skip.split(","))))

    def inherited(self) -> Mapping[str, Any]:
        """The incident's own parameters that hold for its fix, too; a run that cannot be read is refused here."""
        if not self.incident:
            return {}
        found = open_bundle(self.incident_path).parameters
        return {name: found[name] for name in _INHERITED if found.get(name)}

    def recorded(self) -> frozenset[str]:
        """The incident is saved with the run, wherever its folder lies."""
        return super().recorded() - {"incident"}

    def settled(self) -> dict[str, str]:
        own = {"incident": str(self.incident_path.absolute())} if self.incident else {}
        return super().settled() | own


def incident_of(path: Path) -> Incident:
    """The run at `path` (its folder, or the zip of it), judged again from its evidence by today's rules.

    Raises:
        SourceError: there is no bundle at that place, or it is one of an unknown runbook
    """
    bundle = open_bundle(path)
    if bundle.runbook not in discovered():
        raise SourceError(f"The run at {path} is one of {bundle.runbook!r}, which this version does not know.")
    given = validate(bundle.runbook, {"source": f"bundle:{path}"})
    evidence = source.collect(given, load_settings()).evidence
    diagnosis, subject = diagnose(evidence), evidence.subject
    cause = diagnosis.cause
    return Incident(
        folder=path.absolute().name,
        looked_at=times.iso(evidence.looked_at),
        headline=diagnosis.headline,
        app=subject.app,
        machine_id=subject.machine_id or subject.machine_name,
        cause=cause.slug if cause else "",
        confidence=cause.confidence if cause else "",
        checks=checks(evidence),
    )


def background(parameters: VerifyFix) -> Mapping[str, Any]:
    """The incident to compare with, if one was given."""
    return {"incident": asdict(incident_of(parameters.incident_path))} if parameters.incident else {}


def judge(evidence: Evidence, parameters: VerifyFix, background: Mapping[str, Any]) -> Diagnosis:
    """The checks decide the verdict; a cause that is still found keeps the incident open."""
    saved = background.get("incident")
    incident = pydantic.TypeAdapter(Incident).validate_python(saved) if saved else None
    review = Review(checks(evidence, parameters.skipped), incident)
    subject = evidence.subject
    return closing(diagnose(evidence, facets=FACETS), review, subject.machine_id or subject.machine_name)


RUNBOOK = Runbook(
    name="verify_fix",
    title="Verify the fix: five checks on a new machine, then and now",
    parameters=VerifyFix,
    facets=FACETS,
    sections=(five_checks, *SECTIONS),
    judge=judge,
    report_title="{app}: verification of {machine}",
    background=background,
)
