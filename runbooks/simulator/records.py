"""The caller's own database: a real SQLite file with the two tables of the seed's project."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from runbooks.base.errors import SourceError
from runbooks.simulator import spec

MACHINE_COLUMNS = (
    "id",
    "user_id",
    "machine_id",
    "region",
    "status",
    "cpus",
    "memory_mb",
    "websocket_url",
    "health_check_url",
    "provisioned_at",
    "started_at",
    "stopped_at",
    "last_health_check",
    "error_message",
    "error_count",
    "fly_app_name",
    "fly_machine_version",
    "created_at",
    "updated_at",
)
EVENT_COLUMNS = ("id", "machine_id", "user_id", "event_type", "severity", "message", "details", "created_at")
_NUMBERS = {"cpus", "memory_mb", "error_count"}
_UNIQUE = {"user_id", "machine_id"}


def write_records(records: spec.Records, path: Path) -> str:
    """Write the file anew and return its SQLAlchemy URL."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        _table(database, "cloud_machines", MACHINE_COLUMNS, records.machines, unique=_UNIQUE)
        _table(database, "cloud_events", EVENT_COLUMNS, records.events, unique=set())
    return f"sqlite:///{path}"


def _table(
    database: sqlite3.Connection,
    name: str,
    columns: tuple[str, ...],
    rows: list[dict[str, Any]],
    *,
    unique: set[str],
) -> None:
    declared = []
    for column in columns:
        words = [column, "INTEGER" if column in _NUMBERS else "TEXT"]
        words += ["PRIMARY KEY"] if column == "id" else []
        words += ["UNIQUE"] if column in unique else []
        declared.append(" ".join(words))
    database.execute(f"CREATE TABLE {name} ({', '.join(declared)})")
    holes = ", ".join("?" * len(columns))
    for row in rows:
        unknown = sorted(set(row) - set(columns))
        if unknown:
            raise SourceError(f"The scenario's table {name} has no column {', '.join(unknown)}.")
        values = [_value(row.get(column)) for column in columns]
        database.execute(f"INSERT INTO {name} VALUES ({holes})", values)  # noqa: S608  (name is one of ours)


def _value(value: Any) -> Any:
    """Times as PostgreSQL prints a timestamptz, nested values as JSON text."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    return json.dumps(value) if isinstance(value, dict | list) else value
