"""What fails, works and fails again: how often, and with which period. Intermittent is not healthy (§14.11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import median

from runbooks.diagnose.facts.observations import format_duration
from runbooks.diagnose.log_classifier import LogMatch
from runbooks.diagnose.program_patterns import REQUEST
from runbooks.evidence.models import LogLine

Trial = tuple[datetime | None, bool]
"""When it was tried, and whether it worked."""

_BOOTS = ("booting", "created-and-started")
_CHECKS = ("health-failed", "health-passed")
_REQUEST = re.compile(REQUEST)
# After so many periods without a failure it is over.
_OVER_AFTER = 3


@dataclass(frozen=True, slots=True)
class Intermittent:
    """Failures with successes in between.

    Attributes:
        failed: how often it failed
        tried: how often it was tried
        every: the median time from the beginning of one stretch of failures to that of the next; None if unknown
    """

    failed: int
    tried: int
    every: timedelta | None

    @property
    def rate(self) -> str:
        """The rate and the period as a reader says them."""
        period = f", about every {format_duration(self.every)}" if self.every else ""
        return f"failed {self.failed} of {self.tried} times{period}"


def intermittent(trials: Sequence[Trial]) -> Intermittent | None:
    """The pattern of these trials; None where one stretch of failures is all there was, or where it is over.

    Args:
        trials: in the order of their times
    """
    stretches = [(worked, [at for at, _ in group]) for worked, group in groupby(trials, key=lambda trial: trial[1])]
    begun = [times[0] for worked, times in stretches if not worked]
    if len(begun) < 2:
        return None
    gaps = [(b - a).total_seconds() for a, b in pairwise(begun) if a and b]
    every = timedelta(seconds=round(median(gaps))) if gaps and median(gaps) >= 1 else None
    last, failed_at = trials[-1][0], [at for at, worked in trials if not worked and at]
    if every and last and failed_at and last - failed_at[-1] > _OVER_AFTER * every:
        return None
    return Intermittent(sum(not worked for _, worked in trials), len(trials), every)


def checks(readings: Iterable[LogMatch]) -> dict[str, Intermittent]:
    """Name of a check → its pattern, within the last life of the program."""
    trials: dict[str, list[Trial]] = {}
    for reading in readings:
        if reading.fact in _BOOTS:
            trials.clear()
        elif reading.fact in _CHECKS:
            trials.setdefault(reading.thing, []).append((reading.line.at, reading.fact == "health-passed"))
    return {name: found for name, told in trials.items() if (found := intermittent(told))}


def requests(lines: Iterable[LogLine]) -> Intermittent | None:
    """The pattern of the requests that these lines report: an answer of 5xx is a failure."""
    answers = ((line.at, _REQUEST.search(line.message[:1000])) for line in lines if "/" in line.message)
    return intermittent([(at, match["number"] < "500") for at, match in answers if match])
