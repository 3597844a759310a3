"""Parameters of which `make check` takes a few and `make test` takes all; YAML and scenarios, read once and fast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbooks.simulator.scenario import Scenario, load_scenario, scenario_names

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def every(step: int, values: Sequence[Any]) -> list[Any]:
    """All values; those besides every `step`-th are marked as slow."""
    return [
        value if position % step == 0 else pytest.param(value, marks=pytest.mark.slow)
        for position, value in enumerate(values)
    ]


def read_yaml(path: Path) -> Any:
    """A YAML file, read by the parser in C where there is one: ten times as fast."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)


@cache
def scenarios() -> dict[str, Scenario]:
    """Every scenario by its name. Nobody may change one of them."""
    return {name: load_scenario(name) for name in scenario_names()}
