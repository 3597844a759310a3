"""Where the evidence contradicts itself. While it does, nothing is confirmed: one side is about something else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Claim

# Clocks of the host and of the log differ by seconds, not by minutes.
_SKEW = timedelta(minutes=2)


def contradictions(facts: Facts) -> tuple[Claim, ...]:
    """Every pair of statements that cannot both be about this machine, with the observations of both."""
    return tuple(_found(facts))


def _found(facts: Facts) -> Iterator[Claim]:
    yield from _of_the_log(facts)
    yield from _of_the_image(facts)
    yield from _of_the_exits(facts)
    if facts.caller.foreign:
        yield Claim(
            f"The pasted text is about {facts.caller.foreign}; it supports nothing here.",
            (Facet.CALLER, *facts.machine.seen_evidence[:1]),
        )
    machine, told = facts.machine.description, facts.caller.answer.machine_id
    if told and facts.subject.machine_id and told != facts.subject.machine_id and not facts.caller.records:
        yield Claim(
            f"The caller names machine {told}, and the one examined is {facts.subject.machine_id}.",
            (Facet.CALLER,),
        )
    if (
        machine
        and facts.observations.app
        and machine.app_name
        and len({s.app for s in facts.machine.views if s.app}) > 1
    ):
        apps = ", ".join(sorted({s.app for s in facts.machine.views if s.app}))
        yield Claim(f"Different views show the machine in different apps: {apps}.", facts.machine.seen_evidence)


def _of_the_log(facts: Facts) -> Iterator[Claim]:
    kept = facts.log.logs.lines if facts.log.logs else ()
    foreign = sorted({line.instance for line in facts.log.foreign_lines if line in kept})
    if kept and foreign and not any(evidence == Facet.LOGS for evidence in facts.log.evidence):
        yield Claim(
            f"Every line of the log is of another machine ({', '.join(foreign[:3])}), "
            f"not of {facts.subject.machine_id}; they were left out.",
            (Facet.LOGS, *facts.machine.seen_evidence[:1]),
        )
    born, first = facts.machine.created_at, min((line.at for line in facts.log.lines if line.at), default=None)
    if born and first and Facet.LOGS in facts.log.evidence and first < born - _SKEW:
        yield Claim(
            f"The log begins at {first:%Y-%m-%d %H:%M:%S}, before the machine was created ({born:%Y-%m-%d %H:%M:%S}).",
            (Facet.LOGS, *facts.machine.seen_evidence[:1]),
        )
    limits = {r.number for r in facts.log.matches("restarts-used-up") if r.number is not None}
    if facts.machine.retries is not None and limits and facts.machine.retries not in limits:
        yield Claim(
            f"The log names a limit of {', '.join(map(str, sorted(limits)))} restarts, "
            f"and the machine's config allows {facts.machine.retries}: the line is of another machine or version.",
            (*facts.log.where("restarts-used-up"), *facts.machine.config_evidence),
        )


def _of_the_image(facts: Facts) -> Iterator[Claim]:
    digest = facts.machine.ran.digest if facts.machine.ran else ""
    pulled = [r.thing.rpartition("@")[2] for r in facts.log.matches("pulling") if "@sha256:" in r.thing]
    if digest and pulled and not any(p.startswith(digest[:19]) for p in pulled) and not _was_updated(facts):
        yield Claim(
            f"The log pulls {pulled[-1][:19]}…, and the machine's image is {digest[:19]}….",
            (*facts.log.where("pulling"), *facts.machine.seen_evidence[:1]),
        )


def _of_the_exits(facts: Facts) -> Iterator[Claim]:
    logged = {r.number for r in facts.log.matches("exited") if r.number is not None}
    recorded = {x.exit_code for _, x, _ in facts.events.exits if x.exit_code is not None}
    if facts.events.whole_life and logged and recorded and not logged & recorded:
        yield Claim(
            f"The log ends with code {_listed(logged)}, the events with code {_listed(recorded)}.",
            (*facts.log.where("exited"), *facts.events.evidence),
        )
    if facts.events.whole_life and facts.log.where("exited", "killed") == (Facet.LOGS,) and not facts.events.exits:
        yield Claim(
            "The log shows an exit of the program, and the events show none.", (Facet.LOGS, *facts.events.evidence)
        )
    if (
        facts.events.whole_life
        and not facts.events.started_evidence_by_events
        and facts.log.matches("exited", "killed", "booting")
    ):
        yield Claim(
            "The log shows a program running, and the events go back to the launch and show no start.",
            (*facts.log.where("exited", "killed", "booting"), *facts.events.evidence),
        )


def _was_updated(facts: Facts) -> bool:
    return facts.events.event_of("update") is not None or not facts.events.whole_life


def _listed(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))
