"""What the platform's views leave out, forget or show less of, and an app that was made again."""

from __future__ import annotations

from datetime import datetime

import pytest

from runbooks.base.errors import SourceError
from runbooks.simulator.scenario import FOLDER, load_scenario
from runbooks.simulator.world import World

from .conftest import Play


def test_a_list_can_lose_a_machine_that_runs(play: Play) -> None:
    stage = play("list-incomplete")
    own = stage.scenario.parameters["machine_id"]
    assert stage.get(stage.machine).json()["state"] == "started"
    for query in ({}, {"include_deleted": "true"}):
        assert own not in {row["id"] for row in stage.get(f"{stage.app}/machines", params=query).json()}
    told = stage.get("/v1/orgs/quarry-maps/machines").json()
    assert own not in {row["id"] for row in told["machines"]}
    assert told["error_regions"] == ["ord"]
    assert stage.get(stage.app).json()["machine_count"] == 2


def test_the_lists_can_forget_the_destroyed(play: Play) -> None:
    for days, count in ((None, 1), (7, 0), (30, 1)):
        stage = play("gone-without-trace", destroyed_listed_days=days)
        rows = stage.get(f"{stage.app}/machines", params={"include_deleted": "true"}).json()
        assert len(rows) == count


def test_an_app_made_again_is_another_one_with_the_same_name(play: Play) -> None:
    stage = play("app-recreated")
    app = stage.get(stage.app).json()
    assert app["created_at"] == "2026-01-20T10:15:26.000Z"
    assert app["machine_count"] == 0
    assert stage.get(stage.machine).status_code == 404
    assert stage.get(f"{stage.app}/machines", params={"include_deleted": "true"}).json() == []
    lines = stage.logs(instance=stage.scenario.parameters["machine_id"], next_token="1").json()["data"]
    last = datetime.fromisoformat(max(line["attributes"]["timestamp"][:23] for line in lines) + "+00:00")
    assert last < datetime.fromisoformat(app["created_at"])


def test_only_an_app_of_the_world_can_be_made_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("own") / "mine.yaml"
    text = (FOLDER / "app-recreated.yaml").read_text()
    path.write_text(text.replace("create_app: ovenlight-pos", "create_app: ovenlight-tills"))
    with pytest.raises(SourceError, match="ovenlight-tills"):
        load_scenario(str(path))


def test_get_shows_as_many_events_as_it_is_told_to(play: Play) -> None:
    stage = play("ambiguous-stop")
    events = stage.get(stage.machine).json()["events"]
    assert [event["type"] for event in events] == ["exit"]
    assert events[0]["request"]["exit_event"]["requested_stop"] is True
    assert stage.get(f"{stage.machine}/events").status_code == 403
    assert stage.logs(instance=stage.scenario.parameters["machine_id"]).json()["data"] == []


def test_a_guest_is_kept_only_where_the_platform_fills_it_in(play: Play) -> None:
    assert "guest" not in play("websocket-unexposed-port").scenario.world.history[0].create.body["config"]  # type: ignore[union-attr]
    for filled in (True, False):
        stage = play("websocket-unexposed-port", fill_in_guest=filled)
        assert ("guest" in stage.get(stage.machine).json()["config"]) is filled


def test_an_app_tells_its_network(play: Play) -> None:
    assert play("private-network-mismatch").get("/v1/apps/mosaic-broker-t17").json()["network"] == "tenant-17"
    assert play("healthy").get("/v1/apps/vyx-app").json()["network"] == "default"


def test_a_tag_that_moved_leaves_the_machine_its_digest() -> None:
    world = World(load_scenario("stale-tag"))
    machine = world.listed("bramble-search")[0]
    now = world.images.find("registry.fly.io/bramble-search:production")
    assert now is not None
    assert now.digest != machine.digest
    assert world.images.manifest("registry.fly.io", "bramble-search", machine.digest) is not None
