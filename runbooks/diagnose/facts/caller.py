"""What the caller knows: its answer, its log, the rows it keeps, and the URL it connects to."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.intermittent import Intermittent, visits
from runbooks.diagnose.facts.machine import MachineFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.caller_errors import STAMP
from runbooks.evidence.models import AppFinding, Caller, LogLine, Record, Records
from runbooks.evidence.parsers import time_of
from runbooks.evidence.paste_identity import PasteIdentity
from runbooks.evidence.pasted.clock import PlacedLines, placed
from runbooks.evidence.pasted.stack_trace import program_output

# Both are looked for in small letters: much faster than any pattern that ignores the case.
_CONNECTS = re.compile(r"wss?://|websocket|socket:|handshake|\bdial\b|\bconnect(?:ing|ion)?\b")
# What browsers and libraries say of an upgrade that was refused: JavaScript, ws, Python, tungstenite.
_UPGRADE_REFUSED = re.compile(
    r"(?:(?:handshake|wss?://)[^\n]{0,300}?Unexpected response code|Unexpected server response|Handshake status"
    r"|rejected WebSocket connection: HTTP|InvalidStatus(?:Code)?: [^\n]{0,80}?HTTP|WebSocket[^\n]{0,60} HTTP error)"
    r":? (4\d\d)\b"
)
_SOCKET_HOST = re.compile(r"\bwss?://([^\s/:'\"\])>]{1,253})")
_SOCKET_OPENS = re.compile(r"(?i)\b(?:websocket|ws|socket)[^\n]{0,40}\b(?:connected|open(?:ed)?|established)\b")
_FAILS = re.compile(r"fail|error|refused|no such host|not ?found|timed? ?out|unreachable|closed before|\b50[234]\b")
# A text that ends this long before the machine existed, or lies this far from the incident, is about another one.
_BEFORE = timedelta(days=1)
_FAR = timedelta(days=30)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class CallerFacts:
    """What the caller was answered, what it logged, and what it keeps in its database.

    Args:
        observations: access to the evidence
        machine: the subject's views, which say when it was created and in which app it is
    """

    def __init__(self, observations: ObservationFacts, machine: MachineFacts | None = None) -> None:
        self._observations = observations
        self._machine = machine or MachineFacts(observations)

    @cached_property
    def given(self) -> Caller:
        """What was pasted, whomever it is about."""
        return self._observations.answer(Facet.CALLER, Caller) or Caller("")

    @cached_property
    def foreign(self) -> str:
        """Whom the pasted text is about, if that is not the subject: `app X, not Y`. "" if it may be the subject."""
        return _foreign(self.given.identity, self._observations, self._machine) or self._of_another_machine

    @cached_property
    def _of_another_machine(self) -> str:
        """The same, where the text names other machines and the subject by nothing.

        An id inside of a refusal is the object of that call: who holds the name, or the lease. Where nobody said
        which machine is meant, there is no other.
        """
        own = self._observations.subject.machine_id
        if not own and not self._observations.subject.machine_name:
            return ""
        objects = " ".join((self.given.error_text, *(error.text for error in self.given.errors)))
        instances = (line.instance for line in self.given.pasted.lines)
        told = (self.given.machine_id, *instances, *self.given.identity.machine_ids)
        named = [name for name in dict.fromkeys(told) if name and name not in objects]
        if not named or self.names_subject or any(own.startswith(name) for name in named if own):
            return ""
        return f"machine {named[0]}, not {own or self._observations.subject.machine_name}"

    @cached_property
    def names_subject(self) -> bool:
        """Does the pasted text name the subject, by the machine's id, version or name, or by the app?"""
        identity, subject = self.given.identity, self._observations.subject
        description = self._machine.description
        names = {subject.machine_id, subject.machine_name, description.instance_id if description else ""} - {""}
        told = {*identity.machine_ids, *identity.machine_names, *identity.instance_ids, self.given.machine_name}
        return bool(
            names & told
            or subject.app in (*identity.apps, *identity.repositories)
            or f"{subject.app}.fly.dev" in identity.hostnames
            or any(name in self.given.text for name in names)
        )

    @cached_property
    def speaks_of_subject(self) -> bool:
        """Was a text pasted that names the subject? What it leaves out then says something, too."""
        return bool(self.given.text) and self.names_subject and not self.foreign

    @cached_property
    def answer(self) -> Caller:
        """What was pasted, as far as it can be about the subject: a text about something else supports nothing."""
        return Caller("") if self.foreign else self.given

    @cached_property
    def pasted(self) -> tuple[LogLine, ...]:
        """The lines of the machine's log in the pasted text, oldest first."""
        return () if self.foreign else self.given.pasted.lines or program_output(self.given)

    def told_of_app(self, finding: AppFinding) -> str:
        """The words with which a pasted output of flyctl tells this of the app; "" if none does."""
        return "" if self.foreign else self.given.pasted.findings.get(finding, "")

    @cached_property
    def uses_own_host(self) -> bool:
        """Does somebody request the app's public hostname in the pasted text, or look it up?"""
        host = re.escape(f"{self._observations.subject.app}.fly.dev")
        return bool(re.search(rf"(?:\b(?:https?|wss?)://|resolve host:? |\bdig [^\n]{{0,40}}){host}\b", self.own_words))

    @property
    def own_words(self) -> str:
        """The pasted text without what a tool put around its lines; nothing, if it is about something else."""
        return "" if self.foreign else self.given.pasted.plain

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
    def refused_upgrade(self) -> int | None:
        """The status in the 400s that the last upgrade to a WebSocket was answered with, as a client told it."""
        words, app = self.own_words, self._observations.subject.app
        own = re.compile(rf"{re.escape(self.believed_host or app)}\Z|{re.escape(app) or '[a-z0-9-]+'}\.fly\.dev\Z")
        found = None
        for match in _UPGRADE_REFUSED.finditer(words):
            end = words.find("\n", match.end())
            line = words[words.rfind("\n", 0, match.start()) + 1 : end if end >= 0 else len(words)]
            if all(own.match(host.lower()) for host in _SOCKET_HOST.findall(line)):
                found = match
        return int(found[1]) if found and not _SOCKET_OPENS.search(words, found.end()) else None

    @cached_property
    def failed_connects(self) -> tuple[tuple[datetime, str], ...]:
        """(time, words) of every attempt to connect to the endpoint that the caller's log shows failing."""
        found: list[tuple[datetime, str]] = []
        words = self.own_words
        small = words.lower()
        for line in words.splitlines()[:2000] if _FAILS.search(small) and _CONNECTS.search(small) else ():
            small = line.lower()
            if _CONNECTS.search(small) and _FAILS.search(small) and (match := STAMP.search(line[:200])):
                at = time_of(match.group(0))
                if at:
                    found.append((at, line[match.end() :].strip(' \t]|-:,"')))
        return tuple(found)

    @cached_property
    def failing_visits(self) -> Intermittent | None:
        """Visits to the endpoint of which some fail and others do not, as the caller's log reports them."""
        app = self._observations.subject.app
        return visits(self.own_words, {self.believed_host.lower(), f"{app}.fly.dev" if app else ""})


