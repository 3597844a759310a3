"""What the caller's own database and its functions hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runbooks.evidence.models.machine import Json, LogLine


@dataclass(frozen=True, slots=True)
class FunctionSecret:
    """A secret of the caller's function: its name, and the reference whose SHA-256 equals its own.

    `digest` is kept only where it is that of a known reference, or where the name speaks of an image.
    """

    name: str
    matches: str = ""
    digest: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FunctionSecrets:
    """All secrets of the project's functions, and the references that were compared with them."""

    project: str
    secrets: tuple[FunctionSecret, ...] = ()
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """Lines of the caller's function around the incident, oldest first."""

    project: str
    lines: tuple[LogLine, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the caller's database, under the mapped names (facts: seed-incident)."""

    table: str
    key: str = ""
    machine_id: str = ""
    fly_machine_id: str = ""
    status: str = ""
    region: str = ""
    app_name: str = ""
    websocket_url: str = ""
    error_message: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    row: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Records:
    """The rows found, and the words that were searched for."""

    table: str
    searched: tuple[str, ...]
    rows: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordEvents:
    table: str
    rows: tuple[Json, ...] = ()
