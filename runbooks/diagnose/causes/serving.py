"""Family serving: the endpoint is correct, but the machine does not serve (§7.2, §7.3, §11 rows 33, 36)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import Conclusion, Point, concludes, confirms, contradicts, missing, refutes, supports
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.facts.sessions import lost_session
from runbooks.diagnose.log_classifier import LogMatch, short
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.preconditions import EXISTS
from runbooks.diagnose.shared_evidence import crash, crash_evidence
from runbooks.evidence.models import AppFinding, Outcome, Probe


@cause(
    "cordoned",
    "The machine is cordoned, so it gets no traffic",
    stage=Stage.REACH,
    needs=EXISTS,
    remedy=Remedy(
        "Uncordon the machine",
        "The proxy sends no traffic to a cordoned machine, even while it is started.",
        ("fly machine uncordon {live_id} -a {app}", "fly machine status {live_id} -a {app}"),
    ),
    prevention=Remedy(
        "Uncordon in the same script that cordons",
        "If a deploy or a script fails after it cordons a machine, the machine stays cordoned.",
    ),
    explains=("no-machine-behind-app",),
    next_test="Look at `cordoned` in the machine's description.",
    distinguish_from={"health-check-failing": "A check is critical, and cordoned is false."},
    sources=("machines/api/machines-resource", "flyctl/machine-cordon"),
)
def cordoned(facts: Facts) -> Iterator[Point | Conclusion]:
    """`cordoned: true` on a started machine: the proxy skips it, and its private address still works."""
    flagged = [s.evidence for s in facts.machine.views if s.machine.cordoned]
    if not flagged:
        if facts.machine.critical_checks and facts.events.state == "started":
            yield refutes("Its description says that it is not cordoned.", *facts.machine.seen_evidence[:1])
        return
    if facts.events.state == "started":
        yield confirms("The machine is started, and its description says cordoned.", *flagged)
    else:
        yield supports(f"The machine is {facts.events.state}, and its description says cordoned.", *flagged)
    right = facts.observations.probe(Facet.EDGE_APP)
    if right and right.reached == "open":
        yield refutes("The machine answers at the app's hostname.", Facet.EDGE_APP)
    elif right:
        yield supports(f"With the machine named in the header, it does not answer at {facts.app_host}.", Facet.EDGE_APP)
    yield concludes(
        "The machine is running, but it is cordoned, so the proxy sends it no traffic.",
        "it is cordoned and gets no traffic",
    )


@cause(
    "not-listening",
    "The program does not listen on the address and port the proxy uses",
    stage=Stage.REACH,
    explains=("health-check-failing", "no-machine-behind-app", "websocket-rejected"),
    remedy=Remedy(
        "Bind to 0.0.0.0 and to the service's internal_port",
        "The proxy cannot reach a program on 127.0.0.1 or on another port. {heard}",
        (
            "fly machine exec {live_id} 'ss -ltnp' -a {app}",
            "timeout 30 fly logs -a {app} --machine {live_id} --no-tail",
            "fly machine update {live_id} -a {app} --port 443:{port}/tcp:tls:http",
        ),
    ),
    prevention=Remedy(
        "Define the port in one place", "Use the same setting for the program and the service's internal_port."
    ),
    next_test="List the sockets inside the machine: `fly machine exec {live_id} 'ss -ltnp' -a {app}`.",
    distinguish_from={
        "health-check-failing": "The program listens, and its health check fails.",
        "startup-crash": "The program exited; PC01 is a consequence.",
        "connected-too-early": "The client tried before the machine was started.",
        "slow-start": "The right port opens later.",
    },
    sources=("getting-started/troubleshooting", "monitoring/error-codes", "networking/app-services"),
)
def not_listening(facts: Facts) -> Iterator[Point | Conclusion]:
    """The proxy's PC01 or PC02, a 502 from the endpoint: the program listens on 127.0.0.1 or on another port."""
    lines, warned = facts.log.matches("refused"), facts.log.matches("not-expected-address")
    announced = facts.log.matches("listens")
    at = facts.log.where("refused")
    answered = next(
        (
            n
            for n in (Facet.EDGE_APP, Facet.EDGE_BELIEVED)
            if (p := facts.observations.probe(n)) and _by_program(facts, n, p)
        ),
        "",
    )
    if answered:
        yield refutes("The program answers the proxy.", answered)
    elif facts.processes.reachable:
        yield refutes(f"A process listens on {facts.processes.reachable}.", Facet.PROCESSES)
    failed = bool(lines or warned or _bad_gateway(facts) or _checked_elsewhere(facts))
    elsewhere = facts.processes.elsewhere
    if not failed and not elsewhere:
        return
    if lines:
        # Of a machine whose state nobody told the last line may be a moment of its start.
        early = _just_booted(facts) or not facts.events.state
        argue = supports if early or _listened_later(facts) else confirms
        yield argue(f"The proxy log says: “{short(lines[-1].line.message, 160)}”.", *at)
    printed = _printed_sockets(facts)
    if warned and printed and not printed[1]:
        yield contradicts(f"The deploy log lists {printed[0]} among the open sockets.", *facts.log.where("open-socket"))
    elif warned:
        seen = f" It lists {printed[0]}, and no socket that the proxy could reach." if printed else ""
        argue = confirms if printed or facts.events.state == "started" else supports
        yield argue(
            f"The deploy log says: “{short(warned[-1].line.message, 160)}”.{seen}",
            *facts.log.where("not-expected-address"),
        )
    if told := _checked_elsewhere(facts):
        yield supports(
            f"The program announces port {told[0]}, and what is sent to port {told[1]} fails.",
            *facts.log.where("listens", "health-failed", "no-candidate"),
            *facts.machine.config_evidence,
        )
    if probe_evidence := _bad_gateway(facts):
        yield supports(
            "The endpoint answers 502: the proxy reached the machine, and no program answered.", probe_evidence
        )
    ports = {s.internal_port for s in facts.machine.services or () if s.internal_port}
    heard = f"It listens on {printed[0]}." if printed and printed[1] else ""
    for reading in announced[-1:]:
        heard = f"The program announces {short(reading.thing or reading.line.message, 80)}."
        local = any(name in reading.thing for name in ("127.0.0.1", "localhost", "[::1]"))
        if local or (ports and reading.number and reading.number not in ports):
            yield supports(f"The program printed: “{short(reading.line.message, 120)}”.", *facts.log.where("listens"))
    if elsewhere:
        argue = confirms if failed else supports
        yield argue(
            f"The service sends traffic to port {', '.join(map(str, sorted(ports)))}, and the processes of the machine "
            f"listen on {', '.join(str(socket) for socket in elsewhere[:3])} only.",
            Facet.PROCESSES,
            *facts.machine.config_evidence,
        )
        heard = f"It listens on {elsewhere[0]}."
    elif failed and facts.processes.listed and not facts.processes.sockets:
        yield supports("No process of the machine listens on any port.", Facet.PROCESSES)
    if facts.events.crash_codes:
        yield contradicts(f"The program exited with {crash(facts)}, so nothing listens.", *crash_evidence(facts))
    if facts.events.state and facts.events.state not in ("started", "suspended"):
        yield contradicts(f"The machine is {facts.events.state}.", *facts.events.state_evidence)
    ports = ports or {r.number for r in facts.log.matches("expected-socket") if r.number}
    port = lines[-1].number if lines and lines[-1].number else next(iter(sorted(ports)), None)
    where = f"port {port}" if port else "the port of its service"
    yield concludes(
        f"The program does not listen on {where} of 0.0.0.0, where the proxy sends traffic. {heard}".rstrip(),
        f"its program does not listen on {where} of 0.0.0.0",
        port=str(next((r.number for r in announced[-1:]), "") or ""),
        heard=heard,
    )


