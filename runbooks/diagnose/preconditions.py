"""Advice that follows the known state: what each command presupposes, and what becomes of it where that is not so.

One table tells by command form (`fly machine start`, …) in which states of the machine it makes sense. A `Plan`
walks the remedies in their order and knows what the steps before have changed: a machine that one step starts is
not destroyed by the next. Where the state contradicts a command, the command is replaced or left out. Where the
state is not known, a question takes its place: which state is it in?
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest

from runbooks.base.facets import Facet
from runbooks.diagnose.commands import UNKNOWN, filled, lines
from runbooks.diagnose.facts import VAGUE, Facts
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.operations import Operation
from runbooks.evidence.models import Outcome

NEW, TEST = "NEW_ID", "TEST_ID"
"""Stand for the id of the machine that the caller creates next, and of one that a step creates to look at."""


class Standing(StrEnum):
    """How a machine stands, as far as commands are concerned (§2)."""

    RUNS = "started"
    IDLE = "stopped, suspended or failed"
    CREATED = "created"
    PASSING = "on its way from one state to another"
    GONE = "destroyed, or not known to the platform"
    NONE = "never made"
    UNKNOWN = "not known"


EXISTS = frozenset({Standing.RUNS, Standing.IDLE, Standing.CREATED, Standing.PASSING})
RESTS = frozenset({Standing.IDLE, Standing.CREATED})
WAITS = frozenset({Standing.CREATED, Standing.PASSING})
UP = frozenset({Standing.RUNS})
_LOST = frozenset({Standing.GONE, Standing.NONE})
_STANDING = {
    **dict.fromkeys(("started",), Standing.RUNS),
    **dict.fromkeys(("stopped", "suspended", "failed", "launch_failed"), Standing.IDLE),
    **dict.fromkeys(("destroyed", "destroying"), Standing.GONE),
    "created": Standing.CREATED,
}
_PLACEHOLDERS = frozenset({"MACHINE_ID", *(word for word in UNKNOWN.values() if word.endswith("_ID"))})


@dataclass(frozen=True, slots=True)
class Form:
    """What a command presupposes of the machine that it names, and the state it leaves behind.

    Args:
        states: in which it makes sense
        leaves: the state afterwards; None: unchanged
        anew: whether a new machine serves the same purpose where this one is gone
    """

    states: AbstractSet[Standing]
    leaves: Standing | None = None
    anew: bool = False


FORMS: Mapping[str, Form] = {
    "machine start": Form(RESTS, Standing.RUNS, anew=True),
    "machine stop": Form(UP, Standing.IDLE),
    "machine destroy": Form(WAITS, Standing.GONE),
    "machine update": Form(EXISTS, anew=True),
    "machine clone": Form(EXISTS, anew=True),
    "machine uncordon": Form(EXISTS),
    "machine exec": Form(UP),
    "machine leases": Form(EXISTS),
    "machine wait": Form(EXISTS),
    "machine status": Form(frozenset({*EXISTS, Standing.GONE, Standing.UNKNOWN})),
    "logs": Form(frozenset({*EXISTS, Standing.GONE, Standing.UNKNOWN})),
    "instance": Form(EXISTS),
}
"""By form of the command. A machine may be destroyed by hand only while it hangs: anything else loses what it holds."""

_VARIANTS = re.compile(r"\s-(?:-port|-vm-memory)[ =]\S+")
_PROGRAMS = ("fly ", "curl ", "timeout ")
_HEADER = "fly-force-instance-id:"
_MADE_BY = ("machine run", "machine clone", "machine create")


def standing_of(facts: Facts) -> Standing:
    """How the incident's machine stands: by the last state that a view or an event tells, else by its log."""
    state = facts.events.state
    if state:
        return _STANDING.get(state, Standing.PASSING)
    if facts.events.runs and not facts.events.crash_codes:
        return Standing.RUNS
    if not facts.machine.views and facts.outcome(Facet.MACHINE) is Outcome.ABSENT:
        return Standing.GONE
    # Only a refused create call says that there is no machine; one that is not named may be about another object.
    last = [no for no in facts.log.last_refusals if no.kind not in VAGUE]
    refused = any(no.operation is Operation.CREATE or no.kind.startswith("manifest-") for no in last)
    if refused and not facts.subject.machine_id and not facts.machine.views and not facts.log.lines:
        return Standing.NONE
    return Standing.UNKNOWN


