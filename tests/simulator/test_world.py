"""The life of machines, without a server: what they leave in events and logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbooks.simulator.machine import Machine
from runbooks.simulator.refused import Refused
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.world import World


def world_of(name: str, **settings: Any) -> World:
    scenario = load_scenario(name)
    return World(replace(scenario, settings=scenario.settings.model_copy(update=settings)))


def subject(world: World, name: str) -> Machine:
    parameters = load_scenario(name).parameters
    machines = world.listed(parameters["app_name"], deleted=True)
    return next(machine for machine in machines if machine.id == parameters["machine_id"])


def messages(world: World, machine: Machine) -> list[str]:
    return [line.message for line in world.log.read(machine.app, world.now, instance=machine.id)]


def kinds(machine: Machine) -> list[str]:
    return [f"{event['type']}/{event['status']}/{event['source']}" for event in machine.events]


def exits(machine: Machine) -> list[dict[str, Any]]:
    return [event["request"] for event in machine.events if event["type"] == "exit"]


def test_a_crash_loop_uses_up_its_retries_and_is_removed() -> None:
    world = world_of("vyx-missing-environment")
    machine = subject(world, "vyx-missing-environment")
    assert machine.state == "destroyed"
    assert kinds(machine)[:3] == ["launch/created/user", "start/started/flyd", "exit/stopped/flyd"]
    assert kinds(machine)[-2:] == ["destroy/destroying/flyd", "destroy/destroyed/flyd"]
    assert [request["restart_count"] for request in exits(machine)] == [0, 1, 2, 3]
    assert [request["exit_event"]["restarting"] for request in exits(machine)] == [True, True, True, False]
    assert exits(machine)[-1]["exit_event"] == {
        "exit_code": 1,
        "exited_at": "2025-10-02T03:00:27.654Z",
        "guest_exit_code": 0,
        "guest_signal": -1,
        "oom_killed": False,
        "requested_stop": False,
        "restarting": False,
        "signal": -1,
    }


def test_the_program_names_only_what_it_lacks_and_other_machines_say_other_things() -> None:
    world = world_of("vyx-missing-environment")
    own = messages(world, subject(world, "vyx-missing-environment"))
    assert own.count("[Main] Missing required environment variables: SUPABASE_SERVICE_KEY") == 4
    assert "machine has reached its max restart count of 3" in own
    for other in world.machines("vyx-app"):
        theirs = messages(world, other)
        assert "[Main] Missing required environment variables: SUPABASE_URL, SUPABASE_SERVICE_KEY, USER_ID" in theirs
        assert "machine has reached its max restart count of 10" in theirs
        assert other.state == "stopped"


def test_auto_destroy_can_be_told_to_need_the_policy_no() -> None:
    world = world_of("vyx-missing-environment", auto_destroy_mode="only_policy_no")
    assert subject(world, "vyx-missing-environment").state == "stopped"


def test_a_foreign_architecture_cannot_be_spawned() -> None:
    world = world_of("vyx-wrong-architecture")
    machine = subject(world, "vyx-wrong-architecture")
    text = "\n".join(messages(world, machine))
    assert "Exec format error (os error 8)" in text
    assert "Virtual machine exited abruptly" in text
    assert "stub server" not in text
    assert machine.state == "destroyed"


def test_a_late_pull_failure_never_starts_anything() -> None:
    world = world_of("vyx-late-pull-failure")
    machine = subject(world, "vyx-late-pull-failure")
    assert kinds(machine) == ["launch/created/user", "launch/launch_failed/flyd", "destroy/destroyed/flyd"]
    assert [text.split(" ")[0] for text in messages(world, machine)] == ["Pulling", "unable"]
    assert world.images.find(f"{machine.ref.registry}/{machine.ref.repository}@{machine.digest}") is None


def test_memory_decides_over_the_killer() -> None:
    world = world_of("out-of-memory")
    machine = subject(world, "out-of-memory")
    assert machine.state == "stopped"
    assert exits(machine)[0]["exit_event"]["oom_killed"] is True
    assert exits(machine)[0]["exit_event"]["exit_code"] == 137
    body = {
        "config": {**machine.config, "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 1024}},
        "name": "larger",
    }
    larger = world.create("harbor-relay", body)
    world.advance(60)
    assert larger.state == "started"


def test_code_zero_is_not_restarted() -> None:
    world = world_of("exited-normally")
    machine = subject(world, "exited-normally")
    assert len(exits(machine)) == 1
    assert "machine exited with exit code 0, not restarting" in messages(world, machine)
    assert machine.state == "destroyed"


def test_a_removal_by_request_says_so() -> None:
    world = world_of("destroyed-by-request")
    machine = subject(world, "destroyed-by-request")
    assert "destroy/destroying/user" in kinds(machine)
    assert exits(machine)[0]["exit_event"]["requested_stop"] is True
    assert not any("max restart count" in text for text in messages(world, machine))


def test_skip_launch_leaves_no_trace_but_the_launch() -> None:
    world = world_of("never-started")
    machine = subject(world, "never-started")
    assert machine.state == "created"
    assert kinds(machine) == ["launch/created/user"]
    assert messages(world, machine) == []
    world.start(machine)
    world.advance(30)
    assert machine.state == "started"
    assert "worker ready" in messages(world, machine)


def test_old_log_lines_are_gone_but_events_stay() -> None:
    world = world_of("restart-limit-reached")
    machine = subject(world, "restart-limit-reached")
    assert messages(world, machine) == []
    assert world.log.read("harbor-relay", world.now, after_ns=0) == []
    assert len(exits(machine)) == 6
    assert exits(machine)[-1]["exit_event"]["restarting"] is False


def test_the_clock_stands_until_it_is_moved() -> None:
    world = world_of("healthy")
    before = world.now
    world.machine("vyx-app", "d8d1009f2e4538")
    assert world.now == before
    world.advance(90)
    assert (world.now - before).total_seconds() == 90


def test_a_repaired_request_runs() -> None:
    """The scenario is a function of the request, so a remedy can be tried out."""
    world = world_of("vyx-missing-environment")
    machine = subject(world, "vyx-missing-environment")
    env = {**machine.config["env"], "SUPABASE_SERVICE_KEY": "given"}
    repaired = world.create("vyx-app", {"name": "repaired", "config": {**machine.config, "env": env}})
    world.advance(60)
    assert repaired.state == "started"
    assert repaired.listens(8080, world.now)


@pytest.mark.parametrize(
    ("region", "kept"), [("sin", "sin"), ("ams,fra", "ams"), ("any", "sin"), ("eu", "fra"), (None, "sin")]
)
def test_region_expressions(region: str | None, kept: str) -> None:
    world = world_of("healthy")
    body: dict[str, Any] = {"config": {"image": "flyio/hellofly:latest"}}
    machine = world.create("vyx-app", body if region is None else {**body, "region": region})
    assert machine.region == kept


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ([], 400, "cannot unmarshal"),
        ({}, 400, "config.image"),
        ({"config": {"image": "flyio/hellofly:latest"}, "region": "xxx"}, 422, "region xxx not found"),
        ({"config": {"image": "flyio/hellofly:latest"}, "region": "yul"}, 422, "deprecated"),
        ({"config": {"image": "flyio/hellofly:latest"}, "name": "vyx-77ab01c2"}, 409, "d8d1009f2e4538"),
        ({"config": {"image": "registry.fly.io/vyx-app:nope"}}, 400, "MANIFEST_UNKNOWN"),
    ],
)
def test_a_create_call_can_be_refused(body: Any, status: int, text: str) -> None:
    world = world_of("healthy")
    with pytest.raises(Refused, match=text) as caught:
        world.create("vyx-app", body)
    assert caught.value.status == status
