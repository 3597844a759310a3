"""Machines and rows, joined: what is kept of a fleet, and the words that platform and rows use for a state.

A fleet is too large to be kept whole. Each pair in which anything differs is kept with its names; of the others only
how many there are with the same attributes. A replay judges both again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_WHOLE = 20_000
"""Pairs that are kept with their names; further ones are counted by their attributes, and by the minute."""
_HOUR, _MINUTE = 3_600, 60
_TOGETHER = 500
"""Texts that are masked at once."""


class Phase(StrEnum):
    """What a machine does, or what its row says that it does."""

    WAITS = "waits"
    RUNS = "runs"
    STOPPED = "stopped"
    GONE = "gone"
    UNKNOWN = "unknown"


_ENDED = (Phase.STOPPED, Phase.GONE)
MACHINE_PHASES: Mapping[str, Phase] = {
    **dict.fromkeys(("created", "starting", "restarting", "replacing", "updating"), Phase.WAITS),
    "started": Phase.RUNS,
    **dict.fromkeys(("stopping", "stopped", "suspending", "suspended", "failed"), Phase.STOPPED),
    **dict.fromkeys(("destroying", "destroyed"), Phase.GONE),
}
"""The states of the Machines API (§2)."""


class Joined(StrEnum):
    """How a row and a machine were found to belong together."""

    BY_ID = "id"
    BY_NAME = "name"
    SEVERAL = "several"
    NOT = ""


class Pair(NamedTuple):
    """A machine and its row; either may be missing. Times are seconds since 1970, 0 where not known.

    Attributes:
        machine_id: "" where there is no machine, or where only its attributes were kept
        version: the release that the machine belongs to, as its metadata names it
        host: the state of its host, "" where the list does not tell
        made_at: when the machine was created, the row where there is no machine
        row_machine: the id or name by which the row speaks of its machine
        row_at: when the row last changed; kept where it matters, for rows that wait
        row_url: the row's URL without path and query
        others: ids of further machines that the row may mean
        fits: how they belong together
    """

    machine_id: str = ""
    name: str = ""
    app: str = ""
    state: str = ""
    region: str = ""
    image: str = ""
    guest: str = ""
    version: str = ""
    host: str = ""
    row_key: str = ""
    row_machine: str = ""
    row_status: str = ""
    row_app: str = ""
    row_region: str = ""
    row_url: str = ""
    others: str = ""
    fits: str = ""
    has_row: int = 0
    made_at: int = 0
    row_at: int = 0

    @property
    def has_machine(self) -> bool:
        return bool(self.state)


_TEXTS = Pair._fields.index("has_row")
"""The fields before this one are texts, the others numbers."""


@dataclass(frozen=True)
class MachineCount:
    """What the lists of machines held.

    Attributes:
        total: machines, deleted ones included
        apps: the apps that were asked for, () for the whole organisation
        unread: what was not read, each with the reason: an app, the rest of a list
        silent_regions: regions that did not answer; of all others the list is complete
    """

    total: int
    apps: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    silent_regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fleet:
    """All pairs, in few numbers.

    Attributes:
        table: where the rows came from
        rows: how many rows were read
        machines_known: whether a machine that is not here is not there, silent regions left aside
        rows_known: whether a row that is not here is not there
        silent_regions: regions whose machines are not known
        words: the texts that the lines speak of by their place, masked
        lines: one for pairs that are alike: their number, and the fields of `Pair`, texts by their place in `words`
        looked_at: when, in seconds since 1970
    """

    table: str
    rows: int
    machines_known: bool
    rows_known: bool
    looked_at: int
    words: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    silent_regions: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[int, Pair]]:
        """Each kind of pair with its number, in a fixed order.

        Raises:
            ValueError, IndexError: a line is none of ours
        """
        words = self.words
        for line in self.lines:
            count, *values = map(int, line.split())
            yield count, Pair(*(words[value] for value in values[:_TEXTS]), *values[_TEXTS:])  # type: ignore[arg-type]


class Folder:
    """Takes pairs one after the other, and keeps what a report needs of them.

    Args:
        row_phases: what the words in the rows' status mean
    """

    def __init__(self, row_phases: Mapping[str, Phase]) -> None:
        self.row_phases = row_phases
        self._whole: list[Pair] = []
        self._alike: Counter[tuple[str | int, ...]] = Counter()

    def add(self, pair: Pair) -> None:
        """The next pair."""
        if plain(pair, self.row_phases):
            # Of pairs that agree the URL and the times tell no more than that.
            self._alike[(*pair[2:9], *pair[11:14], "", pair.fits, pair.has_row, pair.made_at // _HOUR * _HOUR, 0)] += 1
        elif len(self._whole) < MOST_WHOLE:
            self._whole.append(pair)
        else:
            url = "" if url_can_work(pair.row_url, pair.app or pair.row_app) else pair.row_url
            times = (at // _MINUTE * _MINUTE for at in (pair.made_at, pair.row_at))
            self._alike[(*pair[2:9], *pair[11:14], url, pair.fits, pair.has_row, *times)] += 1

    def lines(self, mask: Callable[[str], str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`words` and `lines` of a `Fleet`; `mask` masks secrets in a text."""
        alike = ((("", "", *told[:7], "", "", *told[7:11], "", *told[11:]), n) for told, n in self._alike.items())
        places: dict[str | int, int] = {"": 0}
        lines = []
        for told, count in (*((pair, 1) for pair in sorted(self._whole)), *sorted(alike)):
            texts = [places.setdefault(text, len(places)) for text in told[:_TEXTS]]
            lines.append(" ".join(map(str, (count, *texts, *told[_TEXTS:]))))
        return tuple(_masked([str(text) for text in places], mask)), tuple(lines)


def plain(pair: Pair, row_phases: Mapping[str, Phase]) -> bool:
    """Is there nothing to tell of this pair but its attributes? Whoever judges it finds that both sides agree."""
    machine = MACHINE_PHASES.get(pair.state, Phase.UNKNOWN)
    if not pair.has_row:
        return machine is Phase.GONE
    row = row_phases.get(pair.row_status)
    alike = machine is Phase.RUNS if row is Phase.RUNS else row in _ENDED and machine in _ENDED
    return (
        alike
        and pair.fits in (Joined.BY_ID, Joined.BY_NAME)
        and same_place(pair)
        and url_can_work(pair.row_url, pair.app or pair.row_app)
    )


def same_place(pair: Pair) -> bool:
    """Do machine and row name the same app and region? What one of them leaves out contradicts nothing."""
    apps = not (pair.row_app and pair.app) or pair.row_app == pair.app
    return apps and (not (pair.row_region and pair.region) or pair.row_region == pair.region)


@lru_cache(maxsize=4_096)
def url_can_work(url: str, app: str) -> bool:
    """Can a row's URL lead to its app? Below fly.dev only the app's own name does; other hosts are not judged."""
    if not url:
        return True
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("ws", "wss", "http", "https") or not host:
        return False
    return not (app and host.endswith(".fly.dev")) or host == f"{app}.fly.dev"


def _masked(texts: list[str], mask: Callable[[str], str]) -> Iterable[str]:
    """Many texts at once; one after the other only where there is something to mask."""
    for begin in range(0, len(texts), _TOGETHER):
        part = texts[begin : begin + _TOGETHER]
        joined = "\n".join(part)
        if mask(joined) == joined and joined.count("\n") == len(part) - 1:
            yield from part
        else:
            yield from (" ".join(mask(text).split()) for text in part)
