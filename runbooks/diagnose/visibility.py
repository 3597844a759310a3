"""The visibility matrix: which views show the machine, which do not, and which could not be queried (§1.6, §2)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.diagnose.facts import GONE, Facts, format_duration
from runbooks.diagnose.model import Answer, Claim, View, ViewKey
from runbooks.evidence.models import Listing, Machine, Observation, Outcome, Reason
from runbooks.evidence.retention import overdue

YES, NO, COULD_NOT_LOOK = Answer


def matrix(facts: Facts) -> tuple[View, ...]:
    """One row per view: the platform's, the tools', the endpoint's, the caller's."""
    return tuple(_rows(facts))


def _rows(facts: Facts) -> Iterator[View]:
    for key, row in _keyed(facts):
        silent = row.sees is COULD_NOT_LOOK
        idle = silent and (key is ViewKey.DASHBOARD or _all_are(Reason.NOT_APPLICABLE, facts, row))
        kept = not (silent and _all_are(Reason.NOT_KEPT, facts, row))
        yield row._replace(key=key, applies=not idle, kept=kept)


def _all_are(code: Reason, facts: Facts, row: View) -> bool:
    """Do all looks of this view end for this reason?"""
    looks = [look for number in row.evidence if (look := facts.observation(number))]
    return bool(looks) and all(look.code is code for look in looks)


def _keyed(facts: Facts) -> Iterator[tuple[ViewKey, View]]:
    app, believed = facts.subject.app, facts.caller.believed_host
    unknown = "its rules are not documented, and it has no interface to query"
    lines = len(facts.log.logs.lines) if facts.log.logs else 0
    yield ViewKey.MACHINE, _machine(facts)
    listed = _listed(facts, Facet.LIST, f"list of {app}")
    yield ViewKey.LIST, listed
    yield ViewKey.LIST_DELETED, _listed(facts, Facet.LIST_DELETED, f"list of {app}, destroyed ones included")
    yield ViewKey.EVENTS, _events(facts)
    yield ViewKey.LOG, _plain(facts, Facet.LOGS, "its log", amount(lines, "line"))
    if facts.metrics.all:
        yield ViewKey.METRICS, _plain(facts, Facet.METRICS, "its metrics", _measured(facts))
    yield ViewKey.ORGANISATION, _organisation(facts)
    yield ViewKey.FLY_MACHINE_LIST, listed._replace(view="fly machine list (same list)")
    yield ViewKey.FLY_STATUS, _fly_status(facts, listed)
    yield ViewKey.LAUNCH_TOOLS, _launch_tools(facts, listed)
    yield ViewKey.DASHBOARD, View("dashboard", COULD_NOT_LOOK, unknown, ())
    yield ViewKey.PRIVATE_NAME, _private_name(facts)
    yield ViewKey.DNS_APP, _name(facts, Facet.DNS_APP, f"DNS of {facts.app_host}")
    if believed and believed != facts.app_host:
        yield ViewKey.DNS_BELIEVED, _name(facts, Facet.DNS_BELIEVED, f"DNS of {believed}")
    if facts.caller.believed_url:
        yield ViewKey.ENDPOINT_BELIEVED, _probe(facts, Facet.EDGE_BELIEVED, facts.caller.believed_url)
    yield ViewKey.ENDPOINT_APP, _probe(facts, Facet.EDGE_APP, f"{facts.app_host}, machine named in the header")
    yield ViewKey.RECORD, _record(facts)
    yield ViewKey.CALLER, _caller(facts)
    for view in _pasted(facts):
        yield ViewKey.PASTED, view
    for view in _seen_then(facts):
        yield ViewKey.SEEN_BY_CALLER, view


def _seen_then(facts: Facts) -> Iterator[View]:
    """What the caller's guard saw, at its time."""
    names = {Facet.MACHINE_BY_CALLER: "machine by id", Facet.LIST_BY_CALLER: "list, destroyed ones included"}
    shown = {view.evidence: view.machine.state for view in facts.machine.caller_views}
    for number, name in names.items():
        at = facts.observations.observed_at(number)
        if facts.outcome(number) is Outcome.SEEN and at and (shown or number == Facet.LIST_BY_CALLER):
            sees = YES if number in shown else NO
            state = shown.get(number) or "not in it"
            yield View(f"seen by the caller at {at:%Y-%m-%d %H:%M} UTC: {name}", sees, state, (number,), indirect=True)


