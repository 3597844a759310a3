"""One collection: the facets of a runbook, asked one after the other in the order that its definition gives.

Each facet fails on its own: what it could not ask becomes an observation with a reason, and the next facet is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from runbooks.base.consent import Consent
from runbooks.base.errors import DiskError
from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.leftovers import Leftovers
from runbooks.base.runbook import COLLECT_SECONDS, MAX_REQUESTS
from runbooks.base.settings import load_settings
from runbooks.collect import machines, metrics, status, supabase
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.canary.facets import DOCKER_HUB
from runbooks.collect.client import Client
from runbooks.collect.context import CollectionContext, Target
from runbooks.collect.edge import Edge
from runbooks.collect.facets import FacetCollector, collectors
from runbooks.collect.rate_budget import RateBudget
from runbooks.collect.replay import NotRecorded, ReplayTransport, exchanges_in, found_in, reason_in
from runbooks.collect.result import FacetResult, unavailable
from runbooks.collect.rows import NoRecords, RecordsSource
from runbooks.collect.session import CollectionSession
from runbooks.collect.shared_answers import SharedAnswers
from runbooks.collect.source import Source
from runbooks.collect.supabase_rows import WebRecords
from runbooks.collect.transport import HttpTransport, Transport
from runbooks.evidence.bundle import ReplayContext
from runbooks.evidence.har import iso
from runbooks.evidence.journal import SAVED_WHOLE, Journal
from runbooks.evidence.models import Evidence, Observation, Reason, Token
from runbooks.evidence.redaction import Redactor, elements, token_kind

Progress = Callable[[Observation], None]
_BY_ITSELF = (Facet.CALLER, Facet.TOKEN_INSIDE, Facet.CONFIG)
"""Asked of nobody: what was pasted, what a token says of itself, and a config that was given."""


def _no_pause(seconds: float) -> None:
    """No-op sleep for replay."""


@dataclass
class Collector:
    """Asks every facet once and keeps what it saw.

    Args:
        given: the subject, as a person described it
        source: the world that is asked
        redactor: masks everything that enters
        seconds: time for the whole collection
        progress: is called with each observation
        transport: replaces the network (tests)
        sleep: waits, in seconds
        facets: what to ask, in the order of asking; all facets that have a collector, if it is None
        journal: keeps each exchange on disk when it is complete
        run_description: what the journal says about the run: `runbook`, `version`, `parameters` (masked), and in
            `told` what the report rests on besides the evidence
        consent: what a person allowed besides reading
        announce: is called with a sentence before anything is changed
        leftovers: which runs of this machine may have test machines; those of the output root, if it is None
        most_requests: how many requests may be sent in all
    """

    given: Target
    source: Source
    redactor: Redactor = field(default_factory=Redactor)
    seconds: float = COLLECT_SECONDS
    progress: Progress = lambda observation: None
    transport: Transport | None = None
    sleep: Callable[[float], None] = time.sleep
    facets: Sequence[FacetEnum] | None = None
    journal: Journal | None = None
    run_description: Mapping[str, Any] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    announce: Callable[[str], None] = lambda sentence: None
    leftovers: Leftovers | None = None
    most_requests: int = MAX_REQUESTS
    observations: dict[str, Observation] = field(default_factory=dict)
    _readings: list[datetime] = field(default_factory=list)
    _shared: SharedAnswers | None = None
    _stopped: str = ""
    _blocked: CouldNotAsk | None = None

    def run(self) -> Evidence:
        """Ask all facets.

        Returns:
            the evidence: one observation for each facet that was due
        """
        transport = self._open()
        try:
            self._ask_all()
            self._end_journal()
        finally:
            transport.close()
            if self._shared:
                self._shared.close()
            self._session.leftovers.release()
        return self.evidence()

    def _budget(self, pause: Callable[[float], None]) -> RateBudget:
        """That of all runs where they ask the same API; a simulator or a saved run is asked by this run alone."""
        if self.source.name != "live":
            return RateBudget(sleep=pause)
        settings = load_settings()
        return RateBudget(sleep=pause, share=settings.rate_share, file=settings.rate_file)

    def _open(self) -> Transport:
        """Set up the session, and return the transport, which has to be closed."""
        bundle, given = self.source.bundle, self.given
        for element in elements(self.source.token) if bundle is None else ():
            self.redactor.add_secret(element, "fly-token")
        url = self.redactor.text(given.websocket_url, "websocket_url")
        self.redactor.continue_numbering(given.caller_text)
        started_at = self._now()
        self._shared = SharedAnswers.opened(load_settings().shared_answers) if bundle is None else None
        self.redactor.allow(*(self._shared.looked_for if self._shared else ()))
        self.redactor.allow(given.app_name, given.machine_id, given.machine_name, given.org_slug, given.image)
        self.redactor.allow(self.source.project.ref)
        end = time.monotonic() + self.seconds
        tls = self.source.tls or httpx.create_ssl_context()
        replay = ReplayTransport(bundle) if bundle else None
        transport = self.transport or replay or HttpTransport(self._bases(), self.source.connect_to, tls)
        pause = _no_pause if replay else self.sleep
        self._client = Client(
            transport,
            self.source.token,
            self.redactor,
            self._now,
            (lambda: self.seconds) if replay else (lambda: end - time.monotonic()),
            budget=self._budget(pause),
            sleep=pause,
            allowed_urls=frozenset({status.LOGICAL}),
            project_urls=supabase.allowed(self.source.project),
            repeats=replay.repeats if replay else None,
            recorded=replay.recorded if replay else None,
            handed_on=replay.handed_on if replay else lambda method, url: None,
            keep=self.journal.exchange if self.journal else lambda exchange: None,
            may_write=bundle is not None or self.consent.writes,  # what a replay sends goes nowhere
            announce=self.announce,
            intend=self.journal.intention if self.journal else lambda description: None,
            most_requests=self.most_requests,
        )
        self._session = CollectionSession(
            replace(given, websocket_url=url),
            self.observations,
            self.source,
            self._client,
            Edge(self.source.connect_to, tls, self.redactor),
            self._records(),
            started_at,
            self.consent,
            self.leftovers or Leftovers(load_settings().output_root),
        )
        self._begin_journal(started_at)
        return transport

    def _begin_journal(self, started_at: datetime) -> None:
        if self.journal is None:
            return
        description = dict(self.run_description)
        circumstances = {
            "asked_as": token_kind(self.source.token),
            "registries": sorted(self.source.registries),
            "status_feed": bool(self.source.status_url),
            "project": self._project,
            "told": description.pop("told", {}),
        }
        description |= {
            "source": self.source.name,
            "started_at": iso(started_at),
            "questions": [collector.facet.value for collector in self._wanted()],
            "circumstances": circumstances,
        }
        try:
            self.journal.begin(description)
        except DiskError as error:
            self._stopped = f"not asked: {error.cause}"

    @property
    def client(self) -> Client:
        return self._client

    def evidence(self) -> Evidence:
        """All observations so far."""
        observations = dict(sorted(self.observations.items()))
        return Evidence(self._session.subject(), self._now(), observations, self.source.name, self._client.retries)

    @property
    def context(self) -> CollectionContext:
        """What is known so far."""
        return self._session

    @property
    def replay_context(self) -> ReplayContext:
        """What a replay needs to know besides the answers."""
        source = self.source
        if source.bundle is not None:
            return source.bundle.replay_context
        return ReplayContext(
            tuple(self._readings),
            token_kind(source.token),
            tuple(sorted(source.registries)),
            bool(source.status_url),
            self.redactor.masked,
            self._project,
        )

    @property
    def _project(self) -> Mapping[str, Any]:
        project = self.source.project
        return project.told if project.url or project.managed else {}

    def _now(self) -> datetime:
        """Every reading of the clock is kept, in order, for a replay."""
        at = self.source.now()
        self._readings.append(at)
        if self.journal is not None:
            self.journal.read_clock(at)
        return at

    def _records(self) -> RecordsSource:
        source = self.source
        if source.project.url:
            return WebRecords(self._client, source.project, source.records_columns)
        if not source.records_url:
            return NoRecords()
        # Imported here: SQLAlchemy takes long, and is needed only where a database is asked.
        from runbooks.collect.records import RecordsReader

        return RecordsReader(source.records_url, source.records_columns, self.redactor)

    def _ask_all(self) -> None:
        """In the given order. A facet that has to wait for others is asked as soon as they have been asked."""
        self._blocked = self._without_token()
        waiting: list[FacetCollector] = []
        for collector in self._wanted():
            if collector.waits(self._session):
                waiting.append(collector)
                continue
            self._ask(collector)
            for other in [one for one in waiting if not one.waits(self._session)]:
                waiting.remove(other)
                self._ask(other)
        for collector in waiting:
            self._ask(collector)

    def _without_token(self) -> CouldNotAsk | None:
        """Whether it is known before the first request that nothing can be looked at: no token, and nothing pasted."""
        wanted = {collector.facet for collector in self._wanted()}
        if self.source.bundle or self.source.token or self.given.pasted or Facet.TOKEN not in wanted:
            return None
        return CouldNotAsk(machines.NO_CREDENTIALS, Reason.NO_TOKEN)

    def _token_refused(self, result: FacetResult) -> CouldNotAsk | None:
        """The same after the first request, where the API refuses the token. A replay asks what the run asked."""
        if self.source.bundle or self.given.pasted:
            return None
        if result.code is Reason.BAD_TOKEN:
            return CouldNotAsk(result.reason, result.code)
        if not isinstance(result.answer, Token) or result.answer.valid:
            return None
        return CouldNotAsk(f"not asked: the API does not accept the token ({Facet.TOKEN.value})", Reason.BAD_TOKEN)

    def _wanted(self) -> list[FacetCollector]:
        known = collectors()
        # By default what one machine is about: whole lists belong to the runbooks that name them.
        wanted = self.facets if self.facets is not None else [one for one in known if one.slug not in SAVED_WHOLE]
        return [known[facet] for facet in wanted if facet in known]

    def _ask(self, collector: FacetCollector) -> None:
        if not collector.when(self._session):
            return
        facet = collector.facet
        self._client.take(facet)
        session, given = self._session, self.given
        names = (session.found_id(), session.machine_name(), given.machine_id, given.machine_name)
        shared = self._shared if collector.common else None
        self._client.shared = shared
        self._client.looked_for = frozenset(filter(None, names)) | (shared.looked_for if shared else frozenset())
        bundle = self.source.bundle
        try:
            if self._stopped:
                raise CouldNotAsk(self._stopped, Reason.INTERRUPTED)
            if self._blocked and facet not in _BY_ITSELF:
                raise self._blocked
            if bundle and bundle.cut and not self._reached(facet):
                raise NotRecorded
            recorded = found_in(bundle, facet) if bundle and facet is not Facet.CALLER else None
            if bundle and recorded:
                self._client.recall(exchanges_in(bundle, facet))
            result = recorded or collector.collect(self._session)
        except CouldNotAsk as error:
            result = unavailable(str(error), code=error.code)
        except KeyboardInterrupt:
            # The deadline or a signal: what is known by now is worth a report.
            self._stopped = "not asked: the run was interrupted before"
            result = unavailable("the run was interrupted while this was asked", code=Reason.INTERRUPTED)
        except DiskError as error:
            # An answer that cannot be kept is better not asked for.
            self._stopped = f"not asked: {error.cause}"
            result = unavailable(f"the answer could not be kept on disk: {error.cause}")
        except NotRecorded:
            said, code = reason_in(bundle, facet) if bundle else ("nothing was recorded", Reason.NOT_RECORDED)
            result = unavailable(said, code=code)
        except Exception as error:
            # A bug costs this facet and no other, and is said for what it is.
            result = self._failed(error)
        if facet is Facet.TOKEN:
            self._blocked = self._blocked or self._token_refused(result)
        at, reason = self._now(), self.redactor.text(result.reason, facet)
        exchanges = self._client.take(facet)
        if others := [exchange.at for exchange in exchanges if exchange.handed_on]:
            at = max(others)
            reason += f" (answered at {at:%H:%M:%S} UTC, to another run of the same sweep)"
        observation = Observation(facet, result.outcome, reason, result.at or at, result.answer, exchanges, result.code)
        self.observations[facet.value] = observation
        self._keep(observation)
        self.progress(observation)

    def _keep(self, observation: Observation) -> None:
        if self.journal is None:
            return
        try:
            self.journal.observation(observation, self.redactor.masked, [asdict(hit) for hit in self.redactor.hits])
        except DiskError as error:
            self._stopped = self._stopped or f"not asked: {error.cause}"

    def _end_journal(self) -> None:
        if self.journal is not None:
            with suppress(DiskError):
                self.journal.end()

    def _reached(self, facet: FacetEnum) -> bool:
        """Whether a run that died had begun to ask this; what it was given, it knew from the beginning."""
        bundle = self.source.bundle
        asked = {entry.get("_facet") for entry in bundle.entries} if bundle else set()
        return facet is Facet.CALLER or facet.value in asked or (bundle is not None and facet in bundle.observations)

    def _failed(self, error: Exception) -> FacetResult:
        text = f"the runbook itself failed here, please report it ({type(error).__name__}: {error})"
        return unavailable(self.redactor.text(text, "error")[:500])

    def _bases(self) -> dict[str, str]:
        """Base URL of each logical host."""
        source = self.source
        bases = {
            "api.machines.dev": source.machines_url,
            "api.fly.io": source.platform_url,
            **source.registries,
        }
        if self.consent.writes:
            bases = {**DOCKER_HUB, **bases}
        bases |= {urlsplit(supabase.MANAGEMENT).netloc: source.supabase_url} if source.supabase_url else {}
        if source.metrics_url and source.metrics_url.lower() != "off":
            bases[metrics.LOGICAL] = source.metrics_url.rstrip("/")
        return bases | ({status.LOGICAL: source.status_url} if source.status_url else {})
