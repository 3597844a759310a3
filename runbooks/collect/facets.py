"""How each facet is asked: one collector function a facet.

A function registers itself with `@collects(FACET)`. It gets the session and returns a `FacetResult`; it may raise
`CouldNotAsk`. The order of asking is the runbook's; the order here is that of the definitions, and the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbooks.base.facets import Facet, FacetEnum
from runbooks.collect import logs, machines, metrics, registry, resources, status, supabase_functions
from runbooks.collect.result import FacetResult, seen, unavailable
from runbooks.collect.session import NO_APP, CollectionSession, split
from runbooks.evidence import macaroon
from runbooks.evidence.bundle import ANSWER_TYPES
from runbooks.evidence.caller import read_caller
from runbooks.evidence.capsule import Capsule, capsule_bodies
from runbooks.evidence.journal import SAVED_WHOLE
from runbooks.evidence.models import (
    Listing,
    Machine,
    Outcome,
    Probe,
    Reason,
    RecordEvents,
    Records,
    Resolution,
    TokenInside,
)
from runbooks.evidence.pasted import machine_bodies, uncoloured
from runbooks.evidence.planned import Planned, parsed, planned_machine, planned_of
from runbooks.evidence.source_files import Sources, read_sources

LIST_LAG = 5.0
"""Seconds that a list may lag behind, as Fly's own client allows for (§1.6)."""
TAG_LAG = 2.0

_NO_ORGANISATION = "no organisation is known: neither the app nor the token named one (parameter org_slug)"

Collect = Callable[[CollectionSession], FacetResult]
Condition = Callable[[CollectionSession], bool]


@dataclass(frozen=True, slots=True)
class FacetCollector:
    """A facet and how it is asked: `when` it applies at all, and whether it `waits` for others to be asked first.

    `common` says that the answer is about an app or an organisation: the runs of a sweep share it.
    """

    facet: FacetEnum
    collect: Collect
    when: Condition
    waits: Condition
    common: bool = False


_REGISTRY: dict[FacetEnum, FacetCollector] = {}


def collects(
    facet: FacetEnum,
    *,
    answer: Any = None,
    whole: bool = False,
    when: Condition = lambda _: True,
    waits: Condition = lambda _: False,
    common: bool = False,
) -> Callable[[Collect], Collect]:
    """Register the function that follows as the collector of `facet`.

    Args:
        facet: the facet, a member of `Facet` or of another distribution's `FacetEnum`
        answer: the type of the answer, where it does not come over HTTP and has to be saved for a replay
        whole: the answer is saved although it came over HTTP, since the exchanges that are kept do not hold all of it
        when: whether there is anything to ask; a facet to which this says no leaves no observation
        waits: whether the facet has to wait for others that are still to be asked
        common: what is asked is about an app or an organisation, and no second look: the runs of a sweep share it
    """

    def register(collect: Collect) -> Collect:
        if answer is not None:
            ANSWER_TYPES[facet.slug] = answer
        if whole:
            SAVED_WHOLE.add(facet.slug)
        _REGISTRY[facet] = FacetCollector(facet, collect, when, waits, common)
        return collect

    return register


def collectors() -> Mapping[FacetEnum, FacetCollector]:
    """Every facet that can be asked."""
    return _REGISTRY


def _by_name_only(session: CollectionSession) -> bool:
    """Only a name was given: the lists tell the id, if anything can."""
    return not session.machine_id() and Facet.LIST_DELETED not in session.observations


@collects(Facet.CALLER)
def _caller(session: CollectionSession) -> FacetResult:
    redactor = session.client.redactor
    pasted = uncoloured(session.given.caller_text)
    for body in (*machine_bodies(pasted), *capsule_bodies(pasted)):
        redactor.value(body, "caller's log")  # what is masked here is then known wherever it stands
    text = redactor.text(pasted, "caller's log")
    if not text.strip():
        return unavailable("no answer or log of the caller was given (parameter caller_log)", code=Reason.NOT_GIVEN)
    caller = read_caller(text)
    told = [
        f"id {caller.machine_id}" if caller.machine_id else "",
        f"name {caller.machine_name}" if caller.machine_name else "",
        f"status {caller.status}" if caller.status else "",
        f"pasted: {', '.join(caller.pasted.forms)}" if caller.pasted.forms else "",
        f"about app {caller.pasted.app}" if caller.pasted.app else "",
        f"about machine {caller.pasted.machine_id}" if caller.pasted.machine_id not in ("", caller.machine_id) else "",
        f"error {caller.error_status or ''} {caller.error_text[:120]}".strip() if caller.error_text else "",
    ]
    return seen("the caller's text was read: " + (", ".join(filter(None, told)) or "nothing known in it"), caller)


