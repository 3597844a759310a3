"""Every machine of some apps or of an organisation, by list, and every row of the caller's table, joined.

Never one request a machine. Machines are held as short tuples; rows pass by and are not held.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.facets import collects
from runbooks.collect.long_list import LongList
from runbooks.collect.machines import api_url
from runbooks.collect.result import FacetResult, refused, seen, unavailable, unreadable
from runbooks.collect.row_stream import NotStreamed, row_stream
from runbooks.collect.session import CollectionSession
from runbooks.evidence.fleet import MACHINE_PHASES, Fleet, Folder, Joined, MachineCount, Pair, Phase
from runbooks.evidence.models import Reason, Token
from runbooks.evidence.parsers import text_of, time_of

PAGE = "1000"
"""Machines of a page: the most that the API gives (§1.6)."""
MOST_PAGES = 2_000
_MACHINES, _BESIDE = "machines", ("next_cursor", "error_regions")
_LONGEST = 200
"""Characters of a value that are kept."""
_NOTHING: dict[str, Any] = {}
_NOBODY = ("",) * 9
_GUEST, _PLAIN = ("cpu_kind", "cpus", "memory_mb", "gpu_kind"), (str, int, float, type(None))
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://([^/?#\s]*)")


class Short(NamedTuple):
    """What a fleet needs of a machine, in the order of the first fields of `Pair`."""

    machine_id: str
    name: str
    app: str
    state: str
    region: str
    image: str
    guest: str
    version: str
    host: str
    made_at: int


@dataclass
class MachineTable:
    """The machines by id, and by name."""

    by_id: dict[str, Short] = field(default_factory=dict)
    unreadable: int = 0
    _guests: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def add(self, body: Any, app: str = "") -> None:
        """An entry of a list; one that is no machine is counted."""
        machine_id = _text(body.get("id")) if isinstance(body, dict) else ""
        if not machine_id:
            self.unreadable += 1
            return
        get = body.get
        config = get("config") or get("incomplete_config")
        config = config if isinstance(config, dict) else _NOTHING
        reference, metadata = get("image_ref"), config.get("metadata")
        image = (reference.get("digest") if isinstance(reference, dict) else "") or config.get("image")
        version = metadata.get("fly_release_version") if isinstance(metadata, dict) else ""
        owner, state, region, image, version, host = _texts(
            get("app_name") or app, get("state") or "unknown", get("region"), image, version, get("host_status")
        )
        guest, made_at = self._guest(config.get("guest")), _seconds(get("created_at"))
        name = _text(get("name"))
        self.by_id[machine_id] = Short(machine_id, name, owner, state, region, image, guest, version, host, made_at)

    def by_name(self) -> Mapping[str, list[Short]]:
        """The machines of each name: most have one of their own."""
        found: dict[str, list[Short]] = {}
        for machine in self.by_id.values():
            found.setdefault(machine.name, []).append(machine)
        found.pop("", None)
        return found

    def _guest(self, guest: Any) -> str:
        if not isinstance(guest, dict):
            return ""
        told = tuple(map(guest.get, _GUEST))
        try:
            return self._guests[told]
        except (KeyError, TypeError):  # a new one, or one that holds what no guest does
            kind, cpus, memory, gpu = map(_text, told)
            text = f"{kind}-cpu-{cpus}x:{memory}MB" + (f" {gpu}" if gpu else "")
            return self._guests.setdefault(told, text) if all(isinstance(one, _PLAIN) for one in told) else text


class _Stream(LongList):
    """A list that is too long to be held: its machines go to the table when all of it has come."""

    def __init__(self, table: MachineTable, app: str = "", inside: str = "", beside: tuple[str, ...] = ()) -> None:
        super().__init__((), inside, beside)
        self._table, self._app, self._read = table, app, MachineTable()

    def _take(self, entry: Any) -> None:
        self.total += 1
        self._read.add(entry, self._app)

    def body(self) -> bytes:
        body = super().body()
        self._table.by_id.update(self._read.by_id)
        self._table.unreadable += self._read.unreadable
        return body


def _fleet_machines(session: CollectionSession) -> FacetResult:
    table = MachineTable()
    session.scratch[_MACHINES] = table
    apps = session.given.apps
    read = _by_app(session, table, apps) if apps else _by_organisation(session, table)
    if isinstance(read, FacetResult):
        return read
    unread, silent = read
    if table.unreadable:
        unread = (*unread, f"{amount(table.unreadable, 'entry', 'entries')} that could not be read")
    found = MachineCount(len(table.by_id), apps, unread, silent)
    where = f"app{'s' if len(apps) > 1 else ''} {', '.join(apps)}" if apps else "the organisation"
    gone = sum(MACHINE_PHASES.get(machine.state) is Phase.GONE for machine in table.by_id.values())
    told = f"{amount(found.total, 'machine')} of {where}, {gone:,} destroyed ones included"
    if unread and not table.by_id:
        return unavailable(f"no machine could be read: {'; '.join(unread)}", found)
    left = (*unread, *(f"region {region}, which did not answer" for region in silent))
    return seen(told + (f"; not read: {'; '.join(left)}" if left else ""), found)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Millions of small objects are made, and none is part of a cycle: looking for those would take a third longer."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@collects(Facet.FLEET_MACHINES, answer=MachineCount, whole=True)
def _machines(session: CollectionSession) -> FacetResult:
    with _no_cycles():
        return session.with_token(lambda: _fleet_machines(session))


Read = tuple[tuple[str, ...], tuple[str, ...]]
"""What was not read, with reasons, and the regions that did not answer."""


def _by_organisation(session: CollectionSession, table: MachineTable) -> Read | FacetResult:
    """Page by page, as the cursor leads."""
    slug = session.org_slug()
    if not slug:
        return unavailable(
            "no organisation is known: give org_slug, or the apps (parameter apps)", code=Reason.NOT_GIVEN
        )
    silent: dict[str, None] = {}
    cursor, seen_cursors = "", set[str]()
    for number in range(MOST_PAGES):
        query = {"include_deleted": "true", "limit": PAGE} | ({"cursor": cursor} if cursor else {})
        what = f"the machines of organisation {slug}"
        try:
            answer = session.client.get(
                api_url("orgs", slug, "machines", **query),
                "list organisation",
                slug,
                prepare=lambda told: _page(table, told),
                long_list=lambda: _Stream(table, "", _MACHINES, _BESIDE),
                page=number > 0,
            )
        except CouldNotAsk as error:
            if not number:
                raise
            return (f"the rest of the list behind page {number} ({error})",), tuple(silent)
        told = answer.json
        if not answer.ok or not isinstance(told, Mapping) or not isinstance(told.get("machines"), int | list):
            result = refused(answer, what) if not answer.ok else unreadable(answer, what)
            result = replace(result, reason=f"{result.reason}{_reads_others(session, slug)}")
            return result if not number else ((f"the rest behind page {number} ({result.reason})",), tuple(silent))
        regions = told.get("error_regions")
        silent |= dict.fromkeys(text_of(region)[:20] for region in (regions if isinstance(regions, list) else ()))
        cursor = text_of(told.get("next_cursor"))
        if not cursor:
            return (), tuple(silent)
        if cursor in seen_cursors:
            return (f"the rest behind page {number + 1}: the API gave the same cursor twice",), tuple(silent)
        seen_cursors.add(cursor)
    return (f"the rest behind page {MOST_PAGES:,}",), tuple(silent)


def _reads_others(session: CollectionSession, slug: str) -> str:
    """Which organisations the token reads, where the one that was asked for is none of them."""
    token = session.answer(Facet.TOKEN)
    slugs = [scope.org_slug for scope in token.scopes if scope.org_slug] if isinstance(token, Token) else []
    return f"; the token reads {', '.join(dict.fromkeys(slugs))}" if slugs and slug not in slugs else ""


def _by_app(session: CollectionSession, table: MachineTable, apps: tuple[str, ...]) -> Read:
    """One list an app; an app that cannot be read costs no other."""
    unread = []
    for number, app in enumerate(apps):
        try:
            answer = session.client.get(
                api_url("apps", app, "machines", include_deleted="true"),
                "list machines",
                app,
                prepare=lambda told, app=app: _page(table, told, app),  # type: ignore[misc]
                long_list=lambda app=app: _Stream(table, app),  # type: ignore[misc]
                page=number > 0,
            )
        except CouldNotAsk as error:
            unread.append(f"app {app} ({error})")
            continue
        if not answer.ok or not isinstance(answer.json, Mapping | list):
            result = refused(answer, f"the machines of {app}") if not answer.ok else unreadable(answer, app)
            unread.append(result.reason)
    return tuple(unread), ()


def _page(table: MachineTable, told: Any, app: str = "") -> Any:
    """Take the machines of a page; what is recorded of it is how many they were, and where the next one begins."""
    entries = told.get("machines") if isinstance(told, Mapping) else told
    if not isinstance(entries, list):
        return told
    for entry in entries:
        table.add(entry, app)
    kept = {name: told.get(name) for name in _BESIDE} if isinstance(told, Mapping) else {}
    return {"machines": len(entries), **kept}


@collects(Facet.FLEET_ROWS, answer=Fleet, whole=True)
def _rows(session: CollectionSession) -> FacetResult:
    given = session.given
    table: MachineTable = session.scratch.get(_MACHINES) or MachineTable()
    count = session.answer(Facet.FLEET_MACHINES)
    known = count if isinstance(count, MachineCount) else None
    folder = Folder({word: Phase(phase) for word, phase in given.row_phases.items()})
    hidden, code = "", Reason.NONE
    with _no_cycles():
        joiner = _Joiner(table, folder)
        try:
            stream = row_stream(session)
            for row in stream.rows(given.records_table, given.apps):
                joiner.row(row)
            hidden = stream.hidden
        except NotStreamed as error:
            hidden, code = str(error), error.code
        joiner.rest()
        words, lines = folder.lines(lambda text: session.client.redactor.text(text, Facet.FLEET_ROWS))
    found = Fleet(
        table=given.records_table,
        rows=joiner.rows,
        machines_known=known is not None and not known.unread,
        rows_known=not hidden,
        looked_at=int(session.started_at.astimezone(UTC).timestamp()),
        words=words,
        lines=lines,
        silent_regions=known.silent_regions if known else (),
    )
    told = f"{amount(joiner.rows, 'row')} of {given.records_table}, joined with {amount(len(table.by_id), 'machine')}"
    if hidden and not joiner.rows:
        return FacetResult(unavailable(hidden).outcome, hidden, found, code)
    return seen(f"{told}; {hidden}" if hidden else told, found)


class _Joiner:
    """Joins each row with its machine: by id, then by name; what is left at the end has no row."""

    def __init__(self, table: MachineTable, folder: Folder) -> None:
        self._by_id, self._by_name = table.by_id, table.by_name()
        self._add, self._waits = folder.add, {w for w, p in folder.row_phases.items() if p is Phase.WAITS}
        self._taken: set[str] = set()
        self.rows = 0

    def row(self, row: tuple[Any, ...]) -> None:
        """A row as a tuple in the order of `row_stream.NAMES`."""
        self.rows += 1
        key, told_id, fly_id, status, region, app, url, created_at, updated_at = row
        told_id, fly_id = _text(told_id).strip(), _text(fly_id).strip()  # CHAR(20) is filled with blanks
        status, region, app, url = _row_texts(status, region, app, url)
        machine, fits, others = self._machine(fly_id, told_id, app)
        if machine:
            at = _seconds(updated_at or created_at) if status in self._waits else 0
            shown, made_at = machine[:9], machine[9]
        else:
            at, made_at = _seconds(updated_at or created_at), _seconds(created_at)
            shown = _NOBODY
        named = fly_id or told_id
        self._add(Pair(*shown, _text(key), named, status, app, region, url, others, fits, 1, made_at, at))

    def rest(self) -> None:
        """Every machine that no row has named."""
        for machine in self._by_id.values():
            if machine.machine_id not in self._taken:
                self._add(Pair(*machine[:9], made_at=machine.made_at))

    def _machine(self, fly_id: str, told_id: str, app: str) -> tuple[Short | None, Joined, str]:
        for word in (fly_id, told_id):
            if word and (found := self._by_id.get(word)):
                self._taken.add(found.machine_id)
                return found, Joined.BY_ID, ""
        named = self._by_name.get(told_id) or self._by_name.get(fly_id) or ()
        # A name is used again once its machine is gone, so that only those that are left compete for it (§3.3).
        inside = [machine for machine in named if machine.app == app] or named
        alive = [machine for machine in inside if MACHINE_PHASES.get(machine.state) is not Phase.GONE]
        found = max(alive or inside, key=lambda machine: (machine.made_at, machine.machine_id), default=None)
        if found is None:
            return None, Joined.NOT, ""
        self._taken.update(machine.machine_id for machine in alive or inside)
        if len(alive) > 1:
            return found, Joined.SEVERAL, " ".join(m.machine_id for m in alive if m is not found)[:_LONGEST]
        return found, Joined.BY_NAME, ""


def _text(value: Any) -> str:
    """A text of bounded length. Most are texts already, and there are a million of them."""
    return value[:_LONGEST] if type(value) is str else text_of(value)[:_LONGEST]


def _texts(*values: Any) -> tuple[str, ...]:
    """Texts of which a fleet has few, each as one object."""
    try:
        return _few_texts(*values)
    except TypeError:  # a value that is no text
        return tuple(map(_text, values))


@lru_cache(maxsize=4_096)
def _few_texts(*values: Any) -> tuple[str, ...]:
    return tuple(map(_text, values))


def _row_texts(*values: Any) -> tuple[str, ...]:
    """Status, region, app and URL of a row, as they are compared."""
    try:
        return _few_row_texts(*values)
    except TypeError:
        return _few_row_texts(*map(_text, values))


@lru_cache(maxsize=4_096)
def _few_row_texts(status: Any, region: Any, app: Any, url: Any) -> tuple[str, ...]:
    return _text(status).strip().lower(), _text(region).strip(), _text(app).strip(), _origin(_text(url).strip())


def _seconds(value: Any) -> int:
    try:
        at = datetime.fromisoformat(value) if type(value) is str else time_of(value)
    except ValueError:
        at = time_of(value)
    if at is None or at.tzinfo is None:
        at = time_of(at) if at else None
    return int(at.timestamp()) if at and at.year > 1 else 0


def _origin(url: str) -> str:
    """A URL without path and query, where its secrets are, and without the name of a user."""
    if not url:
        return ""
    found = _ORIGIN.match(url)
    return f"{found[1]}://{found[2].rpartition('@')[2]}" if found else "no URL"
