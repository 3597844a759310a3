"""What is done to machines that live: updates, moves, stops, checks, leases, and what the platform refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runbooks.base.errors import SourceError
from runbooks.simulator import spec
from runbooks.simulator.checks import checks_of
from runbooks.simulator.http import answer_refused
from runbooks.simulator.machine import Machine
from runbooks.simulator.refused import Refused
from runbooks.simulator.scenario import FOLDER, load_scenario
from runbooks.simulator.world import World

from .conftest import Play, writer
from .test_world import kinds, messages, world_of


def told(name: str) -> tuple[World, Machine]:
    world = world_of(name)
    return world, world._find(load_scenario(name).parameters["machine_id"])


def world_at(name: str, moment: str) -> World:
    return World(replace(load_scenario(name), look_at=datetime.fromisoformat(moment)))


def seconds(machine: Machine, first: int, then: int) -> float:
    return float((machine.events[then]["timestamp"] - machine.events[first]["timestamp"]) / 1000)


def last_create(name: str) -> spec.Create:
    calls = [entry.create for entry in load_scenario(name).world.history if entry.create]
    return calls[-1]


def refusal(world: World, call: spec.Create, **change: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        world.create(call.app, {**call.body, **change})
    return caught.value


def test_an_update_makes_a_new_version_of_the_same_machine() -> None:
    world = world_of("healthy")
    machine = world.machine("vyx-app", "d8d1009f2e4538")
    before = machine.instance_id
    world.update(machine, {**machine.config, "env": {**machine.config["env"], "LEVEL": "debug"}})
    assert machine.state == "replacing"
    world.advance(30)
    assert machine.state == "started"
    assert machine.instance_id != before
    assert machine.config["env"]["LEVEL"] == "debug"
    assert kinds(machine)[-4:] == [
        "update/replacing/user",
        "exit/stopped/flyd",
        "update/replaced/user",
        "start/started/flyd",
    ]


def test_a_pull_that_hangs_leaves_its_beginning_and_nothing_else() -> None:
    world, machine = told("stuck-in-transition")
    assert machine.state == "created"
    assert kinds(machine) == ["launch/created/user"]
    assert [text.split(" ")[0] for text in messages(world, machine)] == ["Pulling"]


def test_an_update_whose_pull_hangs_keeps_the_machine_from_starting() -> None:
    world, machine = told("stuck-in-replacing")
    assert machine.state == "replacing"
    with pytest.raises(Refused, match="unable to start machine from current state: 'replacing'") as caught:
        world.start(machine)
    assert caught.value.status == 412


def test_an_image_that_does_not_fit_fails_after_the_pull() -> None:
    world, machine = told("image-too-large")
    assert kinds(machine) == ["launch/created/user", "launch/launch_failed/flyd", "destroy/destroyed/flyd"]
    assert messages(world, machine)[-1].startswith("Not enough space to unpack image")
    assert seconds(machine, 0, 1) > 90


def test_a_migration_keeps_the_id_and_changes_the_rest() -> None:
    _, machine = told("replaced-or-migrated")
    parameters = load_scenario("replaced-or-migrated").parameters
    assert machine.state == "started"
    assert kinds(machine)[-2:] == ["launch/created/flyd", "start/started/flyd"]
    assert "instance_id=" in parameters["caller_log"]
    # What the caller remembers is what the machine had before.
    assert machine.instance_id not in parameters["caller_log"]
    assert machine.private_ip not in parameters["caller_log"]


def test_a_trial_ends_every_run_after_five_minutes() -> None:
    world, machine = told("trial-limit")
    starts = [n for n, kind in enumerate(kinds(machine)) if kind == "start/started/flyd"]
    assert len(starts) == 3
    assert all(kinds(machine)[n + 1] == "stop/stopping/flyd" for n in starts)
    assert {seconds(machine, n, n + 1) for n in starts} == {302.0}
    assert sum("Trial machine stopping" in text for text in messages(world, machine)) == 3


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("stopped-by-autostop", "proxy", True),
        ("autostart-disabled", "proxy", True),
        ("stopped-by-request", "user", False),
    ],
)
def test_a_stop_says_who_asked(name: str, source: str, said: bool) -> None:
    world, machine = told(name)
    assert machine.state == "stopped"
    assert f"stop/stopping/{source}" in kinds(machine)
    assert machine.events[-1]["request"]["exit_event"]["requested_stop"] is True
    text = f"has excess capacity, autostopping machine {machine.id}. 0 out of 1 machines left running"
    assert any(text in line for line in messages(world, machine)) is said


def test_a_deploy_leaves_newer_machines_and_a_removed_one() -> None:
    world, machine = told("destroyed-by-deploy")
    assert "destroy/destroying/user" in kinds(machine)
    versions = {other.config["metadata"]["fly_release_version"] for other in world.machines(machine.app)}
    assert versions == {"42"}
    assert machine.config["metadata"]["fly_release_version"] == "41"


@pytest.mark.parametrize(
    ("config", "name", "reached", "status", "found"),
    [
        ({"checks": {"alive": {"type": "http", "port": 80, "path": "/up"}}}, "alive", True, 200, "passing"),
        ({"checks": {"alive": {"type": "http", "port": 80}}}, "alive", True, 500, "critical"),
        ({"checks": {"alive": {"type": "tcp", "port": 80}}}, "alive", True, 500, "passing"),
        ({"checks": {"alive": {"type": "tcp", "port": 80}}}, "alive", False, 200, "critical"),
        (
            {"services": [{"internal_port": 8080, "ports": [{"port": 443}], "checks": [{"type": "http"}]}]},
            "servicecheck-00-http-8080",
            True,
            503,
            "critical",
        ),
    ],
)
def test_checks(config: dict[str, Any], name: str, reached: bool, status: int, found: str) -> None:
    check = checks_of(config)[0]
    assert check.name == name
    assert check.result(reached, spec.Health(status=status))[0] == found
    assert ("Services exposed" in check.error_message) == ("services" in config)


def test_a_machine_whose_service_check_fails_gets_no_traffic() -> None:
    world, machine = told("health-check-failing")
    assert machine.state == "started"
    shown = machine.shown(world.now)["checks"]
    assert [(check["name"], check["status"]) for check in shown] == [("servicecheck-00-http-8080", "critical")]
    assert "503 Service Unavailable Output: database: no connection" in shown[0]["output"]
    assert (
        sum("Health check 'servicecheck-00-http-8080' on port 8080 has failed" in m for m in messages(world, machine))
        == 1
    )
    assert world.proxy.route(machine.app, 443).status == 503
    assert "[PR01]" in world.log.read(machine.app, world.now)[-1].message


def test_a_check_of_the_machine_itself_withholds_nothing() -> None:
    world = world_of("healthy")
    machine = world.machine("vyx-app", "d8d1009f2e4538")
    machine.program = machine.program.model_copy(update={"health": spec.Health(status=500)})
    assert machine.shown(world.now)["checks"][0]["status"] == "critical"
    assert world.proxy.route("vyx-app", 443).machine is machine


def test_behind_a_silent_host_nothing_is_complete_or_reached() -> None:
    world, machine = told("host-unreachable")
    shown = machine.shown(world.now)
    assert shown["host_status"] == "unreachable"
    assert shown["state"] == "started"
    assert "config" not in shown
    assert shown["incomplete_config"]["image"]
    assert world.proxy.route(machine.app, 443).status == 502
    assert "[PU03]" in world.log.read(machine.app, world.now)[-1].message


def test_a_lease_keeps_others_out_until_it_expires() -> None:
    world, machine = told("lease-held")
    with pytest.raises(Refused) as caught:
        world.check_lease(machine)
    assert caught.value.status == 409
    assert str(caught.value.body["message"]) in load_scenario("lease-held").parameters["caller_log"]  # type: ignore[index]
    world.advance(1800)
    world.check_lease(machine)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("region-capacity", 422, "could not find a candidate host"),
        ("quota-or-billing", 403, "over the allowed quota"),
        ("volume-placement", 412, "existing volume id 'vol_4ql8x9zk2mw7pd3r'"),
        ("region-unavailable", 422, "Region yul is deprecated"),
        ("request-invalid", 400, "json: cannot unmarshal number"),
        ("name-conflict", 409, "machine ID c0431614cacfe1 already exists"),
    ],
)
def test_a_create_call_is_refused_today_as_it_was_then(name: str, status: int, said: str) -> None:
    no = refusal(world_of(name), last_create(name))
    assert no.status == status
    assert said in no.body["error"]  # type: ignore[index]
    # The caller was told exactly this.
    assert said in load_scenario(name).parameters["caller_log"]


def test_a_refusal_is_for_its_region_and_its_time() -> None:
    elsewhere = last_create("region-capacity")
    assert world_of("region-capacity").create(elsewhere.app, {**elsewhere.body, "region": "iad"}).state == "created"
    for name in ("rate-limited", "platform-incident"):
        call = last_create(name)
        world = world_of(name)
        before = len(world.machines(call.app))
        if name == "platform-incident":
            assert refusal(world_at(name, "2026-06-09T14:40:00Z"), call).status == 503
        world.create(call.app, call.body)
        assert len(world.machines(call.app)) == before + 1


def test_a_refusal_can_be_plain_text() -> None:
    no = Refused(503, "")
    no.body = "upstream connect error"
    answer = answer_refused(no)
    assert (answer.status, answer.content, answer.media_type) == (
        503,
        b"upstream connect error",
        "text/plain; charset=utf-8",
    )


def test_a_name_becomes_a_machine_although_the_caller_gave_up() -> None:
    world = world_of("ambiguous-create")
    assert [machine.name for machine in world.machines("willow-sandbox")] == ["sbx-c41f"]


def test_a_tag_that_arrives_late_can_be_created_from_now() -> None:
    world = world_of("image-not-yet-propagated")
    call = last_create("image-not-yet-propagated")
    assert world.create(call.app, call.body).state == "created"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("start-rejected", ("refused: 412", "refused: 409"), "start of 26458347dc579e is refused"),
        ("host-capacity", ("since: 2026-02-16T00:00:00Z", "since: 2026-02-17T00:00:00Z"), "should be refused"),
    ],
)
def test_a_start_that_goes_otherwise_than_told_is_an_error(
    tmp_path: Path, name: str, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((FOLDER / f"{name}.yaml").read_text().replace(*change))
    with pytest.raises(SourceError, match=said):
        World(load_scenario(str(path)))


def test_an_update_by_api(play: Play) -> None:
    stage = play()
    config = stage.get(f"{stage.app}/machines/3d8d7e5f1b0289").json()["config"]
    path = f"{stage.app}/machines/3d8d7e5f1b0289"
    env = {"SUPABASE_URL": "https://x.example", "SUPABASE_SERVICE_KEY": "given", "USER_ID": "someone"}
    assert stage.client.post(path, json={"config": config}).status_code == 403
    assert stage.client.post(path, json={}, headers=writer(stage)).status_code == 400
    answer = stage.client.post(path, json={"config": {**config, "env": env}}, headers=writer(stage))
    assert (answer.status_code, answer.json()["state"]) == (200, "replacing")
    stage.client.post("/_sim/advance", json={"seconds": 30})
    assert stage.get(path).json()["state"] == "started"
