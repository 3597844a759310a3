"""Family startup: the machine booted and its program exited (§4, §8.2, §11 rows 6-10)."""

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
from runbooks.diagnose.commands import lines, settings
from runbooks.diagnose.facts import Facts, format_duration
from runbooks.diagnose.log_classifier import LogMatch, named_setting, short
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.refusals import meanings
from runbooks.diagnose.shared_evidence import (
    AFTERMATH,
    SAME_AGAIN,
    crash,
    crash_evidence,
    exited_before_it_ran,
    never_ran,
)
from runbooks.evidence.resources import AppSecret

_READABLE = ", where every reader of the machine's config could see it"
_UNDECLARED = "<secret:value#"
"""Masked for lack of a reason to show it; every other mark names the kind of key that was recognised."""


@cause(
    "missing-environment",
    "A required environment variable is not set",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *AFTERMATH),
    remedy=Remedy(
        "{apply} {wanted}{fresh}",
        "The program reads its environment at every start.{near} An app secret is given to every machine that is "
        "created in the app without skip_secrets, and no reader of the machine's config sees it.{from_shell}",
        ("fly secrets {set_secrets} -a {app}", "fly secrets list -a {app}"),
    ),
    prevention=Remedy(
        "Check the required variables of the program in CI",
        "Use one list of required variables for provisioning and program. CI then finds a renamed variable "
        "before it reaches a machine.",
    ),
    next_test="Run the same image once with auto_destroy false and read its first log lines.",
    distinguish_from={
        "startup-crash": "The last output names no variable.",
        "bad-command": "A file or a module is missing.",
    },
    sources=("apps/secrets", "machines/runtime-environment"),
)
def missing_environment(facts: Facts) -> Iterator[Point | Conclusion]:
    """The program names the variable that is not set, then exits with a code other than 0, or runs without it."""
    lines = facts.log.matches("missing-variable")
    if not lines:
        return
    wanted = tuple(dict.fromkeys(name for reading in lines for name in reading.names))
    told = wanted or tuple(dict.fromkeys(reading.thing for reading in lines if reading.thing)) or ("a setting",)
    names, are = " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:]))), "are" if len(told) > 1 else "is"
    described = facts.machine.description
    known = described is not None and described.config is not None
    env = described.env if described else {}
    unset = [name for name in wanted if not env.get(name)] if known else []
    late = facts.secrets.too_late(*unset)
    nowhere = facts.secrets.lacking(*unset)
    quote = f"The program printed: “{short(lines[-1].line.message, 200)}”."
    if facts.events.crash_codes and _told_last(facts, lines[-1]):
        yield confirms(
            f"{quote} It exited with {crash(facts)}.", *facts.log.where("missing-variable"), *crash_evidence(facts)
        )
    elif facts.events.crash_codes:
        yield supports(
            f"{quote} It printed other lines before it exited with {crash(facts)}.",
            *facts.log.where("missing-variable"),
            *crash_evidence(facts),
            weight=Weight.WEAK,
        )
    elif _ended_well(facts):
        yield supports(quote, *facts.log.where("missing-variable"), weight=Weight.WEAK)
    else:
        yield supports(quote, *facts.log.where("missing-variable"))
        yield missing("No exit of the program was observed.", Facet.EVENTS)
        if facts.events.state == "started" and not late and not nowhere:
            yield contradicts("The machine is running.", *facts.events.state_evidence)
    yield from _secrets(facts, late, nowhere)
    outcome = f"exited with {crash(facts)}" if facts.events.crash_codes else "exited with an error"
    if facts.events.state == "started" and not facts.events.crash_codes:
        outcome = "runs without it"
    filled = {"wanted": names} | _filled(wanted, names, deploy=bool(late) and not nowhere)
    if known:
        sent = [name for name in wanted if env.get(name)]
        if sent and len(sent) == len(wanted):
            yield contradicts(f"The machine's config sets {', '.join(sent)}.", *facts.machine.config_evidence)
        near = facts.misnamed
        empty = [name for name in wanted if name in env and not env[name]]
        if empty:
            yield supports(
                f"The machine's config sets {', '.join(empty)} to an empty value.", *facts.machine.config_evidence
            )
        if near:
            pairs = "; ".join(f"{have} is set, {want} is required" for want, have in near.items())
            yield supports(f"The config sets a variable with a similar name: {pairs}.", *facts.machine.config_evidence)
            yield concludes(
                f"The program requires {names}, but the machine's config sets {', '.join(near.values())} instead. "
                f"The program {outcome}.",
                f"the program {_did(outcome)} because {names} {are} not set ({', '.join(near.values())} is)",
                **filled | _renamed(near, env),
            )
            return
    if late and not nowhere:
        yield concludes(
            f"The secret {', '.join(one.name for one in late)} was set after the machine's current version was "
            f"created. It has not been deployed to the machine, and the program {outcome}.",
            f"the secret {', '.join(one.name for one in late)} has not been deployed to it",
            **filled,
        )
        return
    yield concludes(
        f"The program requires {names}, which {are} not set, and {outcome}.",
        f"the program {_did(outcome)} because {names} {are} not set",
        **filled,
    )


