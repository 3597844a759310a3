"""One cell of the matrix, played and judged."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from runbooks.collect.records import RecordsReader
from runbooks.collect.source import Source
from runbooks.simulator import spec
from runbooks.simulator.faults import KINDS
from tests.ports import closed_port

from .cells import Cell
from .endpoints import DATABASES, DNS_SERVERS, EDGES, close_all, resolver
from .judge import judge
from .play import HastyWire, Played, play, scenario_of, undisturbed

SHORT = 0.5  # what one spoilt request may take, in place of the client's ten seconds
_ENDLESS = ("silent", "drip", "drip-head")


@dataclass(frozen=True)
class Done:
    """How one cell ended: its sign, what is wrong with it, and how long it took."""

    cell: Cell
    sign: str
    problems: tuple[str, ...]
    seconds: float


def run(cell: Cell) -> Done:
    """Play one cell and say what is wrong with it. Never raises: what is raised is what is wrong."""
    begun = time.monotonic()
    try:
        normal = undisturbed(cell.scenario)
        played = _played(cell)
        sign, problems = judge(cell, normal, played)
        seconds = played.seconds
    except Exception as error:
        sign, problems = "!", [f"{type(error).__name__}: {error}"[:500]]
        seconds = time.monotonic() - begun
    finally:
        close_all()
    return Done(cell, sign, tuple(problems), seconds)


def _played(cell: Cell) -> Played:
    row = cell.row
    kind, _, once = cell.kind.partition(" ")
    if row.http:
        fault = (
            spec.Fault(method=row.method, path=row.path, query=row.query, kind=kind, times=1 if once else None)
            if kind in KINDS
            else None
        )
        closed = "" if fault else f"http://127.0.0.1:{closed_port()}/"
        seconds = SHORT if kind in _ENDLESS else 10.0

        def spoilt(url: str) -> bool:
            parts = urlsplit(url)
            return (parts.path, parts.query) == (row.path, row.query)

        wire = functools.partial(HastyWire, spoilt, seconds, closed)
        played = play(cell.scenario, [fault] if fault else [], wire=wire)
        if fault and not played.met:
            raise AssertionError("the fault met no request")
        return played
    facet = row.label.split(" ")[1]
    if facet.startswith("dns"):
        return _named(cell, kind)
    if facet == "record":
        with patch("runbooks.collect.records.RecordsReader", functools.partial(RecordsReader, seconds=2)):
            return play(cell.scenario, changed=lambda s, folder: replace(s, records_url=DATABASES[kind](folder)))
    if facet == "record-events":
        return play(cell.scenario, changed=lambda s, folder: replace(s, records_events_table="nowhere"))
    return _at_the_edge(cell, kind)


def _host(cell: Cell) -> str:
    told = undisturbed(cell.scenario)
    if cell.row.number in ("E12", "E18"):
        return f"{told.evidence.subject.app}.fly.dev"
    return urlsplit(scenario_of(cell.scenario).parameters["websocket_url"]).hostname or ""


def _named(cell: Cell, kind: str) -> Played:
    host = _host(cell)
    if kind in DNS_SERVERS:
        # No route says anything about this name or the control, so both are asked of the resolver.
        def unrouted(source: Source, folder: Path) -> Source:
            kept = {k: v for k, v in source.connect_to.items() if k.rpartition(":")[0] not in (host, "fly.io", "*")}
            return replace(source, connect_to=kept)

        with resolver(DNS_SERVERS[kind]):
            return play(cell.scenario, changed=unrouted, edge_seconds=1.0)

    def routed(source: Source, folder: Path) -> Source:
        changed = {f"{host}:*": "nxdomain"}
        if kind == "no-control":
            changed["fly.io:*"] = "nxdomain"
        return replace(
            source, connect_to={**changed, **{k: v for k, v in source.connect_to.items() if k not in changed}}
        )

    return play(cell.scenario, changed=routed)


def _at_the_edge(cell: Cell, kind: str) -> Played:
    host = _host(cell)
    if kind not in EDGES:
        fault = spec.Fault(method="*", host=host, path="*", kind=kind)
        # The name is made to lead to the simulator, whose certificate is for all of fly.dev.
        return play(cell.scenario, [fault], changed=_leading(host), edge_seconds=1.0)

    def routed(source: Source, folder: Path) -> Source:
        port = EDGES[kind]()
        target = f"127.0.0.1:{port}" if port else "nxdomain"
        return replace(source, connect_to={f"{host}:*": target, **source.connect_to})

    return play(cell.scenario, changed=routed, edge_seconds=1.0)


def _leading(host: str) -> Callable[[Source, Path], Source]:
    def changed(source: Source, folder: Path) -> Source:
        target = next(v for k, v in source.connect_to.items() if k.endswith(".fly.dev:443") and v != "nxdomain")
        return replace(source, connect_to={f"{host}:443": target, **source.connect_to})

    return changed
