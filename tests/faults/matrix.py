"""Every question × every fault × three scenarios: the run ends in time and says nothing that is not so.

`make faults` prints the whole matrix; the tests beside this file run a slice of it. Each cell opens a case,
judges and publishes it as the notebook does, with one endpoint spoilt, and compares it with the same case
undisturbed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import trustme

from runbooks.base.settings import load_settings
from runbooks.case import Case
from runbooks.collect.collector import Collector
from runbooks.collect.edge import Edge
from runbooks.collect.records import RecordsReader
from runbooks.collect.source import Source
from runbooks.collect.transport import HttpTransport, RawAnswer
from runbooks.definitions import find, validate
from runbooks.evidence.models import Event, Evidence, Image, Listing, Observation, Outcome, Probe
from runbooks.execution.runner import exit_code_of
from runbooks.report import summary as contract
from runbooks.simulator import spec
from runbooks.simulator.faults import KINDS
from runbooks.simulator.scenario import FOLDER, Scenario, load_scenario
from runbooks.simulator.server import Simulator

SCENARIOS = ("vyx-missing-environment", "healthy", "vyx-image-missing")
DEADLINE = 20.0  # of the case, as RUNBOOKS_DEADLINE gives it
PUBLISHING = 15.0  # what drawing and writing may add on a busy machine
SHORT = 0.5  # what one spoilt request may take, in place of the client's ten seconds
_ENDLESS = ("silent", "drip", "drip-head")
_ONCE = ("429-after", "503", "reset", "silent")

LEGEND = {
    "?": "could not look, with the reason",
    "=": "read as if nothing had happened",
    "n": "taken for the platform's own no, which it is",
    "~": "read in part, and what is missing is missing",
    "c": "read, with the sender's wrong times",
    "e": "what the edge answers is the finding",
    "!": "a promise is broken",
    "·": "not asked in this scenario",
}


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


@dataclass(frozen=True)
class Done:
    """How one cell ended: its sign, what is wrong with it, and how long it took."""

    cell: Cell
    sign: str
    problems: tuple[str, ...]
    seconds: float


@dataclass
class Played:
    """One case, looked at from outside: what it saw, what it published, and on which terms."""

    evidence: Evidence
    summary: Mapping[str, Any]
    files: Mapping[str, str]
    screen: str
    seconds: float
    faults: tuple[str, ...]
    met: int = 0

    @property
    def observations(self) -> Mapping[str, Observation]:
        return self.evidence.observations

    @property
    def certain(self) -> str:
        cause = self.summary["cause"]
        return str(cause["slug"]) if cause and cause["confidence"] == "confirmed" else ""

    def slugs(self, status: str) -> set[str]:
        return {h["slug"] for h in self.summary["hypotheses"] if h["status"] == status}


@dataclass
class Counted:
    """Time in which a pause between two tries is over at once, and counts as if it had been waited for."""

    paused: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.paused

    def sleep(self, seconds: float) -> None:
        self.paused += seconds


class HastyWire(HttpTransport):
    """The real wire, with little patience for one endpoint, or with that endpoint behind a closed port."""

    def __init__(self, spoilt: Callable[[str], bool], seconds: float, closed: str, *args: Any) -> None:
        super().__init__(*args)
        self._spoilt, self._seconds, self._closed = spoilt, seconds, closed

    def send(self, method: str, url: str, headers: Mapping[str, str], seconds: float, *more: Any) -> RawAnswer:
        if self._spoilt(url):
            seconds = min(seconds, self._seconds)
            if self._closed:
                self._bases[url] = self._closed
        return super().send(method, url, headers, seconds, *more)


@contextmanager
def served(scenario: Scenario, folder: Path) -> Iterator[tuple[Simulator, Source]]:
    settings = scenario.settings.model_copy(update={"rate_limits": False})
    with Simulator(replace(scenario, settings=settings), folder) as simulator:
        told = simulator.start()
        yield (
            simulator,
            Source(
                name=f"simulator:{scenario.name}",
                token=scenario.token,
                machines_url=told.base_url,
                platform_url=told.base_url,
                registries=told.registries,
                connect_to=dict(part.split("=", 1) for part in told.connect_to.split(",")),
                records_url=told.records_url,
                records_columns=load_settings().columns,
                records_events_table="cloud_events",
                status_url=told.status_url,
                tls=ssl.create_default_context(cafile=str(told.ca_pem)),
                now=lambda: scenario.look_at,
                still=True,
            ),
        )


@functools.cache
def scenario_of(name: str) -> Scenario:
    return load_scenario(name)


def play(
    name: str,
    faults: Iterable[spec.Fault] = (),
    *,
    changed: Callable[[Source, Path], Source] = lambda source, folder: source,
    wire: Callable[..., HttpTransport] = HttpTransport,
    edge_seconds: float = 5.0,
) -> Played:
    """Open, judge and publish one case of a scenario, as the notebook does."""
    scenario = scenario_of(name)
    world = scenario.world.model_copy(update={"faults": list(faults)})
    clock, screen = Counted(), io.StringIO()
    begun = clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as told, contextlib.redirect_stdout(screen):
        folder = Path(told)
        with served(replace(scenario, world=world), folder / "world") as (simulator, source):
            source = changed(source, folder)

            @contextmanager
            def opened(name: str, settings: object) -> Iterator[Source]:
                yield source

            run = folder / "run"
            settings = load_settings().model_copy(update={"deadline": DEADLINE, "run_folder": run})
            given = validate("machine_not_visible", {"source": f"simulator:{name}"})
            with (
                patch("runbooks.source.open_source", opened),
                patch("runbooks.collect.collector.Collector", functools.partial(Collector, sleep=clock.sleep)),
                patch("runbooks.collect.collector.time", clock),
                patch("runbooks.collect.collector.HttpTransport", wire),
                patch("runbooks.collect.collector.Edge", functools.partial(Edge, seconds=edge_seconds)),
            ):
                case = Case(find("machine_not_visible"), given, settings)
                case.publish()
            met = simulator.faults_met
        seconds = clock.monotonic() - begun
        files = {str(p.relative_to(run)): p.read_text() for p in run.rglob("*") if p.is_file()}
    summary = json.loads(files["summary.json"])
    return Played(case.evidence, summary, files, screen.getvalue(), seconds, case.diagnosis.faults, met)


@functools.cache
def undisturbed(name: str) -> Played:
    return play(name)


# What to spoil.


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


# Faults that are not of HTTP.

DNS_SERVERS: dict[str, Callable[[dns.message.Message], dns.message.Message | None]] = {}


def _dns(name: str) -> Callable[[Any], Any]:
    def register(answer: Callable[[dns.message.Message], dns.message.Message | None]) -> Any:
        DNS_SERVERS[name] = answer
        return answer

    return register


@_dns("dns-servfail")
def _servfail(query: dns.message.Message) -> dns.message.Message:
    told = dns.message.make_response(query)
    told.set_rcode(dns.rcode.SERVFAIL)
    return told


@_dns("dns-nxdomain-all")
def _nxdomain(query: dns.message.Message) -> dns.message.Message:
    told = dns.message.make_response(query)
    told.set_rcode(dns.rcode.NXDOMAIN)
    return told


@_dns("dns-nodata-all")
def _nodata(query: dns.message.Message) -> dns.message.Message:
    return dns.message.make_response(query)


@_dns("dns-silent")
def _no_dns(query: dns.message.Message) -> None:
    return None


@contextmanager
def resolver(answer: Callable[[dns.message.Message], dns.message.Message | None]) -> Iterator[None]:
    """A name server of our own in place of the system's."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, client = listener.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            told = answer(dns.message.from_wire(wire))
            if told is not None:
                told.flags |= dns.flags.RA
                listener.sendto(told.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ours = dns.resolver.Resolver(configure=False)
    ours.nameservers, ours.port = ["127.0.0.1"], listener.getsockname()[1]
    try:
        with patch("dns.resolver.default_resolver", ours):
            yield
    finally:
        listener.sendto(b"", listener.getsockname())
        thread.join(5)
        listener.close()


def _sqlite(statements: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        import sqlite3

        path = folder / "other.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(statements)
        return f"sqlite:///{path}"

    return make


def _not_a_database(folder: Path) -> str:
    (folder / "other.sqlite").write_text("this is a letter, not a database\n" * 100)
    return f"sqlite:///{folder / 'other.sqlite'}"


_ROWS = "CREATE TABLE cloud_machines ({}); CREATE TABLE cloud_events (machine_id TEXT);"
DATABASES: dict[str, Callable[[Path], str]] = {
    "no-database": lambda folder: "",
    "no-file": lambda folder: f"sqlite:///{folder / 'missing' / 'records.sqlite'}",
    "not-a-database": _not_a_database,
    "no-table": _sqlite("CREATE TABLE other (id TEXT);"),
    "no-column": _sqlite(_ROWS.format("a TEXT, b TEXT")),
    "no-driver": lambda folder: "oracle://reader:pw-not-shown@127.0.0.1:9/app",
    "no-url": lambda folder: "reader:pw-not-shown",
    "db-refused": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{_closed_port()}/app",
    "db-silent": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{_silent_port()}/app",
    "db-not-postgres": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{_talking_port(b'SSH-2.0-x')}/app",
}
_HELD: list[socket.socket] = []


def _closed_port() -> int:
    """A port that is taken, and that refuses."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    _HELD.append(holder)
    return int(holder.getsockname()[1])


def _silent_port() -> int:
    """A port at which connections succeed, because the kernel makes them, and nobody ever answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    _HELD.append(listener)
    return int(listener.getsockname()[1])


def _talking_port(words: bytes) -> int:
    """A port that says the same to everybody and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    _HELD.append(listener)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client:
                client.settimeout(1)
                client.recv(4096)
                client.sendall(words)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def _tls_port(names: tuple[str, ...], **options: Any) -> int:
    """A TLS server whose certificate nobody should accept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(*names, **options).configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    _HELD.append(listener)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client:
                client.settimeout(2)
                with context.wrap_socket(client, server_side=True) as secure:
                    secure.recv(100)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


EDGES: dict[str, Callable[[], int | None]] = {
    "nxdomain": lambda: None,
    "refused": _closed_port,
    "no-answer": _silent_port,
    "not-tls": lambda: _talking_port(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"),
    "unknown-authority": lambda: _tls_port(("*.fly.dev",)),
}


# One cell.


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
        while _HELD:
            _HELD.pop().close()
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
        closed = "" if fault else f"http://127.0.0.1:{_closed_port()}/"
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


# What must hold.


def judge(cell: Cell, normal: Played, played: Played) -> tuple[str, list[str]]:
    problems = [*_always(normal, played)]
    signs = set()
    for number in cell.row.numbers:
        sign = _sign(cell, normal.observations.get(number), played.observations.get(number))
        if sign == "!":
            observation = played.observations.get(number)
            outcome, reason = (observation.outcome.value, observation.reason) if observation else ("missing", "")
            problems.append(f"{number} is {outcome}: {reason}"[:400])
        signs.add(sign)
    for number, observation in played.observations.items():
        problems += [
            f"{number} changed although only {cell.row.label} was spoilt: "
            f"{f'{observation.outcome.value}: {observation.reason}'[:340]}"
            for before in [normal.observations.get(number)]
            if number not in cell.row.numbers and not _unmoved(cell, before, observation)
        ]
    sign = "!" if problems else next(s for s in "?cne~=·" if s in signs)
    return sign, problems


def _always(normal: Played, played: Played) -> Iterator[str]:
    """What holds for every run, whatever the world answers."""
    if played.seconds > DEADLINE + PUBLISHING:
        yield f"it took {played.seconds:.0f} s"
    contract.check(played.summary)
    found = played.summary
    code = exit_code_of(found)
    expected = {"healthy": (0,), "incident": (3, 4), "inconclusive": (3, 4)}
    if code not in expected[found["verdict"]]:
        yield f"exit code {code} with the verdict {found['verdict']}"
    if found["verdict"] == "healthy" and normal.summary["verdict"] != "healthy":
        yield "an incident is called healthy"
    # An endpoint that answers 4xx on both ways has turned the client away: there the fault is the truth.
    probes = [
        observation.answer
        for n in ("E17", "E18")
        if (observation := played.observations.get(n)) and isinstance(observation.answer, Probe)
    ]
    rejected = played.certain == "websocket-rejected" and all(400 <= (p.status or 0) < 500 for p in probes)
    if played.certain not in ("", normal.certain) and not rejected:
        yield f"{played.certain} is confirmed, without the fault it is {normal.certain or 'nothing'}"
    false = (played.slugs("confirmed") & normal.slugs("refuted")) or set()
    if false:
        yield f"confirmed, although refuted without the fault: {', '.join(sorted(false))}"
    if played.faults:
        yield f"a cause broke: {played.faults}"
    missing = {"report.html", "report.md", "summary.json", "evidence/index.json", "evidence/http.har"} - set(
        played.files
    )
    if missing:
        yield f"not written: {', '.join(sorted(missing))}"
    everything = "\n".join(played.files.values()) + played.screen
    for words in ("Traceback (most recent call", "the runbook itself failed", "This step failed"):
        if words in everything:
            at = everything.index(words)
            yield f"{words!r} in the report: {everything[max(0, at - 100) : at + 300]}"
    for secret in ("pw-not-shown", "fm2_"):
        if secret in everything:
            yield f"a secret in the report: {secret}"
    unavailable = [
        observation for observation in played.observations.values() if observation.outcome is Outcome.COULD_NOT_LOOK
    ]
    told = json.dumps(found["not_checked"])
    unsaid = [
        observation.number
        for observation in unavailable
        if not observation.reason or f"({observation.number})" not in told
    ]
    if unsaid:
        yield f"could not be looked at, and it is not said: {', '.join(unsaid)}"


_NOES = {
    "401": {"token"},
    "404-json": {"app", "machine", "events", "logs"},
}


def _sign(cell: Cell, before: Observation | None, after: Observation | None) -> str:
    """How the spoilt question ended. A missing look is one that this scenario does not ask."""
    if after is None:
        return "·"
    kind = cell.kind.partition(" ")[0]
    if before is not None and _equal(before, after):
        return "="
    if after.outcome is Outcome.COULD_NOT_LOOK:
        return "!" if cell.kind.endswith("once") else "?"
    if cell.kind.endswith("once"):
        return "!"
    facet = after.facet.slug
    if facet in _NOES.get(kind, ()):
        return "n"
    if kind.startswith("clock") and before is not None and after.outcome is before.outcome:
        return "c"
    if facet.startswith(("edge", "dns")):
        return "e"
    if before is not None and _part_of(before, after):
        return "~"
    return "!"


def _equal(before: Observation, after: Observation) -> bool:
    return before.outcome is after.outcome and _plain(before.answer) == _plain(after.answer)


def _plain(answer: object) -> str:
    """Without the numbers of placeholders: half of a token is another secret, and shifts those that follow."""
    return re.sub(r"#\d+>", "#>", repr(answer))


def _part_of(before: Observation, after: Observation) -> bool:
    """Less is known than before, nothing else: an image without its config, a list that says it is not whole."""
    old, new = before.answer, after.answer
    if before.outcome is not after.outcome:
        return False
    if isinstance(old, Listing) and isinstance(new, Listing):
        return not new.complete and {m.id for m in new.machines} <= {m.id for m in old.machines}
    if isinstance(new, tuple) and all(isinstance(event, Event) for event in new):
        return all(event.type == "unreadable" for event in new)
    if isinstance(old, Image) and isinstance(new, Image):
        names = [name for name in Image.__slots__ if getattr(new, name) != getattr(old, name)]
        return not any(getattr(new, name) for name in names)
    return False


_WAY_IN = ("E12", "E13", "E17", "E18")


def _unmoved(cell: Cell, before: Observation | None, after: Observation) -> bool:
    """Another question: it is answered as before, or it could not be asked."""
    if after.outcome is Outcome.COULD_NOT_LOOK or before is None or _equal(before, after):
        return True
    if isinstance(before.answer, Image) and isinstance(after.answer, Image):
        # Without one view, the same image may be known by its tag instead of its digest.
        return (before.answer.exists, before.answer.digest) == (after.answer.exists, after.answer.digest)
    if after.number in _WAY_IN and cell.row.number in _WAY_IN:
        return True  # one way in, seen from several sides: the same name, or another machine behind it
    return cell.kind.startswith("clock") and before.outcome is after.outcome


# The same by the production runner: another process, a kernel, the real limits.

RUNNER_DEADLINE = 60
RUNNER = (
    ("vyx-missing-environment", "*", "silent"),
    ("vyx-missing-environment", "*", "502-html"),
    ("vyx-missing-environment", "/v1/apps/*/machines*", "drip-head"),
    ("vyx-missing-environment", "/v2/*", "reset"),
    ("healthy", "/v1/apps/*", "429-long"),
    ("healthy", "/v1/*", "other-types"),
    ("healthy", "*", "10-mb"),
    ("vyx-image-missing", "*", "redirect-loop"),
    ("vyx-image-missing", "*", "clock-ahead"),
)


def through_the_runner(name: str, path: str, kind: str) -> Done:
    """`runbooks run` on a scenario of one's own, in which every matching request is spoilt."""
    cell, begun = Cell(name, Row(f"runner, {path}", (), path=path), kind), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as told:
        scenario = Path(told) / f"{name}.yaml"
        fault = json.dumps({"path": path, "kind": kind})
        scenario.write_text(f"{(FOLDER / scenario.name).read_text().rstrip()}\n  faults:\n    - {fault}\n")
        command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--json"]
        command += ["--source", f"simulator:{scenario}", "--output-root", f"{told}/outputs"]
        done = subprocess.run(
            [*command, "--deadline", str(RUNNER_DEADLINE)], capture_output=True, text=True, timeout=300, check=False
        )
        seconds = time.monotonic() - begun
        runs = list(Path(told).glob("outputs/*/machine_not_visible--*"))
        files = {str(p.relative_to(run)): p.read_text() for run in runs for p in run.rglob("*") if p.is_file()}
    try:
        problems = list(_of_the_runner(name, done, files, seconds))
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}; {done.stderr[-300:]}"]
    return Done(cell, "!" if problems else "=", tuple(problems), seconds)


def _of_the_runner(
    name: str, done: subprocess.CompletedProcess[str], files: Mapping[str, str], seconds: float
) -> Iterator[str]:
    found, normal = json.loads(done.stdout), undisturbed(name)
    contract.check(found)
    if done.returncode not in (exit_code_of(found), 124):
        yield f"exit code {done.returncode} with the verdict {found['verdict']}"
    if seconds > RUNNER_DEADLINE + PUBLISHING + 15:
        yield f"it took {seconds:.0f} s with a deadline of {RUNNER_DEADLINE} s"
    if found["verdict"] == "healthy" and normal.summary["verdict"] != "healthy":
        yield "an incident is called healthy"
    cause = found["cause"]
    if cause and cause["confidence"] == "confirmed" and cause["slug"] != normal.certain:
        yield f"{cause['slug']} is confirmed, without the fault it is {normal.certain or 'nothing'}"
    missing = {"report.html", "report.md", "summary.json", "report.ipynb", "manifest.json"} - set(files)
    if missing:
        yield f"not written: {', '.join(sorted(missing))}"
    everything = "\n".join(files.values()) + done.stderr
    for words in ("Traceback (most recent call", "the runbook itself failed", "This step failed", "fm2_"):
        if words in everything:
            yield f"{words!r} in the report or on the screen"


# The matrix.


@dataclass
class Matrix:
    """All that was played, by scenario, row and fault."""

    done: list[Done] = field(default_factory=list)

    @property
    def failures(self) -> list[Done]:
        return [done for done in self.done if done.problems]

    def text(self) -> str:
        lines = []
        ours = [done for done in self.done if done.cell.row.numbers]
        for http in (True, False):
            part = [done for done in ours if done.cell.row.http is http]
            if part:
                lines += [*self._table(part), ""]
        lines += [f"{d.sign}  {_name(d.cell)}, {d.seconds:.0f} s" for d in self.done if d not in ours] + [""]
        lines += [f"  {sign}  {meaning}" for sign, meaning in LEGEND.items()]
        counts = Counter(done.sign for done in self.done)
        total = "  ".join(f"{sign} {counts[sign]}" for sign in LEGEND if counts[sign])
        slowest = max(self.done, key=lambda done: done.seconds, default=None)
        lines += ["", f"{len(self.done)} cells:  {total}"]
        if slowest is not None:
            lines.append(f"slowest: {slowest.seconds:.1f} s, {_name(slowest.cell)}")
        for done in self.failures:
            lines += [f"FAILED {_name(done.cell)}", *(f"    {problem}" for problem in done.problems)]
        return "\n".join(lines)

    def _table(self, part: list[Done]) -> Iterator[str]:
        """One line a fault, one column a question; the scenarios stand side by side in each column."""
        labels = sorted({done.cell.row.label for done in part})
        kinds = list(dict.fromkeys(done.cell.kind for done in part))
        scenarios = list(dict.fromkeys(done.cell.scenario for done in part))
        signs = {(d.cell.kind, d.cell.row.label, d.cell.scenario): d.sign for d in part}
        width = max(map(len, kinds))
        for column, label in enumerate(labels):
            yield f"{' ' * width}  {'    ' * column}{label}"
        for kind in kinds:
            groups = ["".join(signs.get((kind, label, name), "·") for name in scenarios) for label in labels]
            yield f"{kind:{width}}  {' '.join(groups)}"


def _name(cell: Cell) -> str:
    return f"{cell.scenario} / {cell.row.label} / {cell.kind}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Play every question with every fault, and print the matrix.")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--row", default="", help="only rows whose label contains this")
    parser.add_argument("--kind", default="", help="only faults whose name matches this regular expression")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args(arguments)
    wanted = [
        cell
        for cell in cells(chosen.scenario or SCENARIOS)
        if chosen.row in cell.row.label and re.fullmatch(chosen.kind or ".*", cell.kind)
    ]
    matrix, begun = Matrix(), time.monotonic()
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn")) as pool:
        for number, done in enumerate(pool.map(run, wanted, chunksize=4), start=1):
            matrix.done.append(done)
            if done.problems:
                print(f"{_name(done.cell)}: {done.problems[0][:200]}", file=sys.stderr)
            if sys.stderr.isatty():
                print(f"\r{number} of {len(wanted)}", end="", file=sys.stderr)
        if not (chosen.scenario or chosen.row or chosen.kind):
            matrix.done += pool.map(through_the_runner, *zip(*RUNNER, strict=True))
    print(matrix.text())
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if matrix.failures else 0


if __name__ == "__main__":
    for name in [n for n in os.environ if n.startswith(("FLY_", "RUNBOOKS_"))]:
        del os.environ[name]
    sys.exit(main())