def _filled(wanted: tuple[str, ...], told: str, *, deploy: bool) -> dict[str, str]:
    """What the remedy is filled in with.

    Args:
        wanted: the variables that are not set
        told: what the program calls them, where it names no variable: the argument of a library
        deploy: they are secrets of the app already, which the machine was not given
    """
    if deploy:
        return {"apply": "Deploy", "set_secrets": "deploy", "from_shell": " The secret is set; it has to be deployed."}
    if not wanted:
        return {"apply": "Find the variable that the program reads for", "wanted": f"{told}, and set it"}
    (read,) = lines(("read -rs {wanted}",), {"wanted": wanted[0]})
    return {
        "settings": settings(wanted),
        "set_secrets": f"set {settings(wanted)}",
        "from_shell": f" The command takes the value from your shell: set it there first, for example with `{read}`.",
    }


def _renamed(near: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """What to do with the value that was sent under another name: one order, since a reader follows it as it stands."""
    want, have = ", ".join(near), ", ".join(near.values())
    kept = [env[name] for name in near.values()]
    told, then = f" The create request sets {have} instead", f"set it as {want}, and remove {have} from the request"
    if not any(value.startswith("<secret:") for value in kept):
        return {"near": f"{told}. If that is the same setting, {then}."}
    if all(value.startswith(("<secret:", "<empty>")) and not value.startswith(_UNDECLARED) for value in kept):
        order = f"make a new key where it comes from, set it as {want}, remove {have} from the request, and revoke"
        return {"fresh": " to a new key", "near": f"{told}{_READABLE}. In this order: {order} the old key."}
    return {"near": f"{told}{_READABLE}. If it is a key or a password, make a new one first. Then {then}."}


_ENDS = (
    "missing-variable",
    "missing-file",
    "database-refused",
    "port-in-use",
    "permission",
    "disk-full",
    "out-of-memory",
    "segfault",
    "exec-format",
    "spawn-failed",
    "answers",
)
"""What a program tells after a fault that it only mentioned: another one, or a request that it answered."""


def _on_a_volume(facts: Facts, reading: LogMatch) -> bool:
    """Is the file that is not there below a mounted volume, and so no part of the image?"""
    mounts = [mounted.thing.rstrip("/") for mounted in facts.log.matches("volume-mounted")]
    return any(mount and reading.thing.startswith(f"{mount}/") for mount in mounts)


def _ended_well(facts: Facts) -> bool:
    """Did every end that was seen have code 0, or was it asked for? What the program printed before was no reason."""
    return not facts.events.crash_codes and bool(facts.events.exits or facts.log.matches("exited", "signalled"))


def _told_last(facts: Facts, reading: LogMatch) -> bool:
    """Is this line among the program's last output, with no other reason for the end below it?"""
    places = {line: place for place, line in enumerate(facts.log.lines)}
    place = places.get(reading.line, -1)
    others = facts.log.matches(*(fact for fact in _ENDS if fact != reading.fact))
    after = any(places.get(other.line, -1) > place for other in others)
    said = facts.log.last_output
    # The names that a heading announces stand below it.
    head = places.get(said[-1], place) if said else place
    ends = (places.get(end.line, -1) for end in facts.log.matches("exited", "killed", "abrupt"))
    return not after and (reading.line in said or (head < place and not any(head < end < place for end in ends)))


def _did(outcome: str) -> str:
    return "lacks a setting" if outcome.startswith("runs") else "exited"


def _secrets(facts: Facts, late: tuple[AppSecret, ...], nowhere: tuple[str, ...]) -> Iterator[Point]:
    """What the app's secrets say about variables that the config does not set (§14.19)."""
    made = facts.secrets.version_made_at
    where = (Facet.SECRETS, *facts.machine.config_evidence)
    for one in late:
        if one.set_at and made:
            yield confirms(
                f"{one.name} was set as a secret at {one.set_at:%Y-%m-%d %H:%M} UTC, and the machine's present version "
                f"was made at {made:%Y-%m-%d %H:%M} UTC, so it does not have it.",
                *where,
            )
    if nowhere:
        yield confirms(f"Neither the machine's config nor the app's secrets set {', '.join(nowhere)}.", *where)


@cause(
    "bad-command",
    "The start command does not exist in the image",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *AFTERMATH),
    remedy=Remedy(
        "Correct the command or the file it names",
        "The image does not contain the file that its command names.",
        ("fly auth docker", "docker run --rm -it --platform linux/amd64 --entrypoint sh {image}"),
    ),
    prevention=Remedy(
        "Start the image once in CI",
        "CI then finds an image that exits at once with “not found” before it is pushed.",
        ("fly auth docker", "docker run --rm --platform linux/amd64 {image}"),
    ),
    next_test="Compare Cmd and Entrypoint of the image with the files in it.",
    distinguish_from={
        "image-wrong-architecture": "The log says `Exec format error`.",
        "startup-crash": "The command was found and ran.",
    },
    sources=("getting-started/troubleshooting", "machines/guides-examples/machine-restart-policy"),
)
def bad_command(facts: Facts) -> Iterator[Point | Conclusion]:
    """`Cannot find module`, a spawn error, `not found`, exit code 126 or 127."""
    lines = [r for r in facts.log.matches("missing-file", "spawn-failed") if not _on_a_volume(facts, r)]
    codes = {code for code, _ in facts.events.crash_codes}
    if lines:
        reading = lines[-1]
        quote = f"The log says: “{short(reading.line.message, 200)}”."
        at = facts.log.where("missing-file", "spawn-failed")
        ended = facts.events.crash_codes or facts.events.abrupt_ends or reading.fact == "spawn-failed"
        if ended:
            text = f"{quote} The machine stopped with {crash(facts) or 'no program running'}."
            last = reading.fact == "spawn-failed" or _told_last(facts, reading)
            yield confirms(text, *at) if last else supports(text, *at, weight=Weight.WEAK)
        else:
            yield supports(quote, *at)
            if facts.events.state == "started":
                yield contradicts("The machine is running.", *facts.events.state_evidence)
            yield from _answering(facts)
        barred = reading.fact == "spawn-failed" and "permission denied" in reading.line.message.lower()
        lacks = (
            "may not be executed: it lacks the execute bit, or belongs to another user"
            if barred
            else "was not found in it"
        )
        yield concludes(f"The image was started, and {reading.thing or 'the file its command names'} {lacks}.")
    if codes & {126, 127}:
        code = 127 if 127 in codes else 126
        meaning = "not found" if code == 127 else "not executable"
        yield supports(f"Exit code {code} means that the command was {meaning}.", *crash_evidence(facts))
        if not lines:
            yield concludes(f"The command that was started is {meaning} in the image (exit code {code}).")
            yield missing("No log line names the file.", Facet.LOGS)


