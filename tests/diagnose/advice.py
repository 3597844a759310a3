"""Reads advice against the bare evidence, without the tables that make it: every line that a known fact contradicts.

Each check reads the answers of the platform itself (descriptions, lists, events), so an error in the derived facts
or in the table of preconditions is found here and not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.diagnose.model import Diagnosis, Remedy
from runbooks.evidence.models import Addresses, Caller, Evidence, Image, Listing, Machine, Outcome

VIEWS = ("E08", "E06", "E05", "E05b", "E03b", "E03")
"""The weakest first: what a later one tells counts."""
DEAD = ("destroyed", "destroying")
STARTABLE = ("created", "stopped", "suspended", "failed", "launch_failed")
ID = re.compile(r"\b[0-9a-f]{14}\b")
# What a sentence says of the machine: (words, states in which they are wrong).
SENTENCES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\bthe machine is running\b", (*DEAD, *STARTABLE)),
    (r"\bhealth check passes\b|\bmake the check pass\b", (*DEAD, *STARTABLE)),
    (r"^start the machine\b|\bstart it\b|\bstart the machine once\b", (*DEAD, "started")),
    (r"\buncordon the machine\b", DEAD),
    (r"\bdestroy this machine\b|\bdestroy it\b", (*DEAD, "started", "stopped", "suspended", "failed")),
    (r"\bgive the machine its metadata\b", DEAD),
    (r"\beverything works now\b", (*DEAD, *STARTABLE)),
    (r"\bwait until the machine's state is settled\b", (*DEAD, "started", "stopped", "suspended", "failed")),
    (
        r"\bthe machine is destroyed\b|\bthis machine is destroyed\b|\bdoes not exist, so create\b",
        ("started", "stopped"),
    ),
    (r"\bthe machine's state is not known\b", (*DEAD, *STARTABLE, "started")),
    (r"\bthe machine itself answers\b", DEAD),
    (r"\bmachine with a running pull leaves `created`", (*DEAD, "started", "stopped", "suspended")),
)


@dataclass(frozen=True)
class Known:
    """What the evidence shows: states and apps by machine id, and of the subject its ports and settings."""

    app: str
    app_missing: bool
    own: str
    states: Mapping[str, str]
    apps: Mapping[str, str]
    absent: bool
    config: Mapping[str, Any]
    ips: tuple[str, ...]
    lacking: frozenset[str] = frozenset()
    heard: bool = False


def known(evidence: Evidence) -> Known:
    subject, states, apps = evidence.subject, {}, {}
    config: Mapping[str, Any] = {}
    outcome = {number: one.outcome for number, one in evidence.observations.items()}
    answer = {number: one.answer for number, one in evidence.observations.items()}
    own = subject.machine_id
    caller = answer.get("E19")
    if isinstance(caller, Caller) and not any(outcome.get(n) in (Outcome.SEEN, Outcome.ABSENT) for n in VIEWS):
        for one in sorted(caller.pasted.machines, key=lambda m: (m.at is not None, str(m.at))):
            if one.machine.state and one.app in ("", subject.app):
                states[one.machine.id] = one.machine.state
    for number in VIEWS:
        body = answer.get(number)
        for machine in (body,) if isinstance(body, Machine) else body.machines if isinstance(body, Listing) else ():
            if machine.state and states.get(machine.id) not in DEAD:
                states[machine.id] = machine.state
            apps[machine.id] = apps.get(machine.id) or machine.app_name or ("" if number == "E08" else subject.app)
            config = machine.config or config if machine.id == own else config
    events = answer.get("E04")
    if own and own not in states and isinstance(events, tuple) and events and events[-1].status:
        states[own] = events[-1].status
    ips = answer.get("E11")
    images = [one for one in answer.values() if isinstance(one, Image)]
    absent = bool(own) and own not in states and outcome.get("E03") is Outcome.ABSENT
    return Known(
        subject.app,
        outcome.get("E02") is Outcome.ABSENT,
        own,
        states,
        {machine: app for machine, app in apps.items() if app},
        absent,
        config,
        tuple(ip for ip, _ in ips.ips) if isinstance(ips, Addresses) else (),
        frozenset(one.ref for one in images if one.exists is False) - {one.ref for one in images if one.exists},
        outcome.get("E07") is Outcome.SEEN,
    )


def contradictions(evidence: Evidence, diagnosis: Diagnosis) -> list[str]:
    """Every command and sentence of the diagnosis's advice that the evidence contradicts."""
    facts = known(evidence)
    found = list(in_steps(facts, diagnosis.remedies))
    found += in_steps(facts, (*diagnosis.prevention, *diagnosis.verification), later=True)
    tests = [Remedy(h.next_test, "") for h in diagnosis.hypotheses if h.next_test]
    for test in tests:
        found += in_steps(facts, [test])
    return found