class Plan:
    """The steps that a report advises, in their order.

    Args:
        facts: what is known before the first step
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._own = facts.subject.machine_id
        self._standing = {self._own: standing_of(facts)}
        self._standing |= {m.id: _STANDING.get(m.state, Standing.PASSING) for m, _ in facts.siblings.others if m.state}
        self._app_missing = facts.outcome(Facet.APP) is Outcome.ABSENT
        self._made = False
        # A region that was refused is no region to ask for again.
        refused = any(no.kind.startswith("region-") for no in facts.log.last_refusals)
        self._replaced = {"region": ""} if refused else {}
        images = [facts.observations.image(n) for n in (Facet.IMAGE_BELIEVED, Facet.IMAGE_RAN)]
        again = [facts.observations.image(n) for n in (Facet.IMAGE_BELIEVED_AGAIN, Facet.IMAGE_RAN_AGAIN)]
        found = {image.ref for image in (*images, *again) if image and image.exists}
        self._missing = {image.ref for image in images if image and image.exists is False} - found

    def fit(
        self,
        remedy: Remedy,
        names: Mapping[str, str],
        needs: AbstractSet[Standing] = frozenset(),
        instead: Remedy | None = None,
    ) -> Remedy | None:
        """The remedy as it can be followed after the steps before; None where it cannot.

        Args:
            remedy: as the cause declares it
            names: what it is filled in with
            needs: the states in which its sentences hold; empty: in any
            instead: what to do in all other states of a machine that exists
        """
        standing = self._standing[self._own]
        if needs and standing is not Standing.UNKNOWN and standing not in needs:
            other = self.fit(instead, names) if instead and standing in EXISTS else None
            return other if other and other.commands else None
        told = filled(remedy, {**names, **self._replaced})
        commands: list[str] = []
        notes: list[str] = []
        for command in told.commands:
            # What needs a machine is about this one: it is to be looked at in the app that has it.
            for kept in self._fit(self._in_its_app(command) if needs else command, notes):
                if kept not in commands:
                    commands.append(kept)
                    self._take(kept)
        return Remedy(told.title, " ".join((told.why, *dict.fromkeys(notes))), tuple(commands))

    def remaining(self) -> Remedy:
        """What is left to do where nothing that the cause advises can be done with this machine."""
        if self._standing[self._own] not in _LOST:
            commands = lines(("fly machine status {machine_id} -a {app}",), self._facts.names)
            events = self._facts.events
            state = events.state or "started"
            now = f"The machine is {state} now."
            if events.pasted_at or events.state_evidence == (Facet.CALLER,):
                now = f"The pasted text ends with the machine {state}; how it is now was not queried."
            return Remedy("Check whether the incident is over", now, commands)
        notes = [self._lost()]
        run = self._run(notes)
        self._take(*run)
        return Remedy("Create a new machine once the cause is fixed", " ".join(notes), run)

    def test(self, text: str, needs: AbstractSet[Standing] = frozenset()) -> str:
        """A next test as it can be made now; the question after the state, or "" where it cannot be made."""
        standing = self._standing[self._own]
        if needs and standing is not Standing.UNKNOWN and standing not in needs:
            return ""
        notes: list[str] = []
        for command in text.split("`")[1::2]:
            if command in _STANDING and standing is not Standing.UNKNOWN and command != self._facts.events.state:
                return ""  # it is about a state that the machine is not in
            kept = self._fit(command, notes)
            if notes and not kept:
                return notes[0]
            if kept != (command,):
                return ""
        return text

    def _fit(self, command: str, notes: list[str]) -> tuple[str, ...]:
        words = _words(command)
        form, target = _form(words)
        if self._misses_app(words):
            return ()
        known = FORMS.get(form)
        if known is None:
            return (command,) if self._useful(form, words, self._own, notes) else ()
        if target in _PLACEHOLDERS or (target == self._own and not target):
            notes.append(self._find())
            return ()
        if target in (NEW, TEST):
            return self._of_the_next(command, words, notes)
        standing = self._standing.get(target, Standing.UNKNOWN)
        if target == self._own:
            command = self._in_its_app(command)
        if standing in known.states:
            return (command,) if self._useful(form, words, target, notes) else ()
        if standing is Standing.UNKNOWN:
            notes.append(self._check(target))
            return ()
        if standing in _LOST and known.anew and target == self._own and not self._made:
            notes.append(self._lost())
            return self._run(notes, "".join(_VARIANTS.findall(command)))
        return ()

    def _of_the_next(self, command: str, words: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
        """A command about the machine that is created next: not while this one is there, or may be."""
        if self._made or self._standing[self._own] in _LOST:
            form, target = _form(words)
            return (command,) if self._useful(form, words, target, notes) else ()
        if not self._own or self._standing[self._own] is Standing.UNKNOWN:
            notes.append(self._check(self._own) if self._own else self._find())
        return ()

    def _useful(self, form: str, words: tuple[str, ...], target: str, notes: list[str]) -> bool:
        """Would the command change what is not so already, from what is known?"""
        facts, options = self._facts, _options(words)
        own = target == self._own
        if "--port" in options and own and facts.machine.services is None:
            (command,) = lines(("fly machine status {machine_id} -a {app} -d",), facts.names)
            notes.append(f"The service's internal_port is not known. Look at it first: `{command}`.")
            return False
        if "--port" in options:
            port = options["--port"].partition(":")[2].partition("/")[0]
            return port.isdigit() and port not in {str(s.internal_port) for s in facts.machine.services or () if own}
        if form == "machine update" and own and facts.machine.services:
            services = facts.machine.services
            if options.get("--autostop") == "off" and not any(s.autostop for s in services):
                return False
            if options.get("--autostart") == "true" and all(s.autostart for s in services):
                return False
        if form == "machine update" and own and options.get("--vm-memory", "").isdigit():
            return int(options["--vm-memory"]) > facts.machine.memory_mb
        if form == "machine wait" and options.get("--state") == "settled":
            return self._standing.get(target) not in (Standing.RUNS, Standing.IDLE)
        if form == "ips allocate-v6" and "--private" not in words:
            return not any(":" in ip and not ip.startswith("fdaa") for ip in self._addresses())
        if form == "ips allocate-v4":
            return not any("." in ip for ip in self._addresses())
        if form == "machine run" and words[3] in self._missing:
            notes.append("The registry does not have this image: push it before you create a machine from it.")
            return False
        if form == "apps create":
            return facts.outcome(Facet.APP) is not Outcome.SEEN
        if form == "certs add" and facts.certificates.listed:
            return words[2] not in {one.hostname for one in facts.certificates.listed.found}
        return True

    def _addresses(self) -> list[str]:
        """Those that the app has, as far as they were seen."""
        return [ip for ip, _ in self._facts.observations.addresses.ips] if self._facts.observations.addresses else []

    def _misses_app(self, words: tuple[str, ...]) -> bool:
        """Does it need the app, which does not exist and which no step before creates?"""
        app = self._app_missing and _options(words).get("-a")
        return bool(app) and app == self._facts.subject.app

    def _take(self, *commands: str) -> None:
        """Remember what these commands change."""
        for command in commands:
            form, target = _form(_words(command))
            if form in _MADE_BY:
                self._made = True
            if form == "apps create":
                self._app_missing = False
            if " --push" in command or command.startswith("docker push "):
                self._missing = set()
            if form in FORMS and (leaves := FORMS[form].leaves):
                self._standing[target] = leaves
            elif form == "machine wait" and self._standing.get(target) is Standing.PASSING:
                self._standing[target] = Standing.IDLE

    def _in_its_app(self, command: str) -> str:
        """The same for the app in which the platform shows the machine, where that is another than believed."""
        facts = self._facts
        if not facts.machine.other_apps or facts.machine.known_here:
            return command
        mine, its = shlex.quote(facts.subject.app), facts.machine.other_apps[0].app
        command = re.sub(rf" -a {re.escape(mine)}(?=\s|$)", lambda _: f" -a {shlex.quote(its)}", command)
        return command.replace(f"https://{facts.app_host}/", f"https://{its}.fly.dev/") if its.isascii() else command

    def _run(self, notes: list[str], options: str = "") -> tuple[str, ...]:
        names = {**self._facts.names, **self._replaced}
        (command,) = lines((f"fly machine run {{image}} -a {{app}} -r {{region}}{options}",), names)
        return self._fit(command, notes)

    def _lost(self) -> str:
        told = {"destroyed": "is destroyed", "destroying": "is being destroyed"}
        state = told.get(self._facts.events.state, "does not exist")
        return f"This machine {state}, so create a new one."

    def _check(self, target: str) -> str:
        (command,) = lines(("fly machine status {id} -a {app}",), {**self._facts.names, "id": target})
        return f"The machine's state is not known. Check it first: `{command}`."

    def _find(self) -> str:
        (command,) = lines(("fly machine list -a {app}",), self._facts.names)
        return f"The machine's id is not known. Find it first: `{command}`."


def follow(
    plan: Plan,
    steps: Iterable[tuple[Remedy, Mapping[str, str], AbstractSet[Standing], Remedy | None]],
) -> list[Remedy]:
    """The steps that can be followed; where none can, the one thing that is left.

    Args:
        plan: the state before the first
        steps: the arguments of `Plan.fit`, each
    """
    steps = list(steps)
    found = [remedy for step in steps if (remedy := plan.fit(*step))]
    return found or ([plan.remaining()] if steps else [])


@lru_cache(maxsize=2_000)
def _words(command: str) -> tuple[str, ...]:
    """The words of a command from its program on; a `timeout` before it is no part of it. Other programs: none."""
    if not command.startswith(_PROGRAMS):
        return ()
    words = tuple(shlex.split(command))
    return words[2:] if words[0] == "timeout" else words


def _form(words: tuple[str, ...]) -> tuple[str, str]:
    """(form, machine) of a command; the form is empty for other programs, the machine where none is named."""
    if words[:1] == ("curl",):
        instance = next((w.removeprefix(_HEADER) for w in words if w.startswith(_HEADER)), "")
        return ("instance", instance) if instance else ("", "")
    if words[:1] != ("fly",):
        return "", ""
    if words[1:2] == ("logs",):
        machine = _options(words).get("--machine", "")
        return ("logs", machine) if machine else ("", "")
    form, place = " ".join(words[1:3]), 4 if words[2:3] == ("leases",) else 3
    return form, words[place] if len(words) > place and form in FORMS else ""


@lru_cache(maxsize=2_000)
def _options(words: tuple[str, ...]) -> Mapping[str, str]:
    """Option → value, in both spellings."""
    found: dict[str, str] = {}
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            found[name] = value if equals else after
    return found
