"""The caller's database, read-only: the row it keeps about the machine, and its own event history.

Any SQLAlchemy URL works. The connection is opened read-only where the database can do that, a
statement may take five seconds, and values are redacted before they leave this file. A role that
row-level security shows less than everything has not looked when it sees no row.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from runbooks.collect.result import FacetResult, unavailable
from runbooks.collect.rows import DETAILS, MAX_ROWS, NOT_CONFIGURED, cleaned, events_found, record_of, rows_found
from runbooks.evidence.models import Json, Reason, RecordEvents, Records
from runbooks.evidence.redaction import Redactor

_SECONDS = 5
# Shorter words are too common to be looked for inside of other text.
_TELLING = 8
_FAILURES = (sa.exc.SQLAlchemyError, ImportError, ValueError, OSError)


class RecordsReader:
    """Reads the two tables; `columns` maps our names to the caller's."""

    def __init__(self, url: str, columns: Mapping[str, str], redactor: Redactor, seconds: int = _SECONDS) -> None:
        self._url, self._columns, self._redactor, self._seconds = url, columns, redactor, seconds

    def rows(self, table_name: str, words: tuple[str, ...]) -> FacetResult:
        """Rows whose key, machine id, Fly id or user id is one of the words."""
        if (why := self._unusable()) or not words:
            return unavailable(why or "nothing is known to search the table by", code=self._code())
        found = self._searched(table_name, ("machine_id", "fly_machine_id", "key", "user_id"), words)
        if isinstance(found, FacetResult):
            return found
        records = tuple(record_of(table_name, row, self._columns) for row in found.rows)
        return rows_found(Records(table_name, words, records), found.hidden)

    def events(self, table_name: str, words: tuple[str, ...]) -> FacetResult:
        """What the caller wrote about the machine. An empty history is common: its insert may have failed."""
        if (why := self._unusable()) or not words:
            return unavailable(why or "nothing is known to search the table by", code=self._code())
        found = self._searched(table_name, ("machine_id",), words, within=DETAILS)
        if isinstance(found, FacetResult):
            return found
        return events_found(RecordEvents(table_name, found.rows), words, found.hidden)

    def _searched(
        self, table_name: str, names: tuple[str, ...], words: tuple[str, ...], within: str = ""
    ) -> _Search | FacetResult:
        """The search in a thread that may be left behind: a server that falls silent must not hold the run."""
        ended: list[_Search | FacetResult] = []

        def search() -> None:
            try:
                ended.append(self._search(table_name, names, words, within))
            except _FAILURES as error:
                ended.append(unavailable(self._reason(error)))
            except Exception as error:
                ended.append(unavailable(self._redactor.text(f"the row could not be read: {_first_line(error)}")[:300]))

        thread = threading.Thread(target=search, name=f"read {table_name}", daemon=True)
        thread.start()
        limit = self._seconds * 4
        thread.join(limit)
        return ended[0] if ended else unavailable(f"the database fell silent: no answer within {limit} s")

    def _search(self, table_name: str, names: tuple[str, ...], words: tuple[str, ...], within: str) -> _Search:
        with self._connected() as (connection, metadata):
            table = _table(connection, metadata, table_name)
            rows = self._matching(connection, table, names, words, within)
            return _Search(tuple(rows), "" if rows else _hidden(connection, table))

    def _code(self) -> Reason:
        return Reason.NONE if self._url else Reason.NOT_CONFIGURED

    def _unusable(self) -> str:
        if not self._url:
            return NOT_CONFIGURED
        if self._url.startswith(("https://", "http://")):
            return "RUNBOOKS_RECORDS_URL is a web address; only a project of Supabase is read over the web"
        try:
            url = sa.make_url(self._url)
        except (sa.exc.ArgumentError, ValueError):
            # Not shown: whatever it is, it may hold a password.
            return "RUNBOOKS_RECORDS_URL is not a database URL such as postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        if "@" in (url.host or ""):
            # Half of the password would be taken for the host, and shown as such.
            return "RUNBOOKS_RECORDS_URL holds a second @: one in a password is written %40"
        return ""

    @contextmanager
    def _connected(self) -> Iterator[tuple[sa.Connection, sa.MetaData]]:
        url = sa.make_url(self._url)
        for secret in (url.password, *(url.query.get(name) for name in ("password", "sslpassword"))):
            self._redactor.add_secret(str(secret or ""), "password")
        arguments: dict[str, Any] = {}
        backend = url.drivername.partition("+")[0]
        if backend == "sqlite" and url.database:
            path = url.database if url.database.startswith("file:") else f"file:{quote(url.database)}"
            url = url.set(database=path.partition("?")[0], query={"mode": "ro", "uri": "true"})
        elif backend in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
            # Prepared statements do not survive a pooler that hands out connections by transaction.
            arguments = {"connect_timeout": max(2, self._seconds), "prepare_threshold": None}
        engine = sa.create_engine(url, connect_args=arguments, poolclass=sa.pool.NullPool, hide_parameters=True)
        try:
            with engine.connect() as connection, warnings.catch_warnings():
                # A column of a type that SQLAlchemy has no name for is read all the same.
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                if engine.dialect.name == "postgresql":
                    # Said per transaction, not at the start: poolers refuse start-up options.
                    connection = connection.execution_options(postgresql_readonly=True)
                    connection.execute(sa.text(f"SET LOCAL statement_timeout = {self._seconds * 1000}"))
                yield connection, sa.MetaData()
        finally:
            engine.dispose()

    def _matching(
        self,
        connection: sa.Connection,
        table: sa.Table,
        names: tuple[str, ...],
        words: tuple[str, ...],
        within: str = "",
    ) -> list[dict[str, Any]]:
        columns = [table.c[self._columns[n]] for n in names if self._columns.get(n, "") in table.c]
        if not columns:
            raise sa.exc.NoSuchColumnError(
                f"{table.name} has none of the columns {', '.join(self._columns.get(n, n) for n in names)}; "
                f"RUNBOOKS_RECORDS_COLUMNS maps them"
            )
        # A uuid is always told in small letters.
        forms = tuple(dict.fromkeys((*words, *(word.lower() for word in words))))
        matches: list[sa.ColumnElement[bool]] = [sa.cast(column, sa.String).in_(forms) for column in columns]
        if within in table.c:
            text = sa.cast(table.c[within], sa.String)
            matches += [text.contains(word, autoescape=True) for word in words if len(word) >= _TELLING]
        shown: list[Any] = [table]
        if connection.dialect.name == "sqlite":
            # A column holds there what was put into it, whatever its declared type makes SQLAlchemy expect.
            shown = [sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in table.c]
        query = sa.select(*shown).where(sa.or_(*matches)).limit(MAX_ROWS)
        newest = next(
            (self._columns[n] for n in ("updated_at", "created_at") if self._columns.get(n, "") in table.c), ""
        )
        if newest:
            query = query.order_by(table.c[newest].desc())
        rows = connection.execute(query).mappings().all()
        return cleaned(
            ({str(k): _plain(v) for k, v in row.items()} for row in rows),
            table.name,
            self._redactor,
            self._columns.values(),
        )

    def _reason(self, error: Exception) -> str:
        """What went wrong, in words, with the driver's own first line; without SQL and without the URL's password."""
        if isinstance(error, ImportError):
            return (
                f"the database was not asked: no driver is installed for this kind of database ({error.name}); "
                f"for PostgreSQL: pip install 'fly-runbooks[records]'"
            )
        origin = getattr(error, "orig", None) or error
        if (code := getattr(origin, "sqlstate", None)) == "57014":
            return f"the database gave no answer within {self._seconds} s (the statement was ended)"
        if isinstance(error, sa.exc.NoSuchTableError | sa.exc.NoSuchColumnError):
            what = "the database was asked"
        elif code == "42501":
            what = "the database does not let this role read"
        else:
            what = "the database did not answer"
        return f"{what}: {self._redactor.text(_first_line(origin), 'database error')[:300]}"