def _foreign(identity: PasteIdentity, observations: ObservationFacts, machine: MachineFacts) -> str:
    """`app X, not Y`, where the names or the times of a text exclude the subject; "" otherwise."""
    subject = observations.subject
    own = {subject.machine_id, subject.machine_name} - {""}
    if own & {*identity.machine_ids, *identity.machine_names} or (
        subject.machine_id and any(subject.machine_id.startswith(told) for told in identity.machine_ids if told)
    ):
        return ""
    apps = {subject.app, *(view.app for view in machine.views)} - {""}
    if identity.apps and apps and not apps & set(identity.apps):
        return f"app {identity.apps[0]}, not {subject.app}"
    if identity.machine_ids and subject.machine_id and not subject.by_name:
        return f"machine {identity.machine_ids[0]}, not {subject.machine_id}"
    born = machine.created_at
    if identity.last_at and born and identity.last_at < born - _BEFORE:
        return f"{identity.last_at:%Y-%m-%d %H:%M} UTC, before the machine was created ({born:%Y-%m-%d %H:%M} UTC)"
    wanted = subject.incident_time
    first, last = identity.first_at, identity.last_at
    if wanted and first and last and (last < wanted - _FAR or first > wanted + _FAR):
        return f"{first:%Y-%m-%d}, and the incident is of {wanted:%Y-%m-%d}"
    return ""
