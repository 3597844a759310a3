"""The log pages and the status feed."""

from __future__ import annotations

from .conftest import Play


def test_a_macaroon_wants_the_scheme_flyv1(play: Play) -> None:
    stage = play()
    assert stage.get("/api/v1/apps/vyx-app/logs").status_code == 401
    assert stage.logs().status_code == 200


def test_only_the_lines_of_one_instance(play: Play) -> None:
    lines = play().logs(instance="91850296bd4738").json()["data"]
    assert len(lines) == 44
    assert {line["attributes"]["instance"] for line in lines} == {"91850296bd4738"}
    assert {line["attributes"]["meta"]["event"]["provider"] for line in lines} == {"app", "runner"}


def test_a_window_of_a_hundred_and_a_token_to_go_on(play: Play) -> None:
    stage = play()
    newest = stage.logs().json()
    assert len(newest["data"]) == 100
    assert isinstance(newest["meta"]["next_token"], str)
    assert len(newest["meta"]["next_token"]) == 19
    seen: list[str] = []
    token = "1"
    while True:
        page = stage.logs(next_token=token).json()
        if not page["data"]:
            break
        assert len(page["data"]) <= 100
        seen += [line["id"] for line in page["data"]]
        token = page["meta"]["next_token"]
    assert len(seen) > 200
    assert seen == sorted(set(seen))
    assert seen[-100:] == [line["id"] for line in newest["data"]]


def test_a_region_filter(play: Play) -> None:
    lines = play().logs(region="sjc").json()["data"]
    assert {line["attributes"]["region"] for line in lines} == {"sjc"}


def test_an_unknown_instance_has_no_lines_and_an_unknown_app_no_page(play: Play) -> None:
    stage = play()
    assert stage.logs(instance="aaaaaaaaaaaaaa").json()["data"] == []
    headers = {"Authorization": stage.scenario.token}
    assert stage.get("/api/v1/apps/no-such-app/logs", headers=headers).status_code == 404
    assert stage.logs(next_token="x").status_code == 400


def test_expired_lines_are_not_given_out(play: Play) -> None:
    stage = play("restart-limit-reached")
    assert stage.logs(instance="5e02849da71308").json()["data"] == []
    assert stage.logs(instance="5e02849da71308", next_token="1").json()["data"] == []


def test_the_status_feed_is_public(play: Play) -> None:
    stage = play(token="")
    incidents = stage.get(stage.served.status_url).json()["incidents"]
    assert incidents[0]["resolved_at"] == "2025-09-30T11:40:00.000Z"
