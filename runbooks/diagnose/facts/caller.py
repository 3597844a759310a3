"""What the caller knows: its answer, its log, the rows it keeps, and the URL it connects to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlsplit

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.models import Caller, LogLine, Record, Records
from runbooks.evidence.parsers import time_of
from runbooks.evidence.pasted import unwrapped
from runbooks.evidence.pasted.clock import PlacedLines, placed

_CONNECTS = re.compile(r"(?i)wss?://|websocket|socket:|handshake|\bdial\b|\bconnect(?:ing|ion)?\b")
_FAILS = re.compile(r"(?i)fail|error|refused|no such host|not ?found|timed? ?out|unreachable|closed before|\b50[234]\b")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class CallerFacts:
    """What the caller was answered, what it logged, and what it keeps in its database.

    Args:
        observations: access to the evidence
    """

    def __init__(self, observations: ObservationFacts) -> None:
        self._observations = observations

    @cached_property
    def answer(self) -> Caller:
        return self._observations.answer(Facet.CALLER, Caller) or Caller("")

    @cached_property
    def pasted(self) -> tuple[LogLine, ...]:
        """The lines of the machine's log in the pasted text, oldest first."""
        return log_lines(unwrapped(self.answer.text))

    @cached_property
    def placed(self) -> PlacedLines:
        """The same lines with times for a timeline: a clock without a date is put on the day of the incident."""
        incident = self._observations.subject.incident_time
        return placed(self.pasted, incident.astimezone(UTC).date() if incident else None)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        found = self._observations.answer(Facet.RECORD, Records)
        return found.rows if found else ()

    @cached_property
    def record(self) -> Record | None:
        """The row about this machine; with several, the one touched last."""
        return max(self.records, key=lambda r: r.updated_at or r.created_at or _EARLIEST, default=None)

    @cached_property
    def kept_version(self) -> tuple[str, str] | None:
        """(instance_id, look): the version of the machine that the caller or its row keeps."""
        for fields, at in ((self.answer.fields, Facet.CALLER), *((r.row, Facet.RECORD) for r in self.records)):
            for key in ("instance_id", "instanceId", "machine_version", "version"):
                value = fields.get(key)
                if isinstance(value, str) and len(value) == 26 and value.startswith("01"):
                    return value, at
        return None

    @cached_property
    def believed_url(self) -> str:
        return self._observations.subject.websocket_url or (self.record.websocket_url if self.record else "")

    @cached_property
    def url_evidence(self) -> tuple[str, ...]:
        """The looks that hold the believed URL; none when the person gave it."""
        told = (Facet.CALLER,) if self.believed_url and self.believed_url in self.answer.text else ()
        kept = (Facet.RECORD,) if self.record and self.believed_url == self.record.websocket_url != "" else ()
        return told or kept

    @cached_property
    def believed_host(self) -> str:
        try:
            return urlsplit(self.believed_url).hostname or ""
        except ValueError:
            return ""

    @cached_property
    def believed_port(self) -> int | None:
        """The port that the believed URL leads to, the scheme's usual one included."""
        try:
            parts = urlsplit(self.believed_url)
            return parts.port or {"wss": 443, "https": 443, "ws": 80, "http": 80}.get(parts.scheme)
        except ValueError:
            return None

    @cached_property
    def failed_connects(self) -> tuple[tuple[datetime, str], ...]:
        """(time, words) of every attempt to connect to the endpoint that the caller's log shows failing."""
        found = []
        for line in self.answer.text.splitlines()[:2000]:
            if _CONNECTS.search(line) and _FAILS.search(line) and (match := _STAMP.search(line[:200])):
                at = time_of(match.group(0))
                if at:
                    found.append((at, line[match.end() :].strip(' \t]|-:,"')))
        return tuple(found)
