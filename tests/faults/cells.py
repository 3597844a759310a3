"""What is asked in which scenario, and every fault that it can meet."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from runbooks.simulator.faults import KINDS

from .endpoints import DATABASES, DNS_SERVERS, EDGES
from .play import undisturbed

SCENARIOS = ("vyx-missing-environment", "healthy", "vyx-image-missing")
_ONCE = ("429-after", "503", "reset", "silent")


@dataclass(frozen=True)
class Row:
    """One endpoint of one scenario, and the looks that ask it."""

    label: str
    numbers: tuple[str, ...]
    method: str = "GET"
    host: str = "*"
    path: str = ""
    query: str | None = None
    http: bool = True

    @property
    def number(self) -> str:
        return self.numbers[0]


@dataclass(frozen=True)
class Cell:
    scenario: str
    row: Row
    kind: str


@functools.cache
def rows(name: str) -> tuple[Row, ...]:
    """The endpoints that the undisturbed run asks, by the look that asks them first; then what is not HTTP."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for number, observation in undisturbed(name).observations.items():
        for exchange in observation.exchanges:
            parts = urlsplit(exchange.url)
            numbers = found.setdefault((exchange.method, parts.path, parts.query), [])
            numbers += [number] if number not in numbers else []
    told = []
    for (method, path, query), numbers in found.items():
        facet = undisturbed(name).observations[numbers[0]].facet.slug
        label = f"{numbers[0]} {facet}{' config' if '/blobs/' in path else ''}"
        told.append(Row(label, tuple(numbers), method, path=path, query=query))
    order = [row for row in told if row.number in undisturbed(name).observations]
    return (
        *order,
        Row("E12 dns-app", ("E12",), http=False),
        Row("E13 dns-believed", ("E13",), http=False),
        Row("E14 record", ("E14",), http=False),
        Row("E15 record-events", ("E15",), http=False),
        Row("E17 edge-believed", ("E17",), host="*.fly.dev", http=False),
        Row("E18 edge-app", ("E18",), host="*.fly.dev", http=False),
    )


def kinds_of(row: Row) -> tuple[str, ...]:
    if row.http:
        return (*KINDS, "refused", *(f"{kind} once" for kind in _ONCE))
    facet = row.label.split(" ")[1]
    return {
        "dns-app": ("nxdomain", "no-control", *DNS_SERVERS),
        "dns-believed": ("nxdomain", "no-control", *DNS_SERVERS),
        "record": tuple(DATABASES),
        "record-events": ("no-events-table",),
        "edge-believed": (*EDGES, *_EDGE_KINDS),
        "edge-app": (*EDGES, *_EDGE_KINDS),
    }[facet]


_EDGE_KINDS = (
    "401",
    "403",
    "404-text",
    "429",
    "500",
    "502-html",
    "503",
    "redirect-away",
    "hang-up",
    "reset",
    "not-http",
)


_EDGE_KINDS += ("silent", "drip-head", "huge-head")


def cells(scenarios: Iterable[str] = SCENARIOS) -> list[Cell]:
    return [Cell(name, row, kind) for name in scenarios for row in rows(name) for kind in kinds_of(row)]
