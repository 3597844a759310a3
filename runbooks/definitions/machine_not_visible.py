"""`machine_not_visible`: a call answered that the machine was created, and nobody can see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from runbooks.base.facets import Facet
from runbooks.base.parameters import Parameters
from runbooks.base.runbook import Runbook
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.report import overview, steps
from runbooks.report.conclusions import config_audit


class MachineNotVisible(Parameters):
    """What this runbook takes besides the parameters of every runbook."""

    allow_writes: bool = Field(False, description="allow the steps that change something; none does yet")


FACETS = (
    Facet.CALLER,
    Facet.MACHINE_BY_CALLER,
    Facet.LIST_BY_CALLER,
    Facet.LOGS_BY_CALLER,
    Facet.TOKEN,
    Facet.TOKEN_INSIDE,
    Facet.APP,
    Facet.MACHINE,
    Facet.EVENTS,
    Facet.VERSIONS,
    Facet.LIST,
    Facet.LIST_DELETED,
    Facet.LOGS,
    Facet.LIST_AGAIN,
    Facet.ORGANISATION,
    Facet.MACHINE_AGAIN,
    Facet.IMAGE_BELIEVED,
    Facet.IMAGE_BELIEVED_AGAIN,
    Facet.IMAGE_RAN,
    Facet.IMAGE_RAN_AGAIN,
    Facet.ADDRESSES,
    Facet.DNS_APP,
    Facet.DNS_BELIEVED,
    Facet.RECORD,
    Facet.RECORD_EVENTS,
    Facet.CERTIFICATES,
    Facet.VOLUMES,
    Facet.SECRETS,
    Facet.FUNCTION_SECRETS,
    Facet.FUNCTION_LOG,
    Facet.STATUS,
    Facet.EDGE_BELIEVED,
    Facet.EDGE_APP,
    Facet.PROCESSES,
    Facet.LOGS_PROXY,
    Facet.METRICS,
)
"""What is asked, what perishes first before the rest."""

SECTIONS = (
    overview.timeline,
    steps.symptoms,
    steps.caller,
    steps.app,
    steps.machines,
    steps.events,
    steps.logs,
    steps.image,
    steps.token,
    steps.create_directly,
    steps.record,
    steps.endpoint,
    overview.siblings,
    config_audit,
    overview.searched,
)


def judge(evidence: Evidence, parameters: Parameters, background: Mapping[str, Any]) -> Diagnosis:
    """Weigh every cause."""
    return diagnose(evidence, facets=FACETS)


RUNBOOK = Runbook(
    name="machine_not_visible",
    title="A machine was created, and no list, dashboard or database shows it",
    parameters=MachineNotVisible,
    facets=FACETS,
    sections=SECTIONS,
    judge=judge,
    report_title="{app}: what happened to {machine}",
)
