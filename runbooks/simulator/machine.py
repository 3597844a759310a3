"""One machine: what it is now, what happened to it, and how the API shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runbooks.simulator import spec
from runbooks.simulator.checks import Check, checks_of
from runbooks.simulator.images import Ref

RESTING = frozenset({"started", "stopped", "suspended", "failed", "destroyed"})
_LEFT_OUT_OF_SUMMARY = ("config", "incomplete_config", "checks", "events", "host_status", "nonce")


@dataclass
class Lease:
    nonce: str
    expires_at: datetime
    owner: str
    description: str = ""


@dataclass(frozen=True)
class Version:
    """One version of a machine: its id, when it was made, and the config that it was given."""

    id: str
    made_at: datetime
    config: dict[str, Any]


@dataclass
class Machine:
    """`generation` changes whenever somebody intervenes: what was planned for an older one is dropped."""

    id: str
    name: str
    app: str
    region: str
    instance_id: str
    private_ip: str
    created_at: datetime
    config: dict[str, Any]
    ref: Ref
    digest: str
    image: spec.Image
    program: spec.Program
    state: str = "created"
    updated_at: datetime = field(init=False)
    events: list[dict[str, Any]] = field(default_factory=list)
    host_status: str = "ok"
    cordoned: bool = False
    lease: Lease | None = None
    restart_count: int = 0
    generation: int = 0
    process_since: datetime | None = None
    destroyed_at: datetime | None = None
    held: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    skip_secrets: bool = False
    broken: dict[str, Any] = field(default_factory=dict)

    versions: list[Version] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updated_at = self.created_at
        self.add_version(self.created_at)

    def add_version(self, at: datetime) -> None:
        """Keep the present config under the present instance id."""
        self.versions.append(Version(self.instance_id, at, self.config))

    @property
    def listening_port(self) -> int | None:
        """The port the main process listens on, if one ever gets there."""
        return self.program.listens if self.process_since is not None else None

    def listens(self, port: int, now: datetime) -> bool:
        """Does a connection from outside the machine to this port succeed now?"""
        if self.host_status != "ok":
            return False
        if self.listening_port != port or self.process_since is None or self.program.bind.startswith("127."):
            return False
        return (now - self.process_since).total_seconds() * 1000 >= self.program.listens_at_ms

    def connections(self, now: datetime) -> int:
        """How many connections clients keep open now."""
        return sum(count for since, until, count in self.held if since <= now < until)

    def add_event(self, event_id: str, kind: str, status: str, source: str, at: datetime, **request: Any) -> None:
        event: dict[str, Any] = {
            "id": event_id,
            "type": kind,
            "status": status,
            "source": source,
            "timestamp": int(at.timestamp() * 1000),
        }
        if request:
            event["request"] = request
        self.events.append(event)
        self.updated_at = at

    def newest_events(self, limit: int) -> list[dict[str, Any]]:
        return self.events[::-1][:limit]

    def shown(self, now: datetime, *, events: int = 5, summary: bool = False, leases: bool = False) -> dict[str, Any]:
        """The object of GET and of an app's list, with so many of its newest events."""
        out: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "region": self.region,
            "instance_id": self.instance_id,
            "version": self.instance_id,
            "private_ip": self.private_ip,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "config" if self.host_status == "ok" else "incomplete_config": self.config,
            "image_ref": {
                "registry": self.ref.registry,
                "repository": self.ref.repository,
                "tag": self.ref.tag,
                "digest": self.digest,
                "labels": {},
            },
            "events": self.newest_events(events),
            "host_status": self.host_status,
            "cordoned": self.cordoned,
        }
        checks = self._checks(now)
        if checks:
            out["checks"] = checks
        if leases and self.lease is not None:
            lease = self.lease
            out["lease"] = {
                "owner": lease.owner,
                "expires_at": int(lease.expires_at.timestamp()),
                "description": lease.description,
            }
        out |= {key: value for key, value in self.broken.items() if key in out}
        if summary:
            for key in _LEFT_OUT_OF_SUMMARY:
                out.pop(key, None)
        return out

    def shown_to_org(self) -> dict[str, Any]:
        """The shorter object of the organisation's list."""
        kept = {key: self.config[key] for key in ("image", "guest", "metadata") if key in self.config}
        return {
            "id": self.id,
            "app_name": self.app,
            "name": self.name,
            "state": self.state,
            "region": self.region,
            "version": self.instance_id,
            "private_ip": self.private_ip,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "config": kept,
        } | {key: value for key, value in self.broken.items() if key != "config"}

    def _checks(self, now: datetime) -> list[dict[str, Any]]:
        out = []
        for check in checks_of(self.config):
            status, output = self.check_result(check, now)
            since = rfc3339(self.process_since or self.updated_at)
            out.append({"name": check.name, "status": status, "output": output, "updated_at": since})
        return out

    def withheld(self, now: datetime) -> bool:
        """Does the proxy leave it out, because a check of a service fails? Those of the machine itself do not count."""
        return self.state == "started" and any(
            check.of_service and self.check_result(check, now)[0] != "passing" for check in checks_of(self.config)
        )

    def check_result(self, check: Check, now: datetime) -> tuple[str, str]:
        return check.result(self.state == "started" and self.listens(check.port, now), self.program.health)


def rfc3339(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def prepared_config(body: dict[str, Any], *, fill_in_guest: bool = True) -> dict[str, Any]:
    """The config as the platform keeps it: what was sent, plus the two parts it always fills in."""
    config = dict(body)
    config.setdefault("init", {})
    if fill_in_guest:
        config.setdefault("guest", {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256})
    return config
