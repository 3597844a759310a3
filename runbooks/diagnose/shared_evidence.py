"""Arguments that several causes share, so that no condition stands twice: refusals, exits, what rules a program out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import Point, Weight, confirms, contradicts, refutes, supports
from runbooks.diagnose.facts import GONE, VAGUE, ApiRefusal, Facts
from runbooks.diagnose.operations import Operation

SAME_AGAIN = (
    "If a second run does no harm, create one machine as the caller does, with auto_destroy false, and read its log."
)
"""The test that decides where nothing of the machine is left."""
READ_AGAIN = ("fly machine status {live_id} -a {app} -d", "timeout 30 fly logs -a {app} --machine {live_id} --no-tail")
"""What reads the machine of that test."""
WAITING = ("record-never-updated", "no-machine-behind-app")
"""What follows from every end of a machine: those who wait for it."""
AFTERMATH = (
    "release-failed",
    "restart-limit-reached",
    "auto-destroyed",
    "record-never-updated",
    "not-listening",
    "health-check-failing",
    "no-machine-behind-app",
    "autostart-disabled",
    "stuck-in-transition",
    "start-rejected",
    "destroyed-by-deploy",
)
"""What follows where a program does not stay up."""
SIGNALS = {129: "SIGHUP", 130: "SIGINT", 132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE"}
SIGNALS |= {137: "SIGKILL", 139: "SIGSEGV", 141: "SIGPIPE", 143: "SIGTERM"}
_MACHINE_ID = re.compile(r"(?<![0-9a-zA-Z_-])[0-9a-f]{14}(?![0-9a-zA-Z_-])")
# A machine takes a moment from the create call to its created_at; a refusal after that is of another call.
_SAME_CALL = timedelta(seconds=60)


def refused(facts: Facts, *kinds: str) -> ApiRefusal | None:
    """The last refusal of these kinds."""
    return next((no for no in reversed(facts.log.refusals) if no.kind in kinds), None)


def create_refused(facts: Facts) -> ApiRefusal | None:
    """The platform's last refusal, where there is no machine that a create call could have created."""
    if facts.machine.exists or facts.caller.answer.machine_id or not facts.log.last_refusals:
        return None
    return facts.log.last_refusals[-1]


def said_no(facts: Facts, *kinds: str, of_create: bool = True) -> Iterator[Point]:
    """The refusal as an argument: proof where it was the last answer, history where a later call created a machine."""
    no = refused(facts, *kinds)
    if no is None:
        return
    if not any(last.kind in kinds for last in facts.log.last_refusals):
        yield supports(f"An earlier call was refused: {no.told}.", no.evidence, weight=Weight.WEAK)
        return
    if other := _object_of(no, facts):
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence, weight=Weight.WEAK)
        yield contradicts(f"The refusal names machine {other}, not {facts.subject.machine_id}.", no.evidence)
        return
    if (ended := ended_by_itself(facts)) and no.operation is not Operation.START:
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence)
        yield contradicts("The machine's program ran and exited by itself, so the refusal is not the reason.", *ended)
        return
    later = no.at and facts.events.created_at and no.at > facts.events.created_at + _SAME_CALL
    if not of_create or later or not facts.machine.exists or not no.operation.makes_a_machine:
        yield confirms(f"The platform refused {no.call}: {no.told}.", no.evidence)
        return
    yield supports(f"The platform refused a call: {no.told}.", no.evidence)
    yield contradicts("A machine was created after it.", *facts.machine.exists)


def _object_of(no: ApiRefusal, facts: Facts) -> str:
    """The machine that the refused call was about, if the refusal names another than the subject; "" otherwise (§14.2).

    Who holds a name or a volume is named as well, and is not what the call was about.
    """
    own, named = facts.subject.machine_id, _MACHINE_ID.findall(no.text)
    if not own or not named or own in no.text or no.kind.startswith(("name-", "volume-")):
        return ""
    return str(named[0])


def ended_by_itself(facts: Facts) -> tuple[str, ...]:
    """The evidence that the machine is down because its program exited without a request; () otherwise.

    No refused call explains that, whatever object it was about. A machine with a schedule exits as a rule.
    """
    if facts.events.runs or (facts.machine.config or {}).get("schedule"):
        return ()
    exits = [at for _, end, at in facts.events.exits if not end.requested_stop]
    return tuple(dict.fromkeys((*exits, *crash_evidence(facts))))


