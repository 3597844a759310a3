"""One look at the world: parameters and settings in, evidence out. Cases go through here, live ones and saved ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbooks.collect.known import Given, Known
from runbooks.collect.survey import COLLECT_SECONDS, Survey
from runbooks.evidence.bundle import Bundle, Circumstances
from runbooks.evidence.models import Evidence, Look
from runbooks.evidence.redaction import Redactor
from runbooks.parameters import Parameters, caller_text
from runbooks.report.document import Requests
from runbooks.settings import Settings
from runbooks.source import open_source


@dataclass(frozen=True)
class Collected:
    """What one look brought home. `bundle` is the saved run that it was read from, if it was one."""

    evidence: Evidence
    circumstances: Circumstances
    redactor: Redactor
    requests: Requests
    bundle: Bundle | None


Watcher = Callable[[Look, Callable[[], Evidence]], None]
"""Is told of each look, and can have the evidence so far."""


def collect(parameters: Parameters, settings: Settings, watch: Watcher = lambda look, so_far: None) -> Collected:
    """Ask every question once. What could not be asked is in the evidence with its reason."""
    seconds = min(COLLECT_SECONDS, settings.deadline or COLLECT_SECONDS)
    with open_source(parameters.source, settings) as source:
        redactor = Redactor()
        told = caller_text(parameters.caller_log)
        # The runner masks parameters before they get here: its numbers must not be given out twice.
        redactor.resume("\n".join((told, *map(str, parameters.model_dump().values()))))
        for value, kind in settings.secrets:
            redactor.know(value, kind)
        given = Given(
            app_name=parameters.app_name,
            machine_id=parameters.machine_id,
            machine_name=parameters.machine_name,
            org_slug=parameters.org_slug,
            image=parameters.image,
            websocket_url=redactor.text(parameters.websocket_url, "parameters"),
            caller_text=told,
            record_key=parameters.record_key,
            records_table=parameters.records_table,
            incident_at=parameters.incident_at,
        )

        def watched(look: Look) -> None:
            watch(
                look, lambda: Evidence(Known(given, survey.looks).subject(), look.at, dict(survey.looks), source.name)
            )

        survey = Survey(given, source, redactor, seconds, watched)
        evidence = survey.run()
        client = survey.client
        requests = Requests(sum(client.by_host.values()), dict(sorted(client.by_host.items())), client.retries)
        return Collected(evidence, survey.circumstances, redactor, requests, source.bundle)
