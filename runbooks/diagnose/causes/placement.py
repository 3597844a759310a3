"""Family placement: no capacity, no permission or no way to place the machine where it was requested
(§3.2, §11 rows 24-28). The status code decides nothing: lack of capacity comes as 400, 403, 409, 412, 422, 503."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import Conclusion, Point, concludes, confirms, contradicts, refutes, supports
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import EXISTS
from runbooks.diagnose.shared_evidence import (
    create_refused,
    other_reason,
    refused,
    refused_before_it_ran,
    said_no,
)

_HIDES = ("create-error-swallowed", "record-never-updated", "stuck-in-transition")
_PLACEMENT = ("machines/guides-examples/machine-placement", "machines/api/machines-resource")


def _region(facts: Facts, *kinds: str) -> str:
    """The region that was requested, as far as it is known."""
    no = refused(facts, *kinds)
    named = no.names.get("region", "") if no else ""
    record = facts.caller.record
    return named or facts.caller.answer.region or (record.region if record else "")


@cause(
    "region-capacity",
    "The region has no capacity for the machine",
    stage=Stage.CREATE,
    is_a="region-or-platform",
    owner=Owner.FLY,
    explains=_HIDES,
    remedy=Remedy(
        "Request several regions, or a smaller machine",
        "No host in the region has capacity for a machine of this size now. Fly tries a list of regions in its order.",
        ("fly platform regions", "fly machine run {image} -a {app} -r REGION_LIST"),
    ),
    prevention=Remedy(
        "Send a list of regions and expect the refusal",
        "`sin,apac` falls back automatically. On this refusal, try another place instead of failing.",
    ),
    next_test="Request the same machine in another region.",
    distinguish_from={
        "host-capacity": "One host is full (a start or an update of an existing machine), not the region.",
        "volume-placement": "The refusal names a volume.",
        "quota-or-billing": "The refusal names the organisation's quota.",
    },
    sources=_PLACEMENT,
)
def region_capacity(facts: Facts) -> Iterator[Point | Conclusion]:
    """`could not find a candidate host`, or the status enum `insufficient_capacity`, under whichever HTTP code."""
    yield from _no_room(facts, "region-capacity")
    region = _region(facts, "region-capacity")
    where = f"The region {region}" if region else "The region"
    yield concludes(f"{where} has no host with capacity for the machine, so none was created.")


@cause(
    "host-capacity",
    "The machine's host has no capacity left",
    stage=Stage.CREATE,
    owner=Owner.FLY,
    explains=(*_HIDES, "start-rejected"),
    needs=EXISTS,
    remedy=Remedy(
        "Create a new machine instead of starting or enlarging this one",
        "A stopped machine stays bound to its host. That host is full now; others may not be.",
        ("fly machine clone {machine_id} -a {app} -r {region}",),
    ),
    prevention=Remedy(
        "Retry after this refusal",
        "Retry with pauses, then clone; keep spare machines where a start must not fail.",
    ),
    next_test="Start it again later, or clone it: a clone is placed on another host.",
    distinguish_from={
        "region-capacity": "No machine exists yet, and the refusal names a candidate host.",
        "volume-placement": "The refusal names the volume that binds it.",
    },
    sources=_PLACEMENT,
)
def host_capacity(facts: Facts) -> Iterator[Point | Conclusion]:
    """`could not reserve resource for machine: insufficient memory …`: this host, not the whole region."""
    yield from _no_room(facts, "host-capacity", of_create=False)
    if no := refused(facts, "host-capacity"):
        yield from refused_before_it_ran(facts, no)
    what = f" ({no.names['what']})" if no and no.names.get("what") else ""
    yield concludes(
        f"The host that should run the machine has no capacity left{what}.",
        f"the host it is bound to has no capacity left{what}",
    )


@cause(
    "volume-placement",
    "The volume prevents the placement of the machine",
    stage=Stage.CREATE,
    owner=Owner.UNDECIDED,
    explains=(*_HIDES, "region-capacity", "host-capacity"),
    remedy=Remedy(
        "Fork the volume, or create the machine where the volume is",
        "A volume is on one host of one region, and can be attached to one machine.",
        (
            "fly volumes list -a {app}",
            "fly volumes fork {volume} -a {app}",
            "fly volumes show {volume} -a {app}",
        ),
    ),
    prevention=Remedy(
        "Create the machine in the volume's region",
        "Query the volume before the create call, and free it before you use it again.",
    ),
    next_test="Compare the volume's region, host and machine with the request: `fly volumes show {volume}`.",
    distinguish_from={"region-capacity": "The refusal names no volume."},
    sources=("volumes/overview", "machines/guides-examples/machine-placement"),
)
def volume_placement(facts: Facts) -> Iterator[Point | Conclusion]:
    """The refusal names the volume: its host is full, it is in another region, or bound to another machine."""
    kinds = ("volume-capacity", "volume-region", "volume-attached", "volume-missing")
    yield from said_no(facts, *kinds)
    no = refused(facts, *kinds)
    if no is None:
        yield from _volume_elsewhere(facts)
        return
    names = no.names
    volume = names.get("volume", "")
    reason = {
        "volume-capacity": "is on a host without capacity",
        "volume-region": f"is in {names.get('have', 'another region')}, and the machine was requested in "
        f"{names.get('want', 'another')}",
        "volume-attached": f"is still bound to {names.get('machine_id') or 'another machine'}",
        "volume-missing": "cannot be found",
    }[no.kind]
    text = f"the volume {volume} {reason}" if volume else f"its volume {reason}"
    if not no.operation.makes_a_machine:
        yield concludes(f"Fly refused {no.call}: {text}.", f"Fly refused {no.call}: {text}", volume=volume)
        return
    yield concludes(f"The machine could not be placed: {text}.", volume=volume)


def _volume_elsewhere(facts: Facts) -> Iterator[Point | Conclusion]:
    """The refusal gives no reason, and the app's volumes do: the requested one cannot be used there."""
    asked, own, no = facts.volumes.asked, facts.volumes.own, create_refused(facts)
    if not asked or facts.volumes.listed is None or no is None:
        return
    region, holder = facts.caller.answer.region, own.machine_id if own else ""
    if own is None:
        reason = "is not a volume of the app"
    elif region and own.region and own.region != region:
        reason = f"is in {own.region}, and the machine was requested in {region}"
    elif holder and holder != facts.subject.machine_id:
        reason = f"is attached to machine {holder}"
    else:
        return
    yield confirms(
        f"The platform refused {no.call}: {no.told}. The call requested the volume {asked}, which {reason}.",
        Facet.VOLUMES,
        no.evidence,
    )
    yield concludes(f"The machine could not be placed: the volume {asked} {reason}.", volume=asked)


