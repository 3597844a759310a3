"""Family startup: the machine booted and its program did not stay (facts §4, §8.2, §11 rows 6-10)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from runbooks.diagnose.facts import Facts, lasting
from runbooks.diagnose.ledger import (
    Point,
    Says,
    Stage,
    Weight,
    cause,
    doubts,
    favours,
    lacks,
    proves,
    refutes,
    says,
)
from runbooks.diagnose.lines import short
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Exit, Outcome

SIGNALS = {134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
_AFTERMATH = ("restart-limit-reached", "auto-destroyed", "record-never-updated")


def _crash(facts: Facts) -> str:
    """The exits in one phrase: how often, with which code."""
    codes = list(dict.fromkeys(code for code, _ in facts.crash_codes))
    if not codes:
        return ""
    seen = max(sum(at == view for _, at in facts.crash_codes) for view in {at for _, at in facts.crash_codes})
    code = codes[-1]
    named = f"{code} ({SIGNALS[code]})" if code in SIGNALS else str(code)
    return f"exit code {named}, {'once' if seen == 1 else f'{seen} times'}"


def _crash_at(facts: Facts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(at for _, at in facts.crash_codes))


def _never_ran(facts: Facts) -> Iterator[Point]:
    """What rules out that any program ran."""
    if facts.caller.error_text and not facts.known_here and not facts.other_apps and not facts.started_at:
        yield refutes("The create call was refused, so no program ever ran.", "E19")
    elif facts.whole_life and not facts.started_at:
        yield refutes("The events go back to the launch, and the machine never started.", *facts.events_at)


@cause(
    "missing-environment",
    "The program lacks an environment variable",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *_AFTERMATH),
    remedy=Remedy(
        "Give the program {wanted}",
        "It ends at once without it, so every restart ends the same way.{near} As an app secret it stays out of "
        "config.env, which everybody who reads the machine can read; setting a secret restarts the app's deployed "
        "machines.",
        ('fly secrets set {wanted}="${{VALUE:?}}" -a {app}', "timeout 30 fly logs -a {app} --machine NEW_ID --no-tail"),
    ),
    prevention=Remedy(
        "Test the contract between the provisioning function and the program",
        "One list of required variables, used by both sides and checked in CI, catches a renamed variable "
        "before it reaches a machine.",
    ),
    next_test="Run the same image once with auto_destroy false and read its first lines.",
)
def missing_environment(facts: Facts) -> Iterator[Point | Says]:
    """The program itself names the variable it lacks, then exits with a code other than 0."""
    lines = facts.readings("missing-variable")
    if not lines:
        return
    wanted = tuple(dict.fromkeys(name for reading in lines for name in reading.names))
    names = ", ".join(wanted)
    quote = f"The program says: “{short(lines[-1].line.message, 200)}”."
    if facts.crash_codes:
        yield proves(f"{quote} It ended with {_crash(facts)}.", "E07", *_crash_at(facts))
    else:
        yield favours(quote, "E07")
        yield lacks("No end of the program was seen.", "E04")
    env = facts.machine.env if facts.machine else {}
    sent = [name for name in wanted if env.get(name)]
    if facts.machine and facts.machine.config is not None:
        if sent and len(sent) == len(wanted):
            yield doubts(f"The machine's config does carry {', '.join(sent)}.", *facts.config_at)
        near = {n: c for n in wanted if n not in env and (c := near_miss(n, tuple(env)))}
        empty = [name for name in wanted if name in env and not env[name]]
        if empty:
            yield favours(f"The machine's config carries {', '.join(empty)}, but empty.", *facts.config_at)
        if near:
            pairs = "; ".join(f"{have} was sent, {want} is wanted" for want, have in near.items())
            yield favours(f"A near miss stands among the variables sent: {pairs}.", *facts.config_at)
            yield says(
                f"The program wants {names} and the machine was sent {', '.join(near.values())} instead, "
                f"so the program ended with {_crash(facts) or 'an error'}.",
                f"its program wants {names}, was sent {', '.join(near.values())}, and gave up",
                wanted=wanted[0],
                near=f" The create request carries it as {next(iter(near.values()))}: use the wanted name there.",
            )
            return
    yield says(
        f"The program wants {names}, which was not there, and ended with {_crash(facts) or 'an error'}.",
        f"its program lacks {names} and gave up",
        wanted=wanted[0] if wanted else "NAME",
        near="",
    )


def near_miss(wanted: str, sent: tuple[str, ...]) -> str:
    """The sent name that was probably meant: one that shares all words but one, or is spelled almost alike."""
    words = set(wanted.split("_"))
    alike = [s for s in sent if len(words ^ set(s.split("_"))) == 1 and len(words & set(s.split("_"))) >= 2]
    close = difflib.get_close_matches(wanted, sent, n=1, cutoff=0.85)
    return next(iter(alike or close), "")


@cause(
    "bad-command",
    "The start command does not exist in the image",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *_AFTERMATH),
    remedy=Remedy(
        "Correct the command or the file it names",
        "The image does not hold what its command asks for.",
        ("docker run --rm -it --platform linux/amd64 --entrypoint sh {image}",),
    ),
    prevention=Remedy(
        "Start the image once in CI",
        "A container that ends at once with “not found” is caught before it is pushed.",
        ("docker run --rm --platform linux/amd64 {image}",),
    ),
    next_test="Compare Cmd and Entrypoint of the image with the files in it.",
)
def bad_command(facts: Facts) -> Iterator[Point | Says]:
    """`Cannot find module`, a spawn error, `not found`, exit code 126 or 127."""
    lines = facts.readings("missing-file", "spawn-failed")
    codes = {code for code, _ in facts.crash_codes}
    if lines:
        reading = lines[-1]
        quote = f"The log says: “{short(reading.line.message, 200)}”."
        ended = facts.crash_codes or facts.readings("abrupt") or reading.fact == "spawn-failed"
        if ended:
            yield proves(f"{quote} The machine ended with {_crash(facts) or 'no program running'}.", "E07")
        else:
            yield favours(quote, "E07")
        yield says(f"The image was started, and {reading.thing or 'the file its command names'} was not found in it.")
    if codes & {126, 127}:
        code = 127 if 127 in codes else 126
        meaning = "not found" if code == 127 else "not executable"
        yield favours(f"Exit code {code} means that the command was {meaning}.", *_crash_at(facts))
        if not lines:
            yield says(f"The command that was started is {meaning} in the image (exit code {code}).")
            yield lacks("No log line names the file.", "E07")


@cause(
    "startup-crash",
    "The program crashes when it starts",
    stage=Stage.START,
    asked_by="the usual first suspicions",
    explains=_AFTERMATH,
    remedy=Remedy(
        "Read the program's last lines and run it once with auto_destroy off",
        "The program ended by itself with an error; its last lines are the place to look.",
        (
            "timeout 30 fly logs -a {app} --machine {machine_id} --no-tail",
            "fly machine run {image} -a {app} -r {region} {variables}",
        ),
    ),
    next_test="Create one machine with the same config and auto_destroy false, and read its log.",
)
def startup_crash(facts: Facts) -> Iterator[Point | Says]:
    """Exit code other than 0 soon after the start, asked for by nobody; more special causes name the reason."""
    yield from _never_ran(facts)
    if facts.crash_codes:
        text = f"The program ended by itself with {_crash(facts)}."
        if facts.last_words:
            yield proves(
                f"{text} Its last words: “{short(facts.last_words[-1].message, 160)}”.",
                "E07",
                *_crash_at(facts),
            )
        elif facts.loop_ended:
            yield favours(text, *_crash_at(facts), weight=Weight.WEAK)
            yield lacks("Nothing that the program printed is to be had, so its reason is not known.", "E07")
        else:
            yield favours(text, *_crash_at(facts))
            yield lacks("Nothing that the program printed is to be had.", "E07")
        last = f": “{short(facts.last_words[-1].message, 160)}”" if facts.last_words else ""
        yield says(f"The program ended by itself with {_crash(facts)}{last}.")
    elif facts.readings("abrupt", "spawn-failed", "exec-format"):
        yield favours("The log says that the program could not be run.", "E07")
    elif facts.exits and all(x.exit_code == 0 or x.requested_stop for _, x, _ in facts.exits):
        yield refutes("Every recorded end has code 0 or was asked for.", *(at for _, _, at in facts.exits))
    elif facts.state == "started" and facts.whole_life:
        yield refutes("The machine runs, and its events hold no exit.", *facts.seen_at[:1], *facts.events_at)
    elif not facts.exits:
        yield lacks("No exit of the machine's program was seen.", "E04", "E07")


@cause(
    "exited-normally",
    "The program came to its end",
    stage=Stage.START,
    explains=_AFTERMATH,
    remedy=Remedy(
        "Start a program that stays, or accept that it is done",
        "The main process ended with code 0: to the platform that is success, and the machine rests or goes.",
        ("docker buildx imagetools inspect {image}", "fly machine status {live_id} -a {app}"),
    ),
    next_test="Look at the exit code of the last exit event: 0 means that it ended as it wanted.",
)
def exited_normally(facts: Facts) -> Iterator[Point | Says]:
    """Exit code 0 that nobody asked for: a one-shot script, or a server started in the background."""
    ended = [
        (event, at) for event, x, at in facts.exits if x.exit_code == 0 and not x.requested_stop and not x.oom_killed
    ]
    said = facts.readings("exit-not-restarting")
    if ended and not facts.exits[-1][1].requested_stop:
        yield proves("The last exit has code 0, and nobody had asked for a stop.", *(at for _, at in ended[-1:]))
    if any(r.number == 0 for r in said):
        yield proves(f"The log says: “{said[-1].line.message}”.", "E07")
    elif not ended and any(r.number == 0 for r in facts.readings("exited")):
        yield favours("The log says that the main child exited normally with code 0.", "E07")
    if facts.crash_codes:
        yield refutes(f"The program also ended with {_crash(facts)}.", *_crash_at(facts))
    ran = facts.created_at and ended and ended[-1][0].at
    after = (
        f" {lasting(ended[-1][0].at - facts.created_at)} after it was created"
        if ran and facts.created_at and ended[-1][0].at
        else ""
    )
    yield says(
        f"The program ended by itself with code 0{after}; nothing crashed.",
        f"its program came to its end{after} (code 0), nothing crashed",
    )


@cause(
    "out-of-memory",
    "The program ran out of memory",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *_AFTERMATH),
    remedy=Remedy(
        "Give the machine more memory, or the program a smaller heap",
        "The default guest has 256 MB; the kernel ends what asks for more.",
        ("fly machine update {live_id} -a {app} --vm-memory 1024",),
    ),
    prevention=Remedy(
        "State the guest in the create call",
        "Without `guest` a machine gets shared-cpu-1x with 256 MB.",
    ),
    next_test="Look for oom_killed in the exit event, or repeat with twice the memory.",
)
def out_of_memory(facts: Facts) -> Iterator[Point | Says]:
    """`oom_killed: true`, the kernel's own line, or a heap limit; exit code 137 alone is only a hint."""
    killed = [at for _, x, at in facts.exits if x.oom_killed]
    lines = facts.readings("out-of-memory")
    if killed:
        yield proves("The exit event says oom_killed.", *killed)
    if lines:
        yield proves(f"The log says: “{short(lines[-1].line.message, 160)}”.", "E07")
    if not killed and any(code == 137 for code, _ in facts.crash_codes):
        yield favours("Exit code 137 means SIGKILL, which the kernel sends when memory runs out.", *_crash_at(facts))
        exits: list[Exit] = [x for _, x, _ in facts.exits]
        if exits and not lines and not any(x.oom_killed for x in exits):
            yield doubts("The exit events do not say oom_killed.", *facts.events_at)
    config = facts.machine.config if facts.machine else None
    guest = config.get("guest") if config else None
    memory = guest.get("memory_mb") if isinstance(guest, dict) else None
    size = f"{memory} MB" if memory else "the default of 256 MB"
    if killed or lines:
        yield favours(f"The machine has {size} of memory.", *facts.config_at, weight=Weight.WEAK)
    yield says(
        f"The program needed more memory than the machine has ({size}) and was ended by the kernel.",
        f"its program needed more memory than the machine has ({size})",
    )


