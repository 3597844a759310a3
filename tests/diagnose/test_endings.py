"""A moment is not a state: each reading is followed by the evidence that ends it, and its cause holds no longer.

Every scenario is judged again with what a later look would have found: the endpoint answers and the checks pass, the
machine's state has moved on, the row agrees, the call was repeated with success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.model import Status
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import (
    Event,
    Evidence,
    Listing,
    LogLine,
    Logs,
    Machine,
    Outcome,
    Probe,
    Record,
    Records,
)
from runbooks.simulator.scenario import load_scenario, scenario_names

_ROWS = (Facet.LIST, Facet.LIST_AGAIN, Facet.LIST_DELETED, Facet.ORGANISATION, Facet.MACHINE, Facet.MACHINE_AGAIN)
Change = Callable[[Evidence], Evidence]


def changed(evidence: Evidence, answers: Mapping[str, Any]) -> Evidence:
    """The same evidence with other answers, all of them seen."""
    observations = dict(evidence.observations)
    for number, answer in answers.items():
        if number in observations:
            seen = replace(observations[number], outcome=Outcome.SEEN, reason="seen later", answer=answer)
            observations[number] = seen
    return replace(evidence, observations=observations)


def each_view(evidence: Evidence, change: Callable[[Machine], Machine]) -> dict[str, Any]:
    """The views of the subject, each changed; other machines stay as they are."""
    own = evidence.subject.machine_id
    found: dict[str, Any] = {}
    for facet in _ROWS:
        observation = evidence.observations.get(facet.value)
        answer = observation.answer if observation else None
        if isinstance(answer, Machine) and answer.id == own:
            found[facet.value] = change(answer)
        elif isinstance(answer, Listing) and any(m.id == own for m in answer.machines):
            machines = tuple(change(m) if m.id == own else m for m in answer.machines)
            found[facet.value] = replace(answer, machines=machines)
    return found


def logged(evidence: Evidence, *lines: tuple[str, str]) -> dict[str, Any]:
    """The log with (provider, message) lines after its last one."""
    observation = evidence.observations.get(Facet.LOGS.value)
    logs = observation.answer if observation and isinstance(observation.answer, Logs) else Logs(())
    last = max((line.at for line in logs.lines if line.at), default=evidence.looked_at - timedelta(minutes=5))
    own = evidence.subject.machine_id
    added = (LogLine(last + timedelta(seconds=n + 1), m, p, "info", own) for n, (p, m) in enumerate(lines))
    return {Facet.LOGS.value: replace(logs, lines=(*logs.lines, *added))}


def port_opens(evidence: Evidence) -> Evidence:
    """The proxy reached the program, its checks pass, and both ways to it are open."""

    def passing(machine: Machine) -> Machine:
        checks = [{**c, "status": "passing"} for c in machine.raw.get("checks") or ()]
        return replace(machine, cordoned=False, host_status="ok", raw={**machine.raw, "checks": checks})

    reached = (
        ("proxy", "machine became reachable in 2.1s"),
        ("health", "Health check 'up' on port 8080 is now passing."),
    )
    probes = {
        number.value: Probe("wss://app.fly.dev/", "open", 101) for number in (Facet.EDGE_APP, Facet.EDGE_BELIEVED)
    }
    return changed(evidence, {**each_view(evidence, passing), **logged(evidence, *reached), **probes})


def state_moves_on(evidence: Evidence) -> Evidence:
    """The machine was started a minute before the look, and runs."""
    at = evidence.looked_at - timedelta(minutes=1)
    start = Event("~later", "start", "started", "user", at)

    def started(machine: Machine) -> Machine:
        return replace(machine, state="started", updated_at=at, events=(*machine.events, start))

    views = each_view(evidence, started)
    observation = evidence.observations.get(Facet.EVENTS.value)
    events = observation.answer if observation and isinstance(observation.answer, tuple) else ()
    boot = (
        ("app", "Starting init (commit: 6d47c1d)..."),
        ("app", "Preparing to run: `node server.js` as root"),
        ("runner", "Machine started in 1.2s"),
    )
    told = {Facet.EVENTS.value: (*events, start)} if views else {}
    return changed(evidence, {**views, **told, **(logged(evidence, *boot) if views else {})})


def row_follows(evidence: Evidence) -> Evidence:
    """The row says what the platform says, written just now."""
    views = each_view(evidence, lambda machine: machine)
    state = next((v.state for v in views.values() if isinstance(v, Machine)), "")
    says = {"started": "running"}.get(state, state)

    def follow(row: Record) -> Record:
        return replace(row, status=says, updated_at=evidence.looked_at - timedelta(seconds=30))

    observation = evidence.observations.get(Facet.RECORD.value)
    records = observation.answer if observation and isinstance(observation.answer, Records) else None
    if records is None or not says:
        return evidence
    return changed(evidence, {Facet.RECORD.value: replace(records, rows=tuple(map(follow, records.rows)))})


ENDINGS: Mapping[Change, frozenset[str]] = {
    port_opens: frozenset(
        {"not-listening", "health-check-failing", "no-machine-behind-app", "cordoned", "host-unreachable"}
    ),
    state_moves_on: frozenset(
        {
            "stuck-in-transition",
            "never-started",
            "start-rejected",
            "stopped-by-request",
            "stopped-by-autostop",
            "autostart-disabled",
            "exited-normally",
            "restart-limit-reached",
            "host-capacity",
        }
    ),
    row_follows: frozenset({"record-never-updated"}),
}
"""What a later look finds → the causes that are over then."""


def holding(evidence: Evidence) -> set[str]:
    return {h.slug for h in diagnose(evidence).hypotheses if h.status in (Status.CONFIRMED, Status.LIKELY)}


@pytest.mark.parametrize("change", ENDINGS, ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", scenario_names())
def test_what_has_ended_holds_no_longer(name: str, change: Change) -> None:
    over = ENDINGS[change]
    before = play(name)
    after = change(before)
    assert not diagnose(after).faults
    if before is after or after == before:
        return
    assert not holding(after) & over, diagnose(after).headline


def test_every_cause_that_can_end_is_played() -> None:
    """A cause without a scenario would pass unseen; those that a facet of their own decides have theirs there."""
    played = {load_scenario(name).expect["cause"] for name in scenario_names()}
    assert frozenset().union(*ENDINGS.values()) - played <= {"host-capacity"}
