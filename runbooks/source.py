"""Where the evidence comes from: live Fly, the built-in simulator, or a saved bundle.

A source says which physical endpoints stand behind the logical ones, with which credentials, which
names resolve, and what time it is. Nothing else in the product knows the simulator.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runbooks.collect.supabase import Project, project_of, replayed
from runbooks.errors import SourceError
from runbooks.evidence.bundle import Bundle, open_bundle
from runbooks.settings import Settings


@dataclass(frozen=True)
class Source:
    """Endpoints, credentials, names and clock of one world.

    `connect_to` maps "host:port" (`*` allowed) to "host:port" or "nxdomain"; `registries` maps a
    registry's host to a base URL; an empty `records_url` or `status_url` means: not configured.
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


@contextmanager
def open_source(name: str, settings: Settings) -> Iterator[Source]:
    """Open the named source for the time of one collection; what it started is stopped at the end."""
    kind, _, rest = name.partition(":")
    if kind == "live":
        yield _live(settings)
    elif kind == "simulator":
        yield from _simulated(name, rest, settings)
    elif kind == "bundle":
        yield _saved(open_bundle(Path(rest)), settings)
    else:
        raise SourceError(
            f"The source {name[:80]!r} cannot be opened.", "There are live, simulator:SCENARIO and bundle:PATH."
        )


def source_defaults(name: str) -> Mapping[str, str]:
    """The parameters that a source supplies by itself: a scenario knows its incident, a bundle its run."""
    kind, _, rest = name.partition(":")
    if kind == "bundle":
        return open_bundle(Path(rest)).parameters
    if kind != "simulator":
        return {}
    from runbooks.simulator.scenario import load_scenario

    return load_scenario(rest).parameters


def _live(settings: Settings) -> Source:
    status = settings.status_url.strip()
    records_url = settings.records_url.get_secret_value().strip()
    return Source(
        name="live",
        token=settings.token.get_secret_value().strip(),
        machines_url=settings.machines_url.rstrip("/"),
        platform_url=settings.platform_url.rstrip("/"),
        registries=settings.registries,
        connect_to=settings.connect_to,
        records_url=records_url,
        records_columns=settings.columns,
        records_events_table=settings.records_events_table,
        status_url="" if status.lower() == "off" else status,
        project=project_of(
            records_url,
            settings.records_key.get_secret_value().strip(),
            settings.supabase_token.get_secret_value().strip(),
        ),
        supabase_url=settings.supabase_url,
    )


def _saved(bundle: Bundle, settings: Settings) -> Source:
    """A world that consists of what was recorded; nothing in it is reached over a network."""
    return Source(
        name=bundle.source,
        token=bundle.token,
        machines_url="",
        platform_url="",
        registries=dict.fromkeys(bundle.registries, ""),
        connect_to={},
        records_url="",
        records_columns=settings.columns,
        records_events_table=settings.records_events_table,
        status_url="recorded" if bundle.status_feed else "",
        now=bundle.clock(),
        bundle=bundle,
        project=replayed(bundle.circumstances.project),
    )


def _simulated(name: str, scenario_name: str, settings: Settings) -> Iterator[Source]:
    # Imported here: the product runs without the simulator's server libraries being touched.
    from runbooks.simulator.scenario import load_scenario
    from runbooks.simulator.server import Simulator

    scenario = load_scenario(scenario_name)
    with tempfile.TemporaryDirectory(prefix="fly-simulator-") as folder:
        simulator = Simulator(scenario, Path(folder))
        served = simulator.start()
        try:
            tls = ssl.create_default_context(cafile=str(served.ca_pem))
            yield Source(
                name=name,
                token=scenario.token,
                machines_url=served.base_url,
                platform_url=served.base_url,
                registries=served.registries,
                connect_to=dict(part.split("=", 1) for part in served.connect_to.split(",")),
                records_url=served.records_url,
                records_columns=settings.columns,
                records_events_table=settings.records_events_table,
                status_url=served.status_url,
                tls=tls,
                now=lambda: scenario.look_at,
                still=True,
            )
        finally:
            simulator.stop()
