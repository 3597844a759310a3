"""Family network: names, addresses, ports and networks on the way to the program (§7, §11 rows 31-34, 41)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import Conclusion, Point, Weight, concludes, confirms, missing, refutes, supports
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import AppFinding, Outcome


@cause(
    "no-public-ip",
    "The app has no public address",
    stage=Stage.REACH,
    remedy=Remedy(
        "Allocate addresses",
        "An app created through the API has no address, and without one its hostname has no DNS record.",
        ("fly ips allocate-v6 -a {app}", "fly ips allocate-v4 --shared -a {app}", "fly ips list -a {app}"),
    ),
    prevention=Remedy("Allocate addresses where the app is created", "Allow two minutes for DNS."),
    explains=("wrong-hostname",),
    next_test="List the app's addresses: `fly ips list -a {app}`.",
    distinguish_from={"wrong-hostname": "The app's own hostname resolves."},
    sources=("networking/services", "networking/app-services"),
)
def no_public_ip(facts: Facts) -> Iterator[Point | Conclusion]:
    """`ip_assignments` is empty and `<app>.fly.dev` has no record."""
    told = facts.caller.told_of_app(AppFinding.NO_ADDRESS)
    if told and facts.observations.addresses is None and facts.caller.uses_own_host:
        yield supports(f"flyctl says: “{short(told, 160)}”.", Facet.CALLER)
        yield concludes(f"The app {facts.subject.app} has no public address, so none of its URLs can be reached.")
        return
    if (
        facts.observations.addresses is None
        or not facts.caller.believed_url
        or facts.machine.other_apps
        or _private(facts.caller.believed_host)
    ):
        return
    if facts.observations.addresses.ips:
        yield refutes("The app has addresses.", Facet.ADDRESSES)
        return
    resolution = facts.observations.resolution(Facet.DNS_APP)
    if facts.outcome(Facet.DNS_APP) is Outcome.ABSENT and resolution:
        yield confirms(
            f"The app has no address, and {facts.app_host} does not resolve.", Facet.ADDRESSES, Facet.DNS_APP
        )
    else:
        yield supports("The app has no address.", Facet.ADDRESSES)
        yield missing(f"Whether {facts.app_host} resolves could not be checked.", Facet.DNS_APP)
    yield concludes(f"The app {facts.subject.app} has no public address, so none of its URLs can be reached.")


@cause(
    "wrong-hostname",
    "The URL is built from the machine's name",
    stage=Stage.REACH,
    remedy=Remedy(
        "Let the caller return {app_host}, and have requests name their machine: the current URL cannot work",
        "A machine's name is not a hostname: {believed_host} would belong to another app. {app_host} alone leads to "
        "any machine of the app. The header fly-force-instance-id names one; a browser cannot send it, so for browsers "
        "a router must answer with fly-replay.",
        (
            "curl -sSi --max-time 10 https://{app_host}/ -H fly-force-instance-id:{live_id}",
            "fly ips list -a {app}",
        ),
    ),
    prevention=Remedy(
        "Build URLs from the app's name",
        "Browsers cannot send the header: let a router answer the upgrade with fly-replay, or use one app per user.",
    ),
    next_test="Resolve both names: the one in use and the app's own.",
    distinguish_from={"no-public-ip": "The app's own hostname does not resolve either."},
    sources=("networking/dynamic-request-routing", "blueprints/connecting-to-user-machines"),
)
def wrong_hostname(facts: Facts) -> Iterator[Point | Conclusion]:
    """The believed host is another `*.fly.dev` name than the app's, usually the machine's name."""
    host = facts.caller.believed_host
    if host == facts.app_host:
        yield refutes(
            "The URL names the app's own hostname.",
            *facts.caller.url_evidence,
            *facts.made(Facet.DNS_APP, Facet.EDGE_BELIEVED),
        )
    if not host.endswith(".fly.dev") or host == facts.app_host or facts.machine.other_apps:
        return
    names = {facts.subject.machine_name, facts.machine.description.name if facts.machine.description else ""} - {""}
    from_name = host.removesuffix(".fly.dev") in names
    made = (
        f"{host} is built from the machine's name, and a machine's name is not a hostname"
        if from_name
        else (f"{host} is not the hostname of {facts.subject.app}, which is {facts.app_host}")
    )
    given = facts.caller.url_evidence
    if facts.outcome(Facet.DNS_BELIEVED) is Outcome.ABSENT and (given or facts.outcome(Facet.DNS_APP) is Outcome.SEEN):
        yield confirms(
            f"{made}; it does not exist in DNS.",
            *given,
            Facet.DNS_BELIEVED,
            *((Facet.DNS_APP,) if facts.looked(Facet.DNS_APP) else ()),
        )
    else:
        yield supports(f"{made}.", *given or (Facet.DNS_BELIEVED,))
        if facts.outcome(Facet.DNS_BELIEVED) is Outcome.SEEN:
            yield supports(f"{host} resolves, so it may belong to another owner's app.", Facet.DNS_BELIEVED)
        else:
            yield missing(f"Whether {host} resolves could not be checked.", Facet.DNS_BELIEVED)
    right = facts.observations.probe(Facet.EDGE_APP)
    if right and right.reached == "open":
        yield supports(f"The machine answers at {facts.app_host} when the request header names it.", Facet.EDGE_APP)
    yield concludes(
        f"The URL could never have worked: {made}.",
        f"its URL names {host}, which is not the app's hostname",
    )


@cause(
    "websocket-port-or-scheme",
    "The URL's port or scheme does not match the app's services",
    stage=Stage.REACH,
    remedy=Remedy(
        "Use wss:// on a port whose service has the handlers tls and http",
        "Each public port has its own handlers: wss:// needs the handler tls, and a port that no service lists is "
        "closed.",
        (
            "curl -sSi --max-time 10 https://{app_host}/ -H fly-force-instance-id:{live_id}",
            "fly machine status {live_id} -a {app} -d",
        ),
    ),
    prevention=Remedy("Expose one port, 443, with tls and http", "Then a wss:// URL needs no port."),
    next_test="Connect to each public port with ws:// and with wss://.",
    distinguish_from={
        "not-listening": "A service exposes the port, and the proxy answers 502.",
        "wrong-hostname": "The hostname is wrong.",
    },
    sources=("networking/services", "networking/app-services"),
)
def websocket_port_or_scheme(facts: Facts) -> Iterator[Point | Conclusion]:
    """wss:// on a port without a tls handler, ws:// on one with it, or a port that no service exposes."""
    host, port = facts.caller.believed_host, facts.caller.believed_port
    services = facts.machine.services
    foreign = host != facts.app_host
    if foreign and (not host or host.endswith(".fly.dev") or _private(host) or host.startswith(("localhost", "127."))):
        return
    if port is None or services is None or not all(s.ports_known for s in services):
        return
    secure = facts.caller.believed_url.startswith(("wss:", "https:"))
    handlers = next((h for s in services if (h := s.handlers(port)) is not None), None)
    probe = facts.observations.probe(Facet.EDGE_BELIEVED)
    failed = probe is not None and probe.reached != "open"
    offered = ", ".join(
        f"{first}{'' if first == last else f'-{last}'} ({'+'.join(h) or 'raw tcp'})"
        for s in services
        for first, last, h in s.ports
    )
    if handlers is None and services:
        problem = f"no service of the machine exposes port {port}"
    elif handlers is not None and secure and "tls" not in handlers:
        problem = (
            f"port {port} has no tls handler, so {facts.caller.believed_url.partition(':')[0]}:// cannot work there"
        )
    elif handlers is not None and not secure and "tls" in handlers:
        problem = f"port {port} expects TLS, and the URL begins with {facts.caller.believed_url.partition(':')[0]}://"
    else:
        return
    told = f"{problem[:1].upper()}{problem[1:]}; exposed ports: {offered or 'none'}."
    if foreign and not facts.certificates.own:
        # A name of one's own may lead to something in front of the app that has ports of its own; a port that the URL
        # spells out and the machine exposes is hardly another's.
        if not failed and (handlers is None or f":{port}" not in facts.caller.believed_url):
            return
        yield supports(told, *facts.machine.config_evidence, *((Facet.EDGE_BELIEVED,) if failed else ()))
        yield missing(f"Whether {host} leads to this app was not observed.", Facet.CERTIFICATES)
    elif failed:
        yield confirms(told, *facts.machine.config_evidence, Facet.EDGE_BELIEVED)
    else:
        yield supports(told, *facts.machine.config_evidence)
        yield missing("Whether the connection fails was not observed.", Facet.EDGE_BELIEVED)
    if probe and not failed:
        yield refutes("The URL answers.", Facet.EDGE_BELIEVED)
    yield concludes(f"The URL {facts.caller.believed_url} cannot work: {problem}.", problem)


