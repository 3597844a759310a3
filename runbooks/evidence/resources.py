"""What an app has beside its machines: models, and readers for the API's answers.

Each reader returns None where the body, or one of its entries, is not of the documented shape: what is missing
from a list that was half read is not known to be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbooks.evidence.parsers import text_of, time_of, ulid_time, whole_number


@dataclass(frozen=True, slots=True)
class Certificate:
    """A hostname that was added to the app; `configured` means that the edge can present a certificate for it."""

    hostname: str
    status: str = ""
    configured: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificates:
    """The app's custom hostnames. Without `complete`, a hostname that is not among them may exist."""

    found: tuple[Certificate, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening socket: `address` without the port, as the machine writes it ("0.0.0.0", "::", "127.0.0.1")."""

    protocol: str
    address: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}" if self.port is not None else host

    @property
    def local(self) -> bool:
        """Is it bound to the loopback interface, which the proxy cannot reach?"""
        return self.address.startswith("127.") or self.address in ("localhost", "::1")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a running machine; `seconds` is how long it has run, None where nobody says."""

    pid: int | None
    command: str = ""
    sockets: tuple[Socket, ...] = ()
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Processes:
    """What runs in the machine at the moment of looking."""

    found: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True)
class AppSecret:
    """A secret of the app by its name; the API never shows the value."""

    name: str
    digest: str = ""
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """All secrets of the app."""

    found: tuple[AppSecret, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineVersion:
    """One version of a machine's config. `version` is a ULID: its first letters hold the time it was made."""

    version: str
    image: str = ""
    config: Mapping[str, Any] | None = None

    @property
    def made_at(self) -> datetime | None:
        return ulid_time(self.version)


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one machine, oldest first."""

    found: tuple[MachineVersion, ...] = ()

    def at(self, moment: datetime) -> MachineVersion | None:
        """The version that was current at this moment; None where that is not known."""
        earlier = [one for one in self.found if one.made_at and one.made_at <= moment]
        return earlier[-1] if earlier and all(one.made_at for one in self.found) else None


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the app: the region it is in, and the machine it is attached to ("" for none)."""

    id: str
    name: str = ""
    state: str = ""
    region: str = ""
    machine_id: str = ""
    size_gb: int | None = None


@dataclass(frozen=True, slots=True)
class Volumes:
    """All volumes of the app."""

    found: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the platform. A `deprecated` one accepts no new machine, a `paid` one only those of a paid plan."""

    code: str
    name: str = ""
    deprecated: bool = False
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Regions:
    """All regions of the platform."""

    found: tuple[Region, ...] = ()


def regions_of(body: Any) -> Regions | None:
    """The list of `GET /v1/platform/regions` (§1.4); Fly's own client writes its keys with capitals."""
    told = body if isinstance(body, Mapping) else {}
    rows = _entries(told.get("regions", told.get("Regions")), "code")
    if not rows:
        return None
    return Regions(
        tuple(
            Region(
                text_of(row.get("code")),
                text_of(row.get("name")),
                row.get("deprecated") is True,
                row.get("requires_paid_plan") is True,
            )
            for row in rows
        )
    )


def certificates_of(body: Any) -> Certificates | None:
    """The list of `GET /v1/apps/{app}/certificates` (§14.18)."""
    rows = _entries(body.get("certificates") if isinstance(body, Mapping) else None, "hostname")
    if rows is None:
        return None
    found = tuple(
        Certificate(
            text_of(row.get("hostname")).lower(),
            text_of(row.get("status")),
            row.get("configured") is True,
            time_of(row.get("created_at")),
        )
        for row in rows
    )
    return Certificates(found, complete=not body.get("next_cursor"))


def processes_of(body: Any) -> Processes | None:
    """The list of `GET /v1/apps/{app}/machines/{id}/ps` (§14.19)."""
    rows = _entries(body, "pid")
    if rows is None:
        return None
    found = []
    for row in rows:
        sockets = _entries(row.get("listen_sockets") or [], "address")
        if sockets is None:
            return None
        pid, seconds = whole_number(row.get("pid")), whole_number(row.get("rtime"))
        found.append(Process(pid, text_of(row.get("command")), tuple(map(_socket, sockets)), seconds))
    return Processes(tuple(found))


def _socket(row: Mapping[str, Any]) -> Socket:
    address = text_of(row.get("address"))
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return Socket(text_of(row.get("proto")), address, None)
    return Socket(text_of(row.get("proto")), host.strip("[]"), whole_number(port))


def secrets_of(body: Any) -> AppSecrets | None:
    """The list of `GET /v1/apps/{app}/secrets` (§14.19)."""
    rows = _entries(body.get("secrets") if isinstance(body, Mapping) else None, "name")
    if rows is None:
        return None
    times = [time_of(row.get("updated_at")) or time_of(row.get("created_at")) for row in rows]
    return AppSecrets(
        tuple(
            AppSecret(text_of(row.get("name")), text_of(row.get("digest")), at)
            for row, at in zip(rows, times, strict=True)
        )
    )


def versions_of(body: Any) -> Versions | None:
    """The list of `GET /v1/apps/{app}/machines/{id}/versions` (§1.3)."""
    rows = _entries(body, "version")
    if rows is None:
        return None
    found = [_version(text_of(row.get("version")), row.get("user_config")) for row in rows]
    return Versions(tuple(sorted(found, key=lambda one: one.version)))


def _version(version: str, config: Any) -> MachineVersion:
    config = config if isinstance(config, Mapping) else None
    return MachineVersion(version, text_of(config.get("image")) if config else "", config)


def volumes_of(body: Any) -> Volumes | None:
    """The list of `GET /v1/apps/{app}/volumes` (§1.3)."""
    rows = _entries(body, "id")
    if rows is None:
        return None
    found = [
        Volume(
            text_of(row.get("id")),
            text_of(row.get("name")),
            text_of(row.get("state")),
            text_of(row.get("region")),
            text_of(row.get("attached_machine_id")),
            whole_number(row.get("size_gb")),
        )
        for row in rows
    ]
    return Volumes(tuple(found))


def _entries(rows: Any, key: str) -> list[Mapping[str, Any]] | None:
    """The entries of a list; None where it is no list, or where an entry is no object with something under `key`."""
    if not isinstance(rows, list):
        return None
    told = [row for row in rows if isinstance(row, Mapping) and text_of(row.get(key))]
    return told if len(told) == len(rows) else None
