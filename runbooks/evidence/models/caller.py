"""What the caller was told or said, and what was pasted besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from runbooks.evidence.models.machine import Json, LogLine, Machine
from runbooks.evidence.paste_identity import PasteIdentity

if TYPE_CHECKING:
    from runbooks.evidence.capsule import Capsule


@dataclass(frozen=True, slots=True)
class CallerError:
    """One refusal among the caller's words, in their order."""

    status: int | None
    text: str
    at: datetime | None = None
    request_id: str = ""


class AppFinding(StrEnum):
    """What an output of flyctl tells of an app as a whole."""

    RELEASE_FAILED = "the newest release failed"
    NO_MACHINES = "it has no machines"
    NO_ADDRESS = "it has no public address"
    CERTIFICATE_UNVERIFIED = "a hostname of it is not verified"


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
        plain: the text without what a tool put around its lines
        words: the same without tables and JSON documents
        lines: the lines of machines' logs in it, oldest first
        findings: what it tells of the app as a whole, with the words that tell it
    """

    forms: tuple[str, ...] = ()
    machines: tuple[PastedMachine, ...] = ()
    identity: PasteIdentity = field(default_factory=PasteIdentity)
    app: str = ""
    machine_id: str = ""
    machine_name: str = ""
    plain: str = ""
    words: str = ""
    lines: tuple[LogLine, ...] = field(default=(), repr=False)
    findings: Mapping[AppFinding, str] = field(default_factory=dict)


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