def _capsule(session: CollectionSession) -> Capsule:
    return session.caller_answer().capsule or Capsule()


def _seen_then(capsule: Capsule, what: str, answer: Any, at: datetime | None) -> FacetResult:
    """A part of a capsule: what the guard saw, at the time when it saw it."""
    when = f"at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "at an unknown time"
    wrong = f" (the capsule: {'; '.join(capsule.problems)})" if capsule.problems else ""
    if answer is None:
        return unavailable(f"the capsule in caller_log does not tell it{wrong}")
    return FacetResult(Outcome.SEEN, f"seen by the caller {when}: {what}{wrong}", answer, at=at)


@collects(Facet.MACHINE_BY_CALLER, when=lambda s: bool(_capsule(s).machine or _capsule(s).problems))
def _machine_by_caller(session: CollectionSession) -> FacetResult:
    told = _capsule(session)
    what = f"{told.machine.state or 'no state'}, {len(told.machine.events)} events" if told.machine else ""
    return _seen_then(told, what, told.machine, told.machine_at)


@collects(Facet.LIST_BY_CALLER, when=lambda s: bool(_capsule(s).listed))
def _list_by_caller(session: CollectionSession) -> FacetResult:
    told = _capsule(session)
    rows = told.listed.machines if told.listed else ()
    return _seen_then(told, f"{rows[0].state}" if rows else "it is not listed", told.listed, told.listed_at)


@collects(Facet.LOGS_BY_CALLER, when=lambda s: bool(_capsule(s).log or _capsule(s).problems))
def _logs_by_caller(session: CollectionSession) -> FacetResult:
    told = _capsule(session)
    lines = len(told.log.lines) if told.log else 0
    return _seen_then(told, f"{lines} line{'' if lines == 1 else 's'}", told.log, told.log_at)


@collects(Facet.TOKEN)
def _token(session: CollectionSession) -> FacetResult:
    return session.with_token(lambda: machines.token(session.client))


def _token_is_readable(session: CollectionSession) -> bool:
    """Only macaroons describe themselves; other tokens are not mentioned."""
    bundle = session.source.bundle
    if bundle is not None:
        return Facet.TOKEN_INSIDE in bundle.observations
    return macaroon.read_token(session.source.token) is not None


@collects(Facet.TOKEN_INSIDE, answer=TokenInside, when=_token_is_readable)
def _token_inside(session: CollectionSession) -> FacetResult:
    inside = macaroon.read_token(session.source.token)
    if inside is None:
        return unavailable("the token says nothing")
    return seen(macaroon.described(inside, session.started_at), inside)


@collects(Facet.APP, common=True)
def _app(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: machines.app(session.client, app))


@collects(Facet.MACHINE, waits=_by_name_only)
def _machine(session: CollectionSession) -> FacetResult:
    machine_id = session.found_id()
    if not machine_id:
        if session.machine_name():
            return unavailable(f"no machine called {session.machine_name()} is listed, so no id is known")
        return unavailable("neither an id nor a name of the machine is known")
    return session.in_app(lambda app: machines.machine(session.client, app, machine_id))


@collects(Facet.EVENTS, waits=_by_name_only)
def _events(session: CollectionSession) -> FacetResult:
    machine_id = session.found_id()
    if not machine_id:
        return unavailable("no id of the machine is known")
    return session.in_app(lambda app: machines.events(session.client, app, machine_id))


@collects(Facet.LIST, common=True)
def _list(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: machines.listing(session.client, app, deleted=False))


