"""One case of a scenario, opened, judged and published as the notebook does, with something spoilt."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from runbooks.base.settings import load_settings
from runbooks.case import Case
from runbooks.collect.collector import Collector
from runbooks.collect.edge import Edge
from runbooks.collect.source import Source
from runbooks.collect.transport import HttpTransport, RawAnswer
from runbooks.definitions import find, validate
from runbooks.evidence.models import Evidence, Observation
from runbooks.simulator import spec
from runbooks.simulator.scenario import Scenario, load_scenario
from runbooks.simulator.server import Simulator
from runbooks.source import source_of

DEADLINE = 20.0  # of the case, as RUNBOOKS_DEADLINE gives it


@dataclass
class Played:
    """One case, looked at from outside: what it saw, what it published, and on which terms."""

    evidence: Evidence
    summary: Mapping[str, Any]
    files: Mapping[str, str]
    screen: str
    seconds: float
    faults: tuple[str, ...]
    met: int = 0

    @property
    def observations(self) -> Mapping[str, Observation]:
        return self.evidence.observations

    @property
    def certain(self) -> str:
        cause = self.summary["cause"]
        return str(cause["slug"]) if cause and cause["confidence"] == "confirmed" else ""

    def slugs(self, status: str) -> set[str]:
        return {h["slug"] for h in self.summary["hypotheses"] if h["status"] == status}


@dataclass
class Counted:
    """Time in which a pause between two tries is over at once, and counts as if it had been waited for."""

    paused: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.paused

    def sleep(self, seconds: float) -> None:
        self.paused += seconds


class HastyWire(HttpTransport):
    """The real wire, with little patience for one endpoint, or with that endpoint behind a closed port."""

    def __init__(self, spoilt: Callable[[str], bool], seconds: float, closed: str, *args: Any) -> None:
        super().__init__(*args)
        self._spoilt, self._seconds, self._closed = spoilt, seconds, closed

    def send(self, method: str, url: str, headers: Mapping[str, str], seconds: float, *more: Any) -> RawAnswer:
        if self._spoilt(url):
            seconds = min(seconds, self._seconds)
            if self._closed:
                self._bases[url] = self._closed
        return super().send(method, url, headers, seconds, *more)


@contextmanager
def served(scenario: Scenario, folder: Path) -> Iterator[tuple[Simulator, Source]]:
    settings = scenario.settings.model_copy(update={"rate_limits": False})
    with Simulator(replace(scenario, settings=settings), folder) as simulator:
        yield simulator, source_of(f"simulator:{scenario.name}", scenario, simulator.start(), load_settings())


@functools.cache
def scenario_of(name: str) -> Scenario:
    return load_scenario(name)


def play(
    name: str,
    faults: Iterable[spec.Fault] = (),
    *,
    changed: Callable[[Source, Path], Source] = lambda source, folder: source,
    wire: Callable[..., HttpTransport] = HttpTransport,
    edge_seconds: float = 5.0,
) -> Played:
    """Open, judge and publish one case of a scenario, as the notebook does."""
    scenario = scenario_of(name)
    world = scenario.world.model_copy(update={"faults": list(faults)})
    clock, screen = Counted(), io.StringIO()
    begun = clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as told, contextlib.redirect_stdout(screen):
        folder = Path(told)
        with served(replace(scenario, world=world), folder / "world") as (simulator, source):
            source = changed(source, folder)

            @contextmanager
            def opened(name: str, settings: object) -> Iterator[Source]:
                yield source

            run = folder / "run"
            settings = load_settings().model_copy(update={"deadline": DEADLINE, "run_folder": run})
            given = validate("machine_not_visible", {"source": f"simulator:{name}"})
            with (
                patch("runbooks.source.open_source", opened),
                patch("runbooks.collect.collector.Collector", functools.partial(Collector, sleep=clock.sleep)),
                patch("runbooks.collect.collector.time", clock),
                patch("runbooks.collect.collector.HttpTransport", wire),
                patch("runbooks.collect.collector.Edge", functools.partial(Edge, seconds=edge_seconds)),
            ):
                case = Case(find("machine_not_visible"), given, settings)
                case.publish()
            met = simulator.faults_met
        seconds = clock.monotonic() - begun
        files = {str(p.relative_to(run)): p.read_text() for p in run.rglob("*") if p.is_file()}
    summary = json.loads(files["summary.json"])
    return Played(case.evidence, summary, files, screen.getvalue(), seconds, case.diagnosis.faults, met)


@functools.cache
def undisturbed(name: str) -> Played:
    return play(name)
