"""One collection as a whole: its order, its limits, and that nothing in it can take the rest down."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from slices import every

from collect.conftest import AT, FakeTransport, Play, Stage, answer, no_answer
from runbooks.base.facets import known_facets
from runbooks.base.runbook import MAX_REQUESTS
from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect import logs, machines, registry, status
from runbooks.collect.collector import Collector
from runbooks.collect.context import Target
from runbooks.collect.edge import Edge
from runbooks.collect.records import RecordsReader
from runbooks.collect.source import Source
from runbooks.evidence import bundle
from runbooks.evidence.models import Evidence, Machine, Observation, Outcome, Reason
from runbooks.simulator.scenario import load_scenario, scenario_names
from tests.ports import closed_port

MACAROON = "FlyV1 fm2_bWFkZS11cCBmb3IgdGhlIHRlc3Rz"
ALL = ["E19", "E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08"]
# Questions added later keep out of the way of these.
REST = ["E09", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E17", "E18"]


def nowhere(**more: Any) -> Source:
    """A source behind which nothing is: every name is stated to be missing."""
    told = Source(
        name="live",
        token=MACAROON,
        machines_url="https://api.machines.dev",
        platform_url="https://api.fly.io",
        registries={},
        connect_to={"*:*": "nxdomain"},
        records_url="",
        records_columns=RECORD_COLUMNS,
        records_events_table="cloud_events",
        status_url="https://incidents.flyio.net/v1/incidents",
        now=lambda: AT,
    )
    return replace(told, **more)


def numbers(told: list[Observation]) -> list[str]:
    return [observation.number for observation in told if observation.number in (*ALL, *REST, "E03b")]


def collect(stage: Stage, **more: Any) -> tuple[Evidence, list[Observation], Collector]:
    told: list[Observation] = []
    source = replace(stage.source, **more.pop("source", {}))
    survey = Collector(replace(stage.given, **more.pop("given", {})), source, progress=told.append, **more)
    return survey.run(), told, survey


# The order.


def test_the_order_for_an_id(play: Play) -> None:
    evidence, told, _ = collect(play("healthy"))
    assert numbers(told) == [*ALL, *REST]
    assert list(evidence.observations) == sorted(observation.number for observation in told)
    assert {observation.facet.slug for observation in told} <= {facet.slug for facet in known_facets()}


def test_the_order_for_a_name_only(play: Play) -> None:
    """The lists tell the id, so they come before the machine itself."""
    stage = play("healthy")
    name = next(m["config"] and m["name"] for m in [listed(stage)])
    evidence, told, _ = collect(stage, given={"machine_id": "", "machine_name": name, "caller_text": ""})
    assert numbers(told) == ["E19", "E01", "E02", "E05", "E06", "E03", "E04", "E07", "E08", *REST]
    assert isinstance(evidence.observations["E03"].answer, Machine)
    assert evidence.subject.machine_id == stage.given.machine_id
    assert evidence.observations["E07"].outcome is Outcome.SEEN


def listed(stage: Stage) -> dict[str, Any]:
    import httpx

    url = f"{stage.served.base_url}/v1/apps/{stage.given.app_name}/machines/{stage.given.machine_id}"
    body: dict[str, Any] = httpx.get(url, headers={"Authorization": stage.source.token}).json()
    return body


def test_a_name_given_as_an_id_is_looked_up_by_name_and_said(play: Play) -> None:
    stage = play("healthy")
    name = listed(stage)["name"]
    evidence, told, _ = collect(stage, given={"machine_id": name, "machine_name": "", "caller_text": ""})
    assert numbers(told)[3] == "E05"
    assert evidence.subject.machine_id == stage.given.machine_id
    assert evidence.subject.machine_name == name
    assert "was given as an id, but is a machine name" in evidence.subject.notes[0]


def test_where_the_proxy_answers_itself_its_own_lines_are_read(play: Play) -> None:
    """A line about nobody names no instance, so the machine's log does not hold it."""
    evidence, told, _ = collect(play("no-machine-behind-app"))
    assert "E07b" in {one.number for one in told}
    lines = evidence.observations["E07b"].answer.lines
    assert {line.provider for line in lines} == {"proxy"}
    assert [line.instance for line in lines if "[PR01]" in line.message] == ["", ""]
    assert not any(line.provider == "proxy" for line in evidence.observations["E07"].answer.lines)


@pytest.mark.parametrize(
    "name", ["healthy", "healthy-endpoint-wrong", "websocket-rejected", "websocket-port-or-scheme"]
)
def test_where_it_does_not_the_log_is_read_once(play: Play, name: str) -> None:
    assert "E07b" not in collect(play(name))[0].observations