@cause(
    "region-unavailable",
    "The region does not exist, or accepts no new machines",
    stage=Stage.CREATE,
    is_a="region-or-platform",
    owner=Owner.UNDECIDED,
    explains=(*_HIDES, "request-invalid"),
    remedy=Remedy(
        "Request a region that Fly offers",
        "The name is unknown, the region is being closed, or the plan does not include it.",
        ("fly platform regions",),
    ),
    prevention=Remedy(
        "Check regions against the platform's own list",
        "Regions open and close; a list in the code becomes out of date.",
    ),
    next_test="Look for the region in the platform's list: `fly platform regions`.",
    distinguish_from={"region-capacity": "Fly offers the region, and it is full at the moment."},
    sources=("reference/regions",),
)
def region_unavailable(facts: Facts) -> Iterator[Point | Conclusion]:
    """`region … not found`, `Region … is deprecated`, a region that the plan does not include, or none at all."""
    kinds = ("region-unknown", "region-deprecated", "region-plan", "region-missing")
    yield from said_no(facts, *kinds)
    no = refused(facts, *kinds)
    if no is None:
        return
    if no.kind == "region-missing":
        yield concludes(f"{no.call[:1].upper()}{no.call[1:]} named no region, and Fly refused it.")
        return
    region = _region(facts, *kinds) or "that was requested"
    reason = {
        "region-unknown": "does not exist",
        "region-deprecated": "is being closed and accepts no new machines",
        "region-plan": "is not included in the organisation's plan",
    }[no.kind]
    instead = f"; Fly suggests {no.names['instead']}" if no.names.get("instead") else ""
    yield concludes(f"The region {region} {reason}{instead}.")


