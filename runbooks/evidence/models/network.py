"""What registries, name servers, the edge and the status page answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no: its status, its text, and whether it came as JSON (§1.2)."""

    status: int
    text: str
    json: bool = True


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
