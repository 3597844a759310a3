"""What the failing machines of a fleet share, and the healthy ones do not.

A difference is shown only where chance does not explain it: Fisher's exact test, one-sided, with Holm's correction for
all values that were tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import exp, lgamma

from runbooks.evidence.fleet import Pair

LEVEL = 0.01
"""The probability, for all values together, that one is shown although only chance made it."""
LEAST = 2
"""Failing pairs that a value has to be shared by."""


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
