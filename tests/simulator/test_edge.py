"""The public edge: by Host, over TLS, with and without a forced instance."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .conftest import Play, Stage


def upgrade(stage: Stage, host: str, force: str = "") -> str:
    """Open wss://host/, send a word and return what comes back."""
    context = ssl.create_default_context(cafile=str(stage.served.ca_pem))
    headers = {"fly-force-instance-id": force} if force else {}
    with (
        socket.create_connection(("127.0.0.1", stage.served.tls_port), timeout=5) as plain,
        connect(f"wss://{host}/", sock=plain, ssl=context, additional_headers=headers) as opened,
    ):
        opened.send("ping")
        return str(opened.recv(timeout=5))


def refusal(stage: Stage, host: str, force: str = "") -> int:
    with pytest.raises(InvalidStatus) as caught:
        upgrade(stage, host, force)
    return int(caught.value.response.status_code)


def proxy_lines(stage: Stage) -> list[dict[str, Any]]:
    lines = stage.logs().json()["data"]
    return [line["attributes"] for line in lines if line["attributes"]["meta"]["event"]["provider"] == "proxy"]


def test_a_healthy_machine_opens_the_websocket(play: Play) -> None:
    stage = play("healthy")
    assert upgrade(stage, "vyx-app.fly.dev") == "ping"
    assert upgrade(stage, "vyx-app.fly.dev", force="d8d1009f2e4538") == "ping"
    assert [entry["status"] for entry in stage.simulator.requests] == [101, 101]
    assert stage.simulator.requests[0]["host"] == "vyx-app.fly.dev"
    assert proxy_lines(stage) == []


def test_plain_http_by_host(play: Play) -> None:
    stage = play("healthy")
    answer = httpx.get(stage.served.base_url, headers={"Host": "vyx-app.fly.dev"})
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_forced_instance_that_is_not_there_is_503(play: Play) -> None:
    stage = play("healthy")
    assert refusal(stage, "vyx-app.fly.dev", force="91850296bd4738") == 503
    assert proxy_lines(stage)[-1]["message"].startswith("[PR02]")


def test_no_started_machine_is_503_with_a_line_in_the_log(play: Play) -> None:
    stage = play()
    assert refusal(stage, "vyx-app.fly.dev") == 503
    assert proxy_lines(stage)[-1]["message"].startswith("[PR01] no known healthy instances found for route")


def test_a_wrong_hostname_leaves_no_line(play: Play) -> None:
    stage = play("wrong-hostname")
    assert refusal(stage, "relay-eu-9.fly.dev") == 404
    assert proxy_lines(stage) == []
    assert upgrade(stage, "harbor-relay.fly.dev", force="48e2957f310728") == "ping"


def test_nothing_listening_is_502(play: Play) -> None:
    stage = play("healthy")
    body = {
        "config": {
            "image": "flyio/hellofly:latest",
            "services": [{"protocol": "tcp", "internal_port": 9999, "ports": [{"port": 443, "handlers": ["tls"]}]}],
        }
    }
    machine = stage.simulator.world.create("vyx-app", body)
    stage.simulator.advance(30)
    assert refusal(stage, "vyx-app.fly.dev", force=machine.id) == 502
    line = proxy_lines(stage)[-1]
    assert line["message"].startswith("[PC01] instance refused connection. is your app listening on 0.0.0.0:9999?")
    assert line["instance"] == machine.id


def test_traffic_wakes_a_machine_that_may_be_started(play: Play) -> None:
    stage = play("healthy")
    world = stage.simulator.world
    machine = world.machine("vyx-app", "d8d1009f2e4538")
    world.stop(machine)
    stage.simulator.advance(10)
    assert machine.state == "stopped"
    assert refusal(stage, "vyx-app.fly.dev") == 503
    machine.config["services"][0]["autostart"] = True
    assert upgrade(stage, "vyx-app.fly.dev") == "ping"
    assert [event["source"] for event in machine.newest_events(2)] == ["flyd", "proxy"]


def test_the_certificate_is_of_the_throw_away_authority(play: Play) -> None:
    stage = play("healthy")
    context = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", stage.served.tls_port), timeout=5) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="vyx-app.fly.dev")
