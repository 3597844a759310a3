"""One collection, in one fixed order: the most perishable evidence first, edge probes last.

Each step fails on its own: what it could not ask becomes a look with a reason, and the next step runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

import httpx

from runbooks.collect import logs, machines, registry, status, supabase
from runbooks.collect.client import Client, CouldNotAsk, RateBudget
from runbooks.collect.edge import Edge
from runbooks.collect.found import Found, seen, unlooked
from runbooks.collect.known import Given, Known
from runbooks.collect.records import RecordsReader
from runbooks.collect.replay import NotRecorded, Tape, found_in, reason_in
from runbooks.collect.supabase import WebRecords
from runbooks.collect.transport import Transport, Wire
from runbooks.evidence import macaroon
from runbooks.evidence.bundle import Circumstances
from runbooks.evidence.caller import read_caller
from runbooks.evidence.catalogue import FACETS
from runbooks.evidence.models import (
    App,
    Evidence,
    ImageRef,
    Listing,
    Look,
    Machine,
    Outcome,
    Probe,
    Records,
    Token,
)
from runbooks.evidence.redaction import Redactor, elements, token_kind
from runbooks.source import Source

Progress = Callable[[Look], None]
COLLECT_SECONDS = 120.0
LIST_LAG = 5.0
"""Seconds that a list may lag behind, as Fly's own client allows for (facts §1.6)."""
TAG_LAG = 2.0


def _no_pause(seconds: float) -> None:
    """A replay need not be polite to anybody."""