def in_steps(facts: Known, remedies: Iterable[Remedy], later: bool = False) -> Iterator[str]:
    """The same for steps that are taken one after the other: each changes what the next finds.

    Args:
        facts: before the first step
        remedies: the steps
        later: whether they are about the next machine, made when the cause is fixed
    """
    states, made = dict(facts.states), False
    if facts.absent:
        states[facts.own] = "destroyed"
    for remedy in remedies:
        state = facts.states.get(facts.own, "destroyed" if facts.absent else "")
        for text in () if later else (remedy.title, remedy.why):
            bare = re.sub(r"`[^`]+ [^`]+`", "", text)
            for words, wrong in SENTENCES:
                if state in wrong and re.search(words, bare, re.I):
                    yield f"{state}: “{text[:90]}”"
            for command in re.findall(r"`((?:fly|curl) [^`]+)`", text):
                yield from _of(command, facts, states, made, sentence=True)
        for command in remedy.commands:
            yield from _of(command, facts, states, made, sentence=later)
            made = made or bool(re.match(r"fly machine (run|clone|create)\b", command))
            for machine in ID.findall(command):
                for verb, after in (("start", "started"), ("destroy", "destroyed"), ("stop", "stopped")):
                    if command.startswith(f"fly machine {verb} "):
                        states[machine] = after
                if "--state settled" in command and states.get(machine) not in (*STARTABLE, *DEAD, "started"):
                    states[machine] = "stopped"


def _of(command: str, facts: Known, states: Mapping[str, str], made: bool, sentence: bool = False) -> Iterator[str]:
    verb = next(iter(re.findall(r"^fly machine (\w+)", command)), "")
    app = next(iter(re.findall(r" -a (\S+)", command)), "")
    ids = [one for one in ID.findall(command) if f"{one}." not in command]
    changes = verb in ("start", "stop", "destroy", "update", "uncordon", "exec", "clone", "leases", "wait")
    if verb == "run":
        ids = []
        if not sentence and command.split()[3] in facts.lacking:
            yield f"the registry does not have it: {command}"
    for machine in ids:
        state = states.get(machine, "")
        wrong = {
            "start": (*DEAD, "started", "starting", "replacing"),
            "destroy": (*DEAD, "started", "stopped", "suspended", "failed"),
            "exec": (*DEAD, *STARTABLE),
        }.get(verb, DEAD if changes or "fly-force-instance-id" in command else ())
        if state in wrong:
            yield f"{machine} is {state}: {command}"
        if machine == facts.own and not state and changes and not facts.heard:
            yield f"the state of {machine} is not known: {command}"
        its = facts.apps.get(machine, "")
        if its and app and not app.isupper() and app != its:
            yield f"{machine} is in {its}: {command}"
        if its and "fly-force-instance-id" in command and f"//{its}.fly.dev" not in command:
            yield f"{machine} is in {its}: {command}"
    if changes and re.search(r"\bMACHINE_ID\b", command):
        yield f"which machine? {command}"
    there = states.get(facts.own, "")
    if verb in ("update", "exec", "start") and "NEW_ID" in command and there and there not in DEAD and not made:
        yield f"there is no new machine: {command}"
    if facts.app_missing and app == facts.app and not sentence and not command.startswith("fly apps "):
        yield f"there is no app {app}: {command}"
    if verb == "update" and facts.own in ids:
        yield from _settings(command, facts.config)
    if (
        "ips allocate-v6" in command
        and "--private" not in command
        and any(":" in ip[:5] for ip in facts.ips if "fdaa" not in ip)
    ):
        yield f"it has such an address: {command}"


def _settings(command: str, config: Mapping[str, Any]) -> Iterator[str]:
    services = [one for one in config.get("services") or () if isinstance(one, Mapping)]
    port = re.search(r"--port \d+:(\w+)", command)
    if port and not port[1].isdigit():
        yield f"which port? {command}"
    if port and port[1] in {str(one.get("internal_port")) for one in services}:
        yield f"that is the present port: {command}"
    memory = re.search(r"--vm-memory (\d+)", command)
    present = (config.get("guest") or {}).get("memory_mb") or 0
    if memory and int(memory[1]) <= present:
        yield f"it has {present} MB: {command}"
    if "--autostart=true" in command and services and all(one.get("autostart") is True for one in services):
        yield f"autostart is on: {command}"
