"""The machine's life: its events, the ends of its program, who asked for what, and how long it has been where it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, islice

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.log import LogFacts
from runbooks.diagnose.facts.machine import GONE, MachineFacts
from runbooks.diagnose.facts.metrics import MetricsFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.diagnose.log_classifier import LogMatch, is_program
from runbooks.diagnose.log_noise import tells_nothing
from runbooks.evidence.models import Event, Exit

_LATEST = datetime.max.replace(tzinfo=UTC)
# flyctl reads sockets inside of a running machine; the proxy waits for one that started, and counts its connections.
_UP = (
    "booting",
    "command",
    "created-and-started",
    "started",
    "awaited",
    "reachable",
    "refused",
    "concurrency",
    "health-failed",
    "health-passed",
    "listens",
    "still-starting",
    "answers",
    "open-socket",
)
_OF_RUNNER = ("exit-not-restarting", "runner-exit")
_DOWN = ("exited", "killed", "abrupt", *_OF_RUNNER, "restarts-used-up", "autostop", "trial", "spawn-failed")
_ASKED = ("signalled", "autostop", "trial")
# What a runtime prints when it ends: of a log that is cut off there no later line shows the end itself.
_DEADLY = ("segfault", "uncaught")
_ALIVE = ("answers", "listens")
_LAST_WORDS = re.compile(
    r"thread 'main'(?: \(\d{1,9}\))? panicked at|\bFatal Python error: "
    r"|\bfatal error: (?:unexpected signal|all goroutines|\w{1,20} overflow|concurrent )|^(?:\S{10} \S{8} )?panic: "
    r"|Kernel pid terminated|Runtime terminating during boot|terminate called|libc\+\+abi: terminating"
    r"|APPLICATION FAILED TO START|Application run failed|\[BUG\] |\b[Ss]egmentation (?:fault|violation)\b"
)
# A child's last words, a handler's that caught them, and a shell's: ./convert.sh: line 4: 12 Segmentation fault
_OF_ANOTHER = re.compile(r"(?i)\b(?:child|worker|subprocess)\b|\[recovered\]|: line \d{1,6}: ")
# What a runtime prints below its last words, beside a stack: its version, a heading, a call, a place, an advice.
_DUMP = re.compile(
    r"^\W|^[\w./*$<>-]{1,200}(?:\(|:\d|: ?$)|^(?:note|error|hint|cause|caused by|fatal error|panic)\b|^\w{1,3}:"
    r"|^\w{2,20} v?\d{1,3}\.\d{1,3}\.\d"
    r"|^(?:stack|thread|current thread|extension modules|core dumped|aborted|signal|trace|backtrace|goroutine)\b",
    re.I,
)
_BOOTS = ("booting", "command", "created-and-started")
_ENDS = ("exited", "killed")
_SIGNALS = {"SIGABRT": 134, "SIGKILL": 137, "SIGSEGV": 139, "SIGTERM": 143, "SIGBUS": 135, "SIGILL": 132, "SIGFPE": 136}
# Minutes after which Fly itself calls a passing state stuck (§2; `created`: §11 row 20).
STUCK_AFTER = {
    "creating": 5,
    "created": 2,
    "starting": 5,
    "restarting": 5,
    "stopping": 5,
    "suspending": 5,
    "updating": 10,
    "replacing": 10,
    "destroying": 10,
    "launch_failed": 5,
}


class LifecycleFacts:
    """What happened to the machine, from whichever source tells.

    Args:
        observations: access to the evidence
        machine: its views, whose events count beside those of the events endpoint
        log: the lines that tell of starts and ends
        metrics: what was measured, which counts where neither tells
    """

    def __init__(
        self,
        observations: ObservationFacts,
        machine: MachineFacts,
        log: LogFacts,
        metrics: MetricsFacts | None = None,
    ) -> None:
        self._observations = observations
        self._machine = machine
        self._log = log
        self._metrics = metrics or MetricsFacts(observations)

    @cached_property
    def dated(self) -> tuple[tuple[Event, str], ...]:
        """Events of every view, each once, oldest first, with the look they stand in."""
        found: dict[tuple[str, str, str, datetime | None], tuple[Event, str]] = {}
        observation = self._observations.observation(Facet.EVENTS)
        if observation and isinstance(observation.answer, tuple):
            for event in observation.answer:
                found.setdefault((event.id, event.type, event.status, event.at), (event, Facet.EVENTS))
        for sighting in (*self._machine.views, *self._machine.caller_views):
            for event in sighting.machine.events:
                found.setdefault((event.id, event.type, event.status, event.at), (event, sighting.evidence))
        known = {(event.type, event.status, _second(event.at)) for event, _ in found.values()}
        for sighting in self._machine.pasted_views:
            # A table shows no ids of events, and older versions of flyctl whole seconds.
            for event in sighting.machine.events:
                if (event.type, event.status, _second(event.at)) not in known:
                    found.setdefault((event.id, event.type, event.status, event.at), (event, sighting.evidence))
        return tuple(sorted(found.values(), key=lambda pair: (pair[0].at or _LATEST, pair[0].id)))

    @cached_property
    def all(self) -> tuple[Event, ...]:
        return tuple(event for event, _ in self.dated)

    @cached_property
    def evidence(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(at for _, at in self.dated))

    @cached_property
    def whole_life(self) -> bool:
        """Do the events begin with the launch, so that what is not among them did not happen?"""
        return bool(self.all) and self.all[0].type == "launch"

    def event_of(self, kind: str, status: str = "", source: str = "") -> tuple[Event, str] | None:
        """The last event of this type (and status, and source)."""
        for e, at in self._by_type.get(kind, ()):
            if status in ("", e.status) and source in ("", e.source):
                return e, at
        return None

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[tuple[Event, str]]]:
        """The events of each type, newest first."""
        found: dict[str, list[tuple[Event, str]]] = {}
        for event, at in reversed(self.dated):
            found.setdefault(event.type, []).append((event, at))
        return found

    @cached_property
    def left_stopped(self) -> tuple[str, ...]:
        """The evidence of an update that ended in `stopped`, with no start after it; () otherwise (§14.5)."""
        last = self.dated[-1:]
        update = last and last[0][0].type == "update" and last[0][0].status == "stopped"
        return (last[0][1],) if update and self.state in ("stopped", "suspended") and not last[0][0].exit else ()

    @cached_property
    def exits(self) -> tuple[tuple[Event, Exit, str], ...]:
        """Ends of the main process, oldest first, those asked for by a stop included."""
        return tuple((e, e.exit, at) for e, at in self.dated if e.exit is not None)

    @cached_property
    def state(self) -> str:
        """The last state that the platform tells, by a view or by its last event; or flyctl, that destroyed it."""
        told = self._machine.seen_state or (self.all[-1].status if self.all else "")
        own = self._observations.subject.machine_id
        removed = not told and any(own == reading.thing for reading in self._log.matches("removed"))
        return "destroyed" if removed else told

    @cached_property
    def state_evidence(self) -> tuple[str, ...]:
        """The look that tells how it is: a view, or its last event; where neither does, its log."""
        if self._machine.seen_state and self._machine.last_view:
            return (self._machine.last_view.evidence,)
        return self.evidence[-1:] or self._log.evidence

    @cached_property
    def pasted_at(self) -> datetime | None:
        """The time of the pasted text, where nothing else tells the state; None where the platform tells it."""
        view = self._machine.last_view
        if view and view.seen_at and view.machine.state == self.state:
            return view.seen_at
        if self.state_evidence != (Facet.CALLER,):
            return None
        if view and view.pasted:
            return view.pasted.at
        return max((at for _, at in self._log.pasted_times), default=None)

    @cached_property
    def since(self) -> datetime | None:
        """When the present state began: the last event that leads to it, else the last update."""
        told = [e.at for e in self.all if e.status == self.state and e.at]
        machine = self._machine.description
        return told[-1] if told else (machine.updated_at or machine.created_at if machine else None)

    @cached_property
    def overdue(self) -> timedelta | None:
        """How long it has been in a passing state beyond the time that Fly allows for; None: it is not."""
        if self.state_evidence == (Facet.CALLER,) or self.pasted_at:
            return None  # how it was when somebody pasted it says nothing about how long that lasted
        limit, spent = STUCK_AFTER.get(self.state), self._observations.age(self.since)
        return spent if limit and spent and spent >= timedelta(minutes=limit) else None

    @cached_property
    def created_at(self) -> datetime | None:
        return self._machine.created_at or (self.all[0].at if self.all else None)

    @cached_property
    def age(self) -> timedelta | None:
        """How old the machine was, at least, when its state was seen; None: not known."""
        told = self.state_evidence == (Facet.CALLER,) or self.pasted_at
        pasted = max(filter(None, (self.pasted_at, self._log.pasted_last)), default=None)
        seen = pasted if told else self._observations.now
        return seen - self.created_at if seen and self.created_at and seen >= self.created_at else None

    @cached_property
    def destroyed(self) -> bool:
        return self.state in GONE or self._machine.gone

    @cached_property
    def runs(self) -> bool:
        """Is the machine known to run, in the app where it should be? Its log tells where no view does."""
        if self._machine.gone:
            return False
        if self.state:
            return self.state in ("started", "suspended") and bool(self._machine.known_here)
        told = self._log.matches(*_UP, *_DOWN, *_ALIVE, *_DEADLY)
        last = [r.fact for r in told if r.fact not in _DEADLY or self._deadly(r)][-1:]
        if last and last[0] in _ALIVE:  # It got over what it printed.
            last = [r.fact for r in told if r.fact in (*_UP, *_DOWN)][-1:]
        unseen = not self._observations.looked(Facet.MACHINE) and not self._observations.looked(Facet.LIST)
        # An excerpt of a description may leave the state out.
        return bool(last) and last[0] in _UP and (unseen or bool(self._machine.known_here))

    def _deadly(self, reading: LogMatch) -> bool:
        """Are these the last words of the program itself: not a child's, and nothing but a dump below them?"""
        said = reading.line.message
        if not _LAST_WORDS.search(said) or _OF_ANOTHER.search(said):
            return False
        below = dropwhile(lambda line: line is not reading.line, self._log.lines)
        return all(
            not is_program(line) or tells_nothing(line.message) or _DUMP.match(line.message)
            for line in islice(below, 1, None)
        )

    @cached_property
    def log_ends(self) -> tuple[tuple[LogMatch, bool], ...]:
        """(reading, asked for?) of every end of the main process that the log tells of, in its order.

        A stop that somebody asks for announces itself: a signal sent to the main child, or the proxy's or the
        trial's own line. A boot begins anew. What the runner says of an end that the init told is no second one.
        """
        found, asked, over = [], False, False
        wanted = [x.exited_at or e.at for e, x, _ in self.exits if x.requested_stop]
        for reading in self._log.matches(*_ASKED, *_BOOTS, *_ENDS, *_OF_RUNNER):
            if reading.fact in _OF_RUNNER and (over or reading.number is None):
                continue
            if reading.fact in (*_ENDS, *_OF_RUNNER):
                over = True
                at = reading.line.at
                recorded = any(at and when and abs(at - when) <= timedelta(seconds=10) for when in wanted)
                found.append((reading, asked or recorded))
            else:
                asked = reading.fact in _ASKED
                over = over and reading.fact not in _BOOTS
        return tuple(found)

    @cached_property
    def abrupt_ends(self) -> tuple[LogMatch, ...]:
        """The lines that say that the machine ended abruptly, without those at the end of a stop."""
        found, asked = [], False
        for reading in self._log.matches(*_ASKED, *_BOOTS, "abrupt"):
            if reading.fact != "abrupt":
                asked = reading.fact in _ASKED
            elif not asked:
                found.append(reading)
        return tuple(found)

    @cached_property
    def crash_codes(self) -> tuple[tuple[int, str], ...]:
        """(exit code, look) of every end with a code other than 0 that nobody asked for; 128 + n for signal n.

        A release command ends on a machine of its own, whose lines flyctl prints without its id (§14.12).
        """
        codes = [(code_of(x), at) for _, x, at in self.exits if not x.requested_stop]
        released = bool(self._log.matches("release-command"))
        for reading, asked in self.log_ends:
            if not asked and not (released and not reading.line.instance and not reading.line.provider):
                at = (self._log.where(reading.fact) or (Facet.LOGS,))[0]
                number = reading.number if reading.number is not None else _SIGNALS.get(reading.thing)
                codes.append((number, at))
        found = tuple((code, at) for code, at in codes if code)
        # What was measured counts where neither events nor log tell of an end.
        return found if self.exits or self.log_ends else self._measured_crashes

    @cached_property
    def _measured_crashes(self) -> tuple[tuple[int, str], ...]:
        """Exit codes among the metrics that no stop request explains: those of its signals may be its own."""
        metrics = self._metrics
        asked = () if metrics.killed_at else (137,)
        return tuple((code, Facet.METRICS) for code in metrics.exit_codes if code not in (0, 130, 143, *asked))

    @cached_property
    def up_since(self) -> datetime | None:
        """When the present run began; None: the machine does not run, or its events do not say."""
        starts = [e.at for e in self.all if e.type in ("start", "restart") and e.status == "started" and e.at]
        ends = [at for e, x, _ in self.exits if (at := x.exited_at or e.at)]
        up = self.state == "started" and starts and not any(end > starts[-1] for end in ends)
        return starts[-1] if up else None

    @cached_property
    def outlived_since(self) -> datetime | None:
        """The same, once the present run has lasted longer than the one before: before that it may end as that did."""
        since = self.up_since
        if since is None or not self.exits:
            return since
        end = self.exits[-1][1].exited_at or self.exits[-1][0].at
        begun = [e.at for e in self.all if e.type in ("start", "restart") and e.at and end and e.at < end]
        lived = end - begun[-1] if end and begun else timedelta(0)
        return since if self._observations.now - since > lived else None

    @cached_property
    def uptime(self) -> timedelta | None:
        """How long the program had run when it last exited without a request; None: not known."""
        ends = [(x.exited_at or e.at) for e, x, _ in self.exits if not x.requested_stop and (x.exited_at or e.at)]
        if not ends or ends[-1] is None:
            return None
        starts = [e.at for e in self.all if e.type in ("start", "restart") and e.at and e.at < ends[-1]]
        return ends[-1] - starts[-1] if starts else None

    @cached_property
    def started_evidence_by_events(self) -> tuple[str, ...]:
        """The looks whose events show that the machine booted at least once."""
        found = [at for e, at in self.dated if e.type in ("start", "restart") and e.status == "started"]
        found += [at for e, at in self.dated if e.exit is not None]
        return tuple(dict.fromkeys(found))

    @cached_property
    def started_evidence(self) -> tuple[str, ...]:
        """The looks that show that the machine booted at least once."""
        found = list(self.started_evidence_by_events)
        found += [Facet.METRICS] if self._metrics.up else []
        found += self._log.where("booting", "command", "exited", "killed")
        found += [s.evidence for s in self._machine.views if s.machine.state in ("started", "suspended")]
        return tuple(dict.fromkeys(found))

    @cached_property
    def loop_ended(self) -> tuple[str, ...]:
        """The looks that show a crash loop that used up its retries."""
        limit = [r for r in self._log.matches("restarts-used-up") if self._machine.retries in (None, r.number)]
        found = list(self._log.where("restarts-used-up")) if limit else []
        crashes = [(x, at, e) for e, x, at in self.exits if x.exit_code not in (None, 0) and not x.requested_stop]
        if len(crashes) > 1 and not crashes[-1][0].restarting and not crashes[-1][2].raw.get("excerpt"):
            found.append(crashes[-1][1])
        return tuple(found)

    @cached_property
    def asked_to_stop(self) -> tuple[Exit, str] | None:
        """The last end, if somebody had asked for it."""
        if not self.exits or not self.exits[-1][1].requested_stop:
            return None
        return self.exits[-1][1], self.exits[-1][2]


def _second(at: datetime | None) -> datetime | None:
    return at.replace(microsecond=0) if at else None


def code_of(ended: Exit) -> int | None:
    """The code; where there is none, or 0 beside a signal, 128 + the signal (§4.3: -1 is no signal)."""
    if not ended.exit_code and ended.signal and 0 < ended.signal < 65:
        return 128 + ended.signal
    return ended.exit_code
