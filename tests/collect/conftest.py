"""Transports that answer from a script, a clock that only waits on paper, and a served scenario."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbooks.base.settings import load_settings
from runbooks.collect.client import Client
from runbooks.collect.context import Target
from runbooks.collect.rate_budget import RateBudget
from runbooks.collect.source import Source
from runbooks.collect.transport import NoAnswer, RawAnswer
from runbooks.evidence.redaction import Redactor
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Endpoints, Simulator
from runbooks.source import source_of

AT = datetime(2025, 10, 2, 3, 9, 40, tzinfo=UTC)
MACAROON = "FlyV1 fm2_bWFkZS11cCBmb3IgdGhlIHRlc3Rz,fm2_dGhlIGRpc2NoYXJnZQ"

Scripted = RawAnswer | Exception
Script = Callable[[str, str], Scripted]


def answer(body: Any = "", status: int = 200, **headers: str) -> RawAnswer:
    """A raw answer: text and bytes as they are, anything else as JSON."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        return RawAnswer(status, told, body)
    text = body if isinstance(body, str) else json.dumps(body)
    return RawAnswer(status, {"content-type": "application/json", **told}, text.encode())


def no_answer(reason: str = "no answer within 10 s", *, connected: bool = True) -> NoAnswer:
    return NoAnswer(reason, connected=connected)


@dataclass
class FakeTransport:
    """Answers from a list, the last one for ever, or from a function of method and URL; notes what was sent."""

    script: list[Scripted] | Script
    sent: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    closed: bool = False

    def send(self, method: str, url: str, headers: Mapping[str, str], seconds: float) -> RawAnswer:
        assert seconds > 0
        self.sent.append((method, url, dict(headers)))
        if callable(self.script):
            given = self.script(method, url)
        else:
            given = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        self.closed = True

    @property
    def urls(self) -> list[str]:
        return [url for _, url, _ in self.sent]


@dataclass
class FakeClock:
    """Time that passes only by waiting."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Bench:
    client: Client
    transport: FakeTransport
    clock: FakeClock
    redactor: Redactor


def bench(script: list[Scripted] | Script, *, token: str = MACAROON, seconds: float = 120.0) -> Bench:
    """A client on a scripted transport; every wait is noted, none is real."""
    transport, clock, redactor = FakeTransport(script), FakeClock(), Redactor()
    end = clock.now + seconds
    client = Client(
        transport,
        token,
        redactor,
        lambda: AT,
        lambda: end - clock.now,
        budget=RateBudget(clock, clock.sleep),
        sleep=clock.sleep,
    )
    client.take("E03")
    return Bench(client, transport, clock, redactor)


@dataclass(frozen=True)
class Stage:
    """A served scenario, as a source with the settings of nobody."""

    simulator: Simulator
    served: Endpoints
    source: Source
    given: Target


Play = Callable[..., Stage]


def _settle(simulator: Simulator) -> None:
    """Let the server see that its clients have gone: uvicorn trips over a WebSocket that is just closing."""
    patience = time.monotonic() + 30
    while any(server.server_state.connections for server in simulator._servers) and time.monotonic() < patience:
        time.sleep(0.005)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Serve a scenario; its parameters are what is given."""
    with ExitStack() as stack:

        def start(name: str = "vyx-missing-environment", *, rate_limits: bool = False, **more: Any) -> Stage:
            scenario = load_scenario(name)
            told = scenario.settings.model_copy(update={"rate_limits": rate_limits, **more})
            scenario = replace(scenario, settings=told)
            simulator = stack.enter_context(Simulator(scenario, tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"))
            stack.callback(_settle, simulator)
            served = simulator.start()
            values = dict(scenario.parameters)
            at = values.pop("incident_time", "")
            values["caller_text"] = values.pop("caller_log", "")
            source = source_of(f"simulator:{name}", scenario, served, load_settings())
            given = Target(**values, incident_at=datetime.fromisoformat(at) if at else None)
            return Stage(simulator, served, source, given)

        yield start
