"""All rows of the caller's table, one after the other and never all at once: a database, or a project over REST.

Read-only; each statement has its time, and a server that falls silent is left behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import sqlalchemy as sa

from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.records import _FAILURES, RecordsReader, _hidden, _table
from runbooks.collect.session import CollectionSession
from runbooks.collect.supabase_rows import MISSING_COLUMN, WebRecords
from runbooks.evidence.models import Reason
from runbooks.evidence.parsers import refusal_of, text_of

NAMES = (
    "key",
    "machine_id",
    "fly_machine_id",
    "status",
    "region",
    "app_name",
    "websocket_url",
    "created_at",
    "updated_at",
)
"""Our names of the columns that are read, in the order of a row's values."""
_NEEDED = ("machine_id", "fly_machine_id")
AT_ONCE = 5_000
"""Rows that the database hands over at once."""
WEB_PAGE = 1_000
"""Rows of an answer over REST: what a project gives at most unless it is set up otherwise."""
MOST_WEB_PAGES = 2_000
_END = None


class NotStreamed(Exception):
    """The rows could not be read, or not to their end; the message says why, `code` the same for programs."""

    def __init__(self, message: str, code: Reason = Reason.NONE) -> None:
        super().__init__(message)
        self.code = code


class RowStream(Protocol):
    """`hidden` says, at the end, why there may be rows that were not shown."""

    hidden: str

    def rows(self, table: str, apps: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        """Each row as the values of `NAMES`, None for a column that the table lacks.

        Args:
            table: its name, with the schema before a dot where it needs one
            apps: only rows of these apps and rows without an app; () for all

        Raises:
            NotStreamed: they cannot be read; rows that came before that are good
        """


def row_stream(session: CollectionSession) -> RowStream:
    """The reader of the configured database."""
    source, client = session.source, session.client
    if source.project.url:
        return WebRows(client, source.project, source.records_columns)
    return SqlRows(source.records_url, source.records_columns, client.redactor)


class SqlRows(RecordsReader):
    """Any database that SQLAlchemy knows, by a cursor on the server where there is one."""

    hidden = ""

    def rows(self, table: str, apps: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:  # type: ignore[override]
        if why := self._unusable():
            raise NotStreamed(why, self._code())
        read: queue.Queue[list[tuple[Any, ...]] | Exception | None] = queue.Queue(maxsize=2)
        stopped = threading.Event()
        thread = threading.Thread(target=self._read, args=(table, apps, read, stopped), daemon=True)
        thread.start()
        limit = self._seconds * 4
        try:
            while True:
                try:
                    part = read.get(timeout=limit)
                except queue.Empty:
                    raise NotStreamed(f"the database fell silent: no answer within {limit} s") from None
                if part is _END:
                    return
                if isinstance(part, Exception):
                    raise NotStreamed(self._reason(part))
                yield from part
        finally:
            stopped.set()

    def _read(self, name: str, apps: tuple[str, ...], read: queue.Queue[Any], stopped: threading.Event) -> None:
        """In a thread that may be left behind."""
        try:
            with self._connected() as (connection, metadata):
                table = _table(connection, metadata, name)
                self.hidden = _hidden(connection, table)
                query = self._query(connection, table, apps)
                with connection.execution_options(yield_per=AT_ONCE).execute(query) as cursor:
                    for part in cursor.partitions():
                        if not _handed_over(part, read, stopped):
                            return
            read.put(_END)
        except _FAILURES as error:
            read.put(error)
        except Exception as error:
            read.put(ValueError(f"the rows could not be read: {error}"))

    def _query(self, connection: sa.Connection, table: sa.Table, apps: tuple[str, ...]) -> sa.Select[Any]:
        names = {name: self._columns.get(name, name) for name in NAMES}
        if not any(names[name] in table.c for name in _NEEDED):
            needed = " nor ".join(names[name] for name in _NEEDED)
            raise sa.exc.NoSuchColumnError(f"{table.name} has neither {needed}; RUNBOOKS_RECORDS_COLUMNS maps them")
        shown = [self._column(connection, table, name).label(f"c{n}") for n, name in enumerate(names.values())]
        query = sa.select(*shown)
        if apps and names["app_name"] in table.c:
            column = table.c[names["app_name"]]
            query = query.where(sa.or_(column.in_(apps), column.is_(None)))
        return query

    def _column(self, connection: sa.Connection, table: sa.Table, name: str) -> sa.ColumnElement[Any]:
        if name not in table.c:
            return sa.null()
        column = table.c[name]
        if connection.dialect.name == "sqlite":
            # A column holds there what was put into it, whatever its declared type makes SQLAlchemy expect.
            return sa.type_coerce(column, sa.types.NullType())
        # A uuid or an enum is a text; a time is one that the driver reads.
        times = [self._columns.get(one, one) for one in ("created_at", "updated_at")]
        return column if name in times else sa.cast(column, sa.String)


def _handed_over(part: Any, read: queue.Queue[Any], stopped: threading.Event) -> bool:
    """Wait until there is room for these rows; False, if nobody wants them any more."""
    while not stopped.is_set():
        try:
            read.put(part, timeout=0.5)
            return True
        except queue.Full:
            continue
    return False


class WebRows(WebRecords):
    """A project of Supabase, in ranges of its key."""

    hidden = ""

    def rows(self, table: str, apps: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:  # type: ignore[override]
        if why := self._unusable():
            raise NotStreamed(why)
        columns = {name: self._columns.get(name, name) for name in NAMES}
        last: str | None = None
        for _ in range(MOST_WEB_PAGES):
            page = self._page(table, columns, apps, last)
            for row in page:
                yield tuple(row.get(columns[name]) if columns[name] else None for name in NAMES)
            # A project may give fewer rows at once than were asked for, so that only an empty answer is the end.
            last = text_of(page[-1].get(columns["key"])) if page else ""
            if not last:
                self.hidden = self._hidden()
                return
        raise NotStreamed(f"only the first {MOST_WEB_PAGES:,} answers were read")

    def _page(
        self, table: str, columns: dict[str, str], apps: tuple[str, ...], last: str | None
    ) -> list[Mapping[str, Any]]:
        for _ in range(len(NAMES)):
            taken: list[Mapping[str, Any]] = []

            def keep(told: Any, taken: list[Mapping[str, Any]] = taken) -> Any:
                """What is recorded of an answer is how many rows it held."""
                if not isinstance(told, list):
                    return told
                taken.extend(row for row in told if isinstance(row, Mapping))
                return {"rows": len(told)}

            try:
                answer = self._client.get(
                    self._address(table, columns, apps, last),
                    "read rows",
                    table,
                    headers=self._sent(table),
                    prepare=keep,
                    page=last is not None,
                )
            except CouldNotAsk as error:
                raise NotStreamed(str(error), error.code) from None
            told = answer.json if isinstance(answer.json, Mapping) else {}
            if answer.ok and isinstance(told.get("rows"), int):
                return taken
            named = MISSING_COLUMN.search(refusal_of(answer.status, answer.body).text)
            absent = [n for n, c in columns.items() if named and c == named[1]]
            if text_of(told.get("code")) != "42703" or not absent or last is not None or "key" in absent:
                raise NotStreamed(self._refused(answer, table).reason)
            columns.update(dict.fromkeys(absent, ""))
        raise NotStreamed(f"{table} has none of the columns that are read; RUNBOOKS_RECORDS_COLUMNS maps them")

    def _address(self, table: str, columns: Mapping[str, str], apps: tuple[str, ...], last: str | None) -> str:
        key = columns["key"]
        query = {"select": ",".join(c for c in columns.values() if c), "order": f"{key}.asc", "limit": str(WEB_PAGE)}
        if last is not None:
            query[key] = f"gt.{last}"
        if apps and columns["app_name"]:
            column = columns["app_name"]
            query["or"] = f"({column}.in.({','.join(apps)}),{column}.is.null)"
        bare = table.rpartition(".")[2]
        return f"{self._project.url}/rest/v1/{quote(bare, safe='')}?{urlencode(query, quote_via=quote)}"

    def _sent(self, table: str) -> dict[str, str]:
        schema = table.rpartition(".")[0]
        told = {"apikey": self._project.key, "Authorization": f"Bearer {self._project.key}"}
        return told | ({"Accept-Profile": schema} if schema else {})
