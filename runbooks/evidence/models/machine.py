"""A machine, its app and its log, as the API shows them (§1.4, §1.5, §8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]


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