@cause(
    "private-network-mismatch",
    "The private address belongs to another network",
    stage=Stage.REACH,
    explains=("wrong-hostname", "no-public-ip"),
    remedy=Remedy(
        "Connect from the app's own network, or make it reachable through flycast",
        "Names in .internal and .flycast exist only inside one private network of one organisation. {network}",
        ("fly ips list -a {app}", "fly ips allocate-v6 --private -a {app}"),
    ),
    prevention=Remedy(
        "Choose the network when you create the app",
        "An app cannot change its network; a flycast address can be given to another network.",
    ),
    next_test="Resolve the name from inside a machine of the caller's app: `dig aaaa {believed_host}`.",
    distinguish_from={"wrong-hostname": "The name is the public hostname (.fly.dev) of another app."},
    sources=("networking/private-networking", "networking/custom-private-networks", "networking/flycast"),
)
def private_network_mismatch(facts: Facts) -> Iterator[Point | Conclusion]:
    """A private name (.internal, .flycast) of another network, or a fly-replay that crosses networks (§14.8)."""
    host = facts.caller.believed_host
    if crossed := facts.log.matches("cross-network"):
        yield confirms(
            f"The proxy log says: “{short(crossed[-1].line.message, 200)}”.", *facts.log.where("cross-network")
        )
        yield concludes(
            "The app that sent the fly-replay and its target are on different private networks.",
            "it and the app that replays to it are on different private networks",
        )
        return
    if not _private(host):
        return
    network = facts.observations.app.raw.get("network") if facts.observations.app else None
    network = network if isinstance(network, str) and network not in ("", "default") else ""
    failed = [words for _, words in facts.caller.failed_connects]
    given = facts.caller.url_evidence or (Facet.CALLER,)
    if network and failed:
        yield confirms(
            f"{host} is a private name of the network {network}, and the caller could not reach it: "
            f"“{short(failed[-1], 120)}”.",
            Facet.APP,
            Facet.CALLER,
        )
    elif network:
        yield supports(f"{host} is a private name, and the app has its own network ({network}).", Facet.APP, *given)
    else:
        yield supports(
            f"{host} is a private name: it exists only inside the app's own network.", *given, weight=Weight.WEAK
        )
        yield missing("The network of the caller is not known.", Facet.CALLER)
    told = f"The app's network is {network}." if network else ""
    yield concludes(
        f"{host} exists only inside the private network{' ' + network if network else ''} of the app; the caller is "
        f"not in it.",
        f"the caller is not in the private network in which {host} exists",
        network=told,
    )


