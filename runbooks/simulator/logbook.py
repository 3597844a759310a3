"""The platform's log: every line tied to an app and, if it is about one, to a machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class LogLine:
    """`ns` orders lines and is unique, so that it can serve as the paging token."""

    ns: int
    at: datetime
    app: str
    provider: str
    message: str
    level: str = "info"
    instance: str = ""
    region: str = ""
    error_code: int | None = None

    @property
    def timestamp(self) -> str:
        """RFC 3339 with nine digits, as the real service prints it."""
        return f"{self.at:%Y-%m-%dT%H:%M:%S}.{self.ns % 1_000_000_000:09d}Z"


class LogStore:
    WINDOW = 100
    LOOKBACK = timedelta(hours=24)

    def __init__(self, retention_days: int) -> None:
        self._lines: list[LogLine] = []
        self._retention = timedelta(days=retention_days)

    def write(
        self,
        at: datetime,
        app: str,
        provider: str,
        message: str,
        *,
        level: str = "info",
        instance: str = "",
        region: str = "",
        error_code: int | None = None,
    ) -> None:
        micros = int(at.timestamp()) * 1_000_000 + at.microsecond
        ns = micros * 1000 + len(self._lines) % 1000
        self._lines.append(LogLine(ns, at, app, provider, message, level, instance, region, error_code))

    def read(
        self, app: str, now: datetime, *, instance: str = "", region: str = "", after_ns: int | None = None
    ) -> list[LogLine]:
        """One page, oldest first: the newest lines of the last day, or the first ones after a token."""
        oldest = now - (self._retention if after_ns is not None else min(self.LOOKBACK, self._retention))
        lines = sorted(
            (
                line
                for line in self._lines
                if line.app == app
                and oldest <= line.at <= now
                and (not instance or line.instance == instance)
                and (not region or line.region == region)
                and (after_ns is None or line.ns > after_ns)
            ),
            key=lambda line: line.ns,
        )
        return lines[-self.WINDOW :] if after_ns is None else lines[: self.WINDOW]
