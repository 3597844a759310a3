"""A served scenario per test, with the rate limits off unless a test is about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from runbooks.simulator.scenario import Scenario, load_scenario
from runbooks.simulator.server import Endpoints, Simulator


@dataclass(frozen=True)
class Stage:
    """One running simulator and a client that holds the investigator's token."""

    simulator: Simulator
    served: Endpoints
    scenario: Scenario
    client: httpx.Client

    @property
    def app(self) -> str:
        return f"/v1/apps/{self.scenario.parameters['app_name']}"

    @property
    def machine(self) -> str:
        return f"{self.app}/machines/{self.scenario.parameters['machine_id']}"

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def logs(self, **query: str) -> httpx.Response:
        """The log pages want the scheme FlyV1, which the scenario's tokens carry."""
        return self.client.get(f"/api{self.app}/logs", params=query, headers={"Authorization": self.scenario.token})


Play = Callable[..., Stage]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with ExitStack() as stack:

        def start(name: str = "vyx-missing-environment", *, token: str | None = None, **settings: Any) -> Stage:
            scenario = load_scenario(name)
            told = scenario.settings.model_copy(update={"rate_limits": False, **settings})
            scenario = replace(scenario, settings=told)
            simulator = stack.enter_context(Simulator(scenario, tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"))
            served = simulator.start()
            bearer = f"Bearer {scenario.token}" if token is None else token
            headers = {"Authorization": bearer} if bearer else {}
            client = stack.enter_context(httpx.Client(base_url=served.base_url, headers=headers))
            return Stage(simulator, served, scenario, client)

        yield start


def writer(stage: Stage) -> dict[str, str]:
    """The header of a token that may change things: the provisioning function's own."""
    told = next(token for token in stage.scenario.world.tokens if token.actions == "rwcdC")
    return {"Authorization": f"Bearer {told.token}"}
