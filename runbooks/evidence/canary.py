"""Test machines ("canaries"): how one is marked, and how one that was made is described.

The mark is metadata, a name made of it, and a time: a machine whose metadata was copied by a clone has another name,
or was created at another time, and is nobody's test machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from runbooks.evidence.models import Event, Exit, LogLine, Machine, Refusal

RUN_KEY = "fly_runbooks_canary"
EXPIRES_KEY = "expires"
PREFIX = "runbooks-canary-"
LIFETIME = timedelta(minutes=20)
"""How long after its beginning a run can have test machines: longer than two of them take."""
SKEW = timedelta(minutes=2)
"""How much this machine's clock and Fly's may differ."""


class CanaryKind(StrEnum):
    """What a test machine runs: the known-good image, or the machine's own config."""

    IMAGE = "image"
    CONFIG = "config"


class CanaryEnd(StrEnum):
    """How a test ended.

    `OPEN` says that nothing follows from it: it did not settle in time, its answer is not known, or the refusal is
    about the test itself.
    """

    RUNS = "runs"
    EXITED = "exited"
    REFUSED = "refused"
    NEVER_STARTED = "never-started"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class CanaryMark:
    """Whose test machine it is: the run, by the time at which it began, and when that run has ended at the latest."""

    run: datetime
    expires: datetime

    @classmethod
    def of_run(cls, run: datetime) -> CanaryMark:
        return cls(run.astimezone(UTC), run.astimezone(UTC) + LIFETIME)

    @property
    def metadata(self) -> dict[str, str]:
        return {RUN_KEY: _iso(self.run), EXPIRES_KEY: _iso(self.expires)}

    def name(self, kind: CanaryKind) -> str:
        """The name of the run's test machine of this kind."""
        return f"{PREFIX}{self.run:%Y%m%d-%H%M%S-%f}-{kind}"


@dataclass(frozen=True, slots=True)
class CanaryTest:
    """One test machine, from the create call to its end.

    Attributes:
        image: the reference with its digest
        variables: the names of the variables in its environment
        state: the last one that was seen
        watched: seconds that it was watched after it had started
        open_because: why nothing follows from it, "" where something does
        removed: whether it is known to be gone; None where no machine was created
    """

    kind: CanaryKind
    end: CanaryEnd
    name: str
    region: str
    image: str
    guest: str = ""
    variables: tuple[str, ...] = ()
    machine_id: str = ""
    state: str = ""
    watched: int = 0
    exit: Exit | None = None
    refusal: Refusal | None = None
    events: tuple[Event, ...] = ()
    lines: tuple[LogLine, ...] = ()
    open_because: str = ""
    removed: bool | None = None


@dataclass(frozen=True, slots=True)
class CanarySweep:
    """What was done about test machines of earlier runs: ids that were destroyed, and those that are still there.

    `left` maps an id to the reason for leaving it. `copies` are machines that carry the metadata and are no test
    machines, such as clones of one: they are left alone, and forbid nothing.
    """

    removed: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[str, ...] = ()


def mark_of(machine: Machine) -> CanaryMark | None:
    """The mark of a machine that a run made for a test; None for any other, one with copied metadata included."""
    run, expires = (_time(machine.metadata.get(key, "")) for key in (RUN_KEY, EXPIRES_KEY))
    if run is None or expires is None or machine.created_at is None or expires - run != LIFETIME:
        return None
    mark = CanaryMark(run, expires)
    named = machine.name in {mark.name(kind) for kind in CanaryKind}
    return mark if named and run - SKEW <= machine.created_at <= expires + SKEW else None


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
