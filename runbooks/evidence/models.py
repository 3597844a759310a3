"""What was seen, as frozen values.

Everything here is already redacted, every time is UTC and aware, and anything the sender left out
is `None`. `raw` keeps the whole (redacted) object, so that fields nobody has heard of yet survive.
Field names are the platform's (§1.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runbooks.base.brief import brief
from runbooks.base.errors import MissingKeyError
from runbooks.base.facets import FacetEnum
from runbooks.evidence.paste_identity import PasteIdentity

if TYPE_CHECKING:
    from runbooks.evidence.capsule import Capsule

Json = Mapping[str, Any]


class Outcome(StrEnum):
    """How a look ended. `ABSENT` means asked, answered "no", and the "no" was to the point."""

    SEEN = "seen"
    ABSENT = "absent"
    COULD_NOT_LOOK = "could-not-look"


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

    def __repr__(self) -> str:
        told = {"outcome": self.outcome.value, "reason": self.reason, "at": self.at.isoformat()}
        return brief(
            f"{self.number}: {self.facet.question}", {**told, "answer": self.answer, "requests": self.exchanges}
        )


@dataclass(frozen=True, slots=True)
class Exit:
    """How a main process ended (§4.3). Missing flags mean false, missing codes stay None."""

    exit_code: int | None = None
    signal: int | None = None
    guest_exit_code: int | None = None
    guest_signal: int | None = None
    oom_killed: bool = False
    requested_stop: bool = False
    restarting: bool = False
    exited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a machine's event list (§1.5); unknown types are kept as they came."""

    id: str
    type: str
    status: str
    source: str
    at: datetime | None
    exit: Exit | None = None
    restart_count: int | None = None
    raw: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """`registry/repository:tag@digest`; any part may be missing."""

    registry: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}" if self.registry else self.repository
        tag = f":{self.tag}" if self.tag else ""
        return f"{name}{tag}" if tag or not self.digest else f"{name}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as GET or a list shows it. `config` is None when the host is unreachable."""

    id: str
    name: str = ""
    state: str = ""
    region: str = ""
    instance_id: str = ""
    app_name: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    config: Json | None = None
    image_ref: ImageRef | None = None
    events: tuple[Event, ...] = ()
    host_status: str = ""
    cordoned: bool = False
    raw: Json = field(default_factory=dict)

    @property
    def env(self) -> Mapping[str, str]:
        return self._texts("env")

    @property
    def metadata(self) -> Mapping[str, str]:
        return self._texts("metadata")

    @property
    def image(self) -> str:
        """The reference the config asked for, as text."""
        image = (self.config or {}).get("image")
        return image if isinstance(image, str) else ""

    def _texts(self, key: str) -> dict[str, str]:
        found = (self.config or {}).get(key)
        return {str(k): "" if v is None else str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the platform's log. `provider` is app, runner, proxy, health (§8.2).

    `clock` is the time of a pasted line that lacks a date or a zone, as it was shown; `at` is then None.
    """

    at: datetime | None
    message: str
    provider: str = ""
    level: str = ""
    instance: str = ""
    region: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Logs:
    """The lines of one instance, oldest first. `foreign` counts lines of other instances left out."""

    lines: tuple[LogLine, ...] = ()
    foreign: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TokenScope:
    """One entry of /v1/tokens/current (§6.4); empty `apps` means every app of the organisation."""

    organization: str = ""
    org_slug: str = ""
    apps: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """What kind of token this is (from its prefix, before masking) and what it may see."""

    kind: str
    scopes: tuple[TokenScope, ...] = ()
    valid: bool = True


@dataclass(frozen=True, slots=True)
class TokenPart:
    """One token of a comma list, as it describes itself (§6.4); `kind` is permission, discharge, unreadable.

    Rights are letters of `rwcdC` (read, write, create, delete, control). `undischarged` names the third
    parties whose consent is demanded and not in the list: with one of them the API refuses the token.
    """

    kind: str
    location: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    organizations: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    actions: str = ""
    third_parties: tuple[str, ...] = ()
    undischarged: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenInside:
    """What a token says about itself, read offline and without judging its signature."""

    parts: tuple[TokenPart, ...] = ()

    @property
    def permissions(self) -> tuple[TokenPart, ...]:
        """Any one of them suffices."""
        return tuple(part for part in self.parts if part.kind == "permission")


@dataclass(frozen=True, slots=True)
class FunctionSecret:
    """A secret of the caller's function: its name, and the reference whose SHA-256 equals its own.

    `digest` is kept only where it is that of a known reference, or where the name speaks of an image.
    """

    name: str
    matches: str = ""
    digest: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FunctionSecrets:
    """All secrets of the project's functions, and the references that were compared with them."""

    project: str
    secrets: tuple[FunctionSecret, ...] = ()
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """Lines of the caller's function around the incident, oldest first."""

    project: str
    lines: tuple[LogLine, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class App:
    """`created_at` is not among the fields that Fly's own client reads (§1.4): it can be missing."""

    id: str
    name: str
    status: str = ""
    org_slug: str = ""
    machine_count: int | None = None
    network: str = ""
    created_at: datetime | None = None
    raw: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no: its status, its text, and whether it came as JSON (§1.2)."""

    status: int
    text: str
    json: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of machines. `error_regions` did not answer, so absence says nothing about them.

    `total` is how many machines a long list had, all of which were compared with the machine that is looked for;
    `machines` holds some of them then.
    """

    machines: tuple[Machine, ...] = ()
    error_regions: tuple[str, ...] = ()
    complete: bool = True
    total: int | None = None

    @property
    def count(self) -> int:
        return len(self.machines) if self.total is None else self.total


@dataclass(frozen=True, slots=True)
class Image:
    """What a registry said about one reference.

    `exists` is True, False, or None when the registry would not tell (`refusal` then says why).
    `architectures` are the platforms offered, e.g. ("amd64",).
    """

    ref: str
    exists: bool | None
    digest: str = ""
    architectures: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    env_names: tuple[str, ...] = ()
    size_bytes: int | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The app's IP assignments: (address, shared?)."""

    ips: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """DNS: `code` is NOERROR, NODATA or NXDOMAIN; `control` is the name that proved DNS works."""

    host: str
    code: str
    addresses: tuple[str, ...] = ()
    control: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the caller's database, under the mapped names (facts: seed-incident)."""

    table: str
    key: str = ""
    machine_id: str = ""
    fly_machine_id: str = ""
    status: str = ""
    region: str = ""
    app_name: str = ""
    websocket_url: str = ""
    error_message: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    row: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Records:
    """The rows found, and the words that were searched for."""

    table: str
    searched: tuple[str, ...]
    rows: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordEvents:
    table: str
    rows: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformIncident:
    name: str
    status: str
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusFeed:
    """Incidents around the time of this one."""

    incidents: tuple[PlatformIncident, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """How far a connection came: dns, tcp, tls, upgrade (refused there), open.

    `status` is the HTTP status of the answer to the upgrade, where there was one.
    """

    url: str
    reached: str
    status: int | None = None
    detail: str = ""
    forced_instance: str = ""

    @property
    def stage(self) -> str:
        """What it reached, in words: DNS, TCP, TLS, upgrade."""
        return self.reached.upper() if self.reached in ("dns", "tcp", "tls") else self.reached


@dataclass(frozen=True, slots=True)
class CallerError:
    """One refusal among the caller's words, in their order."""

    status: int | None
    text: str
    at: datetime | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class PastedMachine:
    """A machine as a pasted table or JSON shows it.

    Attributes:
        machine: in the form of the API's answers; a value that the text leaves out is not known
        form: the form of the text, such as "fly machine status"
        app: the app that the text names for it, "" if it names none
        whole: whether the text shows all that the API answers, and not an extract
        at: the latest time in the description; it tells how old it is at most
    """

    machine: Machine
    form: str
    app: str = ""
    whole: bool = False
    at: datetime | None = None

    @property
    def fails(self) -> bool:
        """Is one of its checks critical?"""
        checks = self.machine.raw.get("checks")
        listed = checks if isinstance(checks, list | tuple) else ()
        return any(isinstance(check, Mapping) and check.get("status") == "critical" for check in listed)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was read in a pasted text besides the caller's own words.

    Attributes:
        forms: the forms of text that were recognised
        machines: the machines that tables and JSON in it describe
        identity: whom and when it is about
        app: the app that it is about, "" if it names none
        machine_id: the one machine that it is about, "" if it names none or several alike
        machine_name: the name of that machine
        words: the text without tables, JSON documents, and what a tool put around the lines
    """

    forms: tuple[str, ...] = ()
    machines: tuple[PastedMachine, ...] = ()
    identity: PasteIdentity = field(default_factory=PasteIdentity)
    app: str = ""
    machine_id: str = ""
    machine_name: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller was told or said, parsed from its JSON answer or its log (`caller_log`).

    `ok` is its claim of success, None when it claims nothing. `error_status`/`error_text` is an
    error body found inside. `image` and `env_names` come from a request body, if one was logged. `capsule` is what a
    guard kept, where the text holds one.
    """

    text: str
    machine_id: str = ""
    machine_name: str = ""
    websocket_url: str = ""
    status: str = ""
    region: str = ""
    message: str = ""
    reused: bool | None = None
    ok: bool | None = None
    at: datetime | None = None
    error_status: int | None = None
    error_text: str = ""
    image: str = ""
    fields: Json = field(default_factory=dict)
    errors: tuple[CallerError, ...] = ()
    pasted: Pasted = field(default_factory=Pasted)
    capsule: Capsule | None = None

    @property
    def plain(self) -> str:
        """The text without the capsule of a guard: what is in one is read there."""
        return self.capsule.around if self.capsule else self.text

    @property
    def is_answer(self) -> bool:
        """Does the text hold what a caller was answered, and not only the output of other tools?"""
        return bool(self.fields or self.errors or self.error_text) or self.ok is not None

    @property
    def identity(self) -> PasteIdentity:
        """Whom and when the text is about, as it names them itself."""
        return self.pasted.identity


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the investigation is about: what was given, completed by what the caller's log gave.

    `by_name` means that nobody gave an id: the machine was found in a list by its name.
    """

    app: str
    machine_id: str = ""
    machine_name: str = ""
    org: str = ""
    image: str = ""
    websocket_url: str = ""
    incident_time: datetime | None = None
    notes: tuple[str, ...] = ()
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All looks of one investigation by number: `evidence['E03']`, `evidence['E03b']`."""

    subject: Subject
    looked_at: datetime
    observations: Mapping[str, Observation]
    source: str = "live"
    retries: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, number: str) -> Observation:
        """The observation of this number."""
        if number not in self.observations:
            raise MissingKeyError("evidence", number, self.observations)
        return self.observations[number]

    def __iter__(self) -> Iterator[str]:
        return iter(self.observations)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        answers = {o.number: f"{o.facet.slug}, {o.outcome.value}: {o.reason}" for o in self.observations.values()}
        return brief(f"Evidence: {len(answers)} observations", answers)

    def named(self, name: str) -> tuple[Observation, ...]:
        """All looks at one facet, first to last."""
        return tuple(observation for observation in self.observations.values() if observation.facet.slug == name)


@dataclass(frozen=True)
class Requests:
    """The load on the source: attempts in all, attempts by logical host, retries among them."""

    count: int
    by_host: Mapping[str, int]
    retries: int
