"""Family stopped: the machine is stopped or suspended, and what stopped it (§4.4, §8.2, §11 rows 12, 35)."""

from __future__ import annotations

from collections.abc import Iterator

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
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import EXISTS, RESTS
from runbooks.diagnose.shared_evidence import crash, crash_evidence, refused

RESTING = ("stopped", "stopping", "suspended", "suspending")
_UNREACHED = ("record-never-updated", "no-machine-behind-app")


def _rests_not(facts: Facts) -> Iterator[Point]:
    """A stop does not explain a machine that is running or destroyed."""
    if facts.events.state and facts.events.state not in (*RESTING, *GONE):
        yield refutes(f"The machine is {facts.events.state}, not stopped.", *facts.events.state_evidence)
    elif facts.events.destroyed:
        yield contradicts("The machine is destroyed, not only stopped.", *facts.events.state_evidence)
    if facts.events.crash_codes and not facts.events.asked_to_stop:
        yield contradicts(f"The program exited with {crash(facts)}.", *crash_evidence(facts))


@cause(
    "stopped-by-request",
    "A request stopped the machine",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "autostart-disabled"),
    needs=RESTS,
    instead=Remedy(
        "Find who stops the machine",
        "The platform received a stop request from an API call, a script or the dashboard.",
        ("fly tokens list -a {app}",),
    ),
    remedy=Remedy(
        "Find who stops the machine, then start it",
        "The platform received a stop request from an API call, a script or the dashboard.",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine status {machine_id} -a {app}",
            "fly tokens list -a {app}",
        ),
    ),
    prevention=Remedy(
        "Start and stop machines from one job only",
        "Two jobs that expect different states revert each other's changes.",
    ),
    next_test="Look at the source of the stop event: user means a request, proxy means autostop.",
    distinguish_from={
        "stopped-by-autostop": "The stop event's source is proxy, and a log line of the proxy says “excess capacity”.",
        "exited-normally": "The exit event says requested_stop: false.",
    },
    sources=("machines/machine-states", "machines/api/machines-resource"),
)
def stopped_by_request(facts: Facts) -> Iterator[Point | Conclusion]:
    """`requested_stop` with a stop (or suspend) event of source user."""
    stop = facts.events.event_of("stop", source="user") or facts.events.event_of("suspend", source="user")
    proxy = facts.events.event_of("stop", source="proxy") or facts.events.event_of("suspend", source="proxy")
    if stop and (not proxy or (proxy[0].at and stop[0].at and proxy[0].at < stop[0].at)):
        when = f" at {stop[0].at:%H:%M:%S} UTC" if stop[0].at else ""
        text = f"The {stop[0].type} event{when} has the source user: an API call, a script or the dashboard."
        if facts.caller.speaks_of_subject:
            yield confirms(text, stop[1])
        else:
            # Who stops a machine on purpose may have failed to start it again for another reason.
            yield supports(text, stop[1])
            yield missing("Whether a later start was requested is not known.", Facet.CALLER)
    elif facts.events.asked_to_stop and not proxy and not facts.events.event_of("destroy"):
        yield supports("The last exit was requested (requested_stop).", facts.events.asked_to_stop[1])
        yield missing("No stop event shows who requested it.", Facet.EVENTS)
    if (proxy and not stop) or facts.log.matches("autostop"):
        yield refutes("The proxy stopped it.", *((proxy[1],) if proxy else ()), *facts.log.where("autostop"))
    if stop or facts.events.asked_to_stop:
        yield from _rests_not(facts)
    yield concludes("A request stopped the machine, not the exit of its program.", "a request stopped it")