@collects(Facet.LIST_DELETED, common=True)
def _list_deleted(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: machines.listing(session.client, app, deleted=True))


@collects(Facet.LOGS)
def _logs(session: CollectionSession) -> FacetResult:
    machine_id = session.found_id()
    if not machine_id:
        return unavailable("no id of the machine is known, and logs are asked by instance")
    machine = session.best_machine()
    created_at = (machine.created_at if machine else None) or session.given.incident_at
    since = created_at - timedelta(seconds=60) if created_at and created_at.year > 1970 else None
    found = session.in_app(lambda app: logs.logs(session.client, app, machine_id, since))
    kept = Facet.LOGS.kept
    if found.outcome is Outcome.ABSENT and since and kept and session.started_at - since > kept:
        # Nothing is left of that time, whatever was printed: this is no "no".
        return unavailable(
            f"no line of machine {machine_id} is left: Fly keeps logs for about {kept.days} days", code=Reason.NOT_KEPT
        )
    return found


@collects(Facet.LIST_AGAIN, when=lambda session: session.list_disagrees())
def _list_again(session: CollectionSession) -> FacetResult:
    session.wait_for_lag(LIST_LAG)
    return machines.listing(session.client, session.app_name(), deleted=False)


@collects(Facet.ORGANISATION, common=True)
def _organisation(session: CollectionSession) -> FacetResult:
    slug = session.org_slug()
    if not slug:
        return unavailable(_NO_ORGANISATION, code=Reason.NOT_GIVEN)
    return session.with_token(lambda: machines.organisation(session.client, slug))


@collects(Facet.MACHINE_AGAIN, when=lambda session: session.elsewhere() is not None or session.gone_without_trace())
def _machine_again(session: CollectionSession) -> FacetResult:
    elsewhere = session.elsewhere()
    if elsewhere is None:
        return _machine(session)
    found = machines.machine(session.client, elsewhere.app_name, elsewhere.id)
    return machines.in_app(found, elsewhere.app_name)


@collects(Facet.IMAGE_BELIEVED)
def _image_believed(session: CollectionSession) -> FacetResult:
    text = session.believed_image()
    if not text:
        return unavailable(
            "the image that the caller believes in is not known (parameter image)", code=Reason.NOT_GIVEN
        )
    ref = registry.parse_ref(text)
    return session.registry(ref, ref.digest or ref.tag)


@collects(Facet.IMAGE_BELIEVED_AGAIN, when=lambda session: session.tag_may_follow())
def _image_believed_again(session: CollectionSession) -> FacetResult:
    session.wait_for_lag(TAG_LAG)
    ref = registry.parse_ref(session.believed_image())
    return session.registry(ref, ref.digest or ref.tag, deep=False)


@collects(Facet.IMAGE_RAN)
def _image_ran(session: CollectionSession) -> FacetResult:
    ref = session.ran()
    if ref is None:
        return unavailable("no description of the machine names its image")
    return session.registry(ref, ref.digest or ref.tag)


@collects(Facet.IMAGE_RAN_AGAIN, when=lambda session: session.ran_tag())
def _image_tag_now(session: CollectionSession) -> FacetResult:
    ref = session.ran()
    if ref is None:
        return unavailable("no description of the machine names its image")
    return session.registry(ref, ref.tag, deep=False)


def _recorded(session: CollectionSession, facet: Facet) -> bool:
    """What a person gave is not given again for a replay: its answer is in the bundle."""
    bundle = session.source.bundle
    return bundle is not None and facet in bundle.observations


@collects(Facet.SOURCES, answer=Sources, when=lambda s: bool(s.given.sources) or _recorded(s, Facet.SOURCES))
def _sources(session: CollectionSession) -> FacetResult:
    if not session.given.sources:
        return unavailable("the caller's files were not recorded", code=Reason.NOT_RECORDED)
    found = read_sources(session.given.sources, lambda text: session.client.redactor.text(text, "sources"))
    read = sum(file.reason == "" for file in found.files)
    told = ", ".join(f"{file.name} ({file.reason})" for file in found.files if file.reason)
    more = f"; not read: {told}" if told else ""
    return seen(f"{read} of {len(found.files)} files read, {len(found.lines)} lines of them kept{more}", found)