def _checked_elsewhere(facts: Facts) -> tuple[int, int] | None:
    """(announced port, the service's port), where the program names other ports only, and checks or routing fail."""
    ports = {s.internal_port for s in facts.machine.services or () if s.internal_port}
    ports = ports or {r.number for r in facts.log.matches("health-failed") if r.number}
    told = [r.number for r in facts.log.matches("listens") if r.number]
    failing = facts.machine.critical_checks or facts.log.matches("health-failed", "no-candidate")
    return (told[-1], min(ports)) if ports and told and failing and not ports & set(told) else None


def _just_booted(facts: Facts) -> bool:
    """Whether the only refusal since the boot came so soon that the program may not have been ready."""
    boots = ("booting", "created-and-started", "autostart")
    since: list[LogMatch] = []
    boot = None
    for reading in facts.log.matches(*boots, "refused"):
        if reading.fact != "refused":
            boot, since = reading, []
        else:
            since.append(reading)
    if boot is None or not since:
        return False
    if boot.line.at and since[-1].line.at:
        return since[-1].line.at - boot.line.at < timedelta(seconds=20)
    return len(since) == 1


def _listened_later(facts: Facts) -> bool:
    """Whether the program announced its port after the last refusal; of `localhost` it prints often and binds more."""
    last = facts.log.matches("refused", "listens")[-1]
    port = facts.log.matches("refused")[-1].number
    bound = not any(name in last.thing for name in ("127.0.0.1", "[::1]"))
    return last.fact == "listens" and bound and last.number is not None and last.number == port