def _pasted(facts: Facts) -> Iterator[View]:
    """What pasted output of tools showed, at its time."""
    for view in facts.machine.pasted_views:
        if view.pasted:
            when = f" at {view.pasted.at:%Y-%m-%d %H:%M} UTC" if view.pasted.at else ""
            state = f"{view.machine.state or 'no state'}{when}"
            yield View(f"pasted: {view.pasted.form}", YES, state, (view.evidence,), indirect=True)


def _not_looked(view: str, observation: Observation | None) -> View:
    """The row of a view that gave no answer, or was not asked."""
    if observation is None:
        return View(view, COULD_NOT_LOOK, "not asked", ())
    return View(view, COULD_NOT_LOOK, observation.reason, (observation.number,))


def _machine(facts: Facts) -> View:
    observation = facts.observation(Facet.MACHINE)
    view = "machine by id"
    if observation is None or observation.outcome is Outcome.COULD_NOT_LOOK:
        return _not_looked(view, observation)
    if isinstance(observation.answer, Machine):
        return View(view, YES, observation.answer.state, (Facet.MACHINE,))
    refusal = facts.refusal(Facet.MACHINE)
    return View(view, NO, f"404 {refusal.text}" if refusal else "404", (Facet.MACHINE,))


def _listed(facts: Facts, number: str, view: str) -> View:
    if number == Facet.LIST and facts.looked(Facet.LIST_AGAIN):
        number = Facet.LIST_AGAIN  # the repeat, after the time that a list may lag
    observation = facts.observation(number)
    if observation is None or not isinstance(observation.answer, Listing):
        return _not_looked(view, observation)
    if not facts.subject.machine_id and not facts.subject.machine_name:
        return View(view, COULD_NOT_LOOK, "neither id nor name is known", (number,))
    for sighting in facts.machine.views:
        if sighting.evidence == number:
            return View(view, YES, sighting.machine.state, (number,))
    count = observation.answer.count
    if not observation.answer.complete:
        why = f"not found among {count}, but some entries could not be read"
        return View(view, COULD_NOT_LOOK, why, (number,))
    return View(view, NO, _missing(count), (number,))


def _missing(count: int) -> str:
    return f"not among {amount(count, 'machine')}" if count else "the list is empty"


def _organisation(facts: Facts) -> View:
    observation = facts.observation(Facet.ORGANISATION)
    view = f"organisation {facts.subject.org}".strip()
    if observation is None or not isinstance(observation.answer, Listing):
        return _not_looked(view, observation)
    listing = observation.answer
    for sighting in facts.machine.views:
        if sighting.evidence == Facet.ORGANISATION:
            return View(
                view,
                YES,
                f"{sighting.machine.state} in {sighting.app or 'an unnamed app'}",
                (Facet.ORGANISATION,),
            )
    if listing.error_regions or not listing.complete:
        why = ", ".join(listing.error_regions) + " did not answer" if listing.error_regions else "more pages exist"
        return View(view, COULD_NOT_LOOK, f"not found, but {why}", (Facet.ORGANISATION,))
    return View(view, NO, _missing(listing.count), (Facet.ORGANISATION,))


def _plain(facts: Facts, number: str, view: str, found: str) -> View:
    observation = facts.observation(number)
    if observation is None or observation.outcome is Outcome.COULD_NOT_LOOK:
        return _not_looked(view, observation)
    if observation.outcome is Outcome.SEEN:
        return View(view, YES, found, (number,))
    return View(view, NO, observation.reason, (number,))


def _events(facts: Facts) -> View:
    """The query for its events; a list can still hold those that the query no longer serves."""
    held = amount(len(facts.events.all), "event")
    view = _plain(facts, Facet.EVENTS, "its events, asked by its id", held)
    if view.sees is not NO or not facts.events.all:
        return view
    return view._replace(state=f"404, no longer served; {held} are in the list")


def _measured(facts: Facts) -> str:
    if facts.metrics.up is None:
        return "it has series, and none shows it running"
    first, last = facts.metrics.up
    return f"up from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