@dataclass(frozen=True, slots=True)
class _Search:
    """The rows found; when there are none, `hidden` says why that may not be all there are."""

    rows: tuple[Json, ...]
    hidden: str = ""


# May this role be shown less than all rows? A policy whose condition is `true` hides nothing; the tables behind a
# view are read with the rights of its owner, who is not asked here, so any row-level security there counts.
_SIGHT = sa.text(
    """
    WITH target AS (SELECT CAST(:name AS regclass) AS oid),
    policies AS (
        SELECT p.polpermissive, coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true' AS everything
        FROM pg_policy p, target t
        WHERE p.polrelid = t.oid AND p.polcmd IN ('r', '*')
          AND (p.polroles @> '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r WHERE pg_has_role(r, 'USAGE')))
    )
    SELECT current_user,
           row_security_active(t.oid)
             AND NOT (coalesce((SELECT bool_or(everything) FROM policies WHERE polpermissive), false)
                      AND coalesce((SELECT bool_and(everything) FROM policies WHERE NOT polpermissive), true)),
           EXISTS (
             SELECT FROM pg_rewrite w
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
               AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> t.oid
             JOIN pg_class c ON c.oid = d.refobjid
             WHERE w.ev_class = t.oid AND c.relrowsecurity)
    FROM target t
    """
)


def _hidden(connection: sa.Connection, table: sa.Table) -> str:
    """Why rows may be there that this connection is not shown, or ""."""
    if connection.dialect.name != "postgresql":
        return ""
    name = connection.dialect.identifier_preparer.format_table(table)
    role, limited, behind = connection.execute(_SIGHT, {"name": name}).one()
    if not (limited or behind):
        return ""
    some = connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
    shown = "only some rows of it" if some else "no row of it at all"
    where = "" if limited else ", or the tables behind it,"
    return f"row-level security{where} lets the role {role} see {shown}: a role that bypasses it can tell"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


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