@cause(
    "certificate-missing",
    "The app has no certificate for the hostname",
    stage=Stage.REACH,
    remedy=Remedy(
        "Add the hostname to the app that serves it",
        "Fly's proxy can present a certificate only for a hostname that was added to the app and whose DNS records are "
        "verified.",
        (
            "fly certs list -a {app}",
            "fly certs add {believed_host} -a {app}",
            "fly certs check {believed_host} -a {app}",
        ),
    ),
    prevention=Remedy(
        "Add the hostname before you change its DNS records", "`fly certs check` shows when it is ready."
    ),
    next_test="List the app's certificates: `fly certs list -a {app}`.",
    distinguish_from={
        "wrong-hostname": "The hostname ends in .fly.dev.",
        "websocket-port-or-scheme": "The certificate is ready; the port has no tls handler.",
    },
    sources=("networking/custom-domain",),
)
def certificate_missing(facts: Facts) -> Iterator[Point | Conclusion]:
    """TLS fails at a custom hostname that the app has no ready certificate for (§14.18)."""
    if waits := facts.log.matches("certificate-waits"):
        name = waits[-1].thing
        yield supports(f"flyctl says: “{short(waits[-1].line.message, 160)}”.", *facts.log.where("certificate-waits"))
        yield concludes(
            f"The certificate for {name} has not been issued: it waits for the hostname's DNS records.",
            f"the certificate for {name} waits for the hostname's DNS records",
            believed_host=name,
        )
        return
    if (pending := facts.log.matches("certificate-pending")) and (why := _why_not_issued(facts)):
        name, text, at = pending[-1].thing, short(pending[-1].line.message, 160), facts.log.where("certificate-pending")
        yield supports(f"flyctl says: “{text}”. {why[0]}", *at)
        yield concludes(
            f"The certificate for {name} has not been issued: {why[1]}.",
            f"the certificate for {name} has not been issued",
            believed_host=name,
        )
        return
    if unverified := facts.caller.told_of_app(AppFinding.CERTIFICATE_UNVERIFIED):
        name = unverified.partition(":")[0]
        yield supports(f"flyctl says: “{short(unverified, 160)}”.", Facet.CALLER)
        yield concludes(
            f"The certificate for {name} has not been issued: the hostname is not verified.",
            f"the hostname {name} is not verified, so it has no certificate",
            believed_host=name,
        )
        return
    if refused := facts.log.refused("certificate-refused"):
        yield supports(f"The certificate authority answered {refused[-1].told}.", refused[-1].evidence)
        yield concludes("The certificate authority refused to issue a certificate for the hostname.")
        return
    host, own, listed = facts.caller.believed_host, facts.certificates.own, facts.certificates.listed
    probe = facts.observations.probe(Facet.EDGE_BELIEVED)
    # A handshake for another name is a stranger's; only the line that names the host is about it.
    told = [r for r in facts.log.matches("tls-failed") if host and host in r.line.message]
    refusals = facts.log.refused("certificate-name")
    # The certificate of a name that the caller does not connect to is not this app's.
    wrong = [no for no in refusals if host and no.names.get("host", "").lower() == host.lower()]
    if not host or host.endswith(".fly.dev") or _private(host) or not (listed or probe or told or wrong):
        return
    failed = probe is not None and probe.reached == "tls"
    if own and own.configured:
        yield refutes(f"The app has a certificate for {own.hostname} (status {own.status}).", Facet.CERTIFICATES)
    if probe and probe.reached not in ("dns", "tcp", "tls"):
        yield refutes(f"The TLS handshake with {host} succeeds.", Facet.EDGE_BELIEVED)
    lacks = f"The app has no certificate for {host}"
    if own:
        lacks = f"The certificate for {host} is not ready (status {own.status or 'unknown'})"
    if listed and (own or listed.complete) and not (own and own.configured):
        if failed:
            yield confirms(f"{lacks}, and the TLS handshake with it fails.", Facet.CERTIFICATES, Facet.EDGE_BELIEVED)
        else:
            yield supports(f"{lacks}.", Facet.CERTIFICATES)
            yield missing(f"Whether the TLS handshake with {host} fails was not observed.", Facet.EDGE_BELIEVED)
    elif not own:
        yield missing("The app's certificates could not be read.", Facet.CERTIFICATES)
    if wrong:
        yield supports(f"The caller was shown another name's certificate: {wrong[-1].told}.", wrong[-1].evidence)
    if told:
        yield supports(f"The proxy log says: “{short(told[-1].line.message, 160)}”.", *facts.log.where("tls-failed"))
    if probe and failed:
        yield supports(
            f"The TLS handshake with {host} fails: {short(probe.detail, 120)}.",
            Facet.EDGE_BELIEVED,
            weight=Weight.WEAK,
        )
    yield concludes(f"{lacks}, so no client can open a TLS connection to it.", f"{lacks[:1].lower()}{lacks[1:]}")


def _why_not_issued(facts: Facts) -> tuple[str, str] | None:
    """What shows that a certificate is not merely under way: who may issue it, or how long it has been waiting."""
    allowed = [r.thing.partition(";")[0].strip() for r in facts.log.matches("authority")]
    if allowed and not any(name.endswith("letsencrypt.org") for name in allowed):
        names = ", ".join(dict.fromkeys(name for name in allowed if name)) or "nobody"
        return f"A CAA record allows only {names}.", f"a CAA record allows only {names} to issue one"
    if ages := facts.log.matches("certificate-age"):
        return f"It was added {ages[-1].thing}.", f"it was added {ages[-1].thing}, and validation has not succeeded"
    return None


def _private(host: str) -> bool:
    return host.endswith((".internal", ".flycast")) or host.startswith("fdaa:")