@cause(
    "startup-crash",
    "The program crashes when it starts",
    stage=Stage.START,
    is_a="image-or-config",
    always_listed=True,
    explains=AFTERMATH,
    remedy=Remedy(
        "Read the program's last lines and run it once with auto_destroy off",
        "The program exited with an error that nobody requested. Its last lines usually state the reason.",
        (
            "timeout 30 fly logs -a {app} --machine {machine_id} --no-tail",
            "fly machine run {image} -a {app} -r {region} --restart no {guest} {variables}",
        ),
    ),
    next_test=SAME_AGAIN,
    distinguish_from={
        "missing-environment": "The program names a variable.",
        "bad-command": "The log names a missing file or module, or the exit code is 126 or 127.",
        "out-of-memory": "The exit event says oom_killed, or the kernel or the runtime reports a lack of memory.",
        "exited-normally": "The exit code is 0.",
    },
    sources=("machines/guides-examples/machine-restart-policy", "getting-started/troubleshooting"),
)
def startup_crash(facts: Facts) -> Iterator[Point | Conclusion]:
    """Exit code other than 0 soon after the start, without a stop request; more specific causes name the reason."""
    yield from never_ran(facts)
    if facts.events.crash_codes:
        words = short(facts.log.last_output[-1].message, 160) if facts.log.last_output else ""
        text = f"The program exited with {crash(facts)}."
        from_outside = {code for code, _ in facts.events.crash_codes} <= {137, 143}
        if from_outside:
            yield supports(f"The program was killed: {crash(facts)}.", *crash_evidence(facts), weight=Weight.WEAK)
            yield missing(
                "The sender of the signal is not known. Such an exit code means a signal from outside the program.",
                Facet.LOGS,
            )
        elif words and not _ran_long(facts) and (setting := _unread_setting(facts)):
            yield supports(f"{text} Its last output: “{words}”.", *facts.log.output_evidence, *crash_evidence(facts))
            yield missing(f"The last output names {setting}. What is wrong with it is not known.", Facet.LOGS)
        elif words and not _ran_long(facts):
            yield confirms(f"{text} Its last output: “{words}”.", *facts.log.output_evidence, *crash_evidence(facts))
        elif _ran_long(facts):
            yield supports(
                f"{text} It had run for {format_duration(facts.events.uptime)} before.", *crash_evidence(facts)
            )
            yield missing("The reason for an exit this long after the start is not known.", Facet.LOGS)
        elif facts.events.loop_ended:
            yield supports(text, *crash_evidence(facts), weight=Weight.WEAK)
            yield missing("No output of the program is available, so the reason for the exit is not known.", Facet.LOGS)
        else:
            yield supports(text, *crash_evidence(facts))
            yield missing("No output of the program is available.", Facet.LOGS)
        if not words and facts.canaries.alike and facts.canaries.last_words:
            words = short(facts.canaries.last_words, 160)
            yield confirms(
                f"A test machine with the same config exited in the same way. Its last output: “{words}”.",
                Facet.CANARY_CONFIG,
            )
        yield concludes(f"The program exited with {crash(facts)}{f': “{words}”' if words else ''}.")
    elif facts.log.matches("spawn-failed", "exec-format"):
        yield supports(
            "The log says that the program could not be run.", *facts.log.where("spawn-failed", "exec-format")
        )
    elif facts.events.abrupt_ends:
        yield supports(
            "The log says that the machine ended abruptly, and not why.",
            *facts.log.where("abrupt"),
            weight=Weight.WEAK,
        )
    elif facts.events.exits and all(x.exit_code == 0 or x.requested_stop for _, x, _ in facts.events.exits):
        yield refutes("Every recorded exit has code 0 or was requested.", *(at for _, _, at in facts.events.exits))
    elif facts.events.state == "started" and facts.events.whole_life:
        yield refutes(
            "The machine is running, and its events contain no exit.",
            *facts.events.state_evidence,
            *facts.events.evidence,
        )
    elif child := facts.log.matches("child-failed", "smoke-failed"):
        quote = short((facts.log.last_output or (child[-1].line,))[-1].message, 160)
        yield supports(
            f"The log says: “{short(child[-1].line.message, 160)}”.", *facts.log.where("child-failed", "smoke-failed")
        )
        if facts.events.runs:
            yield contradicts("The machine is running.", *facts.events.state_evidence)
        yield concludes(f"The program fails at its start: “{quote}”.")
    elif uncaught := [r for r in facts.log.matches("uncaught", "segfault") if not meanings(r.line.message)]:
        if facts.events.runs:
            yield contradicts("The machine is running.", *facts.events.state_evidence)
        yield from _answering(facts)
        quote = short(uncaught[-1].line.message, 160)
        weight = Weight.WEAK if _ended_well(facts) else Weight.STRONG
        yield supports(f"The log ends in an error: “{quote}”.", *facts.log.where("uncaught", "segfault"), weight=weight)
        yield concludes(f"The program fails with “{quote}”.")
    elif not facts.events.exits:
        yield missing("No exit of the machine's program was observed.", Facet.EVENTS, Facet.LOGS)


