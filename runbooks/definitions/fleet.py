"""`fleet`: all machines of some apps or of an organisation against all rows of the caller's table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from pydantic import Field, model_validator

from runbooks.base.errors import ParameterError
from runbooks.base.facets import Facet
from runbooks.base.parameters import CommonParameters, Text, shown
from runbooks.base.runbook import Runbook
from runbooks.base.settings import RECORDS_TABLE
from runbooks.collect import fleet as _  # noqa: F401 - registers how the facets are asked
from runbooks.diagnose.fleet import review
from runbooks.diagnose.fleet_findings import conclude
from runbooks.diagnose.fleet_pairs import Thresholds
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence.fleet import Fleet, MachineCount, Phase
from runbooks.evidence.models import Evidence
from runbooks.report import fleet as sections
from runbooks.report import overview

_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,3})?")
_MOST_APPS = 100


class FleetParameters(CommonParameters):
    """What a fleet takes: its apps or organisation, its table, and what counts as a disagreement."""

    records_table: Text = Field(RECORDS_TABLE, description="the table of the caller's database")
    apps: Text = Field("", description="the apps to look at, comma-separated; empty: the whole organisation")
    waiting_minutes: Text = Field("5", description="minutes a row may wait, for example say starting")
    orphaned_minutes: Text = Field("5", description="minutes a machine may be without its row, or a row without it")
    waiting_statuses: Text = Field(
        "starting, pending, provisioning, creating, queued, initializing, booting",
        description="words in the rows' status for a machine that is on its way, comma-separated",
    )
    running_statuses: Text = Field(
        "running, started, ready, active, healthy", description="words for a machine that runs"
    )
    ended_statuses: Text = Field(
        "stopping, stopped, suspended, failed, error, terminated, destroyed, deleted",
        description="words for a machine that no longer runs",
    )

    @model_validator(mode="after")
    def _lists(self) -> Self:
        for app in self.app_names:
            if not _APP.fullmatch(app):
                raise ValueError(f"apps: {shown(app)} is not an app name: lower-case letters, digits and hyphens")
        if len(self.app_names) > _MOST_APPS:
            raise ValueError(f"apps: these are {len(self.app_names)}, and at most {_MOST_APPS} are read; use org_slug")
        for name in ("waiting_minutes", "orphaned_minutes"):
            if not _NUMBER.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: {shown(getattr(self, name))} is not a number of minutes such as 5 or 0.5")
        return self

    @property
    def app_names(self) -> tuple[str, ...]:
        return _words(self.apps)

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds as the review takes them."""
        return Thresholds(
            waiting=timedelta(minutes=float(self.waiting_minutes)),
            orphaned=timedelta(minutes=float(self.orphaned_minutes)),
            row_phases={
                **dict.fromkeys(_words(self.ended_statuses), Phase.STOPPED),
                **dict.fromkeys(_words(self.running_statuses), Phase.RUNS),
                **dict.fromkeys(_words(self.waiting_statuses), Phase.WAITS),
            },
        )

    def require(self) -> None:
        """Apps, an organisation, or a token that names its organisation."""
        if not (self.apps or self.org_slug):
            raise ParameterError(
                "org_slug",
                "Neither org_slug nor apps is given: which machines should be compared with the rows?",
                "Give -p org_slug ORG for a whole organisation, or -p apps APP,APP (in a notebook: the first cell).",
            )

    def target(self) -> Mapping[str, Any]:
        return {
            "records_table": self.records_table,
            "apps": self.app_names,
            "row_phases": self.thresholds.row_phases,
        }


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (word.strip().lower() for word in text.split(",")))))


FACETS = (Facet.TOKEN, Facet.TOKEN_INSIDE, Facet.FLEET_MACHINES, Facet.FLEET_ROWS, Facet.STATUS)

SECTIONS = (
    sections.classes,
    sections.shared,
    sections.suspects,
    sections.states,
    sections.over_time,
    overview.searched,
)


def judge(evidence: Evidence, parameters: FleetParameters, background: Mapping[str, Any]) -> Diagnosis:
    """Each pair into its class; nothing read is nothing found."""
    answers = [
        getattr(evidence.observations.get(facet), "answer", None) for facet in (Facet.FLEET_MACHINES, Facet.FLEET_ROWS)
    ]
    count = answers[0] if isinstance(answers[0], MachineCount) else None
    looked_at = int(evidence.looked_at.timestamp())
    nothing = Fleet(parameters.records_table, 0, machines_known=False, rows_known=False, looked_at=looked_at)
    found = answers[1] if isinstance(answers[1], Fleet) else nothing
    return conclude(evidence, review(found, count, parameters.thresholds))


RUNBOOK = Runbook(
    name="fleet",
    title="Do the machines of an organisation and the rows of a database agree?",
    parameters=FleetParameters,
    facets=FACETS,
    sections=SECTIONS,
    judge=judge,
    report_title="{app}: machines and rows",
    subject="all",
    seconds=3_600,
)
