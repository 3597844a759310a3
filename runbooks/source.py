"""Where the evidence comes from: live Fly, the built-in simulator, or a saved bundle.

A source says which physical endpoints stand behind the logical ones, with which credentials, which
names resolve, and what time it is. Nothing else in the product knows the simulator.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks import __version__
from runbooks.base.consent import Consent
from runbooks.base.errors import ParameterError, SourceError, UsageError
from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.leftovers import Leftovers
from runbooks.base.parameters import APP_NAME, CommonParameters
from runbooks.base.runbook import COLLECT_SECONDS, MAX_REQUESTS
from runbooks.base.settings import Settings
from runbooks.evidence.bundle import Bundle, ReplayContext, open_bundle
from runbooks.evidence.canary import CanarySweep
from runbooks.evidence.journal import Journal
from runbooks.evidence.models import Evidence, Observation, Requests
from runbooks.evidence.redaction import Redactor, secrets_of

if TYPE_CHECKING:  # what asks over a network takes long to import, and whoever only checks parameters asks nobody
    from runbooks.collect.source import Source
    from runbooks.simulator.scenario import Scenario
    from runbooks.simulator.server import Endpoints

CANARY_SECONDS = 300.0
"""Time for one test machine besides that of the collection: 180 s to settle, 60 s to be watched, and its reading."""


@contextmanager
def open_source(name: str, settings: Settings) -> Iterator[Source]:
    """Open the named source for the time of one collection; what it started is stopped at the end."""
    kind, _, rest = name.partition(":")
    if kind == "live":
        yield _live(settings)
    elif kind == "simulator":
        yield from _simulated(name, rest, settings)
    elif kind == "bundle":
        yield _saved(open_bundle(Path(rest)), settings)
    else:
        raise SourceError(
            f"The source {name[:80]!r} cannot be opened.", "There are live, simulator:SCENARIO and bundle:PATH."
        )


def source_defaults(name: str) -> Mapping[str, str]:
    """The parameters that a source supplies by itself: a scenario knows its incident, a bundle its run."""
    kind, _, rest = name.partition(":")
    if kind == "bundle":
        return open_bundle(Path(rest)).parameters
    if kind != "simulator":
        return {}
    from runbooks.simulator.scenario import load_scenario

    return load_scenario(rest).parameters


def _live(settings: Settings) -> Source:
    from runbooks.collect.source import Source
    from runbooks.collect.supabase import project_of

    status = settings.status_url.strip()
    records_url = settings.records_url.get_secret_value().strip()
    return Source(
        name="live",
        token=settings.token.get_secret_value().strip(),
        machines_url=settings.machines_url.rstrip("/"),
        platform_url=settings.platform_url.rstrip("/"),
        registries=settings.registries,
        connect_to=settings.connect_to,
        records_url=records_url,
        records_columns=settings.columns,
        records_events_table=settings.records_events_table,
        status_url="" if status.lower() == "off" else status,
        metrics_url=settings.metrics_url.strip(),
        project=project_of(
            records_url,
            settings.records_key.get_secret_value().strip(),
            settings.supabase_token.get_secret_value().strip(),
        ),
        supabase_url=settings.supabase_url,
    )


def _saved(bundle: Bundle, settings: Settings) -> Source:
    """A world that consists of what was recorded; nothing in it is reached over a network."""
    from runbooks.collect.source import Source
    from runbooks.collect.supabase import replayed

    return Source(
        name=bundle.source,
        token=bundle.token,
        machines_url="",
        platform_url="",
        registries=dict.fromkeys(bundle.registries, ""),
        connect_to={},
        records_url="",
        records_columns=settings.columns,
        records_events_table=settings.records_events_table,
        status_url="recorded" if bundle.status_feed else "",
        now=bundle.clock(),
        bundle=bundle,
        project=replayed(bundle.replay_context.project),
    )


def _simulated(name: str, scenario_name: str, settings: Settings) -> Iterator[Source]:
    # Imported here: the product runs without the simulator's server libraries being touched.
    from runbooks.simulator.scenario import load_scenario
    from runbooks.simulator.server import Simulator

    scenario = load_scenario(scenario_name)
    with tempfile.TemporaryDirectory(prefix="fly-simulator-") as folder:
        simulator = Simulator(scenario, Path(folder))
        served = simulator.start()
        try:
            yield source_of(name, scenario, served, settings)
        finally:
            simulator.stop()


def source_of(name: str, scenario: Scenario, served: Endpoints, settings: Settings) -> Source:
    """A simulator that was started, as a source; its clock is the scenario's."""
    from runbooks.collect.source import Source

    return Source(
        name=name,
        token=scenario.token,
        machines_url=served.base_url,
        platform_url=served.base_url,
        registries=served.registries,
        connect_to=dict(part.split("=", 1) for part in served.connect_to.split(",")),
        records_url=served.records_url,
        records_columns=settings.columns,
        records_events_table=settings.records_events_table,
        status_url=served.status_url,
        tls=ssl.create_default_context(cafile=str(served.ca_pem)),
        now=lambda: scenario.look_at,
        still=True,
    )