def test_a_machine_that_is_nowhere_is_asked_for_twice(play: Play) -> None:
    stage = play("vyx-missing-environment")
    evidence, told, _ = collect(
        stage, given={"machine_id": "0123456789abcd", "machine_name": "never-was", "caller_text": ""}
    )
    assert numbers(told) == [*ALL, "E03b", *REST]
    for number in ("E03", "E03b"):
        assert evidence.observations[number].outcome is Outcome.ABSENT
    assert len(evidence.named("machine")) == 2


def test_a_machine_in_another_app_is_asked_for_there(play: Play) -> None:
    stage = play("wrong-app")
    evidence, told, _ = collect(stage)
    assert "E03b" in [observation.number for observation in told]
    second = evidence.observations["E03b"]
    assert second.outcome is Outcome.SEEN
    assert f"/apps/{stage.given.app_name}/" not in second.exchanges[0].url
    assert evidence.subject.machine_id == second.answer.id


# Every scenario.


@pytest.mark.parametrize("name", every(8, scenario_names()))
def test_every_scenario_is_asked_politely_and_keeps_its_secrets(name: str, play: Play) -> None:
    stage = play(name, rate_limits=True)
    evidence, told, survey = collect(stage)
    assert not [observation.reason for observation in told if "itself failed" in observation.reason]
    assert all(observation.reason for observation in told)
    asked = stage.simulator.requests
    assert {request["method"] for request in asked} <= {"GET", "HEAD"}
    assert not [request for request in asked if request["status"] == 429]
    attempts = [exchange for observation in told for exchange in observation.exchanges]
    assert len(attempts) == sum(survey.client.by_host.values()) <= MAX_REQUESTS
    assert survey.client.retries == 0 or load_scenario(name).world.faults
    files = bundle.files(evidence, survey.replay_context, survey.redactor.hits, {}, "r", "1")
    # Only Python's repr writes the code of this reason as NAME: 'value', which looks like a secret.
    kept = repr(evidence).replace(repr(Reason.BAD_TOKEN), "") + "".join(files.values())
    for secret in secrets_of(name):
        assert secret not in kept, secret
    assert survey.redactor.scan(kept) == []