def _printed_sockets(facts: Facts) -> tuple[str, bool] | None:
    """The program's socket that `fly deploy` listed, and whether the proxy cannot reach it; None if it listed none."""
    listed = facts.log.matches("open-socket")
    expected = {r.number for r in facts.log.matches("expected-socket")}
    if not listed or not expected:
        return None
    local = ("127.", "[::1]")
    fits = next((r for r in listed if r.number in expected and not r.thing.startswith(local)), None)
    return (fits.thing, False) if fits else (listed[0].thing, True)


def _by_program(facts: Facts, number: str, probe: Probe) -> bool:
    """Whether the answer came from a program of this app. The edge itself answers 502 and 503."""
    mine = number == Facet.EDGE_APP or (facts.caller.believed_host == facts.app_host and not facts.siblings.living)
    return mine and (probe.reached == "open" or (probe.reached == "upgrade" and 400 <= (probe.status or 0) < 500))


def _bad_gateway(facts: Facts) -> str:
    """The facet of the probe that the app's own endpoint answered with 502, or an empty string."""
    own = facts.caller.believed_host == facts.app_host
    return next(
        (
            n
            for n in (Facet.EDGE_APP, Facet.EDGE_BELIEVED)
            if (p := facts.observations.probe(n)) and p.status == 502 and (own or n == Facet.EDGE_APP)
        ),
        "",
    )


@cause(
    "websocket-rejected",
    "The program rejects the WebSocket connection",
    stage=Stage.REACH,
    remedy=Remedy(
        "Check the program's rules for the upgrade: path, origin, authorisation",
        "The connection reached the program, and the program answered {status}. Fly did not reject it.",
        (
            "curl -sSi --max-time 10 --http1.1 https://{app_host}/ -H fly-force-instance-id:{live_id}",
            "timeout 30 fly logs -a {app} --machine {live_id} --no-tail",
        ),
    ),
    prevention=Remedy("Log every refused upgrade with its reason", "A 403 without a reason is slow to diagnose."),
    next_test="Repeat the upgrade with the client's own Origin and Authorization headers.",
    distinguish_from={
        "not-listening": "502 comes from the proxy: no program answered.",
        "routed-to-another-machine": "With the machine named in the header, it accepts.",
        "wrong-hostname": "The hostname is not the app's.",
    },
    sources=("monitoring/error-codes", "networking/app-services"),
)
def websocket_rejected(facts: Facts) -> Iterator[Point | Conclusion]:
    """The answer to the upgrade is a 4xx of the program: the edge itself would answer 502 or 503."""
    probes = [
        (n, p)
        for n in (Facet.EDGE_BELIEVED, Facet.EDGE_APP)
        if (p := facts.observations.probe(n)) and p.reached == "upgrade"
    ]
    own = [
        (n, p) for n, p in probes if p.status and 400 <= p.status < 500 and (n == Facet.EDGE_APP or _own_host(facts))
    ]
    if not own:
        status = facts.caller.refused_upgrade
        opens = any(
            (p := facts.observations.probe(n)) and p.reached == "open" for n in (Facet.EDGE_BELIEVED, Facet.EDGE_APP)
        )
        if status and not opens and _own_host(facts):
            yield supports(f"A client says that its upgrade was answered {status}.", Facet.CALLER)
            yield missing("The upgrade was not tried from here.", Facet.EDGE_BELIEVED)
            yield concludes(
                f"The WebSocket upgrade is rejected with {status}, by the program or by what stands in front of it.",
                status=str(status),
            )
        return
    number, probe = own[0]
    named = facts.observations.probe(Facet.EDGE_APP)
    text = f"The upgrade was answered {probe.status}{f' ({short(probe.detail, 100)})' if probe.detail else ''}."
    # One answer may have come from something in between; the client's own log or a second way must say the same.
    told = any(str(probe.status) in words for _, words in facts.caller.failed_connects)
    sure = (
        facts.events.state == "started"
        and (told or len(own) > 1)
        and (number == Facet.EDGE_APP or named or not facts.siblings.living)
    )
    argue = confirms if sure else supports
    yield argue(text, number, *(facts.events.state_evidence if facts.events.state == "started" else ()))
    if number == Facet.EDGE_BELIEVED and named and named.reached == "open":
        yield contradicts("With the machine named in the header, it accepts.", Facet.EDGE_APP)
    yield concludes(
        f"The program is reachable and rejects the WebSocket upgrade with {probe.status}.",
        f"its program answers the upgrade with {probe.status}",
        status=str(probe.status),
    )


