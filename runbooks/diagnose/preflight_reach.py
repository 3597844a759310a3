"""The checks of a preflight about the way from a client to the program: services, address, URL, certificate."""

from __future__ import annotations

from runbooks.base.facets import Facet
from runbooks.diagnose.checks import BLIND, NO, YES, Check, check
from runbooks.diagnose.planned_machine import NO_CONFIG, PlannedMachine
from runbooks.evidence.models import Addresses, Outcome
from runbooks.evidence.resources import Certificates


def services(p: PlannedMachine) -> Check:
    """Ports that lead somewhere, to the port that the image speaks of."""
    title, seen = "The services lead to the program", p.made(Facet.CONFIG)
    if not p.known:
        return check("services", title, BLIND, NO_CONFIG, seen)
    if not p.services:
        if p.url and not p.private:
            text = f"the config has no service, so nothing can answer at {p.host}"
            return check("services", title, NO, text, seen, cause="no-machine-behind-app")
        return check("services", title, YES, "the config has no service: the machine takes no traffic", seen)
    exposed = {int(n) for port in (p.image.exposed_ports if p.image else ()) if (n := port.partition("/")[0]).isdigit()}
    inner = [service.internal_port for service in p.services]
    if any(port is None for port in inner):
        return check("services", title, YES, "a service has no internal_port", seen, warns=True)
    if any(not service.ports for service in p.services):
        text = "a service has no ports, so neither traffic nor autostart reaches it"
        return check("services", title, YES, text, seen, warns=True)
    if any(service.autostop and not service.autostart for service in p.services):
        text = "a service stops the machine by itself, and may not start it again"
        return check("services", title, YES, text, seen, cause="autostart-disabled", warns=True)
    odd = [str(port) for port in inner if exposed and port not in exposed]
    if odd:
        text = f"traffic goes to port {', '.join(odd)}; the image exposes {', '.join(map(str, sorted(exposed)))}"
        seen = (*seen, Facet.IMAGE_BELIEVED)
        return check("services", title, YES, text, seen, cause="not-listening", warns=True)
    return check("services", title, YES, f"traffic goes to port {', '.join(map(str, inner))}", seen)


def address(p: PlannedMachine) -> Check:
    title, seen = "The app has an address", p.made(Facet.ADDRESSES)
    if p.known and not p.services and not p.url:
        return check("address", title, YES, "none is needed: the config has no service", p.made(Facet.CONFIG))
    if p.private:
        return check("address", title, YES, f"none is needed: {p.host} is a private name", p.made(Facet.CONFIG))
    found = p.facts.answer(Facet.ADDRESSES, Addresses)
    if found is None:
        return check("address", title, BLIND, p.why_not(Facet.ADDRESSES), seen)
    if not found.ips:
        return check("address", title, NO, f"{p.app} has no public address", seen, cause="no-public-ip")
    return check("address", title, YES, ", ".join(ip for ip, _ in found.ips), seen)


def hostname(p: PlannedMachine) -> Check:
    """The URL that clients use: the app's name, or a name of one's own with a certificate; its port and scheme."""
    title, seen = "The clients' URL fits", p.made(Facet.CONFIG, Facet.DNS_BELIEVED, Facet.CERTIFICATES)
    if not p.url:
        return check("hostname", title, YES, f"no URL is given; clients reach the app at {p.host}", seen)
    if p.private:
        return _private_name(p, title)
    if p.host.endswith(".fly.dev"):
        if p.host != f"{p.app}.fly.dev":
            text = f"{p.host} is not the hostname of the app, which is {p.app}.fly.dev"
            return check("hostname", title, NO, text, seen, cause="wrong-hostname")
    elif (no := _without_certificate(p, title)) is not None:
        return no
    return _port(p, title, seen)


def _private_name(p: PlannedMachine, title: str) -> Check:
    app = p.facts.observations.app
    network = app.network if app and app.network not in ("", "default") else ""
    text = f"{p.host} exists only inside the private network{f' {network}' if network else ''} of the app"
    return check("hostname", title, YES, text, p.made(Facet.APP), cause="private-network-mismatch", warns=bool(network))


def _without_certificate(p: PlannedMachine, title: str) -> Check | None:
    seen = p.made(Facet.CERTIFICATES, Facet.DNS_BELIEVED)
    if p.facts.outcome(Facet.DNS_BELIEVED) is Outcome.ABSENT:
        return check("hostname", title, NO, f"{p.host} does not exist in DNS", seen, cause="wrong-hostname")
    found = p.facts.answer(Facet.CERTIFICATES, Certificates)
    if found is None:
        return check("hostname", title, BLIND, p.why_not(Facet.CERTIFICATES), seen)
    covers = (p.host, f"*.{p.host.partition('.')[2]}")
    own = [one for one in found.found if one.hostname in covers]
    if any(one.configured for one in own):
        return None
    if not own and not found.complete:
        return check("hostname", title, BLIND, "the list of certificates was not read whole", seen)
    state = f"is {own[0].status or 'not issued'}" if own else "does not exist"
    text = f"the certificate for {p.host} {state} in {p.app}"
    return check("hostname", title, NO, text, seen, cause="certificate-missing")


def _port(p: PlannedMachine, title: str, seen: tuple[str, ...]) -> Check:
    if not p.services or p.port is None:
        return check("hostname", title, YES, f"{p.host} leads to the app", seen)
    handlers = next((h for service in p.services if (h := service.handlers(p.port)) is not None), None)
    offered = ", ".join(f"{a}" if a == b else f"{a}-{b}" for service in p.services for a, b, _ in service.ports)
    if handlers is None:
        text = f"{p.url}: no service has port {p.port}, only {offered or 'none'}"
    elif p.secure and "tls" not in handlers:
        text = f"{p.url}: port {p.port} has no tls handler"
    elif not p.secure and "tls" in handlers:
        text = f"{p.url}: port {p.port} expects TLS"
    else:
        return check("hostname", title, YES, f"{p.host} leads to port {p.port} of the app", seen)
    return check("hostname", title, NO, text, seen, cause="websocket-port-or-scheme")
