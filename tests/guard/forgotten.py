"""Plays a scenario at the time of its incident, with a guard that makes a capsule, and once the platform has forgotten.

The guard creates the machine of the scenario's own create call, under its id; what happened to it afterwards happens
to the guard's machine, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.guard import guard
from runbooks.simulator import spec
from runbooks.simulator.scenario import Scenario
from tests.guard.worlds import SimulatedClock, served
from tools.generate_docs import play

WRITES = "FlyV1 fm2_bWFkZS11cCBtYWNhcm9vbiBvZiB0aGUgZ3VhcmQ="


def create_call(scenario: Scenario) -> spec.HistoryEvent | None:
    """The create call that the incident is about, as the scenario plays it."""
    wanted = scenario.parameters.get("machine_id", ""), scenario.parameters.get("machine_name", "")
    for entry in reversed(scenario.world.history):
        told = entry.create
        if told is not None and (told.id == wanted[0] != "" or (told.refused and told.body.get("name") == wanted[1])):
            return entry
    return None


def at_the_time(scenario: Scenario) -> tuple[Scenario, spec.Create]:
    """The scenario right before the create call, which is left out of it, and that call."""
    entry = create_call(scenario)
    assert entry is not None
    call = entry.create
    assert call is not None
    history = [other for other in scenario.world.history if other is not entry]
    tokens = [*scenario.world.tokens, spec.Token(token=WRITES, org=scenario.world.apps[call.app].org)]
    world = scenario.world.model_copy(update={"history": history, "tokens": tokens})
    settings = scenario.settings.model_copy(update={"step_after_write_ms": 0, "rate_limits": False})
    return replace(scenario, look_at=entry.at, world=world, settings=settings), call


def capsule_of(scenario: Scenario, folder: Path, after: timedelta | None = None) -> Mapping[str, Any] | None:
    """The capsule that a guard makes at the incident's time; None if its machine settled.

    Args:
        scenario: the incident
        folder: for the simulator
        after: look at the machine so long after its creation, as a caller that misses it would; None for `provision`
    """
    then, call = at_the_time(scenario)
    with served(then, folder) as at:
        ids, hexes = at.simulator.world.ids, at.simulator.world.ids.hex
        with patch.object(ids, "hex", lambda what, n: call.id if what == "machine" and call.id else hexes(what, n)):
            clock = SimulatedClock(at.simulator)
            told = {"app": call.app, "token": WRITES, "clock": clock, **at.options}
            body = call.body
            result = guard.provision(
                **told, name=body.get("name", "unnamed"), region=body.get("region"), config=body["config"]
            )
            if after is None or not result["machine_id"]:
                capsule: Mapping[str, Any] | None = result["capsule"]
                return capsule
            at.simulator.advance(max(0.0, (then.look_at + after - at.simulator.world.now).total_seconds()))
            told.pop("registries")
            return guard.capture(**told, machine_id=result["machine_id"])


def forgotten(scenario: Scenario, capsule: Mapping[str, Any] | None) -> Scenario:
    """The same incident, looked at when neither lists, nor events, nor the log, nor metrics remember the machine."""
    later = scenario.look_at + timedelta(days=40)
    settings = scenario.settings.model_copy(update={"destroyed_listed_days": 7})
    tokens = [token.model_copy(update={"expires": None}) for token in scenario.world.tokens]
    parameters = dict(scenario.parameters)
    if capsule is not None:
        parameters["caller_log"] = json.dumps(capsule)
    world = scenario.world.model_copy(update={"tokens": tokens})
    return replace(scenario, look_at=later, settings=settings, world=world, parameters=parameters)


def evidence_of(scenario: Scenario) -> Evidence:
    """What a run finds in this scenario, collected in this process."""
    with patch("runbooks.simulator.scenario.load_scenario", lambda name: scenario):
        return play.__wrapped__(scenario.name)


def judged(scenario: Scenario) -> Diagnosis:
    return diagnose(evidence_of(scenario))
