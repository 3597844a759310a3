"""Family api: the call itself was refused, or its outcome is unknown
(§1.2, §3.2, §3.3, §11 rows 18, 19, 29, 30, 44)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    Kind,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import EXISTS
from runbooks.diagnose.regions import REGIONS
from runbooks.diagnose.shared_evidence import ended_by_itself, lookup_faults, refused, said_no
from runbooks.evidence.models import Outcome, PlatformIncident, Refusal
from runbooks.evidence.parsers import time_of

_HIDES = ("create-error-swallowed", "record-never-updated")
_API = ("machines/api/working-with-machines-api", "machines/api/machines-resource")


@cause(
    "name-conflict",
    "The name is taken by another machine",
    stage=Stage.CREATE,
    explains=(*_HIDES, "request-invalid"),
    remedy=Remedy(
        "Use the machine that has the name, or give the new one another name",
        "A name is unique in its app. The refusal names the holder: inspect it before you destroy anything.",
        ("fly machine status {holder} -a {app}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Treat a taken name as an existing machine",
        "The name makes a create call safe to repeat. On 409, read the holder's id and continue with it.",
    ),
    next_test="Inspect the machine whose id the refusal names: `fly machine status {holder} -a {app}`.",
    distinguish_from={
        "ambiguous-create": "The first call ended in a time-out, and the holder is its machine.",
        "request-invalid": "The text names the body, not a name.",
    },
    sources=_API,
)
def name_conflict(facts: Facts) -> Iterator[Point | Conclusion]:
    """409 `unique machine name violation, machine ID … already exists with name …`; app names are refused alike."""
    kinds = ("name-taken", "app-name-taken")
    no = refused(facts, *kinds)
    yield from said_no(facts, *kinds, of_create=False)
    if no is None:
        return
    name, holder = no.names.get("name") or facts.subject.machine_name, no.names.get("machine_id", "")
    if no.kind == "app-name-taken":
        yield concludes(f"The app's name {name or facts.subject.app} is taken: app names are unique across Fly.")
        return
    owner = f"machine {holder} has it" if holder else "another machine of the app has it"
    yield concludes(f"The name {name or 'requested'} is taken: {owner}.", holder=holder)


@cause(
    "ambiguous-create",
    "The create call ended without an answer, but created a machine",
    stage=Stage.CREATE,
    explains=(*_HIDES, "name-conflict", "record-of-another-machine"),
    remedy=Remedy(
        "Use the machine that the call created",
        "A time-out or a gateway error does not show the outcome. Look up the machine by its name before you "
        "repeat the call; otherwise there will be two.",
        ("fly machine list -a {app}", "fly machine status {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "Name every machine, and look up the name after an unclear answer",
        "The unique name is the only key that makes the call safe to repeat.",
    ),
    next_test="List the app's machines by the name that was sent: `fly machine list -a {app}`.",
    distinguish_from={
        "platform-incident": "No machine was created, and others are affected, too.",
        "name-conflict": "No earlier call was sent.",
    },
    sources=_API,
)
def ambiguous_create(facts: Facts) -> Iterator[Point | Conclusion]:
    """The caller saw 408, 5xx or its own time-out on create; the machine of that name exists since that moment."""
    no = refused(facts, "timeout", "server-error", "connection")
    if (
        no is None
        or not no.operation.makes_a_machine
        or (no not in facts.log.last_refusals and not facts.log.refused("name-taken"))
        or facts.events.crash_codes
    ):
        return
    made = f"machine {facts.subject.machine_id or 'of that name'}"
    if facts.machine.exists and not facts.caller.answer.machine_id:
        near = no.at and facts.events.created_at and abs(no.at - facts.events.created_at) <= timedelta(minutes=10)
        told = f"The caller received {no.told}, and {made} exists"
        if near:
            yield confirms(f"{told}, created at that time.", no.evidence, *facts.machine.exists)
        else:
            yield supports(f"{told}.", no.evidence, *facts.machine.exists, weight=Weight.WEAK)
        yield concludes(
            f"The create call ended in an error ({short(no.text, 80)}), but {made} was created; the caller does not "
            f"have its id."
        )
    elif not facts.machine.exists:
        yield supports(
            f"The caller received {no.told}, which does not show the outcome of the call.",
            no.evidence,
            weight=Weight.WEAK,
        )
        yield missing("No machine of that name was observed.", Facet.LIST, Facet.LIST_DELETED)


@cause(
    "lease-held",
    "Another client holds the machine's lease",
    stage=Stage.LIFE,
    explains=("record-never-updated", "start-rejected", "stopped-by-request"),
    needs=EXISTS,
    remedy=Remedy(
        "Wait until the lease ends, or have its holder release it",
        "While it is held, only its holder may change the machine. An interrupted deploy does not release its lease.",
        ("fly machine leases view {machine_id} -a {app}", "fly machine leases clear {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "Take leases for a short time, and release them also on failure",
        "Put jobs that change the same machine in one queue.",
    ),
    next_test="Read who holds it, and until when: `fly machine leases view {machine_id} -a {app}`.",
    distinguish_from={"start-rejected": "The refusal names the machine's state, not a lease."},
    sources=("machines/api/machines-resource",),
)
def lease_held(facts: Facts) -> Iterator[Point | Conclusion]:
    """409 `lease currently held by …, expires at …`; the text comes in `message` with status `error`."""
    no = refused(facts, "lease")
    if no is None:
        return
    owner, expires = no.names.get("owner", ""), no.names.get("expires", "")
    ended = time_of(expires.replace(" +0000 UTC", "Z"))
    over = bool(ended and ended < facts.now)
    # A deploy holds a lease for seconds: that it still prevents anything is certain only before its end.
    for point in said_no(facts, "lease", of_create=False):
        sure = point.weight is Weight.DECISIVE and point.kind is Kind.SUPPORTS and (ended is None or over)
        yield point._replace(weight=Weight.STRONG) if sure and facts.log.matches("proxy-wake-failed") else point
    if ended and over and facts.events.state in ("stopped", "suspended"):
        yield contradicts(
            f"The lease ended at {ended:%Y-%m-%d %H:%M:%S} UTC, and the machine is still {facts.events.state}.",
            *facts.events.state_evidence,
        )
    until = f" until {expires}" if expires else ""
    yield concludes(
        f"{owner or 'Another client'} holds the machine's lease{until}, so the call was refused.",
        f"its lease is held by {owner or 'another client'}{until}",
    )


@cause(
    "rate-limited",
    "Too many calls were sent in too short a time",
    stage=Stage.CREATE,
    settles=True,
    explains=(*_HIDES, "start-rejected"),
    remedy=Remedy(
        "Repeat the call at a lower rate",
        "Fly accepts one call per second for each action and app, with short bursts of three.",
        ("fly machine list -a {app}",),
    ),
    prevention=Remedy(
        "Pause after 429, and spread the calls", "Retry with increasing pauses; queue the create calls per app."
    ),
    next_test="Repeat the call alone: it is accepted.",
    distinguish_from={"quota-or-billing": "A quota refusal does not depend on the rate of the calls."},
    sources=("machines/api/working-with-machines-api",),
)
def rate_limited(facts: Facts) -> Iterator[Point | Conclusion]:
    """429, or `rate limit exceeded` in a refusal or in a line of the proxy."""
    yield from said_no(facts, "rate-limit")
    count = len(facts.log.refused("rate-limit"))
    times = f", {count} times" if count > 1 else ""
    yield concludes(f"The call was refused (HTTP 429{times}) because too many calls were sent in too short a time.")


@cause(
    "request-invalid",
    "The call was not well formed",
    stage=Stage.CREATE,
    explains=_HIDES,
    remedy=Remedy(
        "{correct}",
        "Its content was read and refused; repeating it changes nothing.",
        ("{upgrade}fly machine run {image} -a {app} -r {region} {guest} {variables}",),
    ),
    prevention=Remedy(
        "Check the body against the API's published schema in CI", "The OpenAPI description names every field."
    ),
    next_test="Send the smallest body that works (`config.image` alone), then add fields one by one.",
    distinguish_from={
        "image-tag-missing": "The 400 names a manifest.",
        "region-unavailable": "The text names the region.",
        "start-rejected": "The text names the machine's state.",
    },
    sources=_API,
)
def request_invalid(facts: Facts) -> Iterator[Point | Conclusion]:
    """400 or 422 about the body, a value or a parameter of the call: `json: cannot unmarshal …`, `invalid …`."""
    kinds = ("body-invalid", "config-invalid", "id-invalid", "route-missing", "version-mismatch")
    no = refused(facts, *kinds)
    if no is None:
        return
    if no.kind == "config-invalid":
        yield confirms(f"flyctl printed: {no.told}.", no.evidence)
        why = next((one.names["what"] for one in facts.log.refused(no.kind) if one.names.get("what")), "")
        yield concludes(f"flyctl did not deploy: the app's configuration is not valid{f' ({why})' if why else ''}.")
        return
    if no in lookup_faults(facts):
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence, weight=Weight.WEAK)
        yield refutes("A view shows the machine under that id, so the id is well formed.", *facts.machine.exists)
        return
    yield from said_no(facts, *kinds, of_create=False)
    what = no.names.get("what") or no.names.get("id") or short(no.text, 120)
    status = f" with HTTP {no.status}" if no.status else ""
    if "flyctl" in what.lower():
        yield concludes(
            f"The API refused {no.call}{status} because flyctl is older than it accepts.",
            correct="Update flyctl where it runs (also in CI), then repeat the command",
            upgrade="fly version upgrade && ",
        )
        return
    call = f"{no.call[:1].upper()}{no.call[1:]}"
    yield concludes(f"{call} was refused{status} because it is not well formed: {what}.")


@cause(
    "platform-incident",
    "Fly had an incident",
    stage=Stage.CREATE,
    is_a="region-or-platform",
    owner=Owner.FLY,
    explains=(
        *_HIDES,
        "stuck-in-transition",
        "list-incomplete",
        "host-unreachable",
        "image-pull-failed",
        "ambiguous-create",
    ),
    remedy=Remedy(
        "Wait until the incident ends, then check again",
        "The platform failed instead of answering; another region may work in the meantime.",
        ("fly platform status", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Query the status feed when calls fail with 5xx",
        "It distinguishes an outage from your own error within a second.",
    ),
    next_test="Read Fly's status page for that hour, and repeat the failed call.",
    distinguish_from={
        "host-unreachable": "One machine's host is affected, not a region.",
        "region-capacity": "The text names capacity; no part of Fly has failed.",
    },
    sources=("monitoring/metrics", "https://status.fly.io/"),
)
def platform_incident(facts: Facts) -> Iterator[Point | Conclusion]:
    """Fly reports an incident for that time and place, and calls failed with 5xx: the report alone proves nothing."""
    matching = [i for i in facts.observations.feed.incidents if _at_that_time(i, facts)]
    fitting = [i for i in matching if _about(i, facts)]
    no = refused(facts, "server-error", "host-unreachable", "timeout")
    failed = [
        number
        for number, observation in facts.evidence.observations.items()
        if isinstance(observation.answer, Refusal) and observation.answer.status >= 500 and number != Facet.CALLER
    ]
    failures = (*((no.evidence,) if no else ()), *failed)
    if fitting and failures:
        told = no.told if no else f"HTTP 5xx at {', '.join(failed)}"
        elsewhere = ended_by_itself(facts) or (facts.events.runs and not failed)
        argue = supports if elsewhere else confirms
        yield argue(
            f"Fly reports “{short(fitting[0].name, 100)}” for that time, and calls failed: {told}.",
            Facet.STATUS,
            *failures,
        )
    elif fitting:
        yield supports(f"Fly reports “{short(fitting[0].name, 100)}” for that time.", Facet.STATUS, weight=Weight.WEAK)
        yield missing("No call that failed because of it was observed.", Facet.CALLER)
    elif failures and no:
        yield supports(f"Calls failed with {no.told}.", *failures, weight=Weight.WEAK)
        if facts.outcome(Facet.STATUS) is Outcome.SEEN or facts.outcome(Facet.STATUS) is Outcome.ABSENT:
            yield contradicts("Fly reports no incident for that time and place.", Facet.STATUS)
        else:
            yield missing("Fly's status feed could not be read.", Facet.STATUS)
    if ended := ended_by_itself(facts):
        yield contradicts("The machine's program ran and exited by itself, so no failed call is the reason.", *ended)
    if facts.events.runs and no and not failed:
        yield contradicts(
            "The machine is running, so the failed call did not prevent that.", *facts.events.state_evidence
        )
    if facts.events.runs and not no:
        yield refutes("The machine runs, and no call failed.", *facts.events.state_evidence)
    name = fitting[0].name if fitting else "an incident"
    yield concludes(f"Fly had an incident at that time ({short(name, 100)}), and the call failed because of it.")


def _at_that_time(incident: PlatformIncident, facts: Facts) -> bool:
    """Was it going on when the machine was asked for, with ten minutes' grace on either side?"""
    no = facts.log.refusals[-1].at if facts.log.refusals else None
    moment: datetime = no or facts.subject.incident_time or facts.events.created_at or facts.now
    grace = timedelta(minutes=10)
    begun = incident.started_at is None or incident.started_at <= moment + grace
    return begun and (incident.resolved_at is None or incident.resolved_at >= moment - grace)


def _about(incident: PlatformIncident, facts: Facts) -> bool:
    """Does it name the machine's region, or the Machines API, or no place at all?"""
    text = " ".join((incident.name, *incident.components)).lower()
    region = facts.machine.description.region if facts.machine.description else facts.caller.answer.region
    if region and region in text:
        return True
    words = set(text.replace("(", " ").replace(")", " ").replace("-", " ").replace(",", " ").split())
    # A report that names another place is not about this machine.
    return "machines" in words and not (words & REGIONS - {region})