def _answering(facts: Facts) -> Iterator[Point]:
    """A program that answers requests is past its start: what it prints is the error of one request."""
    if line := facts.log.answering:
        yield contradicts(
            f"The program answers requests: “{short(line.line.message, 120)}”.", *facts.log.where("answers")
        )


def _unread_setting(facts: Facts) -> str:
    """A setting that the last output names, where nothing tells what is wrong with it."""
    if facts.log.matches("missing-variable"):
        return ""
    return named_setting(facts.log.last_output[-1].message)


def _ran_long(facts: Facts) -> bool:
    """Whether the program had run for so long that its start is not what failed."""
    return facts.events.uptime is not None and facts.events.uptime > timedelta(minutes=10)


@cause(
    "exited-normally",
    "The program exited with code 0",
    stage=Stage.START,
    is_a="image-or-config",
    explains=AFTERMATH,
    remedy=Remedy(
        "Start a program that keeps running, if the machine must stay up",
        "The main process exited with code 0. The platform treats that as success and stops or destroys the machine.",
        ("fly auth docker", "docker buildx imagetools inspect {image}", "fly machine status {live_id} -a {app}"),
    ),
    next_test="Look at the exit code of the last exit event: 0 means that the program exited without an error.",
    distinguish_from={
        "startup-crash": "The exit code is not 0.",
        "stopped-by-autostop": "The exit event says requested_stop, and a log line of the proxy names the machine.",
        "trial-limit": "The log says “Trial machine stopping”, always after five minutes.",
    },
    sources=("machines/guides-examples/machine-restart-policy", "machines/machine-states"),
)
def exited_normally(facts: Facts) -> Iterator[Point | Conclusion]:
    """Exit code 0 without a stop request: a one-shot script, or a server started in the background."""
    ended = [
        (e, at) for e, x, at in facts.events.exits if x.exit_code == 0 and not x.requested_stop and not x.oom_killed
    ]
    last = ended and not facts.events.exits[-1][1].requested_stop
    asked = facts.log.matches("signalled", "autostop", "trial")
    logged = [r for r, wanted in facts.events.log_ends if r.fact == "exited" and r.number == 0 and not wanted]
    quoted = [r for r in facts.log.matches("exit-not-restarting") if r.number == 0] or logged
    if last:
        yield confirms("The last exit has code 0, and no stop was requested.", *(at for _, at in ended[-1:]))
    if quoted and not facts.events.exits:
        served = bool(facts.log.matches("listens", "health-passed"))
        # Where the log does not show the life from its start, a stop may have been asked for above.
        begun = facts.log.matches("booting", "command", "created-and-started")
        argue = supports if asked or served or not begun or (not logged and facts.log.matches("exited")) else confirms
        yield argue(f"The log says: “{short(quoted[-1].line.message)}”.", *facts.log.where(quoted[-1].fact))
        if served or not begun:
            yield missing(
                "Whether a stop was requested is not known: a server that is asked to stop exits with code 0.",
                Facet.EVENTS,
            )
    if asked:
        yield contradicts(
            f"A stop of the machine was requested before the exit: “{short(asked[-1].line.message, 120)}”.",
            *facts.log.where("signalled", "autostop", "trial"),
        )
    if child := [r for r in facts.log.matches("child-failed", "release-command") if r.number]:
        yield contradicts(
            f"The log says that the program it started failed: “{short(child[-1].line.message, 120)}”.",
            *facts.log.where("child-failed", "release-command"),
        )
    if facts.events.asked_to_stop:
        yield refutes("The last exit was requested (requested_stop).", facts.events.asked_to_stop[1])
    if last or quoted:
        yield from exited_before_it_ran(facts)
    if facts.events.crash_codes:
        argue = contradicts if last and facts.events.exits[-1][1].exit_code == 0 else refutes
        yield argue(f"It exited with {crash(facts)}, which is an error.", *crash_evidence(facts))
    at = ended[-1][0].at if ended else None
    after = (
        f" {format_duration(at - facts.events.created_at)} after it was created"
        if at and facts.events.created_at
        else ""
    )
    yield concludes(
        f"The program exited with code 0{after}; nothing crashed.",
        f"its program exited{after} (code 0), nothing crashed",
    )
