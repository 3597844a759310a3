"""Family timing: a program that is reached before it listens, or takes no more connections (§7, §11 rows 31-34, 41)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
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
from runbooks.diagnose.facts import ApiRefusal, Facts, format_duration
from runbooks.diagnose.log_classifier import LogMatch, short
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.preconditions import UP
from runbooks.diagnose.shared_evidence import crash, crash_evidence


@cause(
    "connected-too-early",
    "The client connected before the machine had started",
    stage=Stage.REACH,
    explains=("record-never-updated", "start-rejected"),
    needs=UP,
    remedy=Remedy(
        "Wait until the machine has started, then connect again",
        "A create call answers before the machine boots. Everything works now.",
        ("fly machine wait {live_id} -a {app} --state started",),
    ),
    prevention=Remedy(
        "Connect after `wait`, and retry with pauses",
        "Let the client wait for the state `started`. Allow a new machine ten seconds before you treat it as failed.",
    ),
    next_test="Connect again now.",
    distinguish_from={"not-listening": "It still fails now."},
    sources=("machines/api/machines-resource", "machines/machine-states"),
)
def connected_too_early(facts: Facts) -> Iterator[Point | Conclusion]:
    """The caller's attempt failed before the machine's start, and the same way is open now."""
    start = next((e for e in facts.events.all if (e.type, e.status) == ("start", "started")), None)
    if not start or not start.at or not (attempts := facts.caller.failed_connects):
        return
    # The same way must be tried again: the app's own address with the machine named is another one.
    endpoint = Facet.EDGE_BELIEVED if facts.caller.believed_url else Facet.EDGE_APP
    probe = facts.observations.probe(endpoint)
    tried, words = attempts[-1]
    if tried > start.at + timedelta(seconds=30):
        return
    if tried > start.at and (facts.log.ended("refused", "awaited") or facts.log.matches("refused")):
        return  # the proxy reached the started machine: slow-start, or not-listening
    if probe and probe.reached == "open":
        # Between the boot and an open port, the program may have needed more time: that is slow-start.
        argue = confirms if tried <= start.at else supports
        yield argue(
            f"The caller's connection failed at {tried:%H:%M:%S} (“{short(words, 100)}”), the machine started at "
            f"{start.at:%H:%M:%S}, and it answers now.",
            Facet.CALLER,
            *facts.events.evidence[:1],
            endpoint,
        )
    elif probe:
        yield refutes("The endpoint still does not answer.", endpoint)
    else:
        yield supports(
            f"The caller's connection failed at {tried:%H:%M:%S}, and the machine started at {start.at:%H:%M:%S}.",
            Facet.CALLER,
            *facts.events.evidence[:1],
        )
        yield missing("Whether it answers now was not observed.", Facet.EDGE_BELIEVED)
    early = format_duration(max(timedelta(), start.at - tried))
    yield concludes(
        f"The client connected {early} before the machine had started, and did not try again.",
        f"its client connected {early} too early and did not try again",
    )


@cause(
    "concurrency-limit",
    "The machine is at the concurrency limit of its service",
    stage=Stage.REACH,
    explains=("no-machine-behind-app", "websocket-rejected"),
    remedy=Remedy(
        "Raise the service's hard_limit, or run more machines",
        "The proxy sends no more {kind} to a machine that has reached hard_limit{limit}. A long-lived stream or "
        "WebSocket counts as one connection until it closes.",
        (
            "fly machine status {live_id} -a {app} -d",
            "fly machine clone {live_id} -a {app}",
        ),
    ),
    prevention=Remedy(
        "Set the concurrency limits to what one machine can serve",
        "Count requests instead of connections for short requests; keep soft_limit below hard_limit.",
    ),
    next_test="Look for “reached hard limit” in the proxy's log lines, and at services[].concurrency.",
    distinguish_from={
        "no-machine-behind-app": "No machine is started. Here one is started and serves other clients.",
        "not-listening": "The proxy reports PC01, not a limit.",
    },
    sources=("reference/configuration", "monitoring/error-codes"),
)
def concurrency_limit(facts: Facts) -> Iterator[Point | Conclusion]:
    """`Instance reached hard limit of N concurrent connections`, PL01 or PL02 (§14.10)."""
    lines = facts.log.matches("concurrency")
    if not lines:
        yield from _measured_at_limit(facts)
        return
    reading = next((r for r in reversed(lines) if r.number), lines[-1])
    times = f" ({len(lines)} times)" if len(lines) > 1 else ""
    yield confirms(f"The proxy log says: “{short(reading.line.message, 160)}”{times}.", *facts.log.where("concurrency"))
    limits = _hard_limits(facts)
    if reading.number and limits:
        argue = supports if reading.number in limits else contradicts
        text = f"The machine's config has hard_limit {', '.join(map(str, limits))}."
        yield argue(text, *facts.machine.config_evidence, weight=Weight.WEAK)
    limit = f" of {reading.number}" if reading.number else ""
    yield concludes(
        f"The machine reached the hard limit{limit} concurrent {reading.thing or 'connections'}, so the proxy "
        f"rejected further ones.",
        f"it reached the hard limit{limit} concurrent {reading.thing or 'connections'}",
        kind=reading.thing or "connections",
        limit=limit,
    )


def _measured_at_limit(facts: Facts) -> Iterator[Point | Conclusion]:
    """No log line is left: as much was open at once as the limit allows, and the edge answered 5xx."""
    limits = _hard_limits(facts)
    if not limits or not (busiest := facts.metrics.busiest) or busiest[1] < min(limits):
        return
    (at, most), edge = busiest, facts.metrics.edge
    weight = Weight.STRONG if edge.failed else Weight.WEAK
    text = f"At {at:%Y-%m-%d %H:%M} UTC {most:.0f} were open at once, and hard_limit is {min(limits)}."
    yield supports(text, Facet.METRICS, *facts.machine.config_evidence, weight=weight)
    if edge.failed:
        text = f"The edge answered {edge.failed} of {edge.total} requests to the app with 5xx."
        yield supports(text, Facet.METRICS, weight=Weight.WEAK)
    yield missing("The proxy's log line, which would prove it, was not found.", Facet.LOGS)
    yield concludes(
        f"The machine reached its hard limit of {min(limits)} at {at:%H:%M} UTC, so the proxy rejected further ones.",
        f"it reached its hard limit of {min(limits)} at {at:%H:%M} UTC",
        kind="connections or requests",
        limit=f" of {min(limits)}",
    )


def _hard_limits(facts: Facts) -> list[int]:
    services = (facts.machine.config or {}).get("services")
    rows = services if isinstance(services, list | tuple) else ()
    told = [row["concurrency"] for row in rows if isinstance(row, Mapping) and "concurrency" in row]
    limits = [one.get("hard_limit") for one in told if isinstance(one, Mapping)]
    return [limit for limit in limits if isinstance(limit, int)]


@cause(
    "slow-start",
    "The program listens later than the client and the proxy wait",
    stage=Stage.REACH,
    explains=(
        "connected-too-early",
        "health-check-failing",
        "record-never-updated",
        "no-machine-behind-app",
    ),
    remedy=Remedy(
        "Wait until the program listens, then connect",
        "The address and the port are right; the program opens the port after its other start-up work.",
        (
            "timeout 30 fly logs -a {app} --machine {live_id} --no-tail",
            "curl -sSi --max-time 10 https://{app_host}/ -H fly-force-instance-id:{live_id}",
        ),
    ),
    prevention=Remedy(
        "Listen first, and do slow work afterwards",
        "The proxy stops waiting about 8 s after it has started a machine. A check with a grace period prevents "
        "traffic until the program is ready.",
    ),
    next_test="Connect again now, and compare the time of the first listening line with the time of the boot.",
    distinguish_from={
        "not-listening": "No later line or socket shows the right port open.",
        "connected-too-early": "The client tried before the machine was started.",
        "startup-crash": "The program exited before it listened.",
    },
    sources=("monitoring/error-codes", "networking/app-services"),
)
def slow_start(facts: Facts) -> Iterator[Point | Conclusion]:
    """The proxy was refused, and the right port opened later (§14.11)."""
    held, still = facts.log.ended("refused", "awaited", "not-expected-address"), facts.log.matches("refused")
    if not held:
        yield from _may_be_slow(facts, still)
        return
    end = held[-1]
    quote = f"The proxy log says: “{short(end.reading.line.message, 120)}”."
    if kept := [no for no in facts.log.past_wake_refusals if no.kind != "state-rejects" or not _begun(no)]:
        # Requests waited for another reason before; a refusal between the boot and the port is the usual course.
        yield supports(quote, end.evidence, weight=Weight.WEAK)
        yield contradicts(f"Before that, the proxy could not start the machine: {kept[0].told}.", kept[0].evidence)
    elif end.by:
        yield confirms(f"{quote} Later: “{short(end.by.line.message, 120)}”.", end.evidence, end.by_evidence)
    elif end.by_evidence == Facet.PROCESSES:
        yield confirms(f"{quote} A process listens on {facts.processes.reachable} now.", end.evidence, end.by_evidence)
    else:
        yield supports(f"{quote} The program answers now.", end.evidence, end.by_evidence)
    if still:
        yield refutes("The proxy was refused again after that.", *facts.log.where("refused"))
    elif failing := facts.log.failing_requests:
        yield refutes(f"It was open in between: requests {failing.rate}.", end.evidence)
    if facts.events.crash_codes:
        yield contradicts(f"The program exited with {crash(facts)}.", *crash_evidence(facts))
    booted = [r.line.at for r in facts.log.matches("booting", "created-and-started") if r.line.at]
    ready = end.by.line.at if end.by else None
    before = [at for at in booted if ready and at <= ready]
    took = f" {format_duration(ready - before[-1])} after the boot" if ready and before else " later"
    yield concludes(
        f"The program listens on the right port{took}; the client or the proxy had stopped waiting by then.",
        f"its program listens{took}, and the client did not wait for it",
    )


def _begun(no: ApiRefusal) -> bool:
    """Whether the start that was refused was already going on."""
    return "attempting" in no.names.get("state", "")


def _may_be_slow(facts: Facts, refused: tuple[LogMatch, ...]) -> Iterator[Point | Conclusion]:
    """Refused soon after the boot, and nothing tells what the port does now."""
    booted = [r.line.at for r in facts.log.matches("booting", "created-and-started") if r.line.at]
    last = refused[-1].line.at if refused else None
    if not booted or not last or not booted[-1] <= last < booted[-1] + timedelta(seconds=20):
        return
    after = format_duration(last - booted[-1])
    yield supports(f"The proxy was refused {after} after the boot, and not later.", *facts.log.where("refused"))
    probes = (facts.observations.probe(facet) for facet in (Facet.EDGE_APP, Facet.EDGE_BELIEVED))
    if any(probe and probe.status == 502 for probe in probes):
        yield refutes("The endpoint still answers 502.", *facts.made(Facet.EDGE_APP, Facet.EDGE_BELIEVED))
    elif facts.processes.elsewhere:
        yield refutes(f"The processes listen on {facts.processes.elsewhere[0]} only.", Facet.PROCESSES)
    else:
        yield missing("Where the processes listen now is not known.", Facet.PROCESSES)
    yield concludes("The program may have needed more time to listen than the client and the proxy waited.")
