"""Family lifecycle: what kept the machine from the state it should be in (§2, §4.2, §11 rows 10-21)."""

from __future__ import annotations

from collections.abc import Iterator
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
from runbooks.diagnose.facts import Facts, format_duration
from runbooks.diagnose.facts.lifecycle import STUCK_AFTER
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import RESTS, WAITS
from runbooks.diagnose.shared_evidence import WAITING, crash, crash_evidence, refused, refused_before_it_ran, said_no
from runbooks.evidence.models import AppFinding


@cause(
    "never-started",
    "No start of the machine was requested",
    stage=Stage.LIFE,
    explains=(*WAITING, "autostart-disabled", "connected-too-early", "stopped-by-autostop"),
    distinguish_from={
        "stuck-in-transition": "A start was requested, and the log shows an unfinished pull.",
        "stopped-by-request": "The machine ran before.",
    },
    sources=("machines/machine-states", "machines/api/machines-resource"),
    needs=RESTS,
    remedy=Remedy(
        "Start the machine",
        "The machine is reserved and prepared, but no start request was sent.",
        ("fly machine start {machine_id} -a {app}",),
    ),
    prevention=Remedy(
        "Omit skip_launch, and wait for the state you need",
        "skip_launch and `fly machine create` create a machine that does not boot.",
        ("fly machine wait {live_id} -a {app} --state started",),
    ),
    next_test="Read the state again in a minute: a machine with a running pull leaves `created`, this one does not.",
)
def never_started(facts: Facts) -> Iterator[Point | Conclusion]:
    """State `created`, a schedule not yet due, or an update that left it stopped (§14.5): no pull, no boot."""
    logged = facts.log.where("left-stopped") if facts.events.state in ("stopped", "suspended") else ()
    if facts.events.left_stopped or logged:
        yield from _left_stopped(facts)
        return
    schedule = facts.machine.config.get("schedule") if facts.machine.config else None
    if facts.events.state != "created" and not (
        schedule and facts.events.state == "stopped" and not facts.events.started_evidence
    ):
        return
    age = facts.events.age
    # Just made, every machine is `created`; how old it was is what tells.
    weight = Weight.STRONG if age and age >= _PULLED else Weight.WEAK
    spent = f"has been in `{facts.events.state}` for {format_duration(age)}" if age else f"was `{facts.events.state}`"
    kinds = {(e.type, e.status) for e in facts.events.all}
    pulls = facts.log.where("pulling", "booting")
    asked = [word for word in _NO_LAUNCH if word in facts.caller.answer.plain]
    if facts.events.started_evidence or pulls:
        yield refutes("The events or the log show a pull or a boot.", *(facts.events.started_evidence or pulls))
    elif kinds and kinds <= {("launch", "created")}:
        text = f"It {spent}, and its only event is the launch."
        quiet = facts.looked(Facet.LOGS)
        if asked and quiet and age and age >= timedelta(minutes=2):
            yield confirms(
                f"{text} The caller requested that (`{asked[0].strip()}`), and the log holds no pull and no boot.",
                *facts.events.state_evidence,
                *facts.events.evidence,
                Facet.LOGS,
                Facet.CALLER,
            )
        elif quiet and age and age >= timedelta(minutes=5):
            yield supports(f"{text} Its log holds no line of a pull or a boot.", *facts.events.evidence, Facet.LOGS)
        else:
            yield supports(text, *facts.events.evidence, weight=weight)
        if not quiet:
            yield missing("The log, which would show a pull still under way, could not be read.", Facet.LOGS)
    else:
        yield supports(f"It {spent}.", *facts.events.state_evidence, weight=weight)
        yield missing("Its events could not be read.", Facet.EVENTS)
    if schedule:
        yield supports(
            f"A schedule ({schedule}) starts the machine; the create call does not.", *facts.machine.config_evidence
        )
    if facts.log.refused("wait-timeout") and not schedule:
        # To wait is not to start (§14.2): the caller may have expected a start that nobody requested.
        yield contradicts(
            "The caller waited for its start, so it expected one.",
            facts.log.refused("wait-timeout")[0].evidence,
            weight=Weight.WEAK,
        )
    idle = f"has been idle for {format_duration(age)}" if age else spent
    yield concludes(
        f"The machine was created without a start and {spent}.", f"it was created without a start and {idle}"
    )