@collects(
    Facet.CONFIG,
    answer=Planned,
    when=lambda s: s.given.plans and bool(s.given.config_text or s.machine_id() or _recorded(s, Facet.CONFIG)),
)
def _config(session: CollectionSession) -> FacetResult:
    redactor, text = session.client.redactor, session.given.config_text
    if text:
        found = planned_of(redactor.value(parsed(text), "config"))
        return seen(f"the config was read as {found.form}: {found.described}", found)
    machine_id = session.machine_id()
    asked = session.in_app(lambda app: machines.machine(session.client, app, machine_id))
    if not isinstance(asked.answer, Machine):
        return asked
    if asked.answer.config is None:
        return unavailable(f"machine {machine_id} is shown without its config")
    return seen(f"the config of machine {machine_id} is the plan", planned_machine(asked.answer))


@collects(Facet.REGIONS, when=lambda session: session.given.plans)
def _regions(session: CollectionSession) -> FacetResult:
    return session.with_token(lambda: resources.regions(session.client))


@collects(Facet.ADDRESSES, common=True)
def _addresses(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: machines.addresses(session.client, app))


@collects(Facet.DNS_APP, answer=Resolution)
def _dns_app(session: CollectionSession) -> FacetResult:
    app = session.app_name()
    return session.edge.resolve(f"{app}.fly.dev") if app else unavailable(NO_APP)


@collects(Facet.DNS_BELIEVED, answer=Resolution)
def _dns_believed(session: CollectionSession) -> FacetResult:
    host = split(session.believed_url()).hostname
    return (
        session.edge.resolve(host)
        if host
        else unavailable("no URL of the caller is known (parameter websocket_url)", code=Reason.NOT_APPLICABLE)
    )


@collects(Facet.RECORD, answer=Records)
def _record(session: CollectionSession) -> FacetResult:
    return session.records.rows(session.given.records_table, session.record_words())


@collects(Facet.RECORD_EVENTS, answer=RecordEvents)
def _record_events(session: CollectionSession) -> FacetResult:
    rows = session.answer(Facet.RECORD)
    keys = tuple(r.key for r in rows.rows if r.key) if isinstance(rows, Records) else ()
    words = tuple(dict.fromkeys((*keys, *session.record_words())))
    return session.records.events(session.source.records_events_table, words)


@collects(Facet.CERTIFICATES, common=True, when=lambda session: bool(session.custom_host()))
def _certificates(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: resources.certificates(session.client, app))


@collects(Facet.VERSIONS, when=lambda session: session.was_updated())
def _versions(session: CollectionSession) -> FacetResult:
    app, machine_id = session.app_of_machine(), session.found_id()
    return session.with_token(lambda: resources.versions(session.client, app, machine_id))


@collects(Facet.VOLUMES, common=True, when=lambda session: session.names_a_volume())
def _volumes(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: resources.volumes(session.client, app))


@collects(Facet.SECRETS, common=True, when=lambda session: not session.well() or session.names_a_variable())
def _secrets(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: resources.secrets(session.client, app))


@collects(Facet.FUNCTION_SECRETS, when=lambda session: bool(session.source.project.managed))
def _function_secrets(session: CollectionSession) -> FacetResult:
    machine = session.best_machine()
    known = [session.given.image, session.caller_answer().image, machine.image if machine else ""]
    ran = session.ran()
    references = supabase_functions.candidates([*known, *([ran] if ran else [])])
    return supabase_functions.secrets(session.client, session.source.project, references)


@collects(Facet.FUNCTION_LOG, when=lambda session: bool(session.source.project.managed))
def _function_log(session: CollectionSession) -> FacetResult:
    return supabase_functions.function_log(session.client, session.source.project, session.subject().incident_time)


@collects(Facet.STATUS, common=True)
def _status(session: CollectionSession) -> FacetResult:
    at = session.given.incident_at or session.started_at
    return status.status(session.client, bool(session.source.status_url), at, session.started_at)


