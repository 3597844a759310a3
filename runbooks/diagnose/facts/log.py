"""The lines of the machine's log with their meaning, and every refusal by the API that somebody was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.caller import CallerFacts
from runbooks.diagnose.facts.endings import Ended, ended
from runbooks.diagnose.facts.intermittent import Intermittent, checks, requests
from runbooks.diagnose.facts.machine import MachineFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.diagnose.facts.processes import ProcessFacts
from runbooks.diagnose.log_classifier import LogMatch, last_output, read_lines, short
from runbooks.diagnose.operations import Operation, operation_of
from runbooks.diagnose.refusal_patterns import NOTICE
from runbooks.diagnose.refusals import meanings
from runbooks.evidence.models import FunctionLog, LogLine, Logs, RecordEvents
from runbooks.evidence.parsers import ulid_time
from runbooks.evidence.served_answers import answers_below, without_served

_OF_THE_ENDPOINT = re.compile(r"(?i)wss?://|websocket|handshake|\bsocket:")
_WARNED = re.compile(r"(?i)[^\n]{0,80}?\bwarn(?:ing)?\b")
UNKNOWN = "unknown"
"""The kind of a refusal that is in no table: it is quoted, and stands as a hypothesis of its own."""
# A refusal that says only that something went wrong gives way to one that says what.
VAGUE = frozenset({"server-error", "timeout", "connection", "route-missing", "launch-failed", "forbidden", UNKNOWN})

# What every log holds, or says only that the machine lives, tells nothing that should be quoted.
_ROUTINE = frozenset({"restarting", "command", "proxy-code", "answers"})
_TURNS = ("booting", "created-and-started", "exited", "killed", "abrupt", "signalled")


@dataclass(frozen=True, slots=True)
class ApiRefusal:
    """One refusal as understood: `kind` of refusals.py, the words, where they stand, and what they name."""

    kind: str
    text: str
    evidence: str
    names: Mapping[str, str]
    status: int | None = None
    at: datetime | None = None
    operation: Operation = Operation.UNKNOWN

    @property
    def call(self) -> str:
        """`the update call`, or `the call` where the text does not say which."""
        return f"the {self.operation} call" if self.operation else "the call"

    @property
    def told(self) -> str:
        """`HTTP 422, “could not find a candidate host”`, for a sentence."""
        return self.quoted(200)

    def quoted(self, most: int) -> str:
        """The same with at most so many characters of the text."""
        quoted = f"“{short(self.text, most)}”"
        return f"HTTP {self.status}, {quoted}" if self.status else quoted


class LogFacts:
    """Log lines with what they mean, and refusals with what they mean.

    Args:
        observations: access to the evidence
        caller: lines that the caller pasted count where the platform's log lacks them
        machine: its checks, which say whether what the log reports is over
        processes: its open sockets, which say it, too
    """

    def __init__(
        self,
        observations: ObservationFacts,
        caller: CallerFacts,
        machine: MachineFacts | None = None,
        processes: ProcessFacts | None = None,
    ) -> None:
        self._observations = observations
        self._caller = caller
        self._machine = machine or MachineFacts(observations)
        self._processes = processes or ProcessFacts(observations, self._machine)

    @cached_property
    def logs(self) -> Logs | None:
        return self._observations.answer(Facet.LOGS, Logs)

    @cached_property
    def lines(self) -> tuple[LogLine, ...]:
        """The machine's own lines: from the platform's log, else from what was pasted; other machines' left out."""
        return tuple(line for line, _ in self._own_lines)

    @cached_property
    def foreign_lines(self) -> tuple[LogLine, ...]:
        """Lines that stand among the evidence and are another machine's."""
        kept = (*(self.logs.lines if self.logs else ()), *self._caller.pasted)
        return tuple(line for line in kept if not self._is_own(line))

    @cached_property
    def _own_lines(self) -> tuple[tuple[LogLine, str], ...]:
        own = [(line, Facet.LOGS) for line in self.logs.lines if self._is_own(line)] if self.logs else []
        around = self._observations.answer(Facet.LOGS_PROXY, Logs)
        own += [(line, Facet.LOGS_PROXY) for line in around.lines if self._is_own(line)] if around else []
        own += [(line, Facet.LOGS_BY_CALLER) for line in self.seen_by_caller]
        known = {line.message for line, _ in own}
        own += [
            (line, Facet.CALLER) for line in self._caller.pasted if self._is_own(line) and line.message not in known
        ]
        return tuple(own)

    @cached_property
    def seen_by_caller(self) -> tuple[LogLine, ...]:
        """The machine's lines that the caller's guard kept, and that the platform's log does not show."""
        then = self._observations.answer(Facet.LOGS_BY_CALLER, Logs)
        known = {line.message for line in self.logs.lines if self._is_own(line)} if self.logs else set()
        return tuple(
            line
            for line in (then.lines if then else ())
            if line.instance and self._is_own(line) and line.message not in known
        )

    @property
    def pasted_times(self) -> tuple[tuple[LogLine, datetime], ...]:
        """The machine's lines in the pasted text that have a time, also one that was completed."""
        return tuple((line, at) for line, at in self._caller.placed.lines if at and self._is_own(line))

    @property
    def pasted_last(self) -> datetime | None:
        """The latest time in the pasted text, whatever it is of: it was not pasted before."""
        return self._caller.answer.pasted.identity.last_at

    def _is_own(self, line: LogLine) -> bool:
        """Older lines carry only the first eight digits of the id."""
        own = self._observations.subject.machine_id
        return not own or not line.instance or own.startswith(line.instance)

    @cached_property
    def _readings(self) -> tuple[tuple[LogMatch, str], ...]:
        """Every reading with its evidence. Equal lines give equal readings, so one pass serves both sources."""
        return tuple(
            (reading, number)
            for number in self.evidence
            for reading in read_lines(line for line, at in self._own_lines if at == number)
        )

    @cached_property
    def _over(self) -> Mapping[int, Ended]:
        return ended(self._readings, self._well)

    @cached_property
    def _well(self) -> Mapping[str, str]:
        """Fact → the evidence, made after the log, that shows that it no longer holds."""
        well: dict[str, str] = {}
        passing = self._machine.passing_evidence
        if passing:
            well |= dict.fromkeys(("refused", "awaited", "not-expected-address", "health-failed"), passing)
        if self._processes.reachable:
            well |= dict.fromkeys(("refused", "awaited", "not-expected-address"), Facet.PROCESSES.value)
        if answers_below(
            self._caller.own_words, "not listening on the expected address", self._observations.subject.app
        ):
            well |= {"not-expected-address": Facet.CALLER.value}
        named = self._observations.probe(Facet.EDGE_APP)
        if named and named.reached == "open":
            reached = ("refused", "awaited", "not-expected-address", "no-candidate", "proxy-wake-failed")
            well |= dict.fromkeys(reached, Facet.EDGE_APP.value)
        return well

    @cached_property
    def _matches(self) -> tuple[tuple[LogMatch, str], ...]:
        """The readings that still hold, with their evidence."""
        return tuple(pair for index, pair in enumerate(self._readings) if index not in self._over)

    def ended(self, *facts: str) -> tuple[Ended, ...]:
        """The readings of these facts that are over, in the order of the log, with what ended them."""
        return tuple(end for _, end in sorted(self._over.items()) if end.reading.fact in facts)

    @cached_property
    def flapping(self) -> Mapping[str, Intermittent]:
        """Checks that fail, pass and fail again, by name."""
        return checks(reading for reading, _ in self._readings)

    @cached_property
    def failing_requests(self) -> Intermittent | None:
        """Requests of which some fail and others do not, as the machine's lines report them."""
        said: dict[int, list[str]] = {}
        for reading, _ in self._readings:
            said.setdefault(id(reading.line), []).append(reading.fact)
        return requests((line, said.get(id(line), ())) for line in self.lines)

    @cached_property
    def answering(self) -> LogMatch | None:
        """The last request that the program answered, however badly, if no boot and no end follows it."""
        last = self.matches("answers", *_TURNS)[-1:]
        return last[0] if last and last[0].fact == "answers" else None

    @cached_property
    def _by_fact(self) -> Mapping[str, tuple[LogMatch, ...]]:
        found: dict[str, list[LogMatch]] = {}
        for reading, _ in self._matches:
            found.setdefault(reading.fact, []).append(reading)
        return {fact: tuple(readings) for fact, readings in found.items()}

    def matches(self, *facts: str) -> tuple[LogMatch, ...]:
        """The readings of these facts, in the order of the log."""
        known = self._by_fact
        if len(facts) == 1:
            return known.get(facts[0], ())
        if known.keys().isdisjoint(facts):
            return ()
        return tuple([r for r, _ in self._matches if r.fact in facts])

    def where(self, *facts: str) -> tuple[str, ...]:
        """The looks in which lines of these facts stand."""
        found = [at for fact in facts for at in self._places.get(fact, ())]
        return tuple(number for number in self.evidence if number in found)

    @cached_property
    def _places(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for reading, at in self._matches:
            found.setdefault(reading.fact, set()).add(at)
        return found

    @cached_property
    def evidence(self) -> tuple[str, ...]:
        """The looks that hold lines of this machine at all."""
        return tuple(dict.fromkeys(at for _, at in self._own_lines))

    @cached_property
    def meaningful(self) -> frozenset[LogLine]:
        """Lines that some recogniser knows, routine ones left out."""
        return frozenset(r.line for r, _ in self._readings if r.fact not in _ROUTINE)

    @cached_property
    def last_output(self) -> tuple[LogLine, ...]:
        """The program's own last lines (at most five), without the platform's."""
        return last_output(self.lines)

    @cached_property
    def output_evidence(self) -> tuple[str, ...]:
        """The look in which the last words stand."""
        last = self.last_output[-1:]
        return tuple(dict.fromkeys(at for line, at in self._own_lines if line in last))

    @cached_property
    def refusals(self) -> tuple[ApiRefusal, ...]:
        """Every refusal with its meaning, as the caller, its function, its row and the proxy tell them."""
        return tuple(no for no in self._told if no.kind != NOTICE)

    @cached_property
    def notices(self) -> tuple[ApiRefusal, ...]:
        """What Fly told the owner about a host, which answers no call."""
        return tuple(no for no in self._told if no.kind == NOTICE)

    @cached_property
    def _told(self) -> tuple[ApiRefusal, ...]:
        found: list[ApiRefusal] = []
        errors = self._caller.answer.errors
        if not errors and self._caller.answer.error_text:
            found += _refusals_in(
                self._caller.answer.error_text, Facet.CALLER, self._caller.answer.error_status, self._caller.answer.at
            )
        for error in errors:
            found += _refusals_in(error.text, Facet.CALLER, error.status, error.at or ulid_time(error.request_id))
        known = {(no.text, no.evidence) for no in found}
        found += [
            ApiRefusal(UNKNOWN, error.text, Facet.CALLER, {}, error.status, error.at, operation_of(error.text))
            for error in errors
            if error.text.strip() and (error.text, Facet.CALLER) not in known
        ]
        # A client that could not connect to the endpoint was not refused by the API.
        found = [no for no in found if no.kind not in VAGUE or not _OF_THE_ENDPOINT.search(no.text)]
        if all(no.kind in VAGUE for no in found):
            # No client that is known wrapped it: the platform's words may still stand in a line of their own.
            own = {line.message for line in self._caller.pasted}
            for told in without_served(self._caller.own_words).splitlines()[:2000]:
                plain = [no for no in _refusals_in(told.strip(), Facet.CALLER, None, None) if no.kind not in VAGUE]
                # Few lines refuse anything: only those are looked for among the machine's own.
                if plain and not any(message in told for message in own if message):
                    found += plain
        function = self._observations.answer(Facet.FUNCTION_LOG, FunctionLog)
        for line in function.lines if function else ():
            found += _refusals_in(line.message, Facet.FUNCTION_LOG, None, line.at)
        events = self._observations.answer(Facet.RECORD_EVENTS, RecordEvents)
        for row in events.rows if events else ():
            found += _refusals_in(
                " ".join(str(v) for v in row.values() if isinstance(v, str)), Facet.RECORD_EVENTS, None, None
            )
        for record in self._caller.records:
            found += _refusals_in(record.error_message, Facet.RECORD, None, record.updated_at)
        for reading in self.matches("proxy-wake-failed"):
            found += _refusals_in(reading.line.message, self.where("proxy-wake-failed")[0], None, reading.line.at)
        # What a client only warns of is a call beside the one that matters.
        return tuple(no for no in found if not _WARNED.match(no.text)) or tuple(found)

    @cached_property
    def past_wake_refusals(self) -> tuple[ApiRefusal, ...]:
        """Why the proxy could not start the machine, where that is over; the first says why, retries bring others."""
        ends = self.ended("proxy-wake-failed")
        return tuple(no for end in ends for no in _refusals_in(end.reading.line.message, end.evidence, None, None))

    @cached_property
    def last_refusals(self) -> tuple[ApiRefusal, ...]:
        """What the last attempt was told: earlier attempts are history, and vague words give way to plain ones."""
        plain = [no for no in self.refusals if no.kind not in VAGUE] or list(self.refusals)
        if not plain:
            return ()
        return tuple(no for no in plain if (no.evidence, no.text) == (plain[-1].evidence, plain[-1].text))

    def refused(self, *kinds: str) -> tuple[ApiRefusal, ...]:
        return tuple(no for no in self.refusals if no.kind in kinds) if self.refusals else ()


def _refusals_in(text: str, evidence: str, status: int | None, at: datetime | None) -> Iterable[ApiRefusal]:
    for meaning in meanings(text, status) if text or status else ():
        yield ApiRefusal(meaning.kind, text, evidence, meaning.names, status, at, operation_of(text))
