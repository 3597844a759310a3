"""The evidence as DataFrames of plain text cells, for sections and for free digging (`case.frames`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from runbooks.evidence.models import Event, Evidence, Exchange, Image, LogLine, Machine, Record

if TYPE_CHECKING:
    import pandas as pd


def frame(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    """A table of text; None becomes an empty cell, never "None" or "nan"."""
    # Imported here: pandas takes long, and what only checks parameters or judges evidence needs no table.
    import pandas as pd

    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return pd.DataFrame(cells, columns=list(columns), dtype=object)


def clock(at: datetime | None) -> str:
    """A UTC time to the millisecond, without the date when the table names the date."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if at else ""


def day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def machines(found: Iterable[Machine], marked: str = "") -> pd.DataFrame:
    """One row a machine; the one asked for carries an arrow. The app is named where a view names it."""
    rows = tuple(found)
    table = frame(
        ("", "id", "name", "app", "state", "region", "created", "image"),
        (
            ("→" if m.id == marked else "", m.id, m.name, m.app_name, m.state, m.region, day(m.created_at), m.image)
            for m in rows
        ),
    )
    return table if any(m.app_name for m in rows) else table.drop(columns="app")


def events(found: Iterable[tuple[Event, str]]) -> pd.DataFrame:
    """One row an event, with its exit decoded."""
    return frame(
        (
            "time (UTC)",
            "type",
            "status",
            "source",
            "exit code",
            "out of memory",
            "asked to stop",
            "restarts",
            "evidence",
        ),
        (
            (
                day(e.at),
                e.type,
                e.status,
                e.source,
                e.exit.exit_code if e.exit else None,
                _yes(e.exit.oom_killed) if e.exit else None,
                _yes(e.exit.requested_stop) if e.exit else None,
                _yes(e.exit.restarting) if e.exit else None,
                at,
            )
            for e, at in found
        ),
    )


def log(lines: Iterable[LogLine]) -> pd.DataFrame:
    return frame(("time (UTC)", "from", "line"), ((clock(x.at), x.provider, x.message) for x in lines))


def image(rows: Iterable[tuple[str, Image | None]]) -> pd.DataFrame:
    """The images side by side: which is asked about, does it exist, can it run, what does it start."""
    return frame(
        ("image", "reference", "exists", "digest", "platform", "starts", "ports"),
        (
            (
                what,
                found.ref if found else "",
                {True: "yes", False: "no", None: "could not tell"}[found.exists] if found else "could not tell",
                found.digest[:19] + "…" if found and found.digest else "",
                ", ".join(found.architectures) if found else "",
                " ".join((*found.entrypoint, *found.cmd)) if found else "",
                ", ".join(found.exposed_ports) if found else "",
            )
            for what, found in rows
        ),
    )


def record(row: Record) -> pd.DataFrame:
    """The row as it stands, column by column, masked values as placeholders."""
    return frame(("column", "value"), sorted(row.row.items()))


def observations(evidence: Evidence) -> pd.DataFrame:
    """Every question asked, in order: where, when, how often, how it ended, and how long its source keeps it."""
    return frame(
        ("evidence", "question", "where", "when (UTC)", "answer", "kept by its source"),
        (
            (
                x.number,
                x.facet.question,
                _where(x.exchanges),
                clock(x.at),
                f"{x.words}: {x.reason}",
                x.facet.lives_for,
            )
            for x in evidence.observations.values()
        ),
    )


def _where(exchanges: Sequence[Exchange]) -> str:
    """The last address, and how many requests it took."""
    several = f" ({len(exchanges)} requests)" if len(exchanges) > 1 else ""
    return f"{exchanges[-1].url}{several}" if exchanges else ""


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
