"""What the rows of the caller's database say, whichever way they were read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect.result import FacetResult, absent, seen, unavailable
from runbooks.evidence.models import Json, Reason, Record, RecordEvents, Records
from runbooks.evidence.parsers import text_of, time_of
from runbooks.evidence.redaction import Redactor

MAX_ROWS = 10
DETAILS = "details"
NOT_CONFIGURED = "no database is configured: set RUNBOOKS_RECORDS_URL to read the caller's row"


class RecordsSource(Protocol):
    """Reads the row about a machine, and what the caller wrote about it: a database, or a project over REST."""

    def rows(self, table: str, words: tuple[str, ...], /) -> FacetResult: ...

    def events(self, table: str, words: tuple[str, ...], /) -> FacetResult: ...


class NoRecords:
    """Stands in for a reader where no database is configured."""

    def rows(self, table: str, words: tuple[str, ...], /) -> FacetResult:
        return unavailable(NOT_CONFIGURED, code=Reason.NOT_CONFIGURED)

    def events(self, table: str, words: tuple[str, ...], /) -> FacetResult:
        return unavailable(NOT_CONFIGURED, code=Reason.NOT_CONFIGURED)


def rows_found(found: Records, hidden: str = "") -> FacetResult:
    """Rows, or their absence; where rows can be hidden from this reader, no row is no answer."""
    searched = f"{found.table} searched for {', '.join(found.searched)}"
    if not found.rows:
        return (
            unavailable(f"no row is visible ({searched}), but {hidden}")
            if hidden
            else absent(f"no row ({searched})", found)
        )
    statuses = ", ".join(r.status or "no status" for r in found.rows)
    return seen(f"{_counted(len(found.rows))} ({searched}): {statuses}", found)


def events_found(found: RecordEvents, words: tuple[str, ...], hidden: str = "") -> FacetResult:
    searched = f"{found.table} searched for {', '.join(words)}"
    if not found.rows:
        return (
            unavailable(f"no row is visible ({searched}), but {hidden}")
            if hidden
            else absent(f"no row ({searched})", found)
        )
    return seen(f"{_counted(len(found.rows))} ({searched})", found)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows" + (", the newest" if rows == MAX_ROWS else "")


def cleaned(rows: Iterable[Json], table: str, redactor: Redactor, mapped: Collection[str] = ()) -> list[dict[str, Any]]:
    """Rows as they may leave this package, in an order that does not depend on the database."""
    known = {*mapped, *RECORD_COLUMNS}
    clean = [redactor.row(row, f"row of {table}", known) for row in rows]
    return sorted(clean, key=lambda row: str(sorted(row.items())))


def record_of(table: str, row: Json, columns: Mapping[str, str]) -> Record:
    def text(name: str) -> str:
        return text_of(row.get(columns.get(name, name))).strip()  # CHAR(20) is filled with blanks

    def time(name: str) -> datetime | None:
        return time_of(row.get(columns.get(name, name)))

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
