"""What the evidence adds up to, derived once and shared by all causes: the machine, its exits, its words.

Every fact knows which looks it rests on (`*_at`: E-numbers). Pure: nothing is asked, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlsplit

from runbooks.diagnose.lines import Reading, is_program, read_lines
from runbooks.evidence.models import (
    Addresses,
    App,
    Caller,
    Event,
    Evidence,
    Exit,
    Image,
    ImageRef,
    Listing,
    LogLine,
    Logs,
    Look,
    Machine,
    Outcome,
    Probe,
    Record,
    Records,
    Refusal,
    Resolution,
    Token,
)

T = TypeVar("T")
LIVE = (
    "started",
    "starting",
    "stopped",
    "suspended",
    "created",
    "creating",
    "replacing",
    "updating",
    "restarting",
)
GONE = ("destroyed", "destroying")
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A description of the machine, and the look that it comes from."""

    machine: Machine
    at: str
    app: str


class Facts:
    """Read-only views over one Evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.subject = evidence.subject
        self.now = evidence.looked_at

    # Looks.

    def look(self, number: str) -> Look | None:
        return self.evidence.looks.get(number)

    def outcome(self, number: str) -> Outcome | None:
        look = self.look(number)
        return look.outcome if look else None

    def looked(self, number: str) -> bool:
        """Was this asked and answered, be it with "no"?"""
        return self.outcome(number) in (Outcome.SEEN, Outcome.ABSENT)

    def refusal(self, number: str) -> Refusal | None:
        """The API's "no" at this look, whatever the outcome was taken to be."""
        return self._answer(number, Refusal)

    def _answer(self, number: str, kind: type[T]) -> T | None:
        look = self.look(number)
        return look.answer if look and isinstance(look.answer, kind) else None

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What commands are filled in with; unknown names are left out."""
        machine = self.machine
        known = {
            "app": self.subject.app,
            "machine_id": self.subject.machine_id,
            "live_id": "NEW_ID" if self.destroyed or not self.sightings else self.subject.machine_id,
            "name": self.subject.machine_name,
            "org": self.subject.org,
            "region": machine.region if machine else self.caller.region,
            "image": self.ran_text or self.subject.image,
            "believed": self.subject.image,
            "url": self.believed_url,
        }
        env = machine.env if machine else {}
        variables = " ".join(f'-e {name}="${name}"' for name in env if name.isidentifier())
        return {key: value for key, value in known.items() if value} | {"variables": variables}

    # The world around the machine.

    @cached_property
    def token(self) -> Token | None:
        return self._answer("E01", Token)

    @cached_property
    def app(self) -> App | None:
        return self._answer("E02", App)

    @cached_property
    def caller(self) -> Caller:
        return self._answer("E19", Caller) or Caller("")

    @cached_property
    def records(self) -> tuple[Record, ...]:
        found = self._answer("E14", Records)
        return found.rows if found else ()

    @cached_property
    def record(self) -> Record | None:
        """The row about this machine; with several, the one touched last."""
        return max(
            self.records,
            key=lambda r: r.updated_at or r.created_at or datetime.min.replace(tzinfo=UTC),
            default=None,
        )

    @cached_property
    def addresses(self) -> Addresses | None:
        return self._answer("E11", Addresses)

    def resolution(self, number: str) -> Resolution | None:
        return self._answer(number, Resolution)

    def probe(self, number: str) -> Probe | None:
        return self._answer(number, Probe)

    @cached_property
    def believed_url(self) -> str:
        return self.subject.websocket_url or (self.record.websocket_url if self.record else "")

    @cached_property
    def believed_host(self) -> str:
        try:
            return urlsplit(self.believed_url).hostname or ""
        except ValueError:
            return ""

    @cached_property
    def app_host(self) -> str:
        return f"{self.subject.app}.fly.dev"

    # The machine.

    @cached_property
    def sightings(self) -> tuple[Sighting, ...]:
        """Every view that shows the machine, the fullest first."""
        found = []
        for number in ("E03", "E03b", "E05", "E05b", "E06", "E08"):
            machine = self._answer(number, Machine)
            listing = self._answer(number, Listing)
            rows: Iterable[Machine] = (machine,) if machine else listing.machines if listing else ()
            for row in rows:
                if self._is_subject(row):
                    default = "" if number == "E08" else self.subject.app
                    found.append(Sighting(row, number, row.app_name or default))
        return tuple(found)

    def _is_subject(self, machine: Machine) -> bool:
        if self.subject.machine_id:
            return machine.id == self.subject.machine_id
        return bool(self.subject.machine_name) and machine.name == self.subject.machine_name

    @cached_property
    def machine(self) -> Machine | None:
        """The fullest description: the first with a config, else the first."""
        described = [s.machine for s in self.sightings]
        return next((m for m in described if m.config), described[0] if described else None)

    @cached_property
    def seen_at(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.at for s in self.sightings))

    @cached_property
    def config_at(self) -> tuple[str, ...]:
        return tuple(s.at for s in self.sightings if s.machine.config)[:1]

    @cached_property
    def state(self) -> str:
        """The last state that any view tells."""
        if self.sightings:
            return max(self.sightings, key=lambda s: (s.at in ("E03", "E03b"), s.machine.state in GONE)).machine.state
        return self.events[-1].status if self.events else ""

    @cached_property
    def other_apps(self) -> tuple[Sighting, ...]:
        return tuple(s for s in self.sightings if s.app and s.app != self.subject.app)

    @cached_property
    def known_here(self) -> tuple[str, ...]:
        """The looks in which the platform itself knows this machine in the believed app."""
        own = [s.at for s in self.sightings if s.app == self.subject.app]
        own += [n for n in ("E04", "E07") if self.outcome(n) is Outcome.SEEN and not self.other_apps]
        return tuple(dict.fromkeys(own))

    @cached_property
    def created_at(self) -> datetime | None:
        times = [s.machine.created_at for s in self.sightings if s.machine.created_at]
        return min(times) if times else (self.events[0].at if self.events else None)

    @cached_property
    def runs(self) -> bool:
        """Is the machine known to run, in the app where it should be?"""
        return self.state in ("started", "suspended") and bool(self.known_here)

    @cached_property
    def destroyed(self) -> bool:
        return self.state in GONE

    # Its events.

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Events of every view, each once, oldest first."""
        return tuple(event for event, _ in self.dated_events)

    @cached_property
    def dated_events(self) -> tuple[tuple[Event, str], ...]:
        found: dict[tuple[str, str, str, datetime | None], tuple[Event, str]] = {}
        look = self.look("E04")
        if look and isinstance(look.answer, tuple):
            for event in look.answer:
                found.setdefault((event.id, event.type, event.status, event.at), (event, "E04"))
        for sighting in self.sightings:
            for event in sighting.machine.events:
                found.setdefault((event.id, event.type, event.status, event.at), (event, sighting.at))
        return tuple(sorted(found.values(), key=lambda pair: (pair[0].at or _LATEST, pair[0].id)))

    @cached_property
    def events_at(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(at for _, at in self.dated_events))

    @cached_property
    def whole_life(self) -> bool:
        """Do the events begin with the launch, so that what is not among them did not happen?"""
        return bool(self.events) and self.events[0].type == "launch"

    def event_of(self, kind: str, status: str = "") -> tuple[Event, str] | None:
        """The last event of this type (and status)."""
        return next(
            ((e, at) for e, at in reversed(self.dated_events) if e.type == kind and status in ("", e.status)),
            None,
        )

    @cached_property
    def exits(self) -> tuple[tuple[Event, Exit, str], ...]:
        """Ends of the main process, oldest first, those asked for by a stop included."""
        return tuple((e, e.exit, at) for e, at in self.dated_events if e.exit is not None)

    @cached_property
    def crash_codes(self) -> tuple[tuple[int, str], ...]:
        """(exit code, look) of every end with a code other than 0 that nobody asked for."""
        codes = [(x.exit_code, at) for _, x, at in self.exits if x.exit_code not in (None, 0) and not x.requested_stop]
        codes += [(r.number, "E07") for r in self.readings("exited") if r.number not in (None, 0)]
        return tuple((code, at) for code, at in codes if code is not None)

    @cached_property
    def started_at(self) -> tuple[str, ...]:
        """The looks that show that the machine booted at least once."""
        found = [at for e, at in self.dated_events if e.type in ("start", "restart") and e.status == "started"]
        found += [at for e, at in self.dated_events if e.exit is not None]
        if self.readings("booting", "command", "exited", "killed"):
            found.append("E07")
        found += [s.at for s in self.sightings if s.machine.state in ("started", "suspended")]
        return tuple(dict.fromkeys(found))

    # Its log.

    @cached_property
    def logs(self) -> Logs | None:
        return self._answer("E07", Logs)

    @cached_property
    def _readings(self) -> tuple[Reading, ...]:
        return tuple(read_lines(self.logs.lines)) if self.logs else ()

    @cached_property
    def meaningful(self) -> frozenset[LogLine]:
        """Lines that some recogniser knows, routine ones left out."""
        return frozenset(r.line for r in self._readings if r.fact not in ("restarting", "command"))

    def readings(self, *facts: str) -> tuple[Reading, ...]:
        return tuple(r for r in self._readings if r.fact in facts)

    @cached_property
    def last_words(self) -> tuple[LogLine, ...]:
        """The program's own last lines (at most five), without the platform's."""
        own = [line for line in self.logs.lines if is_program(line)] if self.logs else []
        return tuple(own[-5:])

    @cached_property
    def retries(self) -> int | None:
        """How often the policy would restart it; None when unknown (facts §4.1)."""
        config = self.machine.config if self.machine else None
        if config is None:
            return None
        restart = config.get("restart")
        restart = restart if isinstance(restart, Mapping) else {}
        policy = restart.get("policy") or "on-failure"
        count = restart.get("max_retries", 10)
        return count if policy in ("on-failure", "on-fail") and isinstance(count, int) else None

    @cached_property
    def loop_ended(self) -> tuple[str, ...]:
        """The looks that show a crash loop that used up its retries."""
        limit = [r for r in self.readings("restarts-used-up") if self.retries in (None, r.number)]
        found = ["E07"] if limit else []
        crashes = [(x, at) for _, x, at in self.exits if x.exit_code not in (None, 0) and not x.requested_stop]
        if len(crashes) > 1 and not crashes[-1][0].restarting:
            found.append(crashes[-1][1])
        return tuple(found)

    # Images.

    def image(self, number: str) -> Image | None:
        return self._answer(number, Image)

    @cached_property
    def ran(self) -> ImageRef | None:
        return self.machine.image_ref if self.machine else None

    @cached_property
    def ran_text(self) -> str:
        if self.machine is None:
            return ""
        return self.machine.image or (str(self.ran) if self.ran else "")

    # Time.

    def age(self, since: datetime | None) -> timedelta | None:
        return self.now - since if since else None


def lasting(span: timedelta | None) -> str:
    """A duration as a person says it: 8 s, 9 min, 2 h 20 min, 3 d."""
    if span is None:
        return "an unknown time"
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 172800:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min"
    return f"{seconds // 86400} d"