def secrets_of(name: str) -> set[str]:
    """The tokens, the values of secret-looking variables, and what looks like a token anywhere in the scenario."""
    scenario = load_scenario(name)
    found = {part for token in scenario.world.tokens for part in re.split(r"[ ,]", token.token) if len(part) > 8}
    text = json.dumps(scenario.world.model_dump(mode="json")) + json.dumps(scenario.parameters)
    found |= set(re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|AIza[\w-]+|fm2_[\w+/=-]+|[\w.]+@[\w.]+\.example", text))
    for happening in scenario.world.history:
        env = (happening.create.body.get("config") or {}).get("env") or {} if happening.create else {}
        found |= {
            str(v) for k, v in env.items() if re.search("KEY|TOKEN|SECRET|PASSWORD|USER_ID", k) and len(str(v)) > 3
        }
    return found


def test_the_story_stays_readable(play: Play) -> None:
    evidence, _, survey = collect(play())
    assert "SUPABASE_SERVICE_KEY" in repr(evidence.observations["E07"].answer)
    assert {"fly-token", "jwt", "user-id", "email"} <= set(survey.redactor.masked)
    subject = evidence.subject
    assert (subject.app, subject.machine_id, subject.machine_name) == ("vyx-app", "91850296bd4738", "vyx-63eea370")
    assert subject.org == "vyx"
    assert subject.websocket_url == "wss://vyx-63eea370.fly.dev"


# Failing.


def test_with_everything_failing_each_facet_says_why() -> None:
    source = nowhere(records_url="sqlite:////nowhere/at/all.sqlite")
    given = Target("vyx-app", "91850296bd4738", image="registry.fly.io/x:y", websocket_url="wss://vyx.fly.dev")
    told: list[Observation] = []
    evidence = Collector(given, source, progress=told.append).run()
    assert numbers(told) == [*ALL, *REST]
    for observation in told:
        assert observation.outcome is Outcome.COULD_NOT_LOOK, observation
        assert observation.reason
        assert "itself failed" not in observation.reason
    assert "does not exist" in evidence.observations["E01"].reason
    assert "not asked again" in evidence.observations["E02"].reason
    assert evidence.subject.machine_id == "91850296bd4738"


def test_a_dead_port_behind_every_base(play: Play) -> None:
    stage = play()
    dead = f"http://127.0.0.1:{closed_port()}"
    _, told, survey = collect(
        stage,
        source={
            "machines_url": dead,
            "platform_url": dead,
            "registries": {"registry.fly.io": dead},
            "status_url": f"{dead}/v1/incidents",
        },
    )
    refused = {observation.number for observation in told if "no connection" in observation.reason}
    assert {"E01", "E02", "E03", "E05", "E06", "E07", "E09", "E16"} <= refused
    assert sum(survey.client.by_host.values()) <= MAX_REQUESTS
    assert {observation.number: observation.outcome for observation in told}["E14"] is Outcome.SEEN


def test_without_a_token_only_what_needs_one_is_left_out(play: Play) -> None:
    stage = play()
    evidence, told, _ = collect(stage, source={"token": ""})
    without = {observation.number for observation in told if "FLY_API_TOKEN" in observation.reason}
    assert without == {"E01", "E02", "E03", "E04", "E05", "E06", "E07", "E09", "E11", "E25"}
    assert evidence.observations["E13"].outcome is Outcome.ABSENT
    assert evidence.observations["E14"].outcome is Outcome.SEEN
    assert evidence.observations["E16"].outcome is Outcome.ABSENT
    assert {request["path"] for request in stage.simulator.requests} == {"/v1/incidents"}


def test_a_deadline_that_has_passed_is_said_by_each(play: Play) -> None:
    stage = play()
    _, told, survey = collect(stage, seconds=0.0)
    assert survey.client.by_host == {}
    late = {observation.number for observation in told if "deadline" in observation.reason}
    assert {"E01", "E02", "E03", "E05", "E07", "E16"} <= late


def test_a_transport_with_a_bug_costs_only_what_needed_it() -> None:
    token = MACAROON.removeprefix("FlyV1 ")
    transport = FakeTransport([RuntimeError(f"a bug near {token}")])
    given = Target("vyx-app", "91850296bd4738", websocket_url="wss://vyx.fly.dev", image="registry.fly.io/vyx-app:x")
    evidence = Collector(given, nowhere(), transport=transport).run()
    for number in ("E01", "E02", "E03", "E09", "E16"):
        observation = evidence.observations[number]
        assert observation.outcome is Outcome.COULD_NOT_LOOK
        assert "the runbook itself failed here, please report it (RuntimeError: a bug near" in observation.reason
        assert token not in observation.reason
    assert "itself failed" not in evidence.observations["E12"].reason
    assert transport.closed


STEPS: dict[str, tuple[Any, str]] = {
    "E01": (machines, "token"),
    "E02": (machines, "app"),
    "E03": (machines, "machine"),
    "E04": (machines, "events"),
    "E05": (machines, "listing"),
    "E07": (logs, "logs"),
    "E08": (machines, "organisation"),
    "E09": (registry, "image"),
    "E11": (machines, "addresses"),
    "E12": (Edge, "resolve"),
    "E14": (RecordsReader, "rows"),
    "E15": (RecordsReader, "events"),
    "E16": (status, "status"),
    "E17": (Edge, "probe"),
}


@pytest.mark.parametrize("number", STEPS)
@pytest.mark.parametrize("error", [RuntimeError("boom"), AssertionError("not on the list"), RecursionError()], ids=repr)
def test_a_bug_in_one_step_costs_that_step_and_is_said(
    number: str, error: Exception, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    place, name = STEPS[number]
    monkeypatch.setattr(place, name, broken)
    _, told, _ = collect(play("healthy"))
    failed = {observation.number for observation in told if "the runbook itself failed here" in observation.reason}
    assert number in failed
    assert failed <= {
        "E05": {"E05", "E06"},
        "E09": {"E09", "E10"},
        "E12": {"E12", "E13", "E17", "E18"},
        "E17": {"E17", "E18"},
    }.get(number, {number})
    assert numbers(told) == [*ALL, *REST]
    assert type(error).__name__ in next(observation.reason for observation in told if observation.number == number)


def test_after_an_interrupt_nothing_more_is_asked(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(machines, "app", interrupted)
    stage, told = play("healthy"), []
    with contextlib.suppress(KeyboardInterrupt):
        Collector(stage.given, stage.source, progress=told.append).run()
    assert not [observation for observation in told if "itself failed" in observation.reason]
    assert [request["path"] for request in stage.simulator.requests] == ["/v1/tokens/current"]


# What one look hands to the next.


def scripted(bodies: dict[str, Any], given: Target, **more: Any) -> tuple[Evidence, FakeTransport]:
    """A survey on answers by the end of the path; everything else is a 404."""

    def say(_: str, url: str) -> Any:
        path = url.partition("?")[0]
        return next(
            (answer(body) for end, body in bodies.items() if path.endswith(end)), answer({"error": "none"}, 404)
        )

    transport = FakeTransport(say)
    source = nowhere(
        connect_to={"vyx-app.fly.dev:*": "127.0.0.1:1", "fly.io:*": "127.0.0.1:1", "*:*": "nxdomain"}, **more
    )
    return Collector(given, source, transport=transport).run(), transport


STOPPED = {"id": "91850296bd4738", "name": "n", "state": "stopped", "config": {"services": [{"autostart": True}]}}


def test_no_probe_wakes_a_machine_that_sleeps() -> None:
    given = Target("vyx-app", "91850296bd4738", websocket_url="wss://vyx-app.fly.dev/")
    evidence, _ = scripted({"/machines": [STOPPED], "/91850296bd4738": STOPPED}, given)
    for number in ("E17", "E18"):
        assert (
            evidence.observations[number].reason
            == "not asked: a request could start the stopped machine 91850296bd4738"
        )


def test_without_the_list_nobody_knows_and_nothing_is_probed() -> None:
    given = Target("vyx-app", "91850296bd4738", websocket_url="wss://vyx-app.fly.dev/")
    evidence, _ = scripted({"/91850296bd4738": STOPPED}, given)
    assert "without the app's whole list" in evidence.observations["E17"].reason


@pytest.mark.parametrize("services", [None, 5, "x", {"a": 1}, [None, 1, {"autostart": "yes"}]])
def test_odd_services_wake_nobody(services: Any) -> None:
    odd = {**STOPPED, "config": {"services": services}}
    given = Target("vyx-app", "91850296bd4738", websocket_url="wss://vyx-app.fly.dev/")
    evidence, _ = scripted({"/machines": [odd], "/91850296bd4738": odd}, given)
    assert evidence.observations["E17"].answer.reached == "tcp"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("wss://nadia:hunter2hunter2@vyx-app.fly.dev/ws", "vyx-app.fly.dev"),
        ("wss://vyx-app.fly.dev/ws?token=hunter2hunter2", "vyx-app.fly.dev"),
    ],
)
def test_a_believed_url_with_credentials_still_names_its_host(url: str, host: str) -> None:
    evidence, _ = scripted({"/machines": []}, Target("vyx-app", "91850296bd4738", websocket_url=url))
    assert evidence.observations["E13"].answer.host == host
    assert evidence.observations["E13"].outcome is Outcome.SEEN
    assert evidence.observations["E17"].answer.reached == "tcp"
    assert "hunter2" not in repr(evidence)
    assert "<" not in evidence.subject.websocket_url


@pytest.mark.parametrize("url", ["wss://[::1", "nonsense", "http://", "wss:///x"])
def test_a_believed_url_that_is_none(url: str) -> None:
    evidence, _ = scripted({"/machines": []}, Target("vyx-app", "91850296bd4738", websocket_url=url))
    for number in ("E13", "E17"):
        assert evidence.observations[number].outcome is Outcome.COULD_NOT_LOOK
        assert "itself failed" not in evidence.observations[number].reason


def test_a_machine_keeps_its_id_although_its_env_calls_it_a_secret() -> None:
    body = {**STOPPED, "config": {"env": {"X_TOKEN": "91850296bd4738", "Y_KEY": "vyx-app", "Z_SECRET": "stopped"}}}
    evidence, _ = scripted({"/91850296bd4738": body, "/machines": [body]}, Target("vyx-app", "91850296bd4738"))
    found = evidence.observations["E05"].answer.machines[0]
    assert (found.id, found.state) == ("91850296bd4738", "stopped")
    assert found.env["X_TOKEN"].startswith("<secret:")


def test_the_organisation_comes_from_what_is_given_the_app_or_the_token() -> None:
    app = {"id": "x", "name": "vyx-app", "organization": {"slug": "of-app"}}
    tokens = {"tokens": [{"org_slug": "of-token"}]}
    least = Target("vyx-app", "91850296bd4738")

    def asked(bodies: dict[str, Any], given: Target = least) -> list[str]:
        _, transport = scripted(bodies, given)
        return [url.split("/")[5] for url in transport.urls if "/v1/orgs/" in url]

    assert asked({"/vyx-app": app, "/current": tokens}, replace(least, org_slug="given")) == ["given"]
    assert asked({"/vyx-app": app, "/current": tokens}) == ["of-app"]
    assert asked({"/current": tokens}) == ["of-token"]
    assert asked({}) == []


def test_an_unanswered_question_keeps_its_attempts() -> None:
    transport = FakeTransport([no_answer()])
    evidence = Collector(Target("vyx-app", "91850296bd4738"), nowhere(), transport=transport).run()
    exchanges = evidence.observations["E01"].exchanges
    assert [x.attempt for x in exchanges] == [1, 2, 3]
    assert {x.error for x in exchanges} == {"no answer within 10 s"}
    assert evidence.retries == 3