def _left_stopped(facts: Facts) -> Iterator[Point | Conclusion]:
    """The last event is an update that ended in `stopped`, and no start followed."""
    if where := facts.events.left_stopped:
        yield supports("The last event is an update that ended in `stopped`, and no start follows.", *where)
    if lines := facts.log.matches("left-stopped"):
        yield confirms(f"The log says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("left-stopped"))
    if idle := [s for s in facts.machine.services or () if s.ports_known and not s.ports]:
        yield supports(
            f"{'Its service has' if len(idle) == 1 else 'Its services have'} no ports, so autostart and "
            f"min_machines_running do nothing.",
            *facts.machine.config_evidence,
        )
    yield concludes(
        "An update left the machine stopped, and nothing started it.",
        "an update left it stopped, and nothing started it",
    )


# How a caller requests a machine that does not boot (§3, §5.5).
_PULLED = timedelta(minutes=2)
"""Until then a machine may be `created` because its image is being pulled (§11 row 20)."""
_NO_LAUNCH = ("skip_launch", "skipLaunch", "skip-launch", "SkipLaunch", "fly machine create", "fly m create ")


@cause(
    "stuck-in-transition",
    "The machine is stuck in a transitional state",
    stage=Stage.LIFE,
    owner=Owner.UNDECIDED,
    explains=(*WAITING, "start-rejected", "connected-too-early"),
    needs=WAITS,
    instead=Remedy(
        "Start the machine",
        "A start works from the state that the machine is in.",
        ("fly machine start {machine_id} -a {app}",),
    ),
    remedy=Remedy(
        "Do not deploy; read its log and its state again",
        "A deploy would replace the machine that has to be inspected. A line “Successfully prepared image” in its log, "
        "or the state started, means that it goes on: then wait.",
        (
            "timeout 30 fly logs -a {app} --machine {machine_id} --no-tail",
            "fly machine status {machine_id} -a {app}",
        ),
    ),
    afterwards=Remedy(
        "If it still hangs, and a second machine does no harm: create one replacement",
        "Give it a few minutes.{heavy} If it starts, it does the work, and why the first one hangs stays open. If it "
        "hangs as well, create no more, and tell Fly's support its id, too.",
        ("fly machine clone {machine_id} -a {app} -r {region}",),
    ),
    prevention=Remedy(
        "Wait for a settled state with a time limit",
        "Start waiting at the create call, show the time spent, and after the limit report the failure with the "
        "machine's id.",
    ),
    next_test="Read the state again: `fly machine wait {machine_id} -a {app} --state settled`.",
    distinguish_from={
        "never-started": "No start was requested: the log shows no pull and no boot.",
        "host-unreachable": "host_status is not ok.",
    },
    sources=("machines/machine-states", "machines/overview"),
)
def stuck_in_transition(facts: Facts) -> Iterator[Point | Conclusion]:
    """A transitional state beyond Fly's own thresholds: 5 minutes, 10 for updates; `created` while a pull hangs."""
    waited = facts.log.refused("wait-timeout")
    told = waited[-1].names.get("state", "") if waited else ""
    over = facts.events.overdue
    pulling = facts.log.matches("pulling") and not facts.log.matches("prepared", "booting")
    packed = facts.heavy_image
    if over and facts.events.state == "created":
        text = f"It has been in `created` for {format_duration(over)}"
        if pulling:
            yield confirms(
                f"{text}; the log shows that the pull of its image began, and not that it ended.",
                *facts.events.state_evidence,
                *facts.log.where("pulling"),
            )
            if packed:
                yield supports(f"Its image has {packed}.", Facet.IMAGE_RAN, weight=Weight.WEAK)
        elif waited:
            yield supports(
                f"{text}; the caller's wait timed out: {waited[-1].told}.",
                *facts.events.state_evidence,
                waited[-1].evidence,
            )
        else:
            yield supports(
                f"{text}, which is longer than a pull takes.", *(facts.events.evidence or facts.events.state_evidence)
            )
    elif over:
        yield confirms(
            f"It has been `{facts.events.state}` for {format_duration(over)}; Fly calls that stuck.",
            *(facts.machine.seen_evidence or facts.events.evidence)[:1],
        )
    elif facts.events.state == "failed":
        yield supports("Its state is failed: it could not be started.", *facts.events.state_evidence)
    elif waited and not facts.events.started_evidence and not facts.events.state:
        # Without a state in it, a time-out shows only how long the client was willing to wait.
        weight = Weight.STRONG if told in STUCK_AFTER else Weight.WEAK
        yield supports(f"The caller's wait timed out: {waited[-1].told}.", waited[-1].evidence, weight=weight)
    state = facts.events.state or told or "an unfinished state"
    stuck = f"{'has been' if over else 'is'} stuck in `{state}`{' for ' + format_duration(over) if over else ''}"
    if pulling:
        stuck += f"; its log shows the pull of its image{f' ({packed})' if packed else ''} beginning, and not ending"
    elif packed:
        stuck += f" (its image: {packed})"
    why = "What holds it there is not established: the image, the way to its registry, or Fly's host."
    yield concludes(f"The machine {stuck}. {why if state == 'created' else ''}".rstrip(), f"it {stuck}")


@cause(
    "start-rejected",
    "The machine's current state does not allow the request",
    stage=Stage.LIFE,
    explains=WAITING,
    needs=WAITS,
    instead=Remedy(
        "Repeat the request",
        "The machine is no longer in the state that did not allow it.",
        ("fly machine start {machine_id} -a {app}",),
    ),
    remedy=Remedy(
        "Wait until the machine's state is settled, then repeat the request",
        "Start works from created, stopped, suspended and failed; destroy without force only from a settled state.",
        (
            "fly machine wait {machine_id} -a {app} --state settled",
            "fly machine start {machine_id} -a {app}",
        ),
    ),
    prevention=Remedy(
        "Wait for `settled` between two calls about one machine",
        "A start that is sent while the image is being pulled is refused.",
    ),
    next_test="Look at the state, and repeat the call: `fly machine status {machine_id} -a {app}`.",
    distinguish_from={
        "lease-held": "The refusal names a lease.",
        "stuck-in-transition": "The state has not changed for longer than Fly's limit.",
    },
    sources=("machines/machine-states", "monitoring/error-codes"),
)
def start_rejected(facts: Facts) -> Iterator[Point | Conclusion]:
    """`unable to start machine from current state`, `unable to destroy machine, not currently …`, PM07 and PM08."""
    kinds = ("state-rejects", "concurrent-update")
    no = refused(facts, *kinds)
    if no is None:
        yield from _woken_late(facts)
        return
    if facts.machine.seen_state:
        yield from said_no(facts, *kinds, of_create=False)
    else:
        yield supports(f"The platform refused the call: {no.told}.", no.evidence)
        yield missing("How long it has been in that state is not known: it may be stuck.", Facet.MACHINE, Facet.EVENTS)
    if facts.events.crash_codes:
        yield contradicts("The program's exit is known.", *facts.events.evidence, *facts.log.evidence)
    if facts.events.runs:
        yield contradicts("The machine is running now.", *facts.events.state_evidence)
    yield from refused_before_it_ran(facts, no)
    what = no.names.get("action") or "call"
    state = no.names.get("state") or facts.events.state
    inside = f" while it was `{state}`" if state else ""
    yield concludes(f"The machine refused the {what}{inside}.", f"it refused the {what}{inside}")


def _woken_late(facts: Facts) -> Iterator[Point | Conclusion]:
    """The proxy was not allowed to start it, and started it later: the request that it had to turn away is over."""
    no = next(iter(facts.log.past_wake_refusals), None)
    if no is None or no.kind not in ("state-rejects", "concurrent-update"):
        return
    # A start that is still going on is a slow one; what was only created had a client that came too early.
    if any(word in no.names.get("state", "") for word in ("attempting", "created")):
        return
    yield supports(f"The proxy could not start it: {no.told}. It started later.", no.evidence)
    if facts.events.crash_codes:
        yield contradicts("The program's exit is known.", *facts.events.evidence, *facts.log.evidence)
    state = no.names.get("state", "")
    yield concludes(
        f"The proxy could not start the machine when a request came{f' ({state})' if state else ''}; it started later.",
        "the proxy could not start it when a request came, and it started later",
    )


@cause(
    "release-failed",
    "The release failed, so the app keeps its old release",
    stage=Stage.LIFE,
    owner=Owner.YOU,
    explains=("image-not-as-believed",),
    remedy=Remedy(
        "Fix what stopped the release, then deploy again",
        "The machines of the app were not changed by the failed release. {what}",
        ("fly releases -a {app} --image", "fly logs -a {app} --no-tail"),
    ),
    prevention=Remedy(
        "Let CI fail when the deploy fails",
        "Compare the digest that runs with the digest that was built after every deploy.",
    ),
    next_test="Compare the release that runs with the one that was sent: `fly releases -a {app} --image`.",
    distinguish_from={
        "image-not-as-believed": "The push and the release succeeded, and another tag or digest runs.",
        "health-check-failing": "A check of the machine is critical.",
    },
    sources=("launch/deploy",),
)
def release_failed(facts: Facts) -> Iterator[Point | Conclusion]:
    """A release command or a push failed, or flyctl ended the deploy (§14.12, §14.14, §14.16)."""
    command, push = facts.log.matches("release-command"), facts.log.matches("push-failed")
    ended = facts.log.matches("deploy-failed", "smoke-failed")
    no = refused(facts, "release-command", "client-timeout", "health-timeout", "smoke-failed")
    if command:
        code = f" with exit code {command[-1].number}" if command[-1].number else ""
        yield supports(
            f"The deploy log says: “{short(command[-1].line.message, 160)}”.", *facts.log.where("release-command")
        )
        what = f"The release command failed{code}."
    elif push:
        yield supports(f"The deploy log says: “{short(push[-1].line.message, 160)}”.", *facts.log.where("push-failed"))
        what = "The image was not pushed to the registry."
    elif ended:
        # Where the line itself says that a check was waited for, the check is the reason.
        checked = any(r.line == ended[-1].line for r in facts.log.matches("health-failed"))
        yield supports(
            f"The deploy log says: “{short(ended[-1].line.message, 160)}”.",
            *facts.log.where("deploy-failed", "smoke-failed"),
            weight=Weight.WEAK if checked else Weight.STRONG,
        )
        what = "The deploy ended before it was complete."
    elif no and (facts.machine.exists or no.kind == "release-command"):
        yield supports(f"The deploy ended with {no.told}.", no.evidence)
        a_command = no.kind == "release-command"
        what = "The release command failed." if a_command else "The deploy ended before it was complete."
    elif listed := facts.caller.told_of_app(AppFinding.RELEASE_FAILED):
        yield supports(f"flyctl lists the newest release as failed: “{short(listed, 160)}”.", Facet.CALLER)
        what = "The newest release has the status failed."
    else:
        return
    if facts.events.crash_codes and not command:
        yield contradicts(f"The program exited with {crash(facts)}.", *crash_evidence(facts))
    waited = facts.log.matches("health-failed") or refused(facts, "health-timeout")
    if waited and not (command or push) and facts.events.state == "started":
        # The deploy waited for this check in vain: the check is the reason, and the deploy's end follows from it.
        for name, _, at in facts.machine.critical_checks[:1]:
            yield contradicts(f"The machine started, and its check {name} is critical.", at)
    runs = " The machine runs the old release." if facts.events.runs and facts.machine.exists else ""
    yield concludes(
        f"The release failed: {what}{runs}", f"the release failed: {what[:1].lower()}{what[1:].rstrip('.')}", what=what
    )
