"""Machines and rows, joined: what is kept of a fleet, and the words that platform and rows use for a state.

A fleet is too large to be kept whole. Each pair in which anything differs is kept with its names; of the others only
how many there are with the same attributes. A replay judges both again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_WHOLE = 20_000
"""Pairs that are kept with their names; further ones are counted by their attributes."""
_HOUR = 3_600
_TOGETHER = 500
"""Texts that are masked at once."""


class Phase(StrEnum):
    """What a machine does, or what its row says that it does."""

    WAITS = "waits"
    RUNS = "runs"
    STOPPED = "stopped"
    GONE = "gone"
    UNKNOWN = "unknown"


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
        self._alike: dict[Pair, int] = {}

    def add(self, pair: Pair) -> None:
        """The next pair."""
        told = not plain(pair, self.row_phases)
        if told and len(self._whole) < MOST_WHOLE:
            self._whole.append(pair)
            return
        blank = pair._replace(
            machine_id="",
            name="",
            row_key="",
            row_machine="",
            row_url="" if url_can_work(pair) else pair.row_url,
            others="",
            # As exact as the verdict on such a pair needs it.
            made_at=pair.made_at if told and not (pair.has_row and pair.has_machine) else pair.made_at // _HOUR * _HOUR,
            row_at=pair.row_at if told else 0,
        )
        self._alike[blank] = self._alike.get(blank, 0) + 1

    def lines(self, mask: Callable[[str], str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`words` and `lines` of a `Fleet`; `mask` masks secrets in a text."""
        places: dict[str, int] = {"": 0}
        lines = []
        for pair, count in (*((pair, 1) for pair in sorted(self._whole)), *sorted(self._alike.items())):
            texts = (str(places.setdefault(str(text), len(places))) for text in pair[:_TEXTS])
            lines.append(f"{count} {' '.join(texts)} {' '.join(map(str, pair[_TEXTS:]))}")
        return tuple(_masked(list(places), mask)), tuple(lines)


def plain(pair: Pair, row_phases: Mapping[str, Phase]) -> bool:
    """Is there nothing to tell of this pair but its attributes? Whoever judges it finds that both sides agree."""
    if not pair.has_row:
        return MACHINE_PHASES.get(pair.state) is Phase.GONE
    if pair.fits not in (Joined.BY_ID, Joined.BY_NAME) or not same_place(pair) or not url_can_work(pair):
        return False
    machine, row = MACHINE_PHASES.get(pair.state, Phase.UNKNOWN), row_phases.get(pair.row_status, Phase.UNKNOWN)
    ended = row in (Phase.STOPPED, Phase.GONE) and machine in (Phase.STOPPED, Phase.GONE)
    return ended or (row is Phase.RUNS and machine is Phase.RUNS)


def same_place(pair: Pair) -> bool:
    """Do machine and row name the same app and region? What one of them leaves out contradicts nothing."""
    apps = not (pair.row_app and pair.app) or pair.row_app == pair.app
    return apps and (not (pair.row_region and pair.region) or pair.row_region == pair.region)


def url_can_work(pair: Pair) -> bool:
    """Can the row's URL lead to its app? Below fly.dev only the app's own name does; other hosts are not judged."""
    if not pair.row_url:
        return True
    app = pair.app or pair.row_app
    try:
        parts = urlsplit(pair.row_url)
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
