"""What an app has beside its machines: models, and readers for the API's answers.

Each reader returns None where the body is not of the documented shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbooks.evidence.parsers import text_of, time_of


@dataclass(frozen=True, slots=True)
class Certificate:
    """A hostname that was added to the app; `configured` means that the edge can present a certificate for it."""

    hostname: str
    status: str = ""
    configured: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificates:
    """The app's custom hostnames. Without `complete`, a hostname that is not among them may exist."""

    found: tuple[Certificate, ...] = ()
    complete: bool = True


def certificates_of(body: Any) -> Certificates | None:
    """The list of `GET /v1/apps/{app}/certificates` (§14.18)."""
    rows = body.get("certificates") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        return None
    told = [row for row in rows if isinstance(row, Mapping) and text_of(row.get("hostname"))]
    found = tuple(
        Certificate(
            text_of(row.get("hostname")).lower(),
            text_of(row.get("status")),
            row.get("configured") is True,
            time_of(row.get("created_at")),
        )
        for row in told
    )
    return Certificates(found, complete=len(found) == len(rows) and not body.get("next_cursor"))
