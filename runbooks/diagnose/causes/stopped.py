"""Family stopped: the machine rests, and somebody or something put it to rest (§4.4, §8.2, §11 rows 12, 35)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.ledger import (
    Conclusion,
    Point,
    Stage,
    Weight,
    cause,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.shared_evidence import crash, crash_evidence

RESTING = ("stopped", "stopping", "suspended", "suspending")
_UNREACHED = ("record-never-updated", "no-machine-behind-app")


def _rests_not(facts: Facts) -> Iterator[Point]:
    """A stop explains nothing about a machine that runs or is gone."""
    if facts.events.state and facts.events.state not in (*RESTING, *GONE):
        yield refutes(f"The machine is {facts.events.state}, not stopped.", *facts.events.state_evidence)
    elif facts.events.destroyed:
        yield contradicts("It was not only stopped, it is destroyed.", *facts.events.state_evidence)
    if facts.events.crash_codes and not facts.events.asked_to_stop:
        yield contradicts(f"The program ended by itself with {crash(facts)}.", *crash_evidence(facts))


@cause(
    "stopped-by-request",
    "Somebody or something stopped the machine",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "autostart-disabled"),
    remedy=Remedy(
        "Find who stops it, then start it",
        "The platform was asked to: an API call, a script, the dashboard.",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine status {machine_id} -a {app}",
            "fly tokens list -a {app}",
        ),
    ),
    prevention=Remedy(
        "Let one job own starting and stopping", "Two jobs with different ideas of the state undo each other."
    ),
    next_test="Look at the source of the stop event: user means a request, proxy means autostop.",
    distinguish_from={
        "stopped-by-autostop": "The stop event's source is proxy, and the proxy's line says “excess capacity”.",
        "exited-normally": "The exit says requested_stop: false.",
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
        if facts.looked(Facet.CALLER):
            yield confirms(text, stop[1])
        else:
            # Who stops a machine on purpose may have failed to start it again for another reason.
            yield supports(text, stop[1])
            yield missing("Whether anybody tried to start it again is not known.", Facet.CALLER)
    elif facts.events.asked_to_stop and not proxy and not facts.events.event_of("destroy"):
        yield supports("The last exit was asked for (requested_stop).", facts.events.asked_to_stop[1])
        yield missing("No stop event says who asked.", Facet.EVENTS)
    if (proxy and not stop) or facts.log.matches("autostop"):
        yield refutes("The proxy stopped it.", *((proxy[1],) if proxy else ()), *facts.log.where("autostop"))
    if stop or facts.events.asked_to_stop:
        yield from _rests_not(facts)
    yield concludes("The machine was stopped by a request, not by its own end.", "a request stopped it")


@cause(
    "stopped-by-autostop",
    "The proxy stopped the machine because nobody used it",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "exited-normally"),
    remedy=Remedy(
        "Let traffic start it again, or keep one running",
        "Autostop is on: after some minutes without traffic the proxy stops what it does not need. {again}",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine update {machine_id} -a {app} --autostop=off",
        ),
    ),
    prevention=Remedy(
        "Decide autostop and autostart together",
        "autostop without autostart stops for ever; min_machines_running keeps some up in the primary region.",
    ),
    next_test="Look at the source of the stop event, and for “excess capacity” in the proxy's lines.",
    distinguish_from={
        "stopped-by-request": "The stop event's source is user.",
        "autostart-disabled": "Traffic comes, and no service may start the machine.",
        "exited-normally": "The exit says requested_stop: false.",
    },
    sources=("launch/autostop-autostart", "reference/configuration"),
)
def stopped_by_autostop(facts: Facts) -> Iterator[Point | Conclusion]:
    """A stop event of source proxy, or the proxy's own line `excess capacity, autostopping machine`."""
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
        yield argue(f"The proxy says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("autostop"))
    if not stop and not lines:
        if (
            facts.events.asked_to_stop
            and facts.events.state in RESTING
            and any(s.autostop for s in facts.machine.services or ())
        ):
            yield supports(
                "Its exit was asked for, and its services have autostop on.",
                facts.events.asked_to_stop[1],
                *facts.machine.config_evidence,
            )
        elif facts.events.asked_to_stop and facts.events.state in RESTING and not facts.events.event_of("stop"):
            yield supports("Its exit was asked for, and autostop asks so, too.", facts.events.asked_to_stop[1])
            yield missing("No stop event says who asked.", Facet.EVENTS)
        elif (
            not facts.events.exits
            and facts.events.state in RESTING
            and any(s.autostop for s in facts.machine.services or ())
        ):
            yield supports(
                f"It is {facts.events.state}, and its services have autostop on.", *facts.machine.config_evidence
            )
            yield missing("No event and no line say how it came to rest.", Facet.EVENTS, Facet.LOGS)
    if facts.events.event_of("stop", source="user") and not stop and not lines:
        yield refutes("The stop event has the source user.", *facts.events.evidence)
    never = facts.machine.services is not None and not any(s.autostop for s in facts.machine.services)
    if facts.events.asked_to_stop and not stop and not lines and never:
        yield refutes("No service of the machine has autostop.", *facts.machine.config_evidence)
    if stop or lines or facts.events.asked_to_stop or facts.events.state in RESTING:
        yield from _rests_not(facts)
    again = (
        "Autostart brings it back with the next request."
        if any(starts)
        else "Nothing starts it again: autostart is off."
        if starts
        else ""
    )
    yield concludes(
        f"The proxy stopped the machine for want of traffic (autostop). {again}".rstrip(),
        "the proxy stopped it for want of traffic" + (", and autostart will bring it back" if any(starts) else ""),
        again=again,
    )


@cause(
    "autostart-disabled",
    "The machine rests, and traffic may not start it",
    stage=Stage.LIFE,
    explains=(*_UNREACHED, "stopped-by-autostop", "start-rejected"),
    remedy=Remedy(
        "Switch autostart on, and start it once by hand",
        "No service of this machine allows the proxy to start it, so requests end in 503.",
        (
            "fly machine start {machine_id} -a {app}",
            "fly machine update {machine_id} -a {app} --autostart=true",
        ),
    ),
    prevention=Remedy(
        "State autostart in the create call",
        "Through the API it is off unless it is set; `fly machine run` switches it on.",
    ),
    next_test="Look at services[].autostart in the machine's config.",
    distinguish_from={
        "stopped-by-autostop": "autostart is on: the next request brings it back.",
        "startup-crash": "The machine rests because its program ended with an error.",
    },
    sources=("launch/autostop-autostart", "machines/api/machines-resource"),
)
def autostart_disabled(facts: Facts) -> Iterator[Point | Conclusion]:
    """Stopped, traffic comes (503, PR01, PM08), and no service has autostart."""
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
            "Its services have autostop on and autostart off: nothing starts it again.", *facts.machine.config_evidence
        )
        yield missing("No request was seen to be turned away.", Facet.LOGS, Facet.EDGE_BELIEVED)
    else:
        yield supports("No service has autostart.", *facts.machine.config_evidence, weight=Weight.WEAK)
    yield from _rests_not(facts)
    yield concludes(
        f"The machine is {facts.events.state}, and none of its services has autostart: traffic cannot start it.",
        "none of its services has autostart, so traffic cannot start it",
    )


