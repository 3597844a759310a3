"""What Fly's Prometheus keeps about a machine and its app: the model, and a reader for its answers (§9)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from runbooks.evidence.parsers import text_of

NAMES = (
    "fly_instance_up",
    "fly_instance_exit_code",
    "fly_instance_exit_oom",
    "fly_instance_memory_mem_total",
    "fly_instance_memory_mem_available",
    "fly_app_concurrency",
    "fly_edge_http_responses_count",
)
"""The series that are asked for. Those of `fly_edge` belong to the app and have no label `instance`."""

Sample = tuple[datetime, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One series, oldest sample first. A sample stands for the last value within the step that ends at its time.

    `least` and `most` are the smallest and the largest value; 0, where there is none.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    least: float = field(init=False, repr=False)
    most: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = [value for _, value in self.samples]
        object.__setattr__(self, "least", min(values, default=0.0))
        object.__setattr__(self, "most", max(values, default=0.0))


@dataclass(frozen=True, slots=True)
class Metrics:
    """The series of one machine and its app between `start` and `end`, one sample each `step`."""

    series: tuple[Series, ...]
    start: datetime
    end: datetime
    step: timedelta

    def named(self, name: str) -> tuple[Series, ...]:
        return tuple(one for one in self.series if one.name == name)


def selector(app_name: str, machine_id: str) -> str:
    """One selector for all of them: the machine's own series, and those of its app that name no instance."""
    return f'{{__name__=~"{"|".join(NAMES)}",app="{_quoted(app_name)}",instance=~"{_quoted(machine_id)}|"}}'


def query(app_name: str, machine_id: str, step: int) -> str:
    """The last value within each step, in seconds: without it, a life that is shorter than a step would be missed."""
    return f"last_over_time({selector(app_name, machine_id)}[{step}s])"


def series_of(body: Any) -> tuple[Series, ...] | None:
    """The series of a `query_range` answer; None where it, or a part of it, is not of the documented shape."""
    data = body.get("data") if isinstance(body, Mapping) and body.get("status") == "success" else None
    rows = data.get("result") if isinstance(data, Mapping) and data.get("resultType") == "matrix" else None
    if not isinstance(rows, list):
        return None
    found = []
    for row in rows:
        metric = row.get("metric") if isinstance(row, Mapping) else None
        values = row.get("values") if isinstance(row, Mapping) else None
        if not isinstance(metric, Mapping) or not isinstance(values, list):
            return None
        samples = [_sample(value) for value in values]
        if None in samples:
            return None
        labels = {str(key): text_of(value) for key, value in sorted(metric.items()) if key != "__name__"}
        told = tuple(sorted(one for one in samples if one is not None and math.isfinite(one[1])))
        found.append(Series(text_of(metric.get("__name__")), labels, told))
    return tuple(sorted(found, key=lambda one: (one.name, sorted(one.labels.items()))))


def is_partial(body: Any) -> bool:
    """VictoriaMetrics says so where a part of its storage did not answer: what is missing is not absent then."""
    return isinstance(body, Mapping) and body.get("isPartial") is True


def _sample(value: Any) -> Sample | None:
    if not isinstance(value, list) or len(value) != 2 or isinstance(value[0], bool):
        return None
    try:
        return datetime.fromtimestamp(float(value[0]), UTC), float(value[1])
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _quoted(text: str) -> str:
    """For a string between double quotes; names of apps and ids of machines need none of this."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