def lookup_faults(facts: Facts) -> tuple[ApiRefusal, ...]:
    """Refusals that call the subject's own id invalid or unknown, while a view shows the machine (§14.2)."""
    own, living = facts.subject.machine_id, [v for v in facts.machine.views if v.machine.state not in GONE]
    if not own or not living:
        return ()
    kinds = facts.log.refused("id-invalid", "machine-missing")
    return tuple(no for no in kinds if own in (no.names.get("id"), no.names.get("machine_id")))


def refused_before_it_ran(facts: Facts, no: ApiRefusal) -> Iterator[Point]:
    """A refused start is over once the machine runs, whoever started it (§14.11)."""
    since = facts.events.up_since
    a_start = no.operation is Operation.START or (
        no.operation is Operation.UNKNOWN and no.names.get("action") != "stop"
    )
    if since and a_start and (no.at is None or no.at <= since):
        yield refutes(f"It is over: the machine has been running since {since:%H:%M:%S} UTC.", *facts.events.evidence)


def exited_before_it_ran(facts: Facts) -> Iterator[Point]:
    """An exit is over once the machine has run longer than before that exit."""
    if since := facts.events.outlived_since:
        yield refutes(
            f"It is over: the machine has been running since {since:%H:%M:%S} UTC, longer than before the exit.",
            *facts.events.evidence,
        )


def other_reason(facts: Facts, *kinds: str) -> Iterator[Point]:
    """The platform said why it refused, and it was something else."""
    plain = [no for no in facts.log.last_refusals if no.kind not in VAGUE]
    if plain and not any(no.kind in kinds for no in plain):
        yield refutes(f"The platform gave another reason: {plain[-1].told}.", plain[-1].evidence)


def image_was_resolved(facts: Facts, other: str = "a missing one", said: str = "MANIFEST_UNKNOWN") -> Iterator[Point]:
    """An id proves that the create call resolved an image: Fly does that while the call is open (§3.1).

    `other` is the image that it would have refused, `said` what that refusal says.
    """
    if facts.machine.exists:
        yield refutes(
            f"The platform knows machine {facts.subject.machine_id}, so it had resolved the image: Fly does that while "
            f"the create call is open, and refuses {other} with HTTP 400 (`failed to get manifest … {said}`) "
            f"and no machine.",
            *facts.machine.exists,
        )
    elif facts.caller.answer.machine_id:
        # A row that is handed out again names an id, too, and says nothing about the last call.
        argue = contradicts if facts.caller.answer.reused or facts.log.refusals else refutes
        told = f"The caller received the id {facts.caller.answer.machine_id}"
        yield argue(f"{told}; a create call with {_image(other)} gets no id.", Facet.CALLER)


def _image(other: str) -> str:
    """“A missing one” as “a missing image”, “one that …” as “an image that …”."""
    return other.replace("one that", "an image that").replace("missing one", "missing image")


def never_ran(facts: Facts) -> Iterator[Point]:
    """What rules out that any program ran."""
    no = create_refused(facts)
    if no and not facts.events.started_evidence:
        yield refutes("The create call was refused, so no program ever ran.", no.evidence)
    elif facts.events.whole_life and not facts.events.started_evidence:
        yield refutes("The events go back to the launch, and the machine never started.", *facts.events.evidence)


def crash(facts: Facts) -> str:
    """The ends that nobody asked for, in one phrase: with which code, how often."""
    codes = list(dict.fromkeys(code for code, _ in facts.events.crash_codes))
    if not codes:
        return ""
    seen = max(
        sum(evidence == view for _, evidence in facts.events.crash_codes)
        for view in {evidence for _, evidence in facts.events.crash_codes}
    )
    code = codes[-1]
    named = f"{code} ({SIGNALS[code]})" if code in SIGNALS else str(code)
    often = "once" if seen == 1 else f"{seen} times"
    used_up = max((match.number or 1 for match in facts.log.matches("restarts-used-up")), default=0)
    # A log that was cut shows fewer ends than the platform counted.
    return f"exit code {named}, " + (f"seen {often} (its restarts are used up)" if seen <= used_up else often)


def crash_evidence(facts: Facts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(evidence for _, evidence in facts.events.crash_codes))