def _fly_status(facts: Facts, listed: View) -> View:
    """What `fly status` would show follows from the list and the metadata; it was not run."""
    view = "fly status (derived, not run)"
    if listed.sees is not YES:
        return listed._replace(view=view)
    machine = next(s.machine for s in facts.machine.views if s.evidence in listed.evidence)
    if machine.config is None:
        return View(view, COULD_NOT_LOOK, "the list shows no metadata to judge by", listed.evidence)
    if machine.metadata.get("fly_platform_version") == "v2" and machine.state not in GONE:
        return View(view, YES, machine.state, listed.evidence)
    return View(view, NO, "only a hint: no fly_platform_version=v2 in its metadata", listed.evidence)


def _launch_tools(facts: Facts, listed: View) -> View:
    """`fly deploy` and `fly scale` touch machines of a process group only (§2)."""
    view = "fly deploy, fly scale (derived, not run)"
    if listed.sees is not YES:
        return listed._replace(view=view)
    if facts.machine.config is None:
        return View(view, COULD_NOT_LOOK, "no config seen", listed.evidence)
    group = facts.machine.description.metadata.get("fly_process_group") if facts.machine.description else None
    version = facts.machine.description.metadata.get("fly_platform_version") if facts.machine.description else None
    if group and version == "v2":
        return View(view, YES, f"process group {group}: the next deploy may replace it", facts.machine.config_evidence)
    return View(view, NO, "no process group in its metadata: they do not change it", facts.machine.config_evidence)


def _private_name(facts: Facts) -> View:
    """The private name exists for started machines only (§7.1); it cannot be asked from outside."""
    view = f"{facts.subject.machine_id or 'ID'}.vm.{facts.subject.app}.internal (derived)"
    if not facts.events.state:
        return View(view, COULD_NOT_LOOK, "its state is not known", ())
    if facts.events.state == "started":
        return View(view, YES, "resolves inside the private network", facts.events.state_evidence)
    return View(view, NO, f"exists for started machines only; it is {facts.events.state}", facts.events.state_evidence)


def reading(facts: Facts) -> Claim:
    """What the platform's own views mean together: the truth table of §1.6."""
    get, listed, deleted = facts.outcome(Facet.MACHINE), facts.outcome(Facet.LIST), facts.outcome(Facet.LIST_DELETED)
    token, app = facts.observations.token, facts.refusal(Facet.APP)
    if token is not None and not token.valid:
        return Claim(
            "The token is not accepted: none of these views proves anything about the machine.", (Facet.TOKEN,)
        )
    if app and app.status == 403:
        return Claim("The app is in an organisation that this token cannot read.", (Facet.APP,))
    if facts.outcome(Facet.APP) is Outcome.ABSENT:
        return Claim("There is no app of this name that this token can read.", (Facet.APP,))
    if facts.machine.other_apps:
        return Claim(
            f"The machine is in another app: {facts.machine.other_apps[0].app}.",
            (facts.machine.other_apps[0].evidence,),
        )
    if facts.events.state in GONE and facts.machine.views:
        return Claim(f"The machine is destroyed{_by_whom(facts)}.", facts.machine.seen_evidence)
    if get is Outcome.SEEN:
        if listed is Outcome.SEEN and not any(n in facts.machine.seen_evidence for n in (Facet.LIST, Facet.LIST_AGAIN)):
            return Claim("The machine exists, and the list omits it.", (Facet.MACHINE, Facet.LIST))
        asked = [view for view in (Facet.LIST, Facet.LIST_DELETED, Facet.ORGANISATION) if facts.looked(view)]
        if asked and all(view in facts.machine.seen_evidence for view in asked):
            return Claim("The machine exists, and every list that could be read shows it.", facts.machine.seen_evidence)
        return Claim(
            "The machine exists. A view without it queries another place, has a filter, or shows its own records.",
            facts.machine.seen_evidence,
        )
    if facts.machine.gone and (at := facts.machine.views[0].seen_at):
        return Claim(
            f"No view contains it any more. The caller's guard saw it at {at:%Y-%m-%d %H:%M} UTC, so it existed.",
            (Facet.MACHINE, *facts.machine.seen_evidence),
        )
    if get is Outcome.ABSENT and deleted in (Outcome.SEEN, Outcome.ABSENT):
        if facts.log.evidence:
            return Claim(
                "No list contains it any more, and its log proves that it existed.",
                (Facet.MACHINE, Facet.LIST_DELETED, *facts.log.evidence),
            )
        if facts.untraced:
            return Claim(
                "No view shows it any more, and no evidence is left of how it ended. It may have ended as intended: "
                f"some time after a machine is destroyed, Fly's views no longer contain it{_how_late(facts)}.",
                (Facet.MACHINE, Facet.LIST_DELETED),
            )
        return Claim(
            "No view shows it. It may have ended and been removed, belong to another organisation, or never have been "
            "created: an id alone does not decide.",
            (Facet.MACHINE, Facet.LIST_DELETED),
        )
    return Claim(
        "Too few of the platform's views could be queried to establish where the machine is.",
        facts.made(Facet.MACHINE, Facet.LIST, Facet.LIST_DELETED),
    )


