"""Starting, stopping, names, records, faults and the simulator's own pages."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from runbooks.base.errors import SourceError
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Endpoints, Simulator
from runbooks.simulator.spec import Fault

from .conftest import Play


def names(served: Endpoints) -> list[tuple[str, str]]:
    rules = (rule.split("=", 1) for rule in served.connect_to.split(","))
    return [(pattern, target) for pattern, target in rules]


def test_it_starts_quickly_and_stops_for_good(tmp_path: Path) -> None:
    begin = time.monotonic()
    simulator = Simulator(load_scenario("healthy"), tmp_path)
    served = simulator.start()
    assert httpx.get(served.status_url).status_code == 200
    assert time.monotonic() - begin < 2
    simulator.stop()
    assert not any(thread.name == "simulator" for thread in threading.enumerate())
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.status_url)
    simulator.stop()


def test_it_runs_beside_a_loop_that_is_running_already(tmp_path: Path) -> None:
    async def inside() -> int:
        with Simulator(load_scenario("healthy"), tmp_path) as simulator:
            return httpx.get(simulator.start().status_url).status_code

    assert asyncio.run(inside()) == 200


def test_a_fixed_port_and_a_taken_one(tmp_path: Path) -> None:
    with Simulator(load_scenario("healthy"), tmp_path / "a") as first:
        served = first.start()
        port = int(served.base_url.rpartition(":")[2])
        with (
            Simulator(load_scenario("healthy"), tmp_path / "b", port=port) as second,
            pytest.raises(SourceError, match=str(port)),
        ):
            second.start()
        with pytest.raises(SourceError, match="already"):
            first.start()


def test_names_are_complete(play: Play) -> None:
    rules = names(play().served)
    assert rules[-1] == ("*:*", "nxdomain")
    told = dict(rules)
    assert told["vyx-app.fly.dev:443"].startswith("127.0.0.1:")
    assert told["vyx-app-staging.fly.dev:*"] == "nxdomain"
    assert told["fly.io:443"].startswith("127.0.0.1:")
    assert not any(pattern.startswith("vyx-63eea370.fly.dev") for pattern in told)
    assert dict(names(play("no-public-ip").served))["harbor-live.fly.dev:*"] == "nxdomain"


def test_a_port_that_nothing_serves_refuses(play: Play) -> None:
    host, _, port = dict(names(play().served))["vyx-app.fly.dev:*"].partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=2)


def test_the_records_are_a_real_database(play: Play) -> None:
    path = play().served.records_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM cloud_machines").fetchall()
        assert len(rows) == 1
        assert rows[0]["machine_id"] == "vyx-63eea370"
        assert rows[0]["status"] == "starting"
        assert rows[0]["websocket_url"] == "wss://vyx-63eea370.fly.dev"
        assert rows[0]["started_at"] == "2025-10-02 03:00:11.655+00:00"
        assert rows[0]["stopped_at"] is None
        assert database.execute("SELECT count(*) FROM cloud_events").fetchone()[0] == 0
        columns = [row["name"] for row in database.execute("PRAGMA table_info(cloud_events)")]
        assert columns[:4] == ["id", "machine_id", "user_id", "event_type"]


def test_a_row_with_an_unknown_column_is_refused(tmp_path: Path) -> None:
    scenario = load_scenario("healthy")
    records = scenario.world.records.model_copy(update={"machines": [{"idd": "1"}]})
    scenario = replace(scenario, world=scenario.world.model_copy(update={"records": records}))
    with Simulator(scenario, tmp_path) as simulator, pytest.raises(SourceError, match="idd"):
        simulator.start()


def test_requests_are_counted_and_served(play: Play) -> None:
    stage = play()
    stage.get("/v1/apps/vyx-app?x=1", headers={"User-Agent": "me"})
    stage.get("/v1/nothing")
    seen = stage.get("/_sim/requests").json()
    assert [(entry["method"], entry["path"], entry["query"], entry["status"]) for entry in seen] == [
        ("GET", "/v1/apps/vyx-app", "x=1", 200),
        ("GET", "/v1/nothing", "", 404),
    ]
    assert seen[0]["user_agent"] == "me"
    assert seen == stage.simulator.requests


def test_time_can_be_moved_from_outside(play: Play) -> None:
    stage = play()
    answer = stage.client.post("/_sim/advance", json={"seconds": 60})
    assert answer.json() == {"now": "2025-10-02T03:10:40+00:00"}
    assert stage.client.post("/_sim/advance", json={"seconds": -1}).status_code == 400


def test_a_fault_stands_in_for_what_has_no_mechanism(tmp_path: Path) -> None:
    scenario = load_scenario("healthy")
    body = {"error": "could not find a candidate host", "status": "insufficient_capacity"}
    fault = Fault(path="/v1/apps/vyx-app", status=422, body=body, times=1)
    scenario = replace(scenario, world=scenario.world.model_copy(update={"faults": [fault]}))
    with Simulator(scenario, tmp_path) as simulator:
        url = f"{simulator.start().base_url}/v1/apps/vyx-app"
        headers = {"Authorization": scenario.token}
        assert httpx.get(url, headers=headers).json() == body
        assert httpx.get(url, headers=headers).status_code == 200


def test_stopping_does_not_wait_for_clients(tmp_path: Path) -> None:
    simulator = Simulator(load_scenario("healthy"), tmp_path)
    served = simulator.start()
    port = int(served.base_url.rpartition(":")[2])
    with (
        httpx.Client() as client,
        socket.create_connection(("127.0.0.1", port)) as plain,
        connect(
            "ws://vyx-app.fly.dev/",
            sock=socket.create_connection(("127.0.0.1", port)),
            additional_headers={"fly-force-instance-id": "d8d1009f2e4538"},
        ) as opened,
    ):
        client.get(served.status_url)
        plain.send(b"GET /v1/incidents HTTP/1.1\r\n")
        opened.send("ping")
        begin = time.monotonic()
        simulator.stop()
        assert time.monotonic() - begin < 3


def test_a_mistake_in_the_simulator_shows_itself(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = play()
    monkeypatch.setattr(stage.simulator.world, "machine", lambda app, machine_id: 1 / 0)
    answer = stage.get(stage.machine)
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.text
