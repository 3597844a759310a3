"""Family lifecycle: who or what moved the machine from one state to another (facts §2, §4.2, §11 rows 10-21)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.diagnose.facts import Facts, lasting
from runbooks.diagnose.ledger import Point, Says, Stage, cause, favours, lacks, proves, refutes, says
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Outcome


@cause(
    "auto-destroyed",
    "The machine removed itself when its program had ended",
    stage=Stage.LIFE,
    mechanism=True,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Create the next one with auto_destroy false",
        "auto_destroy removes the machine, its events and soon its id: the evidence goes with it. "
        "`fly machine run` leaves it off; the variables are those of the lost machine, to be set in your shell first.",
        ("fly machine run {image} -a {app} -r {region} {variables}",),
    ),
    prevention=Remedy(
        "Keep auto_destroy off until a machine has once stayed up",
        "A crash then leaves a stopped machine with its events instead of nothing.",
    ),
    next_test="Look at the source of the destroy event: flyd means the machine itself, user means somebody.",
)
def auto_destroyed(facts: Facts) -> Iterator[Point | Says]:
    """Mechanism: `auto_destroy: true`, an end of the program, and a destroy that nobody asked for."""
    config = facts.machine.config if facts.machine else None
    flag = config.get("auto_destroy") if config else None
    destroy = facts.event_of("destroy")
    if not facts.destroyed and not destroy:
        return
    if flag is True and destroy and destroy[0].source == "flyd":
        yield proves("auto_destroy is on, and the destroy event comes from the platform.", *facts.config_at, destroy[1])
    elif flag is True:
        yield favours("auto_destroy is on, and the machine is gone.", *facts.config_at)
        yield lacks("No destroy event says who asked for it.", "E04")
    elif flag is None and destroy and destroy[0].source == "flyd":
        yield favours("The destroy event comes from the platform.", destroy[1])
    if destroy and destroy[0].source == "user":
        yield refutes("The destroy event says that a user or an API call asked for it.", destroy[1])
    if flag is False:
        yield refutes("auto_destroy is off.", *facts.config_at)
    if facts.event_of("launch", "launch_failed"):
        yield refutes("The launch had failed: the platform removes such a machine by itself.", *facts.events_at)
    at = destroy[0].at if destroy else None
    lived = f", {lasting(at - facts.created_at)} after it was created" if at and facts.created_at else ""
    yield says(f"auto_destroy removed the machine{lived}, which is why the plain list no longer has it.")


@cause(
    "destroyed-by-request",
    "Somebody or something destroyed the machine",
    stage=Stage.LIFE,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Find the caller that destroyed it",
        "The platform was asked to. Candidates are whoever holds a token: the provisioning code's own clean-up, "
        "a script, the dashboard.",
        ("fly tokens list -a {app}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Make provisioning idempotent and let one job own deletions",
        "Code that deletes a machine of the same name before creating one kills a healthy machine when it runs twice.",
    ),
    next_test="Look at the source of the destroy event and at requested_stop of the last exit.",
)
def destroyed_by_request(facts: Facts) -> Iterator[Point | Says]:
    """A destroy event of source user, usually with an exit that was asked for."""
    destroy = facts.event_of("destroy")
    if destroy and destroy[0].source == "user":
        when = f" at {destroy[0].at:%H:%M:%S} UTC" if destroy[0].at else ""
        yield proves(
            f"The destroy event{when} has the source user: an API call, the dashboard or a script.",
            destroy[1],
        )
    elif facts.destroyed and facts.exits and facts.exits[-1][1].requested_stop and not facts.event_of("stop"):
        yield favours("The last exit was asked for (requested_stop).", facts.exits[-1][2])
    if destroy and destroy[0].source not in ("user", ""):
        yield refutes(f"The destroy event has the source {destroy[0].source}, not user.", destroy[1])
    if facts.machine and not facts.destroyed:
        yield refutes(f"The machine is not destroyed, it is {facts.state}.", *facts.seen_at[:1])
    yield says(
        "The machine was destroyed by a request, not by its own end.", "somebody or something asked for its destruction"
    )


@cause(
    "never-started",
    "The machine was created, but never started",
    stage=Stage.LIFE,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Start it",
        "It is reserved and prepared and waits for a start that nobody sends.",
        ("fly machine start {machine_id} -a {app}",),
    ),
    prevention=Remedy(
        "Leave skip_launch out, and wait for the state you need",
        "skip_launch and `fly machine create` make a machine that does not boot.",
        ("fly machine wait {live_id} -a {app} --state started",),
    ),
    next_test="Look once more in a minute: a machine that is being pulled leaves `created`, this one does not.",
)
def never_started(facts: Facts) -> Iterator[Point | Says]:
    """State `created`, only the launch among the events, no pull and no boot in the log, for minutes."""
    if facts.state != "created":
        return
    age = facts.age(facts.created_at)
    kinds = {(e.type, e.status) for e in facts.events}
    if facts.started_at or facts.readings("pulling", "booting"):
        yield refutes("There are signs of a pull or a boot.", *(facts.started_at or ("E07",)))
    elif kinds and kinds <= {("launch", "created")}:
        text = f"It has been in `created` for {lasting(age)}, and its only event is the launch."
        quiet = facts.looked("E07")
        if age and age >= timedelta(minutes=5) and quiet:
            yield proves(
                f"{text} Its log holds no line of a pull or a boot.",
                *facts.seen_at[:1],
                *facts.events_at,
                "E07",
            )
        else:
            yield favours(text, *facts.seen_at[:1], *facts.events_at)
        if not quiet:
            yield lacks("The log, which would show a pull still under way, could not be read.", "E07")
    elif not kinds:
        yield favours(f"It has been in `created` for {lasting(age)}.", *facts.seen_at[:1])
        yield lacks("Its events could not be read.", "E04")
    if facts.outcome("E07") is Outcome.SEEN and not facts.readings("pulling", "booting"):
        yield favours("The log shows neither a pull nor a boot.", "E07")
    yield says(
        f"The machine was created without being started and has waited in `created` for {lasting(age)}.",
        f"it was made without a start and has waited for {lasting(age)}",
    )