@cause(
    "restart-limit-reached",
    "A crash loop used up its retries",
    stage=Stage.LIFE,
    mechanism=True,
    explains=("auto-destroyed", "record-never-updated"),
    remedy=Remedy(
        "Repeat once with auto_destroy off and read the log at once",
        "The loop is certain; why the program ends is not, because nothing it printed is left.",
        (
            "fly machine run {image} -a {app} -r {region} {variables}",
            "timeout 30 fly logs -a {app} --machine {machine_id} --no-tail",
        ),
    ),
    next_test="Create one machine with the same config and auto_destroy false, and read its log.",
)
def restart_limit_reached(facts: Facts) -> Iterator[Point | Says]:
    """Mechanism: the retries are used up and the reason for the exits is not visible."""
    if not facts.loop_ended or facts.last_words or any(x.oom_killed for _, x, _ in facts.exits):
        return
    limit = facts.readings("restarts-used-up")
    argue = proves if facts.looked("E07") else favours
    if limit and "E07" in facts.loop_ended:
        yield proves(f"The log says: “{limit[-1].line.message}”.", "E07")
    if any(at != "E07" for at in facts.loop_ended):
        yield argue(
            f"The program ended by itself with {_crash(facts)}, and the last time it was not restarted.",
            *(at for at in facts.loop_ended if at != "E07"),
        )
    if facts.outcome("E07") is not Outcome.SEEN:
        yield lacks("Nothing that the program printed is to be had.", "E07")
    yield says(f"The program crashed until its retries were used up ({_crash(facts) or 'exit code unknown'}).")