def _own_host(facts: Facts) -> bool:
    """Whether the believed URL is the app's own: its fly.dev hostname, or a hostname outside fly.dev."""
    return facts.caller.believed_host == facts.app_host or not facts.caller.believed_host.endswith(".fly.dev")


@cause(
    "routed-to-another-machine",
    "The request goes to another machine of the app",
    stage=Stage.REACH,
    explains=("websocket-rejected",),
    remedy=Remedy(
        "Name the machine: fly-force-instance-id, fly-replay, or one app per user",
        "All machines of an app share its hostname; the proxy picks one. State held by one machine is not available "
        "to the others.",
        (
            "curl -sSi --max-time 10 https://{app_host}/ -H fly-force-instance-id:{live_id}",
            "fly machine list -a {app}",
        ),
    ),
    prevention=Remedy(
        "Keep state outside single machines, or route requests to the machine that holds it",
        "Browsers cannot send the header: let a router answer the upgrade with fly-replay without upgrading it.",
    ),
    next_test="Connect twice: once without the header, once with the machine named in the header.",
    distinguish_from={"websocket-rejected": "The named machine rejects the connection too."},
    sources=("networking/dynamic-request-routing", "blueprints/sticky-sessions"),
)
def routed_to_another_machine(facts: Facts) -> Iterator[Point | Conclusion]:
    """Several machines serve the hostname, the URL names none; only the named machine gives the right answer."""
    if lost := lost_session(
        (*facts.log.lines, *facts.log.foreign_lines), (r.line for r in facts.log.matches("session-lost"))
    ):
        yield supports(
            f"Machine {lost.asked} does not know a session that machine {lost.holder} serves.",
            *facts.log.where("session-lost"),
        )
        yield concludes(
            f"The requests of one session reach machine {lost.holder}, which holds it, and machine {lost.asked}, which "
            f"does not know it.",
            "requests of one session reach several machines",
        )
        return
    others = [(m, at) for m, at in facts.siblings.living if m.state in ("started", "suspended", "stopped")]
    plain, named = facts.observations.probe(Facet.EDGE_BELIEVED), facts.observations.probe(Facet.EDGE_APP)
    if not others or not plain or not _own_host(facts):
        return
    if plain.reached != "open" and (plain.status or 0) < 500 and named and named.reached == "open":
        yield confirms(
            f"The URL is answered {plain.status or plain.reached}; with the machine named in the header it opens. "
            f"{len(others)} other machine{'' if len(others) == 1 else 's'} share the hostname.",
            Facet.EDGE_BELIEVED,
            Facet.EDGE_APP,
            others[0][1],
        )
    else:
        return
    yield concludes(
        f"{facts.caller.believed_host} routes to any of {len(others) + 1} machines, and the one that answered "
        f"does not hold the state of {facts.subject.machine_id or 'this one'}.",
        f"requests for {facts.caller.believed_host} go to another machine of the app",
    )