@dataclass
class Survey:
    """Asks every facet once and keeps what it saw."""

    given: Given
    source: Source
    redactor: Redactor = field(default_factory=Redactor)
    seconds: float = COLLECT_SECONDS
    progress: Progress = lambda look: None
    transport: Transport | None = None
    sleep: Callable[[float], None] = time.sleep
    looks: dict[str, Look] = field(default_factory=dict)
    _readings: list[datetime] = field(default_factory=list)
    _interrupted: bool = False

    def run(self) -> Evidence:
        bundle = self.source.bundle
        for element in elements(self.source.token) if bundle is None else ():
            self.redactor.know(element, "fly-token")
        url = self.redactor.text(self.given.websocket_url, "websocket_url")
        self._known = Known(replace(self.given, websocket_url=url), self.looks)
        given = self.given
        self.redactor.resume(given.caller_text)
        self._begun = self._now()
        self.redactor.spare(given.app_name, given.machine_id, given.machine_name, given.org_slug, given.image)
        end = time.monotonic() + self.seconds
        tls = self.source.tls or httpx.create_ssl_context()
        tape = Tape(bundle) if bundle else None
        wire = self.transport or tape or Wire(self._bases(), self.source.connect_to, tls)
        pause = _no_pause if tape else self.sleep
        self._client = Client(
            wire,
            self.source.token,
            self.redactor,
            self._now,
            (lambda: self.seconds) if tape else (lambda: end - time.monotonic()),
            budget=RateBudget(sleep=pause),
            sleep=pause,
            allowed_urls=frozenset({status.LOGICAL}),
            project_urls=supabase.allowed(self.source.project),
            repeats=tape.repeats if tape else None,
        )
        self._edge = Edge(self.source.connect_to, tls, self.redactor)
        self._records: RecordsReader | WebRecords = (
            WebRecords(self._client, self.source.project, self.source.records_columns)
            if self.source.project.url
            else RecordsReader(self.source.records_url, self.source.records_columns, self.redactor)
        )
        try:
            for name, number, step in self._steps():
                self._look(name, number, step)
        finally:
            wire.close()
        return self.evidence()

    @property
    def client(self) -> Client:
        return self._client

    def evidence(self) -> Evidence:
        looks = dict(sorted(self.looks.items()))
        return Evidence(self._known.subject(), self._now(), looks, self.source.name, self._client.retries)

    @property
    def circumstances(self) -> Circumstances:
        """What a replay needs to know besides the answers."""
        source = self.source
        if source.bundle is not None:
            return source.bundle.circumstances
        return Circumstances(
            tuple(self._readings),
            token_kind(source.token),
            tuple(sorted(source.registries)),
            bool(source.status_url),
            self.redactor.masked,
            source.project.told if source.project.url or source.project.managed else {},
        )

    def _now(self) -> datetime:
        """Every reading of the clock is kept, in order, for a replay."""
        at = self.source.now()
        self._readings.append(at)
        return at

    def _steps(self) -> Iterator[tuple[str, str, Callable[[], Found]]]:
        """The fixed order. What a step needs from an earlier one is read when its turn comes."""
        given = self.given
        yield "caller", "", self._caller
        yield "token", "", lambda: self._with_token(lambda: machines.token(self._client))
        if self._says_something():
            yield "token-inside", "", self._token_inside
        yield "app", "", lambda: self._with_token(lambda: machines.app(self._client, given.app_name))
        known = bool(self._known.machine_id())
        if known:
            yield "machine", "", self._machine_look
            yield "events", "", self._events_look
        yield (
            "list",
            "",
            lambda: self._with_token(lambda: machines.listing(self._client, given.app_name, deleted=False)),
        )
        yield (
            "list-deleted",
            "",
            lambda: self._with_token(lambda: machines.listing(self._client, given.app_name, deleted=True)),
        )
        if not known:
            # Only a name was given: the lists have now told its id, if anything can.
            yield "machine", "", self._machine_look
            yield "events", "", self._events_look
        yield "logs", "", self._logs_look
        if self._known.list_disagrees():
            yield "list", "b", self._list_again
        yield "organisation", "", self._organisation_look
        if self._known.elsewhere() is not None:
            yield "machine", "b", self._machine_elsewhere
        elif self._known.gone_without_trace():
            yield "machine", "b", self._machine_look
        yield "image-believed", "", self._image_believed
        if self._known.tag_may_follow():
            yield "image-believed", "b", self._image_again
        yield "image-ran", "", self._image_ran
        if self._known.ran_tag():
            yield "image-ran", "b", self._image_tag_now
        yield (
            "addresses",
            "",
            lambda: self._with_token(lambda: machines.addresses(self._client, given.app_name)),
        )
        yield "dns-app", "", lambda: self._edge.resolve(f"{given.app_name}.fly.dev")
        yield "dns-believed", "", self._dns_believed
        yield "record", "", lambda: self._records.rows(given.records_table, self._known.record_words())
        yield "record-events", "", self._record_events
        if self.source.project.managed:
            yield "function-secrets", "", self._function_secrets
            yield "function-log", "", self._function_log
        yield (
            "status",
            "",
            lambda: status.status(
                self._client, bool(self.source.status_url), given.incident_at or self._begun, self._begun
            ),
        )
        yield "edge-believed", "", self._edge_believed
        yield "edge-app", "", self._edge_app
        if self._turned_away():
            yield "logs", "b", lambda: self._with_token(lambda: logs.proxy_lines(self._client, given.app_name))

    def _look(self, name: str, suffix: str, step: Callable[[], Found]) -> None:
        facet = FACETS[name]
        number = facet.number + suffix
        self._client.take(number)
        bundle = self.source.bundle
        try:
            if self._interrupted:
                raise CouldNotAsk("not asked: the run was interrupted before")
            found = (found_in(bundle, number) if bundle and name != "caller" else None) or step()
        except CouldNotAsk as error:
            found = unlooked(str(error))
        except KeyboardInterrupt:
            # The deadline or a signal: what is known by now is worth a report.
            self._interrupted = True
            found = unlooked("the run was interrupted while this was asked")
        except NotRecorded:
            found = unlooked(reason_in(bundle, number) if bundle else "nothing was recorded")
        except Exception as error:
            # A bug costs this facet and no other, and is said for what it is.
            found = unlooked(
                self.redactor.text(
                    f"the runbook itself failed here, please report it ({type(error).__name__}: {error})", "error"
                )[:500]
            )
        at, reason = self._now(), self.redactor.text(found.reason, number)
        look = Look(facet, number, found.outcome, reason, at, found.answer, self._client.take(number))
        self.looks[number] = look
        self.progress(look)

    def _with_token(self, step: Callable[[], Found]) -> Found:
        return step() if self.source.token else unlooked(machines.NO_CREDENTIALS)

    def _list_again(self) -> Found:
        self._let_follow(LIST_LAG)
        return machines.listing(self._client, self.given.app_name, deleted=False)

    def _image_again(self) -> Found:
        self._let_follow(TAG_LAG)
        ref = registry.parse_ref(self.given.image or self._known.caller_answer().image)
        return self._registry(ref, ref.digest or ref.tag, deep=False)

    def _let_follow(self, seconds: float) -> None:
        """Before a second look: give what lags behind the time to follow."""
        if not self.source.still:
            self._client.sleep(seconds)

    # Steps that need more than one line.

    def _caller(self) -> Found:
        text = self.redactor.text(self.given.caller_text, "caller's log")
        if not text.strip():
            return unlooked("no answer or log of the caller was given (parameter caller_log)")
        caller = read_caller(text)
        told = [
            f"id {caller.machine_id}" if caller.machine_id else "",
            f"name {caller.machine_name}" if caller.machine_name else "",
            f"status {caller.status}" if caller.status else "",
            f"error {caller.error_status or ''} {caller.error_text[:120]}".strip() if caller.error_text else "",
        ]
        return seen("the caller's text was read: " + (", ".join(filter(None, told)) or "nothing known in it"), caller)

    def _machine_look(self) -> Found:
        machine_id = self._known.found_id()
        if not machine_id:
            if self._known.machine_name():
                return unlooked(f"no machine called {self._known.machine_name()} is listed, so no id is known")
            return unlooked("neither an id nor a name of the machine is known")
        return self._with_token(lambda: machines.machine(self._client, self.given.app_name, machine_id))

    def _events_look(self) -> Found:
        machine_id = self._known.found_id()
        if not machine_id:
            return unlooked("no id of the machine is known")
        return self._with_token(lambda: machines.events(self._client, self.given.app_name, machine_id))

    def _machine_elsewhere(self) -> Found:
        elsewhere = self._known.elsewhere()
        if elsewhere is None:
            return unlooked("the machine is in no other app")
        found = machines.machine(self._client, elsewhere.app_name, elsewhere.id)
        if isinstance(found.answer, Machine):
            # GET machine does not say which app it was asked in; the look must.
            return replace(found, answer=replace(found.answer, app_name=elsewhere.app_name))
        return found

    def _logs_look(self) -> Found:
        machine_id = self._known.found_id()
        if not machine_id:
            return unlooked("no id of the machine is known, and logs are asked by instance")
        machine = self._known.best_machine()
        begun = (machine.created_at if machine else None) or self.given.incident_at
        since = begun - timedelta(seconds=60) if begun and begun.year > 1970 else None
        found = self._with_token(lambda: logs.logs(self._client, self.given.app_name, machine_id, since))
        kept = FACETS["logs"].kept
        if found.outcome is Outcome.ABSENT and since and kept and self._begun - since > kept:
            # Nothing is left of that time, whatever was printed: this is no "no".
            return unlooked(f"no line of instance {machine_id} is left: Fly keeps logs for about {kept.days} days")
        return found

    def _organisation_look(self) -> Found:
        app, token = self._known.answer("app"), self._known.answer("token")
        slugs = [self.given.org_slug, app.org_slug if isinstance(app, App) else ""]
        slugs += [scope.org_slug for scope in token.scopes] if isinstance(token, Token) else []
        slug = next(filter(None, slugs), "")
        if not slug:
            return unlooked("no organisation is known: neither the app nor the token named one (parameter org_slug)")
        return self._with_token(lambda: machines.organisation(self._client, slug))

    def _image_believed(self) -> Found:
        text = self.given.image or self._known.caller_answer().image
        if not text:
            return unlooked("the image that the caller believes in is not known (parameter image)")
        ref = registry.parse_ref(text)
        return self._registry(ref, ref.digest or ref.tag)

    def _image_ran(self) -> Found:
        ref = self._known.ran()
        if ref is None:
            return unlooked("no description of the machine names its image")
        return self._registry(ref, ref.digest or ref.tag)

    def _image_tag_now(self) -> Found:
        ref = self._known.ran()
        if ref is None:
            return unlooked("no description of the machine names its image")
        return self._registry(ref, ref.tag, deep=False)

    def _registry(self, ref: ImageRef, wanted: str, *, deep: bool = True) -> Found:
        ask = registry.image if deep else registry.pointer

        def step() -> Found:
            return ask(self._client, ref, wanted=wanted, bases=self.source.registries)

        return self._with_token(step) if ref.registry == "registry.fly.io" else step()

    def _dns_believed(self) -> Found:
        host = _split(self._known.believed_url()).hostname
        return self._edge.resolve(host) if host else unlooked("no URL of the caller is known (parameter websocket_url)")

    def _record_events(self) -> Found:
        rows = self._known.answer("record")
        keys = tuple(r.key for r in rows.rows if r.key) if isinstance(rows, Records) else ()
        words = tuple(dict.fromkeys((*keys, *self._known.record_words())))
        return self._records.events(self.source.records_events_table, words)

    def _edge_believed(self) -> Found:
        url = self._known.believed_url()
        if not url:
            return unlooked("no URL of the caller is known (parameter websocket_url)")
        return self._would_wake() or self._edge.probe(url)

    def _edge_app(self) -> Found:
        machine = self._known.best_machine()
        if machine is None:
            return unlooked("no machine is known to be asked for")
        if machine.state in ("destroyed", "destroying"):
            return unlooked(f"not asked: machine {machine.id} is {machine.state}, nothing can answer for it")
        believed = _split(self._known.believed_url())
        scheme = believed.scheme if believed.scheme in ("ws", "wss", "http", "https") else "wss"
        return self._would_wake() or self._edge.probe(
            f"{scheme}://{self.given.app_name}.fly.dev{believed.path or '/'}", machine.id
        )

    def _turned_away(self) -> bool:
        """Did the proxy itself answer for the app? Its reason stands in the app's log, often tied to no machine."""
        looks = (self.looks.get(FACETS[name].number) for name in ("edge-believed", "edge-app"))
        probes = [look.answer for look in looks if look and isinstance(look.answer, Probe)]
        own = f"{self.given.app_name}.fly.dev"
        return any(probe.status in (502, 503) and _split(probe.url).hostname == own for probe in probes)

    def _says_something(self) -> bool:
        """Only macaroons speak about themselves; nothing is said about the silence of the others."""
        bundle = self.source.bundle
        if bundle is not None:
            return FACETS["token-inside"].number in bundle.looks
        return macaroon.read_token(self.source.token) is not None

    def _token_inside(self) -> Found:
        told = macaroon.read_token(self.source.token)
        return seen(macaroon.described(told, self._begun), told) if told else unlooked("the token says nothing")

    def _function_secrets(self) -> Found:
        machine = self._known.best_machine()
        known = [self.given.image, self._known.caller_answer().image, machine.image if machine else ""]
        ran = self._known.ran()
        references = supabase.candidates([*known, *([ran] if ran else [])])
        return supabase.secrets(self._client, self.source.project, references)

    def _function_log(self) -> Found:
        return supabase.function_log(self._client, self.source.project, self._known.subject().incident_time)

    def _would_wake(self) -> Found | None:
        """A probe must not start anything: stopped machines with autostart are left asleep."""
        told = self._known.answer("list")
        if not isinstance(told, Listing):
            return unlooked("not asked: without the app's list nobody knows whether a request would start a machine")
        for machine in told.machines:
            services = (machine.config or {}).get("services")
            listed = services if isinstance(services, list) else ()
            wakes = any(isinstance(s, dict) and s.get("autostart") is True for s in listed)
            if machine.state in ("stopped", "suspended") and wakes:
                return unlooked(f"not asked: a request could start the {machine.state} machine {machine.id}")
        return None

    def _bases(self) -> dict[str, str]:
        source = self.source
        bases = {
            "api.machines.dev": source.machines_url,
            "api.fly.io": source.platform_url,
            **source.registries,
        }
        bases |= {urlsplit(supabase.MANAGEMENT).netloc: source.supabase_url} if source.supabase_url else {}
        return bases | ({status.LOGICAL: source.status_url} if source.status_url else {})


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