def _how_late(facts: Facts) -> str:
    """How long after the incident this check was made, where that is longer than Fly keeps logs."""
    happened, kept = facts.subject.incident_time, Facet.LOGS.kept
    if happened is None or kept is None or Facet.LOGS not in overdue(facts.evidence):
        return ""
    late = format_duration(facts.now - happened)
    return f" (checked {late} after the incident; Fly keeps logs for about {kept.days} days)"


def _by_whom(facts: Facts) -> str:
    """What its last events say about who destroyed it (§1.5): flyd acts for the platform or the config."""
    event = facts.events.event_of("destroy", "destroyed") or facts.events.event_of("destroy")
    if event is None:
        return "; no event that is still kept shows by whom"
    source = event[0].source
    if source == "user":
        return ", by a request (source user)"
    if (facts.machine.config or {}).get("auto_destroy") is True:
        return f" by its own auto_destroy setting (source {source})"
    return f" by the platform (source {source})"


def _name(facts: Facts, number: str, view: str) -> View:
    observation, resolution = facts.observation(number), facts.observations.resolution(number)
    if observation is None or resolution is None or observation.outcome is Outcome.COULD_NOT_LOOK:
        return _not_looked(view, observation)
    if observation.outcome is Outcome.SEEN:
        return View(view, YES, "resolves", (number,), indirect=True)
    return View(view, NO, resolution.code, (number,))


def _probe(facts: Facts, number: str, view: str) -> View:
    observation, probe = facts.observation(number), facts.observations.probe(number)
    if observation is None or probe is None:
        return _not_looked(view, observation)
    if probe.reached == "open":
        return View(view, YES, f"answers (HTTP {probe.status})", (number,))
    status = f", HTTP {probe.status}" if probe.status else ""
    return View(view, NO, f"ends at {probe.stage}{status}", (number,))


def _record(facts: Facts) -> View:
    observation = facts.observation(Facet.RECORD)
    view = "caller's database"
    if observation is None or observation.outcome is Outcome.COULD_NOT_LOOK:
        return _not_looked(view, observation)
    if facts.caller.record is None:
        return View(view, NO, observation.reason, (Facet.RECORD,))
    return View(view, YES, f"says {facts.caller.record.status or 'no status'}", (Facet.RECORD,), indirect=True)


def _caller(facts: Facts) -> View:
    view = "caller's answer"
    if facts.outcome(Facet.CALLER) is not Outcome.SEEN:
        return _not_looked(view, facts.observation(Facet.CALLER))
    caller = facts.caller.answer
    if not caller.is_answer:
        return View(view, COULD_NOT_LOOK, "the pasted text holds no answer of a call", (Facet.CALLER,))
    if caller.ok and caller.capsule:
        state = f"the create call was answered with HTTP {caller.capsule.status}"
        return View(view, YES, state, (Facet.CALLER,), indirect=True)
    if caller.ok:
        return View(view, YES, f"reports success, status {caller.status or 'unnamed'}", (Facet.CALLER,), indirect=True)
    failed = caller.error_text[:120] or "reports no success"
    if caller.machine_id:
        return View(view, YES, f"received the id; later: {failed}", (Facet.CALLER,), indirect=True)
    return View(view, NO, failed, (Facet.CALLER,))
