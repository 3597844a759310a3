"""Family network: from the hostname to the program (facts §7, §11 rows 31-36)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import Point, Says, Stage, cause, favours, lacks, proves, refutes, says
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Outcome


@cause(
    "no-public-ip",
    "The app has no public address",
    stage=Stage.REACH,
    remedy=Remedy(
        "Allocate addresses",
        "An app made through the API has none, and without one its hostname has no record at all.",
        ("fly ips allocate-v6 -a {app}", "fly ips allocate-v4 --shared -a {app}", "fly ips list -a {app}"),
    ),
    prevention=Remedy("Allocate addresses where the app is created", "Allow two minutes for DNS."),
    next_test="List the app's addresses: fly ips list -a {app}",
)
def no_public_ip(facts: Facts) -> Iterator[Point | Says]:
    """`ip_assignments` is empty and `<app>.fly.dev` has no record."""
    if facts.addresses is None or not facts.believed_url or facts.other_apps:
        return
    if facts.addresses.ips:
        yield refutes("The app has addresses.", "E11")
        return
    resolution = facts.resolution("E12")
    if facts.outcome("E12") is Outcome.ABSENT and resolution:
        yield proves(f"The app has no address, and {facts.app_host} does not resolve.", "E11", "E12")
    else:
        yield favours("The app has no address.", "E11")
        yield lacks(f"Whether {facts.app_host} resolves could not be seen.", "E12")
    yield says(f"The app {facts.subject.app} has no public address, so no URL of it can be reached.")


@cause(
    "wrong-hostname",
    "The URL is made from the machine's name",
    stage=Stage.REACH,
    remedy=Remedy(
        "Connect to {app_host}: the present URL cannot work, not even with a healthy machine",
        "A machine's name is not a hostname: {believed_host} would be another app's. Name the machine in "
        "the header fly-force-instance-id; a browser cannot send it, so there a router must answer with fly-replay.",
        (
            "curl -sSi --max-time 10 https://{app_host}/ -H 'fly-force-instance-id: {live_id}'",
            "fly ips list -a {app}",
        ),
    ),
    prevention=Remedy(
        "Build URLs from the app's name",
        "Browsers cannot send the header: let a router answer the upgrade with fly-replay, or use one app per user.",
    ),
    next_test="Resolve both names: the believed one and the app's own.",
)
def wrong_hostname(facts: Facts) -> Iterator[Point | Says]:
    """The believed host is another `*.fly.dev` name than the app's, usually the machine's name."""
    host = facts.believed_host
    if not host.endswith(".fly.dev") or host == facts.app_host or facts.other_apps:
        return
    where = (
        "E19"
        if host in facts.caller.websocket_url
        else "E14"
        if facts.record and host in facts.record.websocket_url
        else ""
    )
    names = {facts.subject.machine_name, facts.machine.name if facts.machine else ""} - {""}
    from_name = host.removesuffix(".fly.dev") in names
    made = (
        f"{host} is made from the machine's name, and a machine's name is not a hostname"
        if from_name
        else (f"{host} is not the hostname of {facts.subject.app}, which is {facts.app_host}")
    )
    given = (where,) if where else ()
    if facts.outcome("E13") is Outcome.ABSENT and (where or facts.outcome("E12") is Outcome.SEEN):
        yield proves(f"{made}; it does not exist in DNS.", *given, "E13", *(("E12",) if facts.looked("E12") else ()))
    else:
        yield favours(f"{made}.", *given or ("E13",))
        if facts.outcome("E13") is Outcome.SEEN:
            yield favours(f"{host} resolves, so it may belong to somebody else's app.", "E13")
        else:
            yield lacks(f"Whether {host} resolves could not be seen.", "E13")
    right = facts.probe("E18")
    if right and right.reached == "open":
        yield favours(f"The machine answers at {facts.app_host} when it is named in the header.", "E18")
    yield says(
        f"The URL could never have worked: {made}.",
        f"its URL names {host}, which is not the app's hostname",
        believed_host=host,
        app_host=facts.app_host,
    )


@cause(
    "cordoned",
    "The machine is cordoned: traffic is withheld from it",
    stage=Stage.REACH,
    remedy=Remedy(
        "Uncordon the machine",
        "It runs, and the proxy was told to send it nothing.",
        ("fly machine uncordon {live_id} -a {app}", "fly machine status {live_id} -a {app}"),
    ),
    prevention=Remedy(
        "Undo a cordon where it was set",
        "A deploy or a script that cordons a machine and dies in between leaves it so for ever.",
    ),
    next_test="Look at `cordoned` in the machine's own description.",
)
def cordoned(facts: Facts) -> Iterator[Point | Says]:
    """`cordoned: true` on a started machine: the proxy leaves it out, a private address still reaches it."""
    flagged = [s.at for s in facts.sightings if s.machine.cordoned]
    if not flagged:
        return
    if facts.state == "started":
        yield proves("The machine is started, and its description says cordoned.", *flagged)
    else:
        yield favours(f"The machine is {facts.state}, and its description says cordoned.", *flagged)
    right = facts.probe("E18")
    if right and right.reached == "open":
        yield refutes("It answers at the app's hostname all the same.", "E18")
    elif right:
        yield favours(f"Named in the header, it does not answer at {facts.app_host}.", "E18")
    yield says(
        "The machine runs, but it is cordoned, so the proxy sends it no traffic.", "it is cordoned and gets no traffic"
    )
