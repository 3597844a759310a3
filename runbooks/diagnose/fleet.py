"""A fleet judged: each pair of machine and row falls into one class, and the failing ones are compared with the others.

Pure: pairs in, findings out. A difference between failing and healthy pairs is shown only where chance does not
explain it: Fisher's exact test, one-sided, with Holm's correction for all values that were tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import exp, lgamma

from runbooks.diagnose.model import Verdict
from runbooks.evidence.caller import MACHINE_ID
from runbooks.evidence.fleet import MACHINE_PHASES, Fleet, Joined, MachineCount, Pair, Phase, same_place, url_can_work

LEVEL = 0.01
"""The probability, for all values together, that one is shown although only chance made it."""
LEAST = 2
"""Failing pairs that a value has to be shared by."""
STRANGERS = 10
"""Where so many machines and rows have no other side, and none has one, the two are probably not of one fleet."""


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


@dataclass(frozen=True, slots=True)
class Shared:
    """A value of an attribute, and how often failing and healthy pairs have it.

    `p` is the probability of so many or more by chance, `adjusted` the same for all values that were tested together.
    """

    attribute: str
    value: str
    failing_with: int
    failing: int
    healthy_with: int
    healthy: int
    p: float
    adjusted: float

    @property
    def telling(self) -> bool:
        """Does chance not explain it?"""
        return self.adjusted < LEVEL


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


# What the failing ones share


@lru_cache(maxsize=4_096)
def _hour(hours: int) -> str:
    """The hour that began so many hours after 1970."""
    return f"{datetime.fromtimestamp(hours * 3600, UTC):%Y-%m-%dT%H}:00Z" if hours else ""


ATTRIBUTES: Mapping[str, Callable[[Pair], str]] = {
    "app": lambda pair: pair.app,
    "region": lambda pair: pair.region,
    "image": lambda pair: pair.image,
    "guest": lambda pair: pair.guest,
    "version": lambda pair: pair.version,
    "hour": lambda pair: _hour(pair.made_at // 3600),
    "host status": lambda pair: pair.host,
}
"""What machines may have in common. A value that is not known is left out."""


def shared_values(groups: Iterable[tuple[bool, int, Pair]]) -> tuple[tuple[Shared, ...], int]:
    """The values that at least `LEAST` failing pairs share, the most telling first, and how many were tested.

    Tested is every value of every attribute that at least `LEAST` pairs have, whatever becomes of these.

    Args:
        groups: whether pairs fail, how many are alike, and one of them
    """
    known: dict[str, dict[str, list[int]]] = {name: {} for name in ATTRIBUTES}
    for fails, number, pair in groups:
        for name, value_of in ATTRIBUTES.items():
            if value := value_of(pair):
                known[name].setdefault(value, [0, 0])[not fails] += number
    tested: list[tuple[float, str, str, tuple[int, int, int, int]]] = []
    for name, values in known.items():
        failing, healthy = (sum(counts[side] for counts in values.values()) for side in (0, 1))
        # Where all have the same value, it cannot tell one from the other, and is no test.
        for value, (bad, good) in values.items() if len(values) > 1 and failing and healthy else ():
            if bad + good >= LEAST:
                p = tail(bad, failing, bad + good, failing + healthy)
                tested.append((p, name, value, (bad, failing, good, healthy)))
    found, corrected = [], 0.0
    for rank, (p, name, value, counts) in enumerate(sorted(tested)):
        corrected = max(corrected, min(1.0, p * (len(tested) - rank)))
        if counts[0] >= LEAST:
            found.append(Shared(name, value, *counts, p, corrected))
    return tuple(found), len(tested)


def tail(hits: int, drawn: int, marked: int, total: int) -> float:
    """The probability of at least `hits` marked ones among `drawn` of `total`, of which `marked` are marked.

    Fisher's exact test, one-sided.
    """
    least, most = max(hits, drawn + marked - total), min(drawn, marked)
    if hits <= max(0, drawn + marked - total):
        return 1.0
    whole, found = _choose(total, drawn), 0.0
    for k in range(least, most + 1):
        part = exp(_choose(marked, k) + _choose(total - marked, drawn - k) - whole)
        found += part
        if part < found * 1e-17 and k * total > marked * drawn:
            break  # behind the most probable number each part is smaller than the one before
    return min(1.0, found)


def _choose(n: int, k: int) -> float:
    """The logarithm of n over k."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


# Over time, and in order


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
