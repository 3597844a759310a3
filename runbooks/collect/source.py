"""A source as the collector needs it: endpoints, credentials, names and clock of one world."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runbooks.collect.supabase import Project
from runbooks.evidence.bundle import Bundle


@dataclass(frozen=True)
class Source:
    """Endpoints, credentials, names and clock of one world.

    `connect_to` maps "host:port" (`*` allowed) to "host:port" or "nxdomain"; `registries` maps a
    registry's host to a base URL; an empty `records_url` or `status_url` means: not configured.
    `metrics_url` is "off", or the base URL of a Prometheus that answers instead of the organisation's own at Fly.
    `still` says that time stands still here: nothing that lags behind will follow, however long one waits.
    """

    name: str
    token: str
    machines_url: str
    platform_url: str
    registries: Mapping[str, str]
    connect_to: Mapping[str, str]
    records_url: str
    records_columns: Mapping[str, str]
    records_events_table: str
    status_url: str
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    bundle: Bundle | None = field(default=None, repr=False)
    project: Project = field(default_factory=Project)
    supabase_url: str = ""
    still: bool = False
    metrics_url: str = ""
