"""One look at one facet, with the exchanges that it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from runbooks.base.brief import brief
from runbooks.base.facets import FacetEnum


class Outcome(StrEnum):
    """How a look ended. `ABSENT` means asked, answered "no", and the "no" was to the point."""

    SEEN = "seen"
    ABSENT = "absent"
    COULD_NOT_LOOK = "could-not-look"

    @property
    def words(self) -> str:
        """For people."""
        return {"seen": "answered", "could-not-look": "not checked"}.get(self.value, self.value)


class Reason(StrEnum):
    """Why a facet could not be asked; `NONE` where only the sentence says it."""

    NONE = ""
    NOT_GIVEN = "not-given"  # a parameter is empty
    NOT_CONFIGURED = "not-configured"  # a setting is empty
    NO_TOKEN = "no-token"  # noqa: S105  no secret
    BAD_TOKEN = "bad-token"  # noqa: S105  no secret
    UNREACHABLE = "unreachable"  # no connection came about
    NOT_KEPT = "not-kept"  # Fly has deleted it already
    NOT_APPLICABLE = "not-applicable"  # nothing there could answer
    SWITCHED_OFF = "switched-off"
    INTERRUPTED = "interrupted"
    NOT_RECORDED = "not-recorded"  # the bundle of a replay has no answer


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt on the wire, with its provenance.

    `url` is the logical URL (never a loopback port), `status` is None when no answer came and
    `error` then says why (`connected` is False when not even a connection came about); `body` is the
    redacted answer, `cut` where it was too long, `sha256` the hash of its UTF-8 bytes; `listed` is how many entries a
    list had of which `body` holds some; `handed_on` says that another run of the same sweep was given it, at `at`.
    """

    facet: str
    method: str
    url: str
    at: datetime
    status: int | None
    body: str
    sha256: str
    request_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    duration_ms: float = 0.0
    attempt: int = 1
    connected: bool = True
    cut: bool = False
    listed: int | None = None
    handed_on: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """The answer to one facet.

    Attributes:
        reason: a sentence: what was found, or why one could not look
        code: why one could not look, for programs
    """

    facet: FacetEnum
    outcome: Outcome
    reason: str
    at: datetime
    answer: Any = None
    exchanges: tuple[Exchange, ...] = ()
    code: Reason = Reason.NONE

    @property
    def number(self) -> str:
        return str(self.facet)

    @property
    def words(self) -> str:
        """How it ended, for people: what Fly has deleted by now was asked as well."""
        return "asked, nothing left" if self.code is Reason.NOT_KEPT else self.outcome.words

    def __repr__(self) -> str:
        told = {"outcome": self.outcome.value, "reason": self.reason, "at": self.at.isoformat()}
        return brief(
            f"{self.number}: {self.facet.question}", {**told, "answer": self.answer, "requests": self.exchanges}
        )


@dataclass(frozen=True)
class Requests:
    """The load on the source: attempts in all, attempts by logical host, retries among them."""

    count: int
    by_host: Mapping[str, int]
    retries: int