@cause(
    "trial-limit",
    "The trial stops every machine after five minutes",
    stage=Stage.LIFE,
    owner=Owner.UNDECIDED,
    explains=(*_UNREACHED, "exited-normally", "stopped-by-request", "stopped-by-autostop", "autostart-disabled"),
    remedy=Remedy(
        "Add a payment method to the organisation",
        "In a free trial machines run for five minutes at a time; a card ends the trial.",
        ("fly orgs show {org}", "fly machine start {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "End the trial before anybody depends on it", "A machine that stops every five minutes is no outage."
    ),
    next_test="Look for “Trial machine stopping” about 300 seconds after the start.",
    distinguish_from={"exited-normally": "The program ends at any time, not always after five minutes."},
    sources=("about/free-trial",),
)
def trial_limit(facts: Facts) -> Iterator[Point | Conclusion]:
    """The runner's line `Trial machine stopping`, about 300 seconds after every start."""
    lines = facts.log.matches("trial")
    if lines:
        yield confirms(f"The log says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("trial"))
    if facts.events.state in ("started", "starting") and lines:
        yield supports("It runs again at present.", *facts.events.state_evidence, weight=Weight.WEAK)
    yield concludes(
        "The organisation is in its free trial, which stops every machine after five minutes.",
        "its organisation is in the free trial, which stops every machine after five minutes",
    )