@cause(
    "quota-or-billing",
    "A limit or the billing of the organisation prevents the call",
    stage=Stage.CREATE,
    settles=True,
    is_a="region-or-platform",
    owner=Owner.UNDECIDED,
    explains=(*_HIDES, "region-capacity", "token-out-of-scope", "trial-limit"),
    remedy=Remedy(
        "Raise the limit or settle the billing, then call again",
        "The call is valid; the organisation may not have more at present.",
        ("fly orgs show {org}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Watch the number of machines and their memory per region",
        "Destroy machines that have finished; quotas count machines that exist, not machines that run.",
    ),
    next_test="Read the refusal's text: it names the quota, the number or the payment.",
    distinguish_from={
        "token-out-of-scope": "A 403 that names no quota is about the token.",
        "region-capacity": "The region is full for every organisation.",
    },
    sources=("about/free-trial", "about/billing"),
)
def quota_or_billing(facts: Facts) -> Iterator[Point | Conclusion]:
    """The refusal names a quota, a maximum number of machines, a payment, a suspended organisation, a trial's end."""
    kinds = ("quota", "machine-limit", "payment", "suspended", "trial-over")
    if (ended := refused(facts, *kinds)) and ended.kind == "trial-over" and facts.log.matches("trial"):
        return  # the trial stopped the machine, too: trial-limit says both
    yield from said_no(facts, *kinds)
    if facts.log.refused("region-capacity", "host-capacity"):
        yield from other_reason(facts, *kinds)
    no = refused(facts, *kinds)
    if facts.observations.app and facts.observations.app.status == "suspended":
        yield supports("The app's status is suspended.", Facet.APP)
    if no is None:
        yield concludes("The app is suspended.")
        return
    org = no.names.get("org") or facts.subject.org
    whose = f"The organisation {org}" if org else "The organisation"
    reason = {
        "quota": f"has used up its quota{' in ' + no.names['region'] if no.names.get('region') else ''}",
        "machine-limit": "has its maximum number of machines",
        "payment": "needs a payment method or credit before it may have more",
        "suspended": "is suspended, or its account awaits verification",
        "trial-over": "has used up its free trial",
    }[no.kind]
    yield concludes(f"{whose} {reason}, so the call was refused.")


@cause(
    "host-unreachable",
    "The machine's host does not answer",
    stage=Stage.LIFE,
    owner=Owner.FLY,
    explains=(
        "record-never-updated",
        "list-incomplete",
        "stuck-in-transition",
        "start-rejected",
        "no-machine-behind-app",
        "hidden-from-launch-tools",
        "platform-incident",
    ),
    needs=EXISTS,
    remedy=Remedy(
        "Wait for the host, or create a replacement elsewhere",
        "While its host is down or under maintenance, no request gets to the machine.",
        (
            "fly machine status {machine_id} -a {app}",
            "fly status -a {app}",
            "fly machine clone {machine_id} -a {app} -r {region}",
        ),
    ),
    prevention=Remedy(
        "Run at least two machines",
        "One machine runs on one host. A volume cannot leave its host, so keep copies of its data.",
    ),
    next_test="Check host_status again, and `fly incidents hosts list`: the status page leaves single hosts out.",
    distinguish_from={
        "stuck-in-transition": "host_status is ok.",
        "platform-incident": "Several apps or regions are affected, not one host.",
    },
    sources=("apps/trouble-host-unavailable", "machines/api/machines-resource"),
)
def host_unreachable(facts: Facts) -> Iterator[Point | Conclusion]:
    """`host_status` is not ok: the config comes as incomplete_config, and lists mark the id with a star."""
    for sighting in facts.machine.flagged_hosts[:1]:
        status = sighting.machine.host_status
        argue = confirms if status == "unreachable" else supports
        yield argue(f"The platform reports host_status: {status}.", sighting.evidence)
    fine = [s.evidence for s in facts.machine.views if s.machine.host_status == "ok"]
    if fine and facts.machine.flagged_hosts:
        yield contradicts("Another view shows that the host is ok.", *fine)
    yield from said_no(facts, "host-unreachable", "host-maintenance", of_create=False)
    for notice in facts.log.notices[-1:]:
        yield supports(f"Fly told the owner: {notice.told}.", notice.evidence)
    named = facts.observations.probe(Facet.EDGE_APP)
    if named and named.reached == "open" and not refused(facts, "host-maintenance"):
        yield refutes("The machine answers when a request names it, so its host can be reached.", Facet.EDGE_APP)
    if worker := facts.log.matches("worker-unreachable"):
        yield supports(
            f"The proxy log says: “{worker[-1].line.message[:160]}”.", *facts.log.where("worker-unreachable")
        )
    region = (
        f" in {facts.machine.description.region}"
        if facts.machine.description and facts.machine.description.region
        else ""
    )
    no = refused(facts, "host-maintenance")
    if no and not facts.machine.flagged_hosts:
        yield concludes(
            f"The machine's host{region} is under maintenance, and Fly refused {no.call}.",
            f"its host{region} is under maintenance, and Fly refused {no.call}",
        )
        return
    if facts.log.notices and not facts.machine.flagged_hosts and not refused(facts, "host-unreachable"):
        yield concludes("Fly tells of maintenance or trouble on a host on which machines of the app run.")
        return
    yield concludes(f"The host of the machine{region} is unreachable.", f"its host{region} is unreachable")


def _no_room(facts: Facts, kind: str, *, of_create: bool = True) -> Iterator[Point]:
    """A create or a start asks for room. Where this machine runs, the call was about another one (§14.2)."""
    no = refused(facts, kind)
    if no and facts.events.runs and no.operation.makes_a_machine:
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence)
        yield contradicts("The machine is running, so its host has capacity for it.", *facts.events.state_evidence)
    else:
        yield from said_no(facts, kind, of_create=of_create)
