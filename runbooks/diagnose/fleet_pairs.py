"""The classes that a machine and its row fall into: whether they agree, and who says what where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from runbooks.evidence.fleet import MACHINE_PHASES, Fleet, Joined, Pair, Phase, same_place, url_can_work


class PairClass(StrEnum):
    """What a machine and its row say of each other. One pair is in one class: the first that fits, in this order."""

    UNKNOWN = "unknown"
    SEVERAL_MACHINES = "several-machines"
    ROW_WAITS_MACHINE_GONE = "row-waits-machine-gone"
    ROW_WAITS_MACHINE_STOPPED = "row-waits-machine-stopped"
    ROW_WAITS_MACHINE_RUNS = "row-waits-machine-runs"
    BOTH_WAIT = "both-wait"
    ROW_RUNS_MACHINE_DOES_NOT = "row-runs-machine-does-not"
    ROW_WITHOUT_MACHINE = "row-without-machine"
    MACHINE_WITHOUT_ROW = "machine-without-row"
    ROW_ENDED_MACHINE_RUNS = "row-ended-machine-runs"
    WRONG_PLACE = "wrong-app-or-region"
    URL_CANNOT_WORK = "url-cannot-work"
    IN_PROGRESS = "in-progress"
    AGREE = "agree"


class NotKnown(StrEnum):
    """Why a pair is in the class `unknown`."""

    MACHINES_NOT_READ = "machines-not-read"
    ROWS_NOT_READ = "rows-not-read"
    REGION_SILENT = "region-silent"
    NOTHING_JOINS = "nothing-joins"
    STATUS_WORD = "status-word"
    STATE_WORD = "state-word"


AGREEING = frozenset((PairClass.AGREE, PairClass.IN_PROGRESS))
FAILING = (
    PairClass.ROW_WAITS_MACHINE_GONE,
    PairClass.ROW_WAITS_MACHINE_STOPPED,
    PairClass.ROW_WAITS_MACHINE_RUNS,
    PairClass.BOTH_WAIT,
    PairClass.ROW_RUNS_MACHINE_DOES_NOT,
)
"""Something failed for these machines; in the other classes only the books differ. The worst first."""


@dataclass(frozen=True)
class Thresholds:
    """What the user set.

    Attributes:
        waiting: how long a row may wait
        orphaned: how old a machine or a row may be before its other side has to be there
        row_phases: what the words in the rows' status mean
    """

    waiting: timedelta = timedelta(minutes=5)
    orphaned: timedelta = timedelta(minutes=5)
    row_phases: Mapping[str, Phase] = field(default_factory=dict)


def classify(pair: Pair, fleet: Fleet, thresholds: Thresholds) -> tuple[PairClass, NotKnown | None]:
    """The class of a pair, and why it is not known where it is not."""
    machine = MACHINE_PHASES.get(pair.state, Phase.UNKNOWN)
    row = thresholds.row_phases.get(pair.row_status, Phase.UNKNOWN)
    if not pair.has_row:
        return _without_row(pair, machine, fleet, thresholds)
    if not pair.has_machine:
        return _without_machine(pair, row, fleet, thresholds)
    if row is Phase.UNKNOWN:
        return PairClass.UNKNOWN, NotKnown.STATUS_WORD
    if machine is Phase.UNKNOWN:
        return PairClass.UNKNOWN, NotKnown.STATE_WORD
    if pair.fits == Joined.SEVERAL:
        return PairClass.SEVERAL_MACHINES, None
    if row is Phase.WAITS and _younger(pair.row_at, fleet, thresholds.waiting):
        return PairClass.IN_PROGRESS, None
    found = _STATES.get((row, machine))
    if found is None:
        found = (
            PairClass.WRONG_PLACE
            if not same_place(pair)
            else PairClass.AGREE
            if url_can_work(pair.row_url, pair.app or pair.row_app)
            else PairClass.URL_CANNOT_WORK
        )
    return found, None


_STATES: Mapping[tuple[Phase, Phase], PairClass] = {
    (Phase.WAITS, Phase.GONE): PairClass.ROW_WAITS_MACHINE_GONE,
    (Phase.WAITS, Phase.STOPPED): PairClass.ROW_WAITS_MACHINE_STOPPED,
    (Phase.WAITS, Phase.RUNS): PairClass.ROW_WAITS_MACHINE_RUNS,
    (Phase.WAITS, Phase.WAITS): PairClass.BOTH_WAIT,
    **{(Phase.RUNS, one): PairClass.ROW_RUNS_MACHINE_DOES_NOT for one in (Phase.WAITS, Phase.STOPPED, Phase.GONE)},
    **{
        (row, machine): PairClass.ROW_ENDED_MACHINE_RUNS
        for row in (Phase.STOPPED, Phase.GONE)
        for machine in (Phase.WAITS, Phase.RUNS)
    },
}
"""Row and machine that contradict each other; any other two agree in what they do."""


def _without_row(pair: Pair, machine: Phase, fleet: Fleet, thresholds: Thresholds) -> tuple[PairClass, NotKnown | None]:
    """A machine that is gone needs no row; any other one costs money."""
    if machine is Phase.GONE:
        return PairClass.AGREE, None
    if not fleet.rows_known:
        return PairClass.UNKNOWN, NotKnown.ROWS_NOT_READ
    if _younger(pair.made_at, fleet, thresholds.orphaned):
        return PairClass.IN_PROGRESS, None
    return PairClass.MACHINE_WITHOUT_ROW, None


def _without_machine(pair: Pair, row: Phase, fleet: Fleet, thresholds: Thresholds) -> tuple[PairClass, NotKnown | None]:
    """A row whose machine is not even among the destroyed ones; if it has ended, nothing is missing."""
    if row is Phase.UNKNOWN:
        return PairClass.UNKNOWN, NotKnown.STATUS_WORD
    if row in (Phase.STOPPED, Phase.GONE):
        return PairClass.AGREE, None
    if not fleet.machines_known:
        return PairClass.UNKNOWN, NotKnown.MACHINES_NOT_READ
    if fleet.silent_regions and pair.row_region in ("", *fleet.silent_regions):
        return PairClass.UNKNOWN, NotKnown.REGION_SILENT
    limit = max(thresholds.orphaned, thresholds.waiting) if row is Phase.WAITS else thresholds.orphaned
    if _younger(pair.row_at or pair.made_at, fleet, limit):
        return PairClass.IN_PROGRESS, None
    return PairClass.ROW_WITHOUT_MACHINE, None


def _younger(at: int, fleet: Fleet, limit: timedelta) -> bool:
    """Is this time less than the limit ago? One that is not known is old."""
    return bool(at) and fleet.looked_at - at < limit.total_seconds()
