"""A fleet judged: each pair of machine and row falls into one class, and the failing ones are compared with the others.

Pure: pairs in, findings out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbooks.diagnose.fleet_pairs import AGREEING, FAILING, NotKnown, PairClass, Thresholds, classify
from runbooks.diagnose.fleet_shared import Shared, shared_values
from runbooks.diagnose.model import Verdict
from runbooks.evidence.caller import MACHINE_ID
from runbooks.evidence.fleet import Fleet, MachineCount, Pair

STRANGERS = 10
"""Where so many machines and rows have no other side, and none has one, the two are probably not of one fleet."""


_ONE_SIDED = frozenset((PairClass.ROW_WITHOUT_MACHINE, PairClass.MACHINE_WITHOUT_ROW))
_RANKS = {
    one: rank
    for rank, one in enumerate(
        (
            *FAILING,
            PairClass.ROW_WITHOUT_MACHINE,
            PairClass.MACHINE_WITHOUT_ROW,
            PairClass.ROW_ENDED_MACHINE_RUNS,
            PairClass.SEVERAL_MACHINES,
            PairClass.WRONG_PLACE,
            PairClass.URL_CANNOT_WORK,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pair that should be looked into, the worst first."""

    app: str
    machine_id: str
    machine_name: str
    row_key: str
    reason: PairClass
    state: str
    row_status: str
    region: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What began in one stretch of time."""

    at: datetime
    created: int
    failing: int


@dataclass(frozen=True)
class FleetReview:
    """All that is known of a fleet.

    Attributes:
        classes: how many pairs are in each class
        unknown: of those in the class `unknown`, how many for which reason
        states: how many pairs have a row status and a machine state, "" for none
        buckets: creations and failures over time, each `step` long
        shared: the values that failing pairs share, the most telling first; `tested` were tested together
        suspects: all of them, the worst first
        pairs: the pairs that were kept with their names, each with its class
        looked: whether the machines or the rows were read, even if there are none
    """

    classes: Mapping[PairClass, int]
    unknown: Mapping[NotKnown, int]
    states: Mapping[tuple[str, str], int]
    buckets: tuple[Bucket, ...]
    step: timedelta
    shared: tuple[Shared, ...]
    suspects: tuple[Suspect, ...]
    pairs: tuple[tuple[PairClass, Pair], ...]
    machines: int
    rows: int
    table: str
    tested: int
    thresholds: Thresholds
    looked: bool

    @property
    def total(self) -> int:
        return sum(self.classes.values())

    @property
    def disagree(self) -> int:
        return sum(n for one, n in self.classes.items() if one not in AGREEING and one is not PairClass.UNKNOWN)

    @property
    def agree(self) -> int:
        return sum(n for one, n in self.classes.items() if one in AGREEING)

    @property
    def not_known(self) -> int:
        return self.classes.get(PairClass.UNKNOWN, 0)

    @property
    def telling(self) -> tuple[Shared, ...]:
        return tuple(one for one in self.shared if one.telling)

    @property
    def verdict(self) -> Verdict:
        """Any disagreement is an incident; without one, anything unknown leaves the state open."""
        if self.disagree:
            return Verdict.INCIDENT
        return Verdict.INCONCLUSIVE if self.not_known or not self.total else Verdict.HEALTHY

    @property
    def exit_code(self) -> int:
        """0 all agree, 3 any disagreement, 4 unknowns only or nothing to compare, 5 nothing read."""
        if not (self.machines or self.rows or self.looked):
            return 5
        return {Verdict.INCIDENT: 3, Verdict.INCONCLUSIVE: 4, Verdict.HEALTHY: 0}[self.verdict]


def review(fleet: Fleet, count: MachineCount | None, thresholds: Thresholds) -> FleetReview:
    """Judge every pair, and compare the failing ones with those that agree."""
    classes: Counter[PairClass] = Counter()
    unknown: Counter[NotKnown] = Counter()
    states: Counter[tuple[str, str]] = Counter()
    created: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    groups: list[tuple[bool, int, Pair]] = []
    named: list[tuple[PairClass, Pair]] = []
    joined = False
    for number, pair in fleet.pairs():
        one, why = classify(pair, fleet, thresholds)
        joined = joined or bool(pair.has_row and pair.has_machine)
        classes[one] += number
        if why is not None:
            unknown[why] += number
        states[pair.row_status if pair.has_row else "", pair.state] += number
        if pair.has_machine:
            created[pair.made_at] += number
        failing = one in FAILING
        if failing:
            failed[pair.made_at] += number
        if failing or (one is PairClass.AGREE and pair.has_row and pair.has_machine):
            groups.append((failing, number, pair))
        if pair.machine_id or pair.row_key or pair.row_machine:
            named.append((one, pair))
    alone = sum(classes[one] for one in _ONE_SIDED)
    if alone >= STRANGERS and not joined:
        unknown[NotKnown.NOTHING_JOINS] = alone
        classes[PairClass.UNKNOWN] += alone
        for one in _ONE_SIDED:
            del classes[one]
        named = [(PairClass.UNKNOWN if one in _ONE_SIDED else one, pair) for one, pair in named]
    step, buckets = _over_time(created, failed)
    shared, tested = shared_values(groups)
    return FleetReview(
        classes={one: classes[one] for one in PairClass if classes[one]},
        unknown={why: unknown[why] for why in NotKnown if unknown[why]},
        states=dict(sorted(states.items())),
        buckets=buckets,
        step=step,
        shared=shared,
        suspects=tuple(_suspects(named)),
        pairs=tuple(named),
        machines=count.total if count else 0,
        rows=fleet.rows,
        table=fleet.table,
        tested=tested,
        thresholds=thresholds,
        looked=fleet.machines_known or fleet.rows_known,
    )


def _over_time(created: Mapping[int, int], failed: Mapping[int, int]) -> tuple[timedelta, tuple[Bucket, ...]]:
    """In hours, or in days where that would be more than three of them."""
    known = [at for at in (*created, *failed) if at]
    if not known:
        return timedelta(hours=1), ()
    step = timedelta(hours=1) if max(known) - min(known) <= 72 * 3600 else timedelta(days=1)
    seconds = int(step.total_seconds())
    made, bad = Counter[int](), Counter[int]()
    for target, source in ((made, created), (bad, failed)):
        for at, number in source.items():
            if at:
                target[at - at % seconds] += number
    return step, tuple(Bucket(datetime.fromtimestamp(at, UTC), made[at], bad[at]) for at in sorted({*made, *bad}))


def _suspects(named: Iterable[tuple[PairClass, Pair]]) -> Iterable[Suspect]:
    """The worst class first; in a class the one that is in it for the longest."""
    found = sorted(
        ((one, pair) for one, pair in named if one in _RANKS),
        key=lambda item: (_RANKS[item[0]], _since(item[1]) or 1 << 40, item[1]),
    )
    for one, pair in found:
        since = _since(pair)
        # Where no machine was found, the row names the one to ask for: by an id or by a name.
        told = "" if pair.machine_id else pair.row_machine
        is_id = bool(MACHINE_ID.match(told))
        yield Suspect(
            app=pair.app or pair.row_app,
            machine_id=pair.machine_id or (told if is_id else ""),
            machine_name=pair.name or ("" if is_id else told),
            row_key=pair.row_key,
            reason=one,
            state=pair.state,
            row_status=pair.row_status,
            region=pair.region or pair.row_region,
            since=datetime.fromtimestamp(since, UTC) if since else None,
        )


def _since(pair: Pair) -> int:
    return pair.row_at or pair.made_at
