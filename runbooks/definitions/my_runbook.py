"""`my_runbook`: describe in one sentence what this runbook finds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.parameters import Parameters
from runbooks.base.runbook import Runbook
from runbooks.collect.facets import collects
from runbooks.collect.result import FacetResult, seen, unavailable
from runbooks.collect.session import CollectionSession
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.report import overview
from runbooks.report.section import Section


class MyRunbookFacet(FacetEnum):
    """What this runbook asks besides the facets it shares with others: number, slug, question, how long it lasts."""

    REGION = "X-my_runbook-01", "my-runbook-region", "In which region does the machine run?", "while the machine exists"


@collects(MyRunbookFacet.REGION, answer=dict)
def _region(session: CollectionSession) -> FacetResult:
    """Ask through `session.client` (only addresses on its allow-list), or read what other facets have told."""
    machine = session.best_machine()
    if machine is None:
        return unavailable("no description of the machine was seen")
    return seen(f"the machine is in {machine.region}", {"region": machine.region})


def region(facts: Facts, diagnosis: Diagnosis) -> Section:
    """One section of the report: a question, an answer in one sentence, and the evidence it rests on."""
    observation = facts.evidence.observations.get(MyRunbookFacet.REGION)
    return Section(
        "region",
        "Region",
        "In which region does the machine run?",
        f"{observation.reason[:1].upper()}{observation.reason[1:]}." if observation else "This was not asked.",
        evidence=(MyRunbookFacet.REGION,) if observation else (),
    )


FACETS = (Facet.CALLER, Facet.TOKEN, Facet.APP, Facet.MACHINE, Facet.EVENTS, Facet.LIST, MyRunbookFacet.REGION)


def judge(evidence: Evidence, parameters: Parameters, background: Mapping[str, Any]) -> Diagnosis:
    """Weigh every known cause; replace this where the runbook answers another question."""
    return diagnose(evidence, facets=FACETS)


RUNBOOK = Runbook(
    name="my_runbook",
    title="Describe the runbook in one line",
    parameters=Parameters,
    facets=FACETS,
    sections=(overview.timeline, region, overview.searched),
    judge=judge,
    report_title="{app}: my_runbook of {machine}",
)
