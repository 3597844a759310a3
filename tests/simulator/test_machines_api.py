"""The Machines API over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from .conftest import Play, Stage, writer

HELLO: dict[str, Any] = {"config": {"image": "flyio/hellofly:latest"}}


def error(answer: httpx.Response) -> str:
    return str(answer.json()["error"])


def test_answers_carry_the_platforms_headers(play: Play) -> None:
    answer = play().get("/v1/apps/vyx-app")
    ulid, _, region = answer.headers["fly-request-id"].partition("-")
    assert len(ulid) == 26
    assert region == "sin"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["server"].startswith("Fly/")
    assert "x-sim-unverified" not in answer.headers


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer fm2_unknown", "FlyV1 ,", "Basic abc"],
    ids=["none", "scheme only", "unknown", "empty", "other scheme"],
)
def test_no_valid_token_is_401(play: Play, header: str) -> None:
    stage = play(token=header)
    for path in ("/v1/tokens/current", "/v1/apps/vyx-app", "/v1/apps/nobody"):
        answer = stage.get(path)
        assert answer.status_code == 401
        assert error(answer) == "Authenticate: token validation error"


def test_an_expired_token_is_401_everywhere(play: Play) -> None:
    stage = play("token-invalid")
    assert {stage.get(path).status_code for path in ("/v1/tokens/current", stage.app, stage.machine)} == {401}


def test_schemes_are_stripped_as_often_as_they_come(play: Play) -> None:
    stage = play()
    bare = stage.scenario.token.removeprefix("FlyV1 ")
    for header in (f"Bearer {bare}", f"FlyV1 {bare}", f"Bearer FlyV1 {bare}", f"flyv1 BEARER {bare},fo1_other"):
        assert stage.get("/v1/apps/vyx-app", headers={"Authorization": header}).status_code == 200


def test_403_is_a_foreign_app_and_404_none_at_all(play: Play) -> None:
    stage = play("token-out-of-scope")
    foreign, machines = stage.get("/v1/apps/vyx-app"), stage.get("/v1/apps/vyx-app/machines")
    assert (foreign.status_code, machines.status_code) == (403, 403)
    assert foreign.headers["x-sim-unverified"] == "true"
    assert stage.get("/v1/apps/no-such-app").status_code == 404
    assert stage.get("/v1/apps/sandbox-probe").json()["organization"]["slug"] == "vyx-sandbox"
    scopes = stage.get("/v1/tokens/current").json()["tokens"]
    assert [(scope["org_slug"], len(scope["apps"])) for scope in scopes] == [("vyx-sandbox", 1)]
    assert stage.get("/v1/orgs/vyx/machines").status_code == 403


def test_a_read_only_token_cannot_write(play: Play) -> None:
    stage = play()
    assert stage.client.post("/v1/apps/vyx-app/machines", json=HELLO).status_code == 403
    assert stage.client.delete("/v1/apps/vyx-app/machines/3d8d7e5f1b0289").status_code == 403


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/apps/vyx-app/machines/registry.fly.io/vyx-app:stub", "/", "/api/v1/apps/vyx-app/nope"]
)
def test_an_unknown_route_is_plain_text(play: Play, path: str) -> None:
    answer = play().get(path)
    assert answer.status_code == 404
    assert answer.text.strip() == "404 page not found"
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_name_in_place_of_an_id_is_400(play: Play) -> None:
    answer = play().get("/v1/apps/vyx-app/machines/vyx-63eea370")
    assert answer.status_code == 400
    assert error(answer) == "invalid machine ID, 'vyx-63eea370'"


def test_after_its_removal_a_machine_is_404_but_stays_in_the_full_list(play: Play) -> None:
    stage = play()
    assert (stage.get(stage.machine).status_code, error(stage.get(stage.machine))) == (404, "machine not found")
    assert stage.get(f"{stage.machine}/events").status_code == 404
    shown = {machine["id"] for machine in stage.get(f"{stage.app}/machines").json()}
    assert shown == {"3d8d7e5f1b0289", "5683d920b1618e"}
    everything = stage.get(f"{stage.app}/machines", params={"include_deleted": "true"}).json()
    machine = next(machine for machine in everything if machine["id"] == "91850296bd4738")
    assert machine["state"] == "destroyed"
    assert len(machine["events"]) == 5
    assert machine["events"][0]["status"] == "destroyed"
    assert machine["config"]["guest"] == {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    assert "SUPABASE_SERVICE_ROLE_KEY" in machine["config"]["env"]
    assert "metadata" not in machine["config"]
    assert machine["image_ref"]["tag"].startswith("deployment-")
    assert machine["image_ref"]["digest"].startswith("sha256:")


def test_a_destroyed_machine_is_still_shown_for_a_while(play: Play) -> None:
    stage = play(destroyed_visible_ms=3_600_000)
    assert stage.get(stage.machine).json()["state"] == "destroyed"
    assert stage.get(f"{stage.machine}/events").status_code == 200


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"region": "sjc"}, 2),
        ({"region": "sin"}, 0),
        ({"region": "sin", "include_deleted": "true"}, 1),
        ({"state": "stopped"}, 2),
        ({"state": "started,created"}, 0),
        ({"metadata.fly_platform_version": "v2"}, 2),
        ({"metadata.fly_platform_version": "v2", "metadata.fly_process_group": "worker"}, 0),
        ({"metadata.fly_platform_version": "v2", "include_deleted": "true"}, 2),
        ({"include_leases": "true"}, 2),
    ],
)
def test_list_filters(play: Play, query: dict[str, str], count: int) -> None:
    stage = play()
    assert len(stage.get(f"{stage.app}/machines", params=query).json()) == count


def test_a_summary_leaves_the_heavy_parts_out(play: Play) -> None:
    stage = play()
    full = stage.get(f"{stage.app}/machines").json()[0]
    short = stage.get(f"{stage.app}/machines", params={"summary": "true"}).json()[0]
    assert set(full) - set(short) == {"config", "events", "host_status"}


def test_events_are_newest_first_and_limited(play: Play) -> None:
    stage = play(destroyed_visible_ms=3_600_000)
    everything = stage.get(f"{stage.machine}/events", params={"limit": "50"}).json()
    times = [event["timestamp"] for event in everything]
    assert times == sorted(times, reverse=True)
    assert len(everything) == 14
    assert all(isinstance(time, int) for time in times)
    assert len(stage.get(f"{stage.machine}/events", params={"limit": "3"}).json()) == 3
    base = f"{stage.app}/machines/3d8d7e5f1b0289"
    assert len(stage.get(f"{base}/events").json()) == 20
    assert len(stage.get(f"{base}/events", params={"limit": "500"}).json()) == 33
    assert stage.get(base).json()["events"] == stage.get(f"{base}/events").json()[:5]


def test_the_organisations_list_pages_and_finds_other_apps(play: Play) -> None:
    stage = play("wrong-app")
    assert stage.get(stage.machine).status_code == 404
    found = stage.get("/v1/orgs/vyx/machines").json()
    assert [(machine["id"], machine["app_name"]) for machine in found["machines"]] == [
        ("6e82d4ef7bd198", "vyx-app-staging")
    ]
    assert found["error_regions"] == []
    stage = play()
    first = stage.get("/v1/orgs/vyx/machines", params={"limit": "1", "include_deleted": "true"}).json()
    query = {"limit": "10", "include_deleted": "true", "cursor": first["next_cursor"]}
    rest = stage.get("/v1/orgs/vyx/machines", params=query).json()
    ids = [machine["id"] for machine in [*first["machines"], *rest["machines"]]]
    assert ids == ["3d8d7e5f1b0289", "5683d920b1618e", "91850296bd4738"]
    assert rest["next_cursor"] == ""
    assert "env" not in first["machines"][0]["config"]


def test_a_region_that_does_not_answer_is_named(play: Play) -> None:
    found = play("healthy", error_regions=["sin"]).get("/v1/orgs/vyx/machines").json()
    assert found["machines"] == []
    assert found["error_regions"] == ["sin"]


def test_addresses(play: Play) -> None:
    assert len(play().get("/v1/apps/vyx-app/ip_assignments").json()["ips"]) == 2
    assert play("no-public-ip").get("/v1/apps/harbor-live/ip_assignments").json() == {"ips": []}


def test_checks_follow_the_program(play: Play) -> None:
    stage = play("healthy")
    assert stage.get(stage.machine).json()["checks"][0]["status"] == "passing"


def test_create_resolves_the_image_and_plays_forward(play: Play) -> None:
    stage = play()
    created = stage.client.post(f"{stage.app}/machines", json={**HELLO, "name": "try"}, headers=writer(stage))
    assert created.status_code == 200
    machine = created.json()
    assert machine["state"] == "created"
    assert machine["image_ref"]["registry"] == "registry-1.docker.io"
    assert machine["events"][0]["type"] == "launch"
    one = f"{stage.app}/machines/{machine['id']}"
    settled = stage.get(f"{one}/wait", params={"state": "settled"})
    assert settled.json()["state"] == "started"
    assert stage.get(one).json()["state"] == "started"
    assert stage.get(f"{one}/ps").json()[0]["listen_sockets"] == [{"proto": "tcp", "address": "0.0.0.0:8080"}]
    assert stage.client.delete(one, headers=writer(stage)).status_code == 412
    assert stage.client.delete(one, params={"force": "true"}, headers=writer(stage)).json() == {"ok": True}
    assert stage.get(f"{one}/wait", params={"state": "destroyed"}).json()["ok"] is True
    stage.simulator.advance(40)
    assert stage.get(one).status_code == 404


def test_polling_after_a_write_sees_it_happen(play: Play) -> None:
    stage = play()
    created = stage.client.post(f"{stage.app}/machines", json=HELLO, headers=writer(stage)).json()
    states = [stage.get(f"{stage.app}/machines/{created['id']}").json()["state"] for _ in range(10)]
    assert states[0] == "created"
    assert states[-1] == "started"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"[]", 400, "cannot unmarshal"),
        (b"{", 400, "json"),
        (json.dumps({"config": {}}).encode(), 400, "image"),
        (json.dumps({**HELLO, "name": "quiet-thunder-9021"}).encode(), 409, "5683d920b1618e"),
        (json.dumps({**HELLO, "region": "zzz"}).encode(), 422, "region zzz"),
    ],
)
def test_create_refuses(play: Play, body: bytes, status: int, text: str) -> None:
    stage = play()
    answer = stage.client.post(f"{stage.app}/machines", content=body, headers=writer(stage))
    assert answer.status_code == status
    assert text in error(answer)


def test_create_with_a_missing_tag_answers_as_recorded(play: Play) -> None:
    stage = play()
    body = {"config": {"image": "registry.fly.io/vyx-app:latest"}}
    answer = stage.client.post(f"{stage.app}/machines", json=body, headers=writer(stage))
    assert answer.status_code == 400
    assert error(answer) == (
        "failed to get manifest registry.fly.io/vyx-app:latest: request failed: not found [http 404]: "
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=latest"}]}\n'
    )


def test_wait_reports_the_state_it_gave_up_in(play: Play) -> None:
    stage = play("never-started")
    answer = stage.get(f"{stage.machine}/wait", params={"state": "started", "timeout": "2"})
    assert answer.status_code == 408
    assert error(answer) == ("deadline_exceeded: machine failed to reach desired state, started, currently created")
    assert stage.get(f"{stage.app}/machines/aaaaaaaaaaaaaa/wait").status_code == 404


def test_leases_keep_others_out(play: Play) -> None:
    stage = play()
    one = f"{stage.app}/machines/3d8d7e5f1b0289"
    assert stage.get(f"{one}/lease").status_code == 404
    taken = stage.client.post(f"{one}/lease", params={"ttl": "30"}, headers=writer(stage))
    assert taken.status_code == 201
    nonce = taken.json()["data"]["nonce"]
    refused = stage.client.delete(one, headers=writer(stage))
    assert refused.status_code == 409
    assert "lease currently held by" in refused.json()["message"]
    mine = {**writer(stage), "fly-machine-lease-nonce": nonce}
    assert stage.client.delete(one, headers=mine).status_code == 200


def test_rate_limits_are_per_action_and_identifier(play: Play) -> None:
    stage = play(rate_limits=True)
    listed = [stage.get(f"{stage.app}/machines") for _ in range(4)]
    assert [answer.status_code for answer in listed] == [200, 200, 200, 429]
    assert int(listed[-1].headers["retry-after"]) >= 1
    assert error(listed[-1]) == "rate limit exceeded"
    assert stage.get(stage.app).status_code == 200
    got = [stage.get(f"{stage.app}/machines/3d8d7e5f1b0289").status_code for _ in range(11)]
    assert got[:10] == [200] * 10
    assert got[10] in (200, 429)


def test_two_starts_give_identical_bodies(play: Play) -> None:
    def everything(stage: Stage) -> list[tuple[int, str, str]]:
        paths = [
            "/v1/tokens/current",
            stage.app,
            stage.machine,
            f"{stage.app}/machines?include_deleted=true",
            "/v1/orgs/vyx/machines",
            "/v1/incidents",
            "/v2/",
        ]
        answers = [*(stage.get(path) for path in paths), stage.logs(instance="91850296bd4738")]
        return [(answer.status_code, answer.text, answer.headers["fly-request-id"]) for answer in answers]

    assert everything(play()) == everything(play())
