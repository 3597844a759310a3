"""`machine_not_visible`: a call answered that the machine was created, and nobody can see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from runbooks.base.consent import Consent
from runbooks.base.errors import ParameterError
from runbooks.base.facets import Facet
from runbooks.base.parameters import Parameters, Text, shown
from runbooks.base.runbook import Runbook
from runbooks.collect.source_reader import absolute_sources, read_files
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.report import creation, overview, steps
from runbooks.report.conclusions import config_audit


class MachineNotVisible(Parameters):
    """What this runbook takes besides the parameters of every runbook."""

    CONSENTS = frozenset({"allow_writes", "confirm_app", "canary_config"})

    allow_writes: bool = Field(False, description="create one test machine in the app, and destroy it (step 4)")
    confirm_app: Text = Field("", description="the app's name once more, to confirm allow_writes")
    canary_image: Text = Field("flyio/hellofly", description="the known-good image of the test machine")
    canary_config: bool = Field(
        False, description="also run the machine's own config once more: your program, with its real secrets"
    )
    sources: Text = Field(
        "", description="the caller's files: paths, folders, patterns or URLs, comma-separated; their lines are named"
    )

    def pasted(self) -> bool:
        return super().pasted() or bool(self.sources)

    def target(self) -> Mapping[str, Any]:
        return {**super().target(), "sources": read_files(self.sources)}

    def settled(self) -> dict[str, str]:
        return super().settled() | {"sources": absolute_sources(self.sources)}

    def recorded(self) -> frozenset[str]:
        """The files are an answer of their own: the lines of them that matter."""
        return super().recorded() - {"sources"}

    def consent(self) -> Consent:
        return Consent(self.allow_writes, self.confirm_app, self.canary_image, self.canary_config)

    def require(self) -> None:
        """Whoever allows a test names the app twice, and means a world that can be changed."""
        super().require()
        if not self.allow_writes:
            if self.canary_config:
                raise ParameterError(
                    "canary_config",
                    "The parameter canary_config allows a second test machine, and allow_writes does not allow any.",
                    "Set allow_writes and confirm_app as well, or leave canary_config out.",
                )
            return
        if self.source.startswith("bundle:"):
            raise ParameterError(
                "allow_writes",
                "The parameter allow_writes has no meaning for a saved run: nothing is sent anywhere.",
                "Leave it out, or use source live.",
            )
        if not self.app_name or self.confirm_app != self.app_name:
            raise ParameterError(
                "confirm_app",
                f"The parameter allow_writes creates a machine in the app {shown(self.app_name or '(not given)')}, "
                f"and confirm_app is {shown(self.confirm_app) if self.confirm_app else 'empty'}. Nothing was created.",
                f"If you mean this app, give -p confirm_app {self.app_name or 'APP'} (docs/canary.md says what it "
                f"does and costs).",
            )


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
    Facet.SOURCES,
)
"""What is asked, what perishes first before the rest."""

TESTS = (Facet.CANARIES_LEFT, Facet.CANARY_IMAGE, Facet.CANARY_CONFIG)
"""What changes something: the last of all, and only with consent."""

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
    creation.create_directly,
    steps.record,
    steps.endpoint,
    overview.siblings,
    config_audit,
    overview.searched,
)


def judge(evidence: Evidence, parameters: Parameters, background: Mapping[str, Any]) -> Diagnosis:
    """Weigh every cause."""
    return diagnose(evidence, facets=(*FACETS, *TESTS))


RUNBOOK = Runbook(
    name="machine_not_visible",
    title="A machine was created, and no list, dashboard or database shows it",
    parameters=MachineNotVisible,
    facets=(*FACETS, *TESTS),
    sections=SECTIONS,
    judge=judge,
    report_title="{app}: what happened to {machine}",
)
