"""Worlds of many machines and many rows, made by a program: a scenario file of two thousand creates would be no help.

`fleet-planted` has every class of disagreement and thirty planted causes; `fleet-agreeing` has none; `fleet-chance-N`
has as many failing machines as the first, drawn by lot with the seed N, so that they share nothing.
"""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from runbooks.base.errors import SourceError
from runbooks.simulator import spec
from runbooks.simulator.scenario import Scenario

NAMES = ("fleet-planted", "fleet-agreeing", "fleet-chance-1")
ORG = "harvest"
APPS = ("harvest-api", "harvest-render", "harvest-sessions")
REGIONS = ("ams", "fra", "gru", "iad", "sin", "syd")
GUESTS = (("shared", 1, 1024), ("shared", 2, 2048), ("performance", 2, 4096))
GOOD, BROKEN = "7", "8"
"""The releases: each is an image of every app; the failing machines of the planted world run the second."""
TOKEN = "FlyV1 fm2_bWFkZS11cCBtYWNhcm9vbiBmb3IgdGhlIHNpbXVsYXRvcjogaGFydmVzdCwgcmVhZCBvbmx5"  # noqa: S105
LOOK_AT = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
SIZE = 2_000
_SPAN = timedelta(hours=40)
_NAME = re.compile(r"fleet-(planted|agreeing|chance)(?:-(\d{1,6}))?")
_FAILING = 80


def is_fleet(name: str) -> bool:
    """Is this the name of such a world?"""
    return _NAME.fullmatch(name) is not None


