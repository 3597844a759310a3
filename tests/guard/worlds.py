"""Small worlds for the guards: one app, one image, and what the platform does with a machine of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbooks.simulator import spec
from runbooks.simulator.application import Application
from runbooks.simulator.scenario import Scenario
from runbooks.simulator.server import Endpoints, Simulator

TOKEN = "FlyV1 fm2_bWFkZS11cCBtYWNhcm9vbiBvZiB0aGUgZ3VhcmQncyB0ZXN0cw=="
IMAGE = "registry.fly.io/heron-jobs:v12"
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    """A simulator that stands at the moment of the create call."""

    simulator: Simulator
    at: Endpoints

    @property
    def options(self) -> dict[str, Any]:
        """What a guard has to be told to talk to it."""
        return {"api_url": self.at.base_url, "logs_url": self.at.base_url, "registries": self.at.registries}


def scenario_of(world: Mapping[str, Any], settings: Mapping[str, Any]) -> Scenario:
    """A world with `world` beside the app, its token and its image; time passes only where somebody lets it pass."""
    image = {"ref": IMAGE, "cmd": ["node", "index.js"], "program": "jobs"}
    program = {"prints": [{"at_ms": 300, "text": "jobs worker"}], "listens": 8080}
    told = {
        "orgs": {"heron": {"name": "Heron"}},
        "apps": {"heron-jobs": {"org": "heron"}},
        "tokens": [{"token": TOKEN, "org": "heron"}],
        "images": [image],
        "programs": {"jobs": program},
        **world,
    }
    return Scenario(
        name="guard",
        title="guard",
        truth="",
        look_at=START,
        token=TOKEN,
        parameters={},
        expect={},
        settings=spec.Settings(**{"step_after_write_ms": 0, "rate_limits": False, **settings}),
        world=spec.World.model_validate(told),
    )


@contextmanager
def served(
    scenario: Scenario, folder: Path, around: Callable[[Application], Any] = lambda application: application
) -> Iterator[Served]:
    """Serve it; `around` may put something between the simulator and its clients."""
    simulator = Simulator(scenario, folder)
    simulator._application = around(simulator._application)
    with simulator:
        yield Served(simulator, simulator.start())


class SimulatedClock:
    """The clock of a guard in this process: its pauses let the simulated time pass."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def now(self) -> float:
        return self._simulator.world.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self._simulator.advance(seconds)


class Heard:
    """Between the simulator and its clients: keeps every request with its body."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.heard: list[tuple[str, str, bytearray]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._application, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()  # of an answer that never comes, too
        url = f"{scope['path']}?{scope.get('query_string', b'').decode()}"
        self.heard.append((scope.get("method", "GET"), url, body))

        async def noting() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self._application(scope, noting, send)