@cause(
    "no-machine-behind-app",
    "The hostname resolves, but no machine can serve it",
    stage=Stage.REACH,
    remedy=Remedy(
        "Start or create a machine that has the service",
        "The app has addresses, but the proxy finds no machine for the request.",
        ("fly machine list -a {app}", "fly scale show -a {app}", "fly machine start {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "Keep at least one machine of the group that serves", "Set min_machines_running, or run two machines."
    ),
    next_test="List the machines and check which has a service: `fly machine list -a {app}`.",
    distinguish_from={
        "autostart-disabled": "A machine with the service is stopped, and autostart is off.",
        "no-public-ip": "The hostname does not resolve at all.",
        "not-listening": "502 or PC01: a machine was found.",
    },
    sources=("monitoring/error-codes", "networking/app-services"),
)
def no_machine_behind_app(facts: Facts) -> Iterator[Point | Conclusion]:
    """503 or PR01: nothing that is started, or may be started, has a service for that port."""
    turned = facts.log.matches("no-candidate")
    probes = [
        n
        for n in (Facet.EDGE_BELIEVED, Facet.EDGE_APP)
        if (p := facts.observations.probe(n)) and p.status == 503 and (n == Facet.EDGE_APP or _own_host(facts))
    ]
    if not turned and not probes:
        # Where a machine is named, or a log of one is there, the question is what became of it.
        named = facts.subject.machine_id or facts.subject.machine_name or facts.log.lines
        if not named and (none := facts.caller.told_of_app(AppFinding.NO_MACHINES)):
            yield supports(f"flyctl says of the app's machines: “{short(none, 120)}”.", Facet.CALLER)
            yield concludes("The app has no machine that could serve a request.", "the app has no machine")
        return
    served = [m for m, _ in facts.siblings.living if m.state == "started" and (m.config or {}).get("services")]
    reason = ""
    # A proxy that tried this machine knows a service of it, whatever the description leaves out.
    tried = Facet.LOGS in facts.log.where("no-candidate") or any(r.line.instance for r in turned)
    if facts.machine.services == () and facts.events.state == "started" and not tried:
        reason = "the machine has no service"
    elif facts.events.destroyed or facts.events.state in ("stopped", "suspended", "failed"):
        reason = f"the machine is {facts.events.state}"
    listed = facts.looked(Facet.LIST)
    where = (*probes[:1], *facts.log.where("no-candidate"))
    told = "The endpoint answers 503" if probes else f"The proxy log says: “{short(turned[-1].line.message, 120)}”"
    if reason and listed and not served:
        yield confirms(
            f"{told}; {reason}, and no other machine of the app serves.",
            *where,
            *facts.machine.config_evidence,
            Facet.LIST,
        )
    else:
        yield supports(f"{told}.", *where)
        if not listed:
            yield missing("The app's other machines could not be listed.", Facet.LIST)
    if served:
        yield contradicts(f"Machine {served[0].id} is started and has a service.", Facet.LIST)
    if full := facts.log.matches("concurrency"):
        yield contradicts(
            f"The proxy found a machine: “{short(full[-1].line.message, 120)}”.", *facts.log.where("concurrency")
        )
    elif facts.log.matches("health-failed") and not reason:
        yield contradicts("A health check of a machine fails, so there is one.", *facts.log.where("health-failed"))
    if (
        facts.events.state == "started"
        and facts.machine.services
        and facts.machine.description
        and not facts.machine.description.cordoned
    ):
        yield contradicts("The machine itself is started and has a service.", *facts.machine.config_evidence)
    resolves = probes or any(facts.outcome(look) is Outcome.SEEN for look in (Facet.DNS_APP, Facet.DNS_BELIEVED))
    known = "resolves, but no machine can serve it" if resolves else "has no machine that can serve it"
    yield concludes(
        f"{facts.caller.believed_host or facts.app_host} {known}{': ' + reason if reason else ''}.",
        f"no machine can serve {facts.caller.believed_host or facts.app_host}{': ' + reason if reason else ''}",
    )