@cause(
    "stopped-by-autostop",
    "The proxy stopped the machine because it had no traffic",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "exited-normally"),
    needs=EXISTS,
    remedy=Remedy(
        "Enable autostart, or keep one machine running",
        "Autostop is on: the proxy stops machines it does not need after some minutes without traffic. {again}",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine update {machine_id} -a {app} --autostop=off",
        ),
    ),
    prevention=Remedy(
        "Set autostop and autostart together",
        "With autostop only, the machine stays stopped. min_machines_running keeps that many running in the primary "
        "region.",
    ),
    next_test="Look at the source of the stop event, and for “excess capacity” in the proxy's log lines.",
    distinguish_from={
        "stopped-by-request": "The stop event's source is user.",
        "autostart-disabled": "Requests arrive, and no service allows the proxy to start the machine.",
        "exited-normally": "The exit event says requested_stop: false.",
    },
    sources=("launch/autostop-autostart", "reference/configuration"),
)
def stopped_by_autostop(facts: Facts) -> Iterator[Point | Conclusion]:
    """A stop event of source proxy, or the proxy's log line `excess capacity, autostopping machine`."""
    stop = facts.events.event_of("stop", source="proxy") or facts.events.event_of("suspend", source="proxy")
    lines = [
        r
        for r in facts.log.matches("autostop")
        if r.thing in ("", facts.subject.machine_id) or not facts.subject.machine_id
    ]
    starts = [s.autostart for s in facts.machine.services or ()]
    # Where traffic may not bring it back, autostart is what to change; without its config nobody knows.
    argue = confirms if any(starts) else supports
    if stop:
        yield argue(f"The {stop[0].type} event has the source proxy.", stop[1])
    if lines:
        yield argue(f"The proxy log says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("autostop"))
    if not stop and not lines:
        if (
            facts.events.asked_to_stop
            and facts.events.state in RESTING
            and any(s.autostop for s in facts.machine.services or ())
        ):
            yield supports(
                "Its exit was requested, and its services have autostop on.",
                facts.events.asked_to_stop[1],
                *facts.machine.config_evidence,
            )
        elif facts.events.asked_to_stop and facts.events.state in RESTING and not facts.events.event_of("stop"):
            yield supports("Its exit was requested, and autostop also requests a stop.", facts.events.asked_to_stop[1])
            yield missing("No stop event shows who requested it.", Facet.EVENTS)
        elif (
            not facts.events.exits
            and facts.events.state in RESTING
            and any(s.autostop for s in facts.machine.services or ())
        ):
            yield supports(
                f"It is {facts.events.state}, and its services have autostop on.", *facts.machine.config_evidence
            )
            yield missing("No event and no log line show what stopped it.", Facet.EVENTS, Facet.LOGS)
    if facts.events.event_of("stop", source="user") and not stop and not lines:
        yield refutes("The stop event has the source user.", *facts.events.evidence)
    never = facts.machine.services is not None and not any(s.autostop for s in facts.machine.services)
    if facts.events.asked_to_stop and not stop and not lines and never:
        yield refutes("No service of the machine has autostop.", *facts.machine.config_evidence)
    if stop or lines or facts.events.asked_to_stop or facts.events.state in RESTING:
        yield from _rests_not(facts)
    again = (
        "Autostart starts it with the next request."
        if any(starts)
        else "It stays stopped because autostart is off."
        if starts
        else ""
    )
    yield concludes(
        f"The proxy stopped the machine because it had no traffic (autostop). {again}".rstrip(),
        "the proxy stopped it because it had no traffic"
        + (", and autostart will start it again" if any(starts) else ""),
        again=again,
    )


@cause(
    "autostart-disabled",
    "The machine is stopped, and autostart is off",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "stopped-by-autostop", "start-rejected"),
    needs=RESTS,
    remedy=Remedy(
        "Enable autostart, and start the machine once manually",
        "No service of this machine allows the proxy to start it, so requests get HTTP 503.",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine update {machine_id} -a {app} --autostart=true",
        ),
    ),
    prevention=Remedy(
        "Set autostart in the create call",
        "Machines created by API have autostart off unless it is set. `fly machine run` enables it.",
    ),
    next_test="Look at services[].autostart in the machine's config.",
    distinguish_from={
        "stopped-by-autostop": "autostart is on: the next request starts the machine.",
        "startup-crash": "The machine is stopped because its program exited with an error.",
    },
    sources=("launch/autostop-autostart", "machines/api/machines-resource"),
)
def autostart_disabled(facts: Facts) -> Iterator[Point | Conclusion]:
    """Stopped, requests arrive (503, PR01, PM08), and no service has autostart."""
    if facts.events.state not in RESTING or not facts.machine.services:
        return
    if any(s.autostart for s in facts.machine.services):
        yield refutes("A service of the machine has autostart.", *facts.machine.config_evidence)
    if any(s.autostart is not False for s in facts.machine.services):
        return
    probe = facts.observations.probe(Facet.EDGE_BELIEVED) or facts.observations.probe(Facet.EDGE_APP)
    turned_away = facts.log.matches("no-candidate")
    if turned_away:
        yield confirms(
            f"No service has autostart, and the proxy says: “{short(turned_away[-1].line.message, 120)}”.",
            *facts.machine.config_evidence,
            *facts.log.where("no-candidate"),
        )
    elif probe and probe.status in (502, 503):
        at = Facet.EDGE_BELIEVED if facts.observations.probe(Facet.EDGE_BELIEVED) else Facet.EDGE_APP
        yield confirms(
            f"No service has autostart, and the endpoint answers {probe.status}.", *facts.machine.config_evidence, at
        )
    elif any(s.autostop for s in facts.machine.services):
        yield supports(
            "Its services have autostop on and autostart off, so the machine stays stopped.",
            *facts.machine.config_evidence,
        )
        yield missing("No rejected request was observed.", Facet.LOGS, Facet.EDGE_BELIEVED)
    else:
        yield supports("No service has autostart.", *facts.machine.config_evidence, weight=Weight.WEAK)
    yield from _rests_not(facts)
    yield concludes(
        f"The machine is {facts.events.state}, and none of its services has autostart: traffic cannot start it.",
        "none of its services has autostart, so traffic cannot start it",
    )


