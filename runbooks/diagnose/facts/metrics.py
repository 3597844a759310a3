"""What was measured of the machine: it outlives log, events and the machine itself (§9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.metrics import Metrics, Sample, Series


@dataclass(frozen=True, slots=True)
class EdgeAnswers:
    """Answers with 5xx, all answers, and when the last 5xx was measured."""

    failed: int
    total: int
    last_failure: datetime | None


class MetricsFacts:
    """When the machine was up, how its program ended, and how much memory it had left.

    Args:
        observations: access to the evidence
    """

    def __init__(self, observations: ObservationFacts) -> None:
        self._observations = observations

    @cached_property
    def all(self) -> Metrics | None:
        """Everything that was measured; None when it was not seen."""
        return self._observations.answer(Facet.METRICS, Metrics)

    def own(self, name: str) -> tuple[Sample, ...]:
        """The samples of one series of this machine, oldest first."""
        found = self._own.get(name, ())
        return found[0].samples if len(found) == 1 else tuple(sorted(at for one in found for at in one.samples))

    @cached_property
    def _own(self) -> Mapping[str, Sequence[Series]]:
        machine_id = self._observations.subject.machine_id
        found: dict[str, list[Series]] = {}
        for one in self.all.series if self.all else ():
            if one.labels.get("instance") == machine_id:
                found.setdefault(one.name, []).append(one)
        return found

    @cached_property
    def up(self) -> tuple[datetime, datetime] | None:
        """When it was first and last measured as running; accurate to one step."""
        samples = self.own("fly_instance_up")
        first = next((at for at, value in samples if value > 0), None)
        last = next((at for at, value in reversed(samples) if value > 0), None)
        return (first, min(last, self._observations.now)) if first and last else None

    @cached_property
    def exits(self) -> tuple[tuple[datetime, int], ...]:
        """(time, exit code) that were measured, each once for a stretch of equal values, oldest first."""
        found: list[tuple[datetime, int]] = []
        for at, value in self.own("fly_instance_exit_code"):
            if not found or found[-1][1] != int(value):
                found.append((at, int(value)))
        return tuple(found)

    @cached_property
    def exit_codes(self) -> tuple[int, ...]:
        return tuple(code for _, code in self.exits)

    @cached_property
    def busiest(self) -> Sample | None:
        """When most connections or requests were open at once, and how many; the last such time."""
        return max(self.own("fly_app_concurrency"), key=lambda one: (one[1], one[0]), default=None)

    @cached_property
    def edge(self) -> EdgeAnswers:
        """How the edge answered the requests to the app, of all its machines."""
        failed, total, last = 0, 0, None
        for one in self.all.named("fly_edge_http_responses_count") if self.all else ():
            bad = one.labels.get("status", "").startswith("5")
            for (_, before), (at, count) in pairwise(one.samples):
                added = int(count - before if count >= before else count)  # a counter that fell began anew
                total += added
                if bad and added:
                    failed += added
                    last = max(last or at, at)
        return EdgeAnswers(failed, total, last)

    @property
    def edge_fails(self) -> bool:
        """Did it answer 5xx within the last two steps, so that this is not over?"""
        last = self.edge.last_failure
        return bool(self.all and last and self._observations.now - last <= 2 * self.all.step)

    @cached_property
    def killed_at(self) -> datetime | None:
        """When the kernel was measured to have ended the program for lack of memory; None: it was not."""
        return next((at for at, value in self.own("fly_instance_exit_oom") if value > 0), None)

    @cached_property
    def memory(self) -> tuple[tuple[datetime, float, float], ...]:
        """(time, bytes in use, bytes in all), oldest first."""
        total, found = dict(self.own("fly_instance_memory_mem_total")), []
        for at, left in self.own("fly_instance_memory_mem_available"):
            whole = total.get(at, -1)
            if 0 <= left <= whole > 0:
                found.append((at, whole - left, whole))
        return tuple(found)

    def full(self, part: float) -> tuple[datetime, float, float] | None:
        """The one of them with the largest part in use, if that is at least `part`; the last such."""
        least = min((one.least for one in self._own.get("fly_instance_memory_mem_available", ())), default=0.0)
        most = max((one.most for one in self._own.get("fly_instance_memory_mem_total", ())), default=0.0)
        if most <= 0 or (most - least) / most < part:
            return None  # not even with the least that was free, of the most that there was
        fullest = max(reversed(self.memory), key=lambda one: one[1] / one[2], default=None)
        return fullest if fullest and fullest[1] / fullest[2] >= part else None
