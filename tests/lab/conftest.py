"""One JupyterLab and one browser for the tests of a file. Their kernels know a Fly on loopback, and no token."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbooks.simulator.instructions import instructions
from runbooks.simulator.scenario import Scenario, load_scenario
from runbooks.simulator.server import Simulator

from .notebook import Notebook
from .server import Lab, lab


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("vyx-missing-environment")


@pytest.fixture(scope="module")
def jupyter(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Lab in which `source = "live"` reaches the scenario, as `runbooks simulate` explains it, less the token."""
    folder = tmp_path_factory.mktemp("lab")
    with Simulator(scenario, folder / "world") as simulator:
        told = instructions(scenario, simulator.start())
        live = {
            name: shlex.split(value)[0] if value else ""
            for name, value in re.findall(r"^export (\w+)=(.*)$", told, re.M)
            if name != "FLY_API_TOKEN"
        }
        with lab(["--source", "live"], folder / "out", folder, live) as running:
            yield running


@pytest.fixture
def opened(jupyter: Lab, browser: Any) -> Iterator[Callable[..., Notebook]]:
    """Open a fresh copy of a runbook."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 1000}, permissions=["clipboard-read", "clipboard-write"]
    )

    def open_copy(runbook: str = "machine_not_visible", source: str | None = None) -> Notebook:
        return Notebook(context.new_page(), jupyter, jupyter.copy(runbook, source))

    yield open_copy
    context.close()


@pytest.fixture
def out(jupyter: Lab) -> Path:
    return jupyter.root