@cause(
    "trial-limit",
    "The free trial stops every machine after five minutes",
    stage=Stage.LIFE,
    owner=Owner.UNDECIDED,
    explains=(*_UNREACHED, "exited-normally", "stopped-by-request", "stopped-by-autostop", "autostart-disabled"),
    remedy=Remedy(
        "Add a payment method to the organisation",
        "Free-trial machines run for five minutes at a time, and for none once the trial has ended. "
        "A payment card (https://fly.io/trial) lifts both limits.",
        ("fly orgs show {org}", "fly machine start {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "End the trial before users depend on the machine",
        "The trial stops every machine after five minutes by design.",
    ),
    next_test="Look for “Trial machine stopping” about 300 seconds after the start.",
    distinguish_from={"exited-normally": "The program exits at any time, not always after five minutes."},
    sources=("about/free-trial",),
)
def trial_limit(facts: Facts) -> Iterator[Point | Conclusion]:
    """The runner's line `Trial machine stopping`, about 300 seconds after every start, or `trial has ended`."""
    lines, over = facts.log.matches("trial"), refused(facts, "trial-over")
    if lines:
        yield confirms(f"The log says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("trial"))
    if lines and over:
        yield supports(f"The platform refused {over.call}: {over.told}.", over.evidence)
    if facts.events.state in ("started", "starting") and lines:
        yield supports("The machine is running again.", *facts.events.state_evidence, weight=Weight.WEAK)
    if over or any("ended" in reading.line.message.lower() for reading in lines):
        yield concludes(
            "The organisation's free trial has ended, so its machines are stopped and stay so.",
            "the free trial of its organisation has ended",
        )
        return
    yield concludes(
        "The organisation is in its free trial, which stops every machine after five minutes.",
        "its organisation is in the free trial, which stops every machine after five minutes",
    )