@cache
def fleet_scenario(name: str) -> Scenario:
    """The world of this name: its look is always the same.

    `expect` holds the number of pairs in each `classes`, the attribute that failing machines `shared`, or None, and
    the slug of each planted cause by the machine's id (`causes`).
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise SourceError(f"There is no fleet {name!r}.", f"There are: {', '.join(NAMES)}.")
    kind, seed = found[1], int(found[2] or 1)
    plot = _Plot(random.Random(f"{name} {seed}"))  # noqa: S311 - a world by lot, no secret
    {"planted": _planted, "agreeing": _agreeing, "chance": _by_chance}[kind](plot)
    titles = {
        "planted": "2,000 machines and 2,000 rows with every kind of disagreement",
        "agreeing": "2,000 machines and 2,000 rows that agree",
        "chance": "2,000 machines and 2,000 rows, with failures that share nothing",
    }
    return plot.scenario(name, titles[kind])


@dataclass
class _Plot:
    """Collects what the world is made of. A machine and its row are told together, so that they cannot drift apart."""

    lot: random.Random
    history: list[spec.HistoryEvent] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    causes: dict[str, str] = field(default_factory=dict)
    machines: int = 0
    shared: tuple[str, str] | None = None

    def machine(
        self,
        *,
        app: str = "",
        name: str = "",
        release: str = GOOD,
        key: bool = True,
        small: bool = False,
        launch: bool = True,
        region: str = "",
        age: timedelta | None = None,
        auto_destroy: bool = False,
    ) -> dict[str, Any]:
        """One machine that runs unless its release, its missing `key` or its `small` memory prevents it."""
        self.machines += 1
        lot = self.lot
        app, region = app or lot.choice(APPS), region or lot.choice(REGIONS)
        cpu_kind, cpus, memory = ("shared", 1, 256) if small else lot.choice(GUESTS)
        machine_id = f"{lot.getrandbits(52):013x}e"
        at = LOOK_AT - (age or timedelta(seconds=lot.randint(3_600, int(_SPAN.total_seconds()))))
        told = {"id": machine_id, "name": name or f"job-{machine_id[:8]}", "app": app, "region": region, "at": at}
        config = {
            "image": _image(app, release),
            "guest": {"cpu_kind": cpu_kind, "cpus": cpus, "memory_mb": memory},
            "env": {"REGION": region} | ({"STORE_KEY": "made-up-for-the-simulator"} if key else {}),
            "metadata": {"fly_platform_version": "v2", "fly_release_version": release},
            "restart": {"policy": "on-failure", "max_retries": 2},
            "auto_destroy": auto_destroy,
            "services": [
                {
                    "protocol": "tcp",
                    "internal_port": 8080,
                    "ports": [{"port": 443, "handlers": ["tls", "http"]}, {"port": 80, "handlers": ["http"]}],
                }
            ],
        }
        body = {"name": told["name"], "region": region, "config": config, "skip_launch": not launch}
        self.history.append(spec.HistoryEvent(at=at, create=spec.Create(app=app, id=machine_id, body=body)))
        return told

    def later(self, machine: dict[str, Any], seconds: float, **action: Any) -> None:
        """Something that happens to a machine."""
        self.history.append(spec.HistoryEvent(at=machine["at"] + timedelta(seconds=seconds), **action))

    def row(self, machine: dict[str, Any], status: str, *, by_id: bool | None = None, **other: Any) -> None:
        """The row of a machine, which names it by its id or its name; `other` replaces columns."""
        by_id = self.lot.random() < 0.5 if by_id is None else by_id
        at = machine["at"]
        told = {
            "id": str(uuid.UUID(int=self.lot.getrandbits(128), version=4)),
            "user_id": f"user-{len(self.rows)}",
            "machine_id": machine["id"] if by_id else machine["name"],
            "region": machine["region"],
            "status": status,
            "websocket_url": f"wss://{machine['app']}.fly.dev/live",
            "fly_app_name": machine["app"],
            "created_at": at,
            "updated_at": at + timedelta(seconds=20),
            "error_count": 0,
        }
        self.rows.append(told | other)

    def scenario(self, name: str, title: str) -> Scenario:
        rows = list(self.rows)
        self.lot.shuffle(rows)
        world = spec.World(
            orgs={ORG: spec.Org(name="Harvest")},
            apps={app: spec.App(org=ORG, ips=[spec.Ip(ip="66.241.125.31", shared=True)]) for app in APPS},
            tokens=[spec.Token(token=TOKEN, org=ORG, actions="r", expires=LOOK_AT + timedelta(days=9))],
            images=[
                spec.Image(
                    ref=_image(app, release),
                    cmd=["node", "job.js"],
                    entrypoint=["docker-entrypoint.sh"],
                    exposed_ports=["8080/tcp"],
                    program="job",
                )
                for app in APPS
                for release in (GOOD, BROKEN)
            ],
            programs={
                "job": spec.Program(
                    prints=[spec.Print(at_ms=300, text="job runner starting")],
                    requires=["STORE_KEY"],
                    needs_memory_mb=600,
                    listens=8080,
                )
            },
            history=sorted(self.history, key=lambda entry: entry.at),
            records=spec.Records(machines=rows),
        )
        return Scenario(
            name=name,
            title=title,
            truth=title,
            look_at=LOOK_AT,
            token=TOKEN,
            parameters={"org_slug": ORG},
            expect={"classes": dict(self.classes), "shared": self.shared, "causes": dict(self.causes)},
            settings=spec.Settings(),
            world=world,
        )


def _image(app: str, release: str) -> str:
    return f"registry.fly.io/{app}:deployment-{release}"


def _agreeing(plot: _Plot) -> None:
    _fill(plot)


def _fill(plot: _Plot) -> None:
    """Pairs that agree, until there are as many machines and rows as there are to be."""
    while len(plot.rows) < SIZE:
        machine = plot.machine()
        ended = plot.lot.random() < 0.1
        if ended:
            plot.later(machine, 1_200, stop=machine["id"])
        plot.row(machine, "stopped" if ended else "running")
        plot.classes["agree"] += 1


def _by_chance(plot: _Plot) -> None:
    """As many failing machines as in the planted world, of both releases and with every attribute drawn by lot."""
    total = SIZE
    failing = set(plot.lot.sample(range(total), _FAILING))
    for number in range(total):
        release = BROKEN if plot.lot.random() < 0.2 else GOOD
        machine = plot.machine(release=release)
        if number in failing:
            plot.later(machine, 300, destroy=spec.Destroy(machine=machine["id"], force=True))
            plot.classes["row-waits-machine-gone"] += 1
        else:
            plot.classes["agree"] += 1
        plot.row(machine, "starting" if number in failing else "running")


def _planted(plot: _Plot) -> None:
    """Every class, thirty causes in the same release, and healthy machines for the rest."""
    for machine, cause in _with_causes(plot):
        plot.causes[machine["id"]] = cause
    plot.shared = ("version", BROKEN)
    for _ in range(40):  # the broken release also runs well, where the key and the memory are there
        plot.row(plot.machine(release=BROKEN), "running")
        plot.classes["agree"] += 1
    _states(plot)
    _one_sided(plot)
    _books(plot)
    _fill(plot)
    while plot.machines < SIZE:
        # Destroyed machines without a row cost nothing, and are no disagreement.
        machine = plot.machine()
        plot.later(machine, 600, destroy=spec.Destroy(machine=machine["id"], force=True))
        plot.classes["agree"] += 1


def _with_causes(plot: _Plot) -> Iterator[tuple[dict[str, Any], str]]:
    """Thirty machines that do not serve as their rows wait for, for three reasons."""
    for _ in range(10):
        machine = plot.machine(release=BROKEN, key=False, auto_destroy=True)
        plot.row(machine, "starting")
        plot.classes["row-waits-machine-gone"] += 1
        yield machine, "missing-environment"
        machine = plot.machine(release=BROKEN, small=True)
        plot.row(machine, "starting")
        plot.classes["row-waits-machine-stopped"] += 1
        yield machine, "out-of-memory"
        machine = plot.machine(release=BROKEN)
        plot.row(machine, "starting", updated_at=machine["at"])
        plot.classes["row-waits-machine-runs"] += 1
        yield machine, "record-never-updated"


def _states(plot: _Plot) -> None:
    """Row and machine say different things, without a common reason."""
    for number in range(25):
        machine = plot.machine()
        if number < 15:
            plot.later(machine, 900, stop=machine["id"])
        else:
            plot.later(machine, 900, destroy=spec.Destroy(machine=machine["id"], force=True))
        plot.row(machine, "running")
        plot.classes["row-runs-machine-does-not"] += 1
    for _ in range(5):
        plot.row(plot.machine(launch=False), "provisioning")
        plot.classes["both-wait"] += 1
    for _ in range(10):
        plot.row(plot.machine(), "stopped")
        plot.classes["row-ended-machine-runs"] += 1
    for _ in range(8):
        plot.row(plot.machine(age=timedelta(minutes=2)), "starting")
        plot.classes["in-progress"] += 1


def _one_sided(plot: _Plot) -> None:
    """Only a row, only a machine, or several machines for one row."""
    for number in range(20):
        nobody = {"id": f"{number:013x}f", "name": f"job-lost-{number}", "app": APPS[0], "region": "fra"}
        plot.row(nobody | {"at": LOOK_AT - timedelta(hours=number + 1)}, "starting" if number % 2 else "running")
        plot.classes["row-without-machine"] += 1
    for _ in range(20):
        plot.machine()
        plot.classes["machine-without-row"] += 1
    for number in range(5):
        name = f"job-twice-{number}"
        machines = [plot.machine(app=app, name=name, region="fra") for app in APPS[:2]]
        plot.row(machines[0], "running", by_id=False, fly_app_name=None)
        plot.classes["several-machines"] += 1
    for number in range(10):
        nobody = {"id": f"{number:013x}d", "name": f"job-word-{number}", "app": APPS[1], "region": "fra"}
        plot.row(nobody | {"at": LOOK_AT - timedelta(hours=3)}, "hibernating")
        plot.classes["unknown"] += 1


def _books(plot: _Plot) -> None:
    """Both sides run, and the row says something false about where."""
    for number in range(10):
        machine = plot.machine(app=APPS[0], region="fra")
        elsewhere = {"fly_app_name": APPS[1], "websocket_url": None} if number % 2 else {"region": "syd"}
        plot.row(machine, "running", by_id=True, **elsewhere)
        plot.classes["wrong-app-or-region"] += 1
    for _ in range(15):
        machine = plot.machine()
        plot.row(machine, "running", websocket_url=f"wss://{machine['name']}.fly.dev/")
        plot.classes["url-cannot-work"] += 1
