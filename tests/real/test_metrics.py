"""The metrics of a machine from a real VictoriaMetrics, and the same from the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbooks.collect import metrics
from runbooks.collect.result import FacetResult
from runbooks.evidence.metrics import Metrics
from runbooks.evidence.models import Outcome
from runbooks.simulator.metrics import SCRAPE, Measured, edge_answers, measured
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator
from runbooks.simulator.world import World

from .asking import asking
from .victoria_metrics import Line, Store, running

ORG, APP, ID, OTHER = "vyx", "vyx-app", "91850296bd4738", "3d8dd00dc33189"
TOKEN = "fm2_lJPECAAAAAAAAM0lxBDrealtokeninthestore0123456789"
NOW = datetime.now(UTC).replace(microsecond=0)
GONE = NOW - timedelta(days=8)


def _samples(name: str, start: datetime, seconds: int, value: float, **labels: str) -> Iterator[Line]:
    told = {"__name__": name, "app": APP, "region": "sin", "host": "7a1c", **labels}
    for offset in range(0, seconds + 1, SCRAPE):
        yield told, start + timedelta(seconds=offset), value


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running(tmp_path_factory.mktemp("metrics"), ORG) as started:
        lines: list[Line] = []
        # A machine that lived for 45 seconds, eight days ago, and ran out of memory.
        lines += _samples("fly_instance_up", GONE, 45, 1, instance=ID)
        lines += _samples("fly_instance_memory_mem_total", GONE, 45, 256e6, instance=ID)
        lines += _samples("fly_instance_memory_mem_available", GONE, 45, 3e6, instance=ID)
        lines += _samples("fly_instance_exit_code", GONE + timedelta(seconds=60), 300, 137, instance=ID)
        lines += _samples("fly_instance_exit_oom", GONE + timedelta(seconds=60), 300, 1, instance=ID)
        # Another machine of the app, series that are not asked for, and what the app has without an instance.
        lines += _samples("fly_instance_up", GONE, 600, 1, instance=OTHER)
        lines += _samples("fly_instance_load_average", GONE, 45, 3, instance=ID, minutes="5")
        lines += _samples("fly_edge_http_responses_count", GONE, 600, 12, status="502")
        started.load(lines)
        yield started


def asked(base: str, machine_id: str = ID, days: int = 9) -> FacetResult:
    client = asking({metrics.LOGICAL: base}, TOKEN)
    return metrics.metrics(client, ORG, APP, machine_id, NOW - timedelta(days=days), NOW)


def test_a_life_of_seconds_is_found_after_eight_days(store: Store) -> None:
    found = asked(store.base)
    assert found.outcome is Outcome.SEEN
    told = found.answer
    assert isinstance(told, Metrics)
    assert {one.name for one in told.series} == {
        "fly_instance_up",
        "fly_instance_memory_mem_total",
        "fly_instance_memory_mem_available",
        "fly_instance_exit_code",
        "fly_instance_exit_oom",
        "fly_edge_http_responses_count",
    }
    assert {one.labels.get("instance", "") for one in told.series} == {ID, ""}
    assert [value for _, value in told.named("fly_instance_exit_code")[0].samples][-1] == 137
    up = told.named("fly_instance_up")[0].samples
    assert abs(up[0][0] - GONE) <= told.step + timedelta(seconds=SCRAPE)


def test_an_instance_without_series_is_absent_and_the_app_is_still_told_of(store: Store) -> None:
    found = asked(store.base, "148ed193b95e08")
    assert found.outcome is Outcome.ABSENT
    assert [one.name for one in found.answer.series] == ["fly_edge_http_responses_count"]


SAME = ["out-of-memory", "restart-limit-reached", "healthy", "stopped-by-autostop", "concurrency-measured"]


@pytest.mark.parametrize("name", SAME)
def test_the_simulator_answers_as_the_real_store_does(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    world = World(scenario)
    target, now = scenario.parameters, scenario.look_at
    org = world.apps[target["app_name"]].org
    start = min(machine.created_at for machine in world.ever()) - timedelta(hours=1)
    with running(tmp_path, org) as real, Simulator(scenario, tmp_path / "world") as simulator:
        real.load(line for one in _all(world, now) for line in _grid(one))
        served = f"{simulator.start().base_url}/prometheus/{org}"
        theirs, ours = (
            metrics.metrics(
                asking({metrics.LOGICAL: base}, scenario.token),
                org,
                target["app_name"],
                world.ever()[0].id,
                start,
                now,
            ).answer
            for base in (real.base, served)
        )
    assert theirs.series
    assert [one.name for one in theirs.series] == [one.name for one in ours.series]
    for one, other in zip(theirs.series, ours.series, strict=True):
        assert one == other


def _all(world: World, now: datetime) -> Iterator[Measured]:
    for machine in world.ever():
        yield from measured(machine, now)
    yield from edge_answers(world.answered, world.served_since(next(iter(world.orgs))), now)


def _grid(series: Measured) -> Iterator[Line]:
    """Every sample that the platform would have taken."""
    for span in series.spans:
        begin = -(-span.start.timestamp() // SCRAPE) * SCRAPE
        while begin <= span.end.timestamp():
            yield series.labels, datetime.fromtimestamp(begin, UTC), span.value(begin - span.start.timestamp())
            begin += SCRAPE