@collects(Facet.EDGE_BELIEVED, answer=Probe)
def _edge_believed(session: CollectionSession) -> FacetResult:
    url = session.believed_url()
    if not url:
        return unavailable("no URL of the caller is known (parameter websocket_url)", code=Reason.NOT_APPLICABLE)
    return _would_wake(session) or session.edge.probe(url)


@collects(Facet.EDGE_APP, answer=Probe)
def _edge_app(session: CollectionSession) -> FacetResult:
    machine = session.best_machine()
    if machine is None:
        return unavailable("no machine is known to be asked for")
    if machine.state in ("destroyed", "destroying"):
        reason = f"machine {machine.id} is {machine.state}, so nothing can answer for it"
        return unavailable(reason, code=Reason.NOT_APPLICABLE)
    believed = split(session.believed_url())
    scheme = believed.scheme if believed.scheme in ("ws", "wss", "http", "https") else "wss"
    url = f"{scheme}://{session.app_name()}.fly.dev{believed.path or '/'}"
    return _would_wake(session) or session.edge.probe(url, machine.id)


def _may_listen(session: CollectionSession) -> bool:
    """A started machine whose program has not answered: what it listens on tells why."""
    machine = session.best_machine()
    return bool(machine and machine.state == "started" and machine.host_status in ("", "ok") and not session.answered())


@collects(Facet.PROCESSES, when=_may_listen)
def _processes(session: CollectionSession) -> FacetResult:
    app, machine_id = session.app_of_machine(), session.found_id()
    return session.with_token(lambda: resources.processes(session.client, app, machine_id))


def _refused_by_proxy(session: CollectionSession) -> bool:
    """Did the proxy itself answer for the app? Its reason stands in the app's log, often tied to no machine."""
    probes = [session.answer(facet) for facet in (Facet.EDGE_BELIEVED, Facet.EDGE_APP)]
    own = f"{session.app_name()}.fly.dev"
    return any(isinstance(p, Probe) and p.status in (502, 503) and split(p.url).hostname == own for p in probes)


@collects(Facet.LOGS_PROXY, when=_refused_by_proxy)
def _proxy_lines(session: CollectionSession) -> FacetResult:
    return session.in_app(lambda app: logs.proxy_lines(session.client, app))


@collects(Facet.METRICS, when=lambda session: not (session.well() and session.answered()))
def _metrics(session: CollectionSession) -> FacetResult:
    app, machine_id, slug = session.app_of_machine(), session.found_id(), session.org_slug()
    if session.source.metrics_url.lower() == "off":
        return unavailable("metrics are switched off (RUNBOOKS_METRICS_URL=off)", code=Reason.SWITCHED_OFF)
    if not machine_id:
        return unavailable("no id of the machine is known, and its series are asked by instance")
    if not slug:
        return unavailable(_NO_ORGANISATION, code=Reason.NOT_GIVEN)
    machine, now = session.best_machine(), session.started_at
    begun = (machine.created_at if machine else None) or session.given.incident_at
    start = begun - timedelta(hours=1) if begun and begun.year > 1970 else now - metrics.KEPT
    found = session.with_token(lambda: metrics.metrics(session.client, slug, app, machine_id, start, now))
    if found.outcome is Outcome.ABSENT and now - start > metrics.KEPT:
        return unavailable(
            f"no series of machine {machine_id} is left: Fly keeps them for about {metrics.KEPT.days} days",
            code=Reason.NOT_KEPT,
        )
    return found


def _would_wake(session: CollectionSession) -> FacetResult | None:
    """A probe must not start anything: stopped machines with autostart are not probed."""
    listing = session.answer(Facet.LIST)
    if not isinstance(listing, Listing) or not listing.complete:
        return unavailable(
            "not asked: without the app's whole list nobody knows whether a request would start a machine"
        )
    for machine in listing.machines:
        services = (machine.config or {}).get("services")
        listed = services if isinstance(services, list) else ()
        wakes = any(isinstance(s, dict) and s.get("autostart") is True for s in listed)
        if machine.state in ("stopped", "suspended") and wakes:
            return unavailable(f"not asked: a request could start the {machine.state} machine {machine.id}")
    return None
