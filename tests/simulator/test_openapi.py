"""The simulator's answers, and what the client sends, against Fly's own description of the Machines API (2024-03).

What differs from it stands in the table of `described.py`, with the fact behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from runbooks.base.consent import Consent
from runbooks.base.settings import load_settings
from runbooks.collect.collector import Collector
from runbooks.collect.context import Target
from runbooks.collect.transport import HttpTransport, RawAnswer
from runbooks.definitions import find, validate
from runbooks.simulator.machine import Machine
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator
from runbooks.source import collect, open_source
from tests.simulator.described import APP, ONE, SPEC, known

NAME = "heron-batch"
CONFIG = {"image": "flyio/hellofly", "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}}
load_all_checks()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address and headers for a world without limits, whose token may do everything."""
    scenario = load_scenario("canary-both-run")
    unlimited = scenario.settings.model_copy(update={"rate_limits": False})
    world = scenario.__class__(**{**scenario.__dict__, "settings": unlimited})
    with Simulator(world, tmp_path_factory.mktemp("openapi")) as simulator:
        endpoints = simulator.start()
        yield f"{endpoints.base_url}/v1", {"Authorization": scenario.token}


def operation(path: str, method: str) -> Any:
    return schemathesis.openapi.from_dict(SPEC)[path][method]


def test_every_answer_of_a_machines_life_is_as_described(served: tuple[str, dict[str, str]]) -> None:
    """All methods that change something, and those that look, with ids that exist."""
    base, headers = served
    ids = {"app_name": NAME}

    def ask(path: str, method: str, *, body: Any = None, **query: str) -> Any:
        parts = {name: ids[name] for name in ids if f"{{{name}}}" in path}
        told = {"body": body, "media_type": "application/json"} if body is not None else {}
        case = operation(path, method).Case(path_parameters=parts, query=query, **told)
        answer = case.call(base_url=base, headers=headers)
        assert answer.status_code < 300, (method, path, answer.text)
        case.validate_response(answer, checks=[response_schema_conformance])
        return answer.json()

    made = ask(f"{APP}/machines", "POST", body={"name": "described", "region": "fra", "config": CONFIG})
    ids["machine_id"] = made["id"]
    ask(f"{ONE}/wait", "GET", instance_id=made["instance_id"], timeout="60", state="started")
    changed = ask(ONE, "POST", body={"config": {**CONFIG, "env": {"LEVEL": "info"}}})
    ask(f"{ONE}/wait", "GET", instance_id=changed["instance_id"], state="started")
    for path in (ONE, f"{ONE}/events", f"{ONE}/ps", f"{ONE}/versions", f"{ONE}/metadata", f"{APP}/machines", APP):
        ask(path, "GET")
    ask(f"{ONE}/lease", "POST", body={"ttl": 1})
    ask(f"{ONE}/lease", "GET")
    ask(f"{ONE}/stop", "POST", body={"signal": "SIGTERM"})
    ask(f"{ONE}/wait", "GET", instance_id=changed["instance_id"], state="stopped")
    ask(f"{ONE}/start", "POST")
    ask(f"{ONE}/wait", "GET", instance_id=changed["instance_id"], state="started")
    ask(ONE, "DELETE", force="true")


def test_an_answer_of_another_shape_would_be_found(
    served: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, headers = served
    shown = Machine.shown
    monkeypatch.setattr(Machine, "shown", lambda self, *rest, **more: shown(self, *rest, **more) | {"region": 7})
    case = operation(f"{APP}/machines", "POST").Case(
        path_parameters={"app_name": NAME}, body={"config": CONFIG}, media_type="application/json"
    )
    answer = case.call(base_url=base, headers=headers)
    with pytest.raises(FailureGroup, match="violates schema"):
        case.validate_response(answer, checks=[response_schema_conformance])


@pytest.mark.parametrize(
    ("path", "method"), [(f"{APP}/machines", "POST"), (f"{ONE}/stop", "POST"), (f"{ONE}/wait", "GET")]
)
def test_whatever_the_description_allows_gets_an_answer_that_it_knows(
    path: str, method: str, served: tuple[str, dict[str, str]]
) -> None:
    base, headers = served

    @given(case=operation(path, method).as_strategy())
    @settings(max_examples=15, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    def answered(case: Any) -> None:
        case.path_parameters = {"app_name": NAME} | ({"machine_id": "7871d9be45c82a"} if "{machine_id}" in path else {})
        answer = case.call(base_url=base, headers=headers)
        assert answer.status_code < 500, answer.text
        if answer.status_code < 300:
            case.validate_response(answer, checks=[response_schema_conformance])

    answered()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str, bytes | None]]:
    """What the client sends to anybody, as it sends it."""
    found: list[tuple[str, str, bytes | None]] = []
    send = HttpTransport.send

    def noted(self: HttpTransport, method: str, url: str, *rest: Any, **more: Any) -> RawAnswer:
        found.append((method, url, more.get("content")))
        return send(self, method, url, *rest, **more)

    monkeypatch.setattr(HttpTransport, "send", noted)
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    return found


def operations(sent: list[tuple[str, str, bytes | None]]) -> Counter[str]:
    """How often each method was sent to the Machines API, after all of it was checked."""
    return Counter(
        method for method, url, body in sent if urlsplit(url).netloc == "api.machines.dev" and known(method, url, body)
    )


def test_everything_that_a_test_creation_sends_is_as_described(sent: list[tuple[str, str, bytes | None]]) -> None:
    with open_source("simulator:canary-both-run", load_settings()) as source:
        told = {k: v for k, v in load_scenario("canary-both-run").parameters.items() if k in ("app_name", "machine_id")}
        Collector(Target(**told), source, consent=Consent(True, NAME, "flyio/hellofly", True)).run()
    found = operations(sent)
    assert (found["POST"], found["DELETE"]) == (2, 2)


@pytest.mark.parametrize(("runbook", "scenario"), [("preflight", "healthy"), ("machine_not_visible", "startup-crash")])
def test_everything_that_a_runbook_sends_is_as_described(
    runbook: str, scenario: str, sent: list[tuple[str, str, bytes | None]]
) -> None:
    parameters = validate(runbook, {"source": f"simulator:{scenario}"})
    collect(parameters, load_settings(), facets=find(runbook).facets)
    assert operations(sent).keys() == {"GET"}


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/v1/apps/heron/machines?limit=5"),
        ("PATCH", "/v1/apps/heron/machines"),
        ("GET", "/v1/apps/heron/machines/e784/wait?state=asleep"),
    ],
)
def test_what_is_not_described_would_be_found(method: str, url: str) -> None:
    with pytest.raises(AssertionError):
        known(method, url)
