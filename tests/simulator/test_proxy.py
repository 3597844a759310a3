"""The proxy and the programs behind it: whom a client gets, what it is answered, which lines stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from runbooks.simulator import spec
from runbooks.simulator.scenario import Scenario, load_scenario
from runbooks.simulator.world import World

NOON = datetime.fromisoformat("2026-01-01T12:00:00+00:00")
ID = "0a1b2c3d4e5f60"


def told(*history: dict[str, Any], program: dict[str, Any] | None = None, **service: Any) -> World:
    """An app with one machine made at noon; the world is looked at five minutes later."""
    config = {
        "image": "registry.fly.io/shop:1",
        "env": {"ROOM": "blue"},
        "services": [{"internal_port": 8080, "ports": [{"port": 443, "handlers": ["tls", "http"]}], **service}],
    }
    made = {"at": NOON, "create": {"app": "shop", "id": ID, "body": {"name": "one", "config": config}}}
    world = spec.World.model_validate(
        {
            "orgs": {"o": {"name": "O"}},
            "apps": {"shop": {"org": "o", "ips": [{"ip": "66.241.125.1"}]}},
            "images": [{"ref": "registry.fly.io/shop:1", "program": "p"}],
            "programs": {"p": {"listens": 8080, **(program or {})}},
            "history": [made, *history],
        }
    )
    look_at = NOON + timedelta(minutes=5)
    return World(Scenario("made-up", "t", "t", look_at, "", {}, {}, spec.Settings(), world))


def visit(seconds: float, **more: Any) -> dict[str, Any]:
    return {"at": NOON + timedelta(seconds=seconds), "request": {"host": "shop.fly.dev", **more}}


def lines(world: World, *providers: str) -> list[str]:
    return [line.message for line in world.log.read("shop", world.now) if line.provider in (providers or ("proxy",))]


@pytest.mark.parametrize(
    ("seconds", "port", "service", "begins"),
    [
        (1, 443, {"autostart": True}, "[PM07]"),
        (1, 443, {}, "[PR01]"),
        (6.2, 443, {}, "[PC01]"),
        (60, 443, {}, ""),
        (60, 80, {}, "[PR01] no known healthy instances found for route tcp/80"),
        (60, 443, {"internal_port": 3000}, "[PC01] instance refused connection. is your app listening on 0.0.0.0:3000"),
    ],
)
def test_a_visit_of_the_past_leaves_the_proxys_line(
    seconds: float, port: int, service: dict[str, Any], begins: str
) -> None:
    left = lines(told(visit(seconds, port=port), **service))
    assert len(left) == bool(begins)
    assert all(line.startswith(begins) for line in left)


def test_a_visit_wakes_a_machine_without_moving_the_time() -> None:
    stop = {"at": NOON + timedelta(seconds=60), "stop": ID}
    world = told(stop, visit(120), autostart=True)
    assert world.now == NOON + timedelta(minutes=5)
    assert not world.touched
    assert lines(world) == ["Starting machine"]
    assert world.machine("shop", ID).state == "started"


def test_nobody_reaches_a_host_of_no_app() -> None:
    assert lines(told(visit(60, host="one.fly.dev"))) == []


@pytest.mark.parametrize(
    ("path", "status"), [("/room/blue", 101), ("/room/blue/", 101), ("/room/red", 404), ("/", 404)]
)
def test_a_program_may_know_its_own_path_only(path: str, status: int) -> None:
    world = told(program={"path_names": "ROOM", "refusal_line": "no such room: {path}"})
    assert world.proxy.upgrade("shop", 443, path).status == status
    assert lines(world, "app")[-1:] == ([f"no such room: {path}"] if status == 404 else lines(world, "app")[-1:])
    assert lines(world) == []


def test_the_first_of_several_is_taken_and_the_named_one_knows() -> None:
    world = World(load_scenario("routed-to-another-machine"))
    subject = load_scenario("routed-to-another-machine").parameters["machine_id"]
    first = world.proxy.upgrade("kiln-sessions", 443, "/s/903")
    named = world.proxy.upgrade("kiln-sessions", 443, "/s/903", subject)
    assert first.machine is not None
    assert first.machine.id != subject
    assert (first.status, named.status) == (404, 101)


def test_the_programs_own_refusal() -> None:
    world = told(program={"upgrade_status": 403})
    assert world.proxy.upgrade("shop", 443, "/").status == 403
    assert lines(world) == []
