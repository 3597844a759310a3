"""The caller's database, read-only: the row it keeps about the machine, and its own event history.

Any SQLAlchemy URL works. The connection is opened read-only where the database can do that, a
statement may take five seconds, and values are redacted before they leave this file.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from runbooks.collect.found import Found, absent, seen, unlooked
from runbooks.evidence.models import Record, RecordEvents, Records
from runbooks.evidence.reading import text_of, time_of
from runbooks.evidence.redaction import Redactor

MAX_ROWS = 10
_SECONDS = 5
_FAILURES = (sa.exc.SQLAlchemyError, ImportError, ValueError, OSError)


class RecordsReader:
    """Reads the two tables; `columns` maps our names to the caller's."""

    def __init__(self, url: str, columns: Mapping[str, str], redactor: Redactor) -> None:
        self._url, self._columns, self._redactor = url, columns, redactor

    def rows(self, table_name: str, words: tuple[str, ...]) -> Found:
        """Rows whose key, machine id, Fly id or user id is one of the words."""
        if (why := self._unusable()) or not words:
            return unlooked(why or "nothing is known to search the table by")
        try:
            with self._connected() as (connection, metadata):
                table = _table(connection, metadata, table_name)
                found = self._matching(connection, table, ("machine_id", "fly_machine_id", "key", "user_id"), words)
        except _FAILURES as error:
            return unlooked(f"the database did not answer: {self._reason(error)}")
        records = tuple(self._record(table_name, row) for row in found)
        searched = f"{table_name} searched for {', '.join(words)}"
        if not records:
            return absent(f"no row ({searched})", Records(table_name, words))
        statuses = ", ".join(r.status or "no status" for r in records)
        return seen(
            f"{len(records)} row{'' if len(records) == 1 else 's'} ({searched}): {statuses}",
            Records(table_name, words, records),
        )

    def events(self, table_name: str, words: tuple[str, ...]) -> Found:
        """What the caller wrote about the machine. An empty history is common: its insert may have failed."""
        if (why := self._unusable()) or not words:
            return unlooked(why or "nothing is known to search the table by")
        try:
            with self._connected() as (connection, metadata):
                table = _table(connection, metadata, table_name)
                rows = self._matching(connection, table, ("machine_id",), words)
        except _FAILURES as error:
            return unlooked(f"the database did not answer: {self._reason(error)}")
        searched = f"{table_name} searched for {', '.join(words)}"
        if not rows:
            return absent(f"no row ({searched})", RecordEvents(table_name))
        return seen(f"{len(rows)} rows ({searched})", RecordEvents(table_name, tuple(rows)))

    def _unusable(self) -> str:
        if not self._url:
            return "no database is configured: set RUNBOOKS_RECORDS_URL to read the caller's row"
        if self._url.startswith(("https://", "http://")):
            return "RUNBOOKS_RECORDS_URL is a web address; this version reads databases (SQLAlchemy URLs) only"
        try:
            sa.make_url(self._url)
        except (sa.exc.ArgumentError, ValueError):
            # Not shown: whatever it is, it may hold a password.
            return "RUNBOOKS_RECORDS_URL is not a database URL such as postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        return ""

    @contextmanager
    def _connected(self) -> Iterator[tuple[sa.Connection, sa.MetaData]]:
        url = sa.make_url(self._url)
        self._redactor.know(str(url.password or ""), "password")
        arguments: dict[str, Any] = {}
        backend = url.drivername.partition("+")[0]
        if backend == "sqlite" and url.database:
            path = url.database if url.database.startswith("file:") else f"file:{quote(url.database)}"
            url = url.set(database=path.partition("?")[0], query={"mode": "ro", "uri": "true"})
        elif backend in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
            # Prepared statements do not survive a pooler that hands out connections by transaction.
            arguments = {"connect_timeout": _SECONDS, "prepare_threshold": None}
        engine = sa.create_engine(url, connect_args=arguments, poolclass=sa.pool.NullPool)
        try:
            with engine.connect() as connection, warnings.catch_warnings():
                # A column of a type that SQLAlchemy has no name for is read all the same.
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                if engine.dialect.name == "postgresql":
                    # Said per transaction, not at the start: poolers refuse start-up options.
                    connection = connection.execution_options(postgresql_readonly=True)
                    connection.execute(sa.text(f"SET LOCAL statement_timeout = {_SECONDS * 1000}"))
                yield connection, sa.MetaData()
        finally:
            engine.dispose()

    def _matching(
        self, connection: sa.Connection, table: sa.Table, names: tuple[str, ...], words: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        columns = [table.c[self._columns[n]] for n in names if self._columns.get(n, "") in table.c]
        if not columns:
            raise sa.exc.NoSuchColumnError(
                f"{table.name} has none of the columns {', '.join(self._columns.get(n, n) for n in names)}; "
                f"RUNBOOKS_RECORDS_COLUMNS maps them"
            )
        match = sa.or_(*(sa.cast(column, sa.String).in_(words) for column in columns))
        rows = connection.execute(sa.select(table).where(match).limit(MAX_ROWS)).mappings().all()
        place = f"row of {table.name}"
        clean = [self._redactor.value({str(k): _plain(v) for k, v in row.items()}, place) for row in rows]
        return sorted(clean, key=lambda row: str(sorted(row.items())))

    def _record(self, table: str, row: Mapping[str, Any]) -> Record:
        def text(name: str) -> str:
            return text_of(row.get(self._columns.get(name, name)))

        def time(name: str) -> datetime | None:
            return time_of(row.get(self._columns.get(name, name)))

        return Record(
            table=table,
            key=text("key"),
            machine_id=text("machine_id"),
            fly_machine_id=text("fly_machine_id"),
            status=text("status"),
            region=text("region"),
            app_name=text("app_name"),
            websocket_url=text("websocket_url"),
            error_message=text("error_message"),
            created_at=time("created_at"),
            started_at=time("started_at"),
            updated_at=time("updated_at"),
            row=row,
        )

    def _reason(self, error: Exception) -> str:
        """The driver's own first line, without SQL and without the URL's password."""
        if isinstance(error, ImportError):
            return f"no driver is installed for this kind of database ({error.name})"
        origin = getattr(error, "orig", None) or error
        first = str(origin).strip().splitlines()[0] if str(origin).strip() else type(origin).__name__
        return self._redactor.text(first, "database error")[:300]


def _table(connection: sa.Connection, metadata: sa.MetaData, name: str) -> sa.Table:
    schema, _, bare = name.rpartition(".")
    try:
        return sa.Table(bare, metadata, schema=schema or None, autoload_with=connection, resolve_fks=False)
    except sa.exc.NoSuchTableError:
        raise sa.exc.NoSuchTableError(f"there is no table {name}") from None


def _plain(value: Any) -> Any:
    """Database values as JSON would hold them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
