"""A scenario: one incident, told so that it can be played, with the diagnosis it must lead to."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from runbooks.base.errors import SourceError
from runbooks.simulator import spec

FOLDER = Path(__file__).parent / "scenarios"
DEFAULT = "vyx-missing-environment"
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, ten times as fast, in every usual build


@dataclass(frozen=True)
class Scenario:
    """`parameters` are what the investigator knows, `token` what he holds, `expect` what he must find.

    `expect_tested` is what he must find after both test machines of step 4.
    """

    name: str
    title: str
    truth: str
    look_at: datetime
    token: str
    parameters: dict[str, str]
    expect: dict[str, Any]
    settings: spec.Settings = field(repr=False)
    world: spec.World = field(repr=False)
    expect_tested: dict[str, Any] | None = None


def scenario_names() -> list[str]:
    """All scenarios that ship with the package, the default one first."""
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return sorted(names, key=lambda name: name != DEFAULT)


def load_scenario(name_or_path: str) -> Scenario:
    """By name, or from a `.yaml` of one's own; a world of many machines is made by a program."""
    from runbooks.simulator import fleet

    if fleet.is_fleet(name_or_path):
        return fleet.fleet_scenario(name_or_path)
    path = FOLDER / f"{name_or_path}.yaml"
    if name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path).expanduser()
    elif name_or_path not in scenario_names():
        raise _unknown(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"The scenario {path} cannot be read: {error}.") from None
    try:
        told = spec.ScenarioFile.model_validate(yaml.load(text, Loader=_SAFE))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SourceError(f"The scenario {path.name} is not YAML: {error}") from None
    except ValidationError as error:
        raise SourceError(f"The scenario {path.name} is not well formed: {_first_errors(error)}.") from None
    if told.look_at.tzinfo is None:
        raise SourceError(f"The scenario {path.name} is not well formed: look_at has no time zone.")
    return Scenario(
        name=path.stem,
        title=told.title,
        truth=told.truth,
        look_at=told.look_at.astimezone(UTC),
        token=told.token,
        parameters=dict(told.parameters),
        expect=told.expect.model_dump(),
        settings=told.settings,
        world=told.world,
        expect_tested=told.expect_tested.model_dump() if told.expect_tested else None,
    )


def _unknown(name: str) -> SourceError:
    names = scenario_names()
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return SourceError(
        f"There is no scenario {name!r}.",
        f"{hint}`runbooks list --scenarios` tells what each plays. There are: {', '.join(names)}.",
    )


def _first_errors(error: ValidationError, count: int = 3) -> str:
    problems = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
    more = f" (and {len(problems) - count} more)" if len(problems) > count else ""
    return "; ".join(problems[:count]) + more