def recorded_parameters(parameters: CommonParameters) -> dict[str, Any]:
    """The parameters that a replay is given; the caller's words, an answer of their own, are not among them."""
    told = parameters.model_dump(mode="json", include=set(parameters.recorded()))
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True)
class Collected:
    """What one look brought home. `bundle` is the saved run that it was read from, if it was one."""

    evidence: Evidence
    replay_context: ReplayContext
    redactor: Redactor
    requests: Requests
    bundle: Bundle | None


Watcher = Callable[[Observation, Callable[[], Evidence]], None]
"""Is told of each look, and can have the evidence so far."""


def collect(
    parameters: CommonParameters,
    settings: Settings,
    watch: Watcher = lambda observation, so_far: None,
    facets: Sequence[FacetEnum] | None = None,
    *,
    runbook: str = "",
    told: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    announce: Callable[[str], None] = print,
    most_requests: int = MAX_REQUESTS,
    seconds: float = COLLECT_SECONDS,
) -> Collected:
    """Ask every question once. What could not be asked is in the evidence with its reason.

    Args:
        parameters: whom the questions are about, and which source is asked
        settings: endpoints and credentials
        watch: is told of each observation
        facets: what is asked, in this order
        runbook: the runbook's name, for the journal
        told: what the report rests on besides the evidence, for the journal
        journal: keeps each exchange on disk when it is complete
        announce: is called with a sentence before anything is changed
        most_requests: how many requests may be sent to Fly and to registries in all
        seconds: how long it may take without a test creation, if the deadline of the run is not earlier
    """
    from runbooks.collect.collector import Collector
    from runbooks.collect.context import Target

    consent = parameters.consent()
    tests = (1 + consent.config) if consent.writes else 0
    wanted = seconds + tests * CANARY_SECONDS
    seconds = min(wanted, settings.deadline or wanted)
    with open_source(parameters.source, settings) as source:
        redactor = Redactor()
        own = dict(parameters.target())
        # The runner masks parameters before they get here: its numbers must not be given out twice.
        redactor.continue_numbering("\n".join(map(str, (*parameters.model_dump().values(), *own.values()))))
        for value, kind in secrets_of(settings):
            redactor.add_secret(value, kind)
        if own.get("websocket_url"):
            own["websocket_url"] = redactor.text(own["websocket_url"], "parameters")
        given = Target(org_slug=parameters.org_slug, canary_image=consent.image or Target.canary_image, **own)

        def watched(observation: Observation) -> None:
            watch(
                observation,
                lambda: Evidence(
                    survey.context.subject(),
                    observation.at,
                    dict(survey.observations),
                    source.name,
                ),
            )

        description: Mapping[str, Any] = {}
        if journal is not None:
            description = {
                "runbook": runbook,
                "version": __version__,
                "parameters": redactor.value(recorded_parameters(parameters), "parameters"),
                "told": dict(told or {}),
            }
        survey = Collector(
            given,
            source,
            redactor,
            seconds,
            watched,
            facets=facets,
            journal=journal,
            run_description=description,
            consent=consent if source.bundle is None else Consent(),
            announce=announce,
            leftovers=Leftovers(settings.output_root),
            most_requests=most_requests,
        )
        evidence = survey.run()
        client = survey.client
        requests = Requests(sum(client.by_host.values()), dict(sorted(client.by_host.items())), client.retries)
        return Collected(evidence, survey.replay_context, redactor, requests, source.bundle)


@dataclass(frozen=True)
class Swept:
    """What a sweep of one app did, in one sentence, and whether nothing is left."""

    reason: str
    clean: bool


def sweep_canaries(app: str, settings: Settings, announce: Callable[[str], None]) -> Swept:
    """Remove the test machines that runs left behind in a live app.

    Raises:
        ParameterError: this cannot be the name of an app
        UsageError: there is no token
    """
    from runbooks.collect.collector import Collector
    from runbooks.collect.context import Target

    if not APP_NAME.match(app):
        raise ParameterError("app", f"{app[:100]!r} is not an app name: lower-case letters, digits and hyphens.")
    if not settings.token.get_secret_value().strip():
        raise UsageError("No token is set (FLY_API_TOKEN), so nothing can be removed.")
    redactor = Redactor()
    for value, kind in secrets_of(settings):
        redactor.add_secret(value, kind)
    leftovers = Leftovers(settings.output_root)
    journal = Journal(leftovers.folder / f"sweep-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    collector = Collector(
        Target(app_name=app),
        _live(settings),
        redactor,
        facets=(Facet.CANARIES_LEFT,),
        journal=journal,
        run_description={"runbook": "sweep-canaries", "version": __version__, "parameters": {"app_name": app}},
        consent=Consent(writes=True, app=app),
        announce=announce,
        leftovers=leftovers,
    )
    try:
        observation = collector.run().observations[Facet.CANARIES_LEFT]
    finally:
        journal.close()
    swept = observation.answer
    return Swept(observation.reason, isinstance(swept, CanarySweep) and not swept.left)
