"""The simulated platform: organisations, apps, images and machines, and what may be done to them.

The whole history is played at construction; afterwards the clock stands at the moment of looking.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from runbooks.base.errors import SourceError
from runbooks.simulator import spec
from runbooks.simulator.clock import Clock
from runbooks.simulator.ids import Ids
from runbooks.simulator.images import FLY_REGISTRY, HELLO, HELLO_PROGRAM, Images, Ref
from runbooks.simulator.lifecycle import Lifecycle
from runbooks.simulator.logbook import LogStore
from runbooks.simulator.machine import RESTING, Lease, Machine, prepared_config
from runbooks.simulator.proxy import Proxy
from runbooks.simulator.refused import Refusals, Refused, check_texts
from runbooks.simulator.scenario import Scenario

REGIONS = (
    "ams",
    "arn",
    "bom",
    "cdg",
    "dfw",
    "ewr",
    "fra",
    "gru",
    "iad",
    "jnb",
    "lax",
    "lhr",
    "nrt",
    "ord",
    "sin",
    "sjc",
    "syd",
    "yyz",
)
DEPRECATED = {"yul": "yyz", "maa": "bom"}
_ALIASES = {"us": "iad", "na": "iad", "eu": "fra", "sa": "gru", "apac": "sin"}
_MACHINE_ID = re.compile(r"^[0-9a-f]{13,16}$")


class World:
    def __init__(self, scenario: Scenario) -> None:
        told = scenario.world
        self.settings = scenario.settings
        self.orgs = dict(told.orgs)
        self.apps = dict(told.apps)
        self._told_apps = dict(told.apps)
        self.tokens = list(told.tokens)
        self.ids = Ids(scenario.name)
        self.app_ids = {name: app.id or self.ids.hex("app", 14) for name, app in told.apps.items()}
        self.log = LogStore(scenario.settings.log_retention_days)
        self.images = Images()
        self.proxy = Proxy(self)
        self.answered: list[tuple[datetime, str, int]] = []
        """(time, app, status) of the visits of the history."""
        self.touched = False
        self.lock = threading.RLock()
        self._programs = {"": spec.Program(), "hello": HELLO_PROGRAM, **told.programs}
        self._machines: list[Machine] = []
        self._refusals = Refusals(told.refuses)
        begin = min((entry.at for entry in told.history), default=scenario.look_at)
        self.clock = Clock(min(begin, scenario.look_at).astimezone(UTC))
        self._lifecycle = Lifecycle(
            self.clock,
            self.ids,
            self.images,
            self.log,
            self.settings,
            self._secrets_of,
            lambda app: self.orgs[self.apps[app].org].trial,
        )
        for image in [HELLO, *told.images]:
            self.images.push(image)
        for entry in told.history:
            self.clock.at(entry.at.astimezone(UTC), functools.partial(self._play, entry))
        self.clock.advance_to(scenario.look_at)

    @property
    def now(self) -> datetime:
        return self.clock.now

    def advance(self, seconds: float) -> None:
        self.clock.advance_to(self.now + timedelta(seconds=seconds))

    def _secrets_of(self, machine: Machine) -> list[str]:
        """The names of the secrets that the present version of a machine was given."""
        if machine.skip_secrets:
            return []
        told = [spec.secret_of(one) for one in self.apps[machine.app].secrets]
        made = machine.versions[-1].made_at
        return [one.name for one in told if not one.staged and (one.set_at is None or one.set_at <= made)]

    # --- looking ---------------------------------------------------------------------------------

    def machines(self, app: str) -> list[Machine]:
        """Those that one app has, oldest first."""
        return [machine for machine in self._machines if machine.app == app and machine.state != "destroyed"]

    def served_since(self, org: str) -> dict[str, datetime]:
        """App → when its first machine was created, for the apps of an organisation that have had one."""
        own = [machine for machine in self.ever() if self.apps[machine.app].org == org]
        return {machine.app: machine.created_at for machine in sorted(own, key=lambda m: m.created_at, reverse=True)}

    def ever(self) -> list[Machine]:
        """All machines that there ever were in an app that still exists, destroyed ones included."""
        return [machine for machine in self._machines if machine.app in self.apps]

    def listed(self, app: str, *, deleted: bool = False) -> list[Machine]:
        """Those that the platform's lists show; they know a new machine only after a moment, and can lose one."""
        settings = self.settings
        known_since = self.now - timedelta(milliseconds=settings.list_delay_ms)
        keeps = settings.destroyed_listed_days
        forgotten = None if keeps is None else self.now - timedelta(days=keeps)
        return [
            machine
            for machine in self._machines
            if machine.app == app
            and machine.created_at <= known_since
            and machine.id not in settings.unlisted
            and (deleted or machine.state != "destroyed")
            and not (forgotten and machine.destroyed_at and machine.destroyed_at <= forgotten)
        ]

    def machine(self, app: str, machine_id: str) -> Machine:
        """By id; a destroyed one stays visible for a while and is then as if it had never been."""
        if not _MACHINE_ID.match(machine_id):
            raise Refused(400, f"invalid machine ID, '{machine_id}'")
        visible = timedelta(milliseconds=self.settings.destroyed_visible_ms)
        for machine in self._machines:
            gone = machine.destroyed_at is not None and self.now - machine.destroyed_at >= visible
            if machine.id == machine_id and machine.app == app and not gone:
                return machine
        raise Refused(404, "machine not found")

    # --- changing --------------------------------------------------------------------------------

    def create(self, app: str, body: Any, *, machine_id: str = "", source: str = "user") -> Machine:
        if not isinstance(body, dict):
            raise Refused(400, "json: cannot unmarshal array into Go value of type main.createMachineRequest")
        config = body.get("config")
        if not isinstance(config, dict) or not isinstance(config.get("image"), str) or not config["image"]:
            raise Refused(400, "config.image is required", unverified=True)
        check_texts(config)
        region = self._region(str(body.get("region") or self.settings.region))
        name = str(body.get("name") or self.ids.machine_name())
        for other in self._machines:
            if other.app == app and other.name == name and other.state != "destroyed":
                raise Refused(
                    409,
                    f"already_exists: unique machine name violation, machine ID {other.id} "
                    f'already exists with name "{name}"',
                )
        ref, digest, image = self._resolve(app, config["image"])
        self._refusals.check(self.now, "create", app, region)
        machine = Machine(
            id=machine_id or self.ids.hex("machine", 14),
            name=name,
            app=app,
            region=region,
            instance_id=self.ids.ulid("version", self.now),
            private_ip=self.ids.private_ip(),
            created_at=self.now,
            config=prepared_config(config, fill_in_guest=self.settings.fill_in_guest),
            ref=ref,
            digest=digest,
            image=image,
            program=self._programs[image.program],
            skip_secrets=body.get("skip_secrets") is True,
        )
        self._machines.append(machine)
        self._lifecycle.launch(machine, source, skip=bool(body.get("skip_launch")))
        return machine

    def start(self, machine: Machine, source: str = "user") -> str:
        self._refusals.check(self.now, "start", machine.app, machine.region, machine.id)
        before = machine.state
        if before not in ("created", "stopped", "suspended", "failed") or self._pulling(machine):
            raise Refused(
                412,
                f"failed_precondition: unable to start machine from current state: '{before}'",
                unverified=True,
            )
        self._lifecycle.start(machine, source)
        return before

    def stop(self, machine: Machine, source: str = "user") -> None:
        self._refusals.check(self.now, "stop", machine.app, machine.region, machine.id)
        if machine.state not in ("started", "starting", "restarting"):
            return
        if source == "proxy":
            self._say_autostop(machine)
        self._lifecycle.stop(machine, source)

    def update(self, machine: Machine, config: dict[str, Any]) -> None:
        """A new version of the machine, with the whole config given."""
        check_texts(config)
        ref, digest, image = self._resolve(machine.app, config["image"])
        self._refusals.check(self.now, "update", machine.app, machine.region, machine.id)
        if machine.state in ("destroying", "destroyed", "replacing"):
            raise Refused(
                412,
                f"failed_precondition: unable to update machine from current state: '{machine.state}'",
                unverified=True,
            )
        machine.config, machine.ref, machine.digest = prepared_config(config), ref, digest
        machine.image, machine.program = image, self._programs[image.program]
        self._lifecycle.update(machine, "user")

    def check_lease(self, machine: Machine, nonce: str = "") -> None:
        """Whoever wants to change a machine while somebody holds a lease on it needs the lease's nonce."""
        lease = machine.lease
        if lease is not None and lease.expires_at <= self.now:
            machine.lease = lease = None
        if lease is not None and nonce != lease.nonce:
            no = Refused(409, "")
            until = f"{lease.expires_at:%Y-%m-%dT%H:%M:%SZ}"
            text = f"machine ID {machine.id} lease currently held by {lease.owner}, expires at {until}"
            no.body = {"status": "error", "message": text}
            raise no

    def destroy(self, machine: Machine, *, force: bool, source: str = "user") -> None:
        if machine.state in ("destroying", "destroyed"):
            return
        self._refusals.check(self.now, "destroy", machine.app, machine.region, machine.id)
        if not force and machine.state not in ("stopped", "suspended", "failed", "created"):
            raise Refused(
                412,
                "failed_precondition: unable to destroy machine, not currently stopped, suspended, failed, or pending",
            )
        self._lifecycle.destroy(machine, source)

    def wait(self, app: str, machine_id: str, states: Sequence[str], seconds: float) -> Machine:
        """Play forward until the machine is in one of the states, or for as long as the caller would wait."""
        until = self.now + timedelta(seconds=seconds)
        while True:
            machine = self.machine(app, machine_id)
            settled = "settled" in states and machine.state in RESTING
            if settled or machine.state in states:
                return machine
            moment = self.clock.next_moment()
            if moment is None or moment > until:
                self.clock.advance_to(until)
                machine = self.machine(app, machine_id)
                wanted = ", ".join(states)
                raise Refused(
                    408,
                    f"deadline_exceeded: machine failed to reach desired state, {wanted}, currently {machine.state}",
                )
            self.clock.advance_to(moment)

    # --- inside ----------------------------------------------------------------------------------

    def _say_autostop(self, machine: Machine) -> None:
        running = sum(
            other.state == "started" for other in self.machines(machine.app) if other.region == machine.region
        )
        group = (machine.config.get("metadata") or {}).get("fly_process_group", "")
        text = (
            f"App {machine.app} has excess capacity, autostopping machine {machine.id}. {running - 1} out of {running} "
            f"machines left running (region={machine.region}, process group={group})"
        )
        self.log.write(self.now, machine.app, "proxy", text, instance=machine.id, region=machine.region)

    def _pulling(self, machine: Machine) -> bool:
        """A `created` machine whose pull has begun is on its way already."""
        return machine.state == "created" and bool(self.log.read(machine.app, self.now, instance=machine.id))

    def _region(self, text: str) -> str:
        first = text.split(",")[0].strip().lower()
        if first == "any":
            return self.settings.region
        first = _ALIASES.get(first, first)
        if first in DEPRECATED:
            raise Refused(
                422,
                f"Region {first} is deprecated and cannot have new resources provisioned. "
                f"Please consider using an alternate region such as {DEPRECATED[first]}",
                unverified=True,
            )
        if first not in REGIONS:
            raise Refused(422, f"region {first} not found", unverified=True)
        return first

    def _resolve(self, app: str, text: str) -> tuple[Ref, str, spec.Image]:
        """What the API does while the create call is open: fetch the manifest, keep its digest."""
        ref = Ref.parse(text)
        found = self.images.manifest(ref.registry, ref.repository, ref.wanted)
        owner = self.apps.get(ref.repository) if ref.registry == FLY_REGISTRY else None
        foreign = owner is not None and owner.org != self.apps[app].org
        if foreign or (found is not None and found.spec is not None and found.spec.private):
            raise Refused(400, f"failed to get manifest {text}: unauthorized")
        if found is None or found.spec is None:
            registry_says = (
                '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown",'
                f'"detail":"unknown tag={ref.wanted}"}}]}}\n'
            )
            raise Refused(400, f"failed to get manifest {text}: request failed: not found [http 404]: {registry_says}")
        return ref, found.digest, found.spec

    def _find(self, machine_id: str) -> Machine:
        for machine in self._machines:
            if machine.id == machine_id:
                return machine
        raise SourceError(f"The scenario's history names the machine {machine_id}, which it never created.")

    def _play(self, entry: spec.HistoryEvent) -> None:
        if entry.create is not None:
            self._play_create(entry.create)
        elif entry.destroy is not None:
            self.destroy(self._find(entry.destroy.machine), force=entry.destroy.force)
        elif entry.stop is not None:
            stop = spec.Stop(machine=entry.stop) if isinstance(entry.stop, str) else entry.stop
            self.stop(self._find(stop.machine), stop.source)
        elif entry.start is not None:
            start = spec.Start(machine=entry.start) if isinstance(entry.start, str) else entry.start
            self._attempt(f"start of {start.machine}", start.refused, lambda: self._play_start(start))
        elif entry.update is not None:
            update = entry.update
            self._attempt(f"update of {update.machine}", update.refused, lambda: self._play_update(update))
        elif entry.migrate is not None:
            self._lifecycle.migrate(self._find(entry.migrate))
        elif entry.lease is not None:
            until = self.now + timedelta(seconds=entry.lease.seconds)
            self._find(entry.lease.machine).lease = Lease(self.ids.hex("nonce", 12), until, entry.lease.owner)
        elif entry.push_image is not None:
            self.images.push(entry.push_image)
        elif entry.remove_image is not None:
            self.images.remove(entry.remove_image)
        elif entry.cordon is not None:
            self._find(entry.cordon).cordoned = True
        elif entry.delete_app is not None:
            self._delete_app(entry.delete_app)
        elif entry.create_app is not None:
            self._create_app(entry.create_app)
        elif entry.hold is not None:
            until = self.now + timedelta(seconds=entry.hold.seconds)
            self._find(entry.hold.machine).held.append((self.now, until, entry.hold.connections))
        elif entry.breaks is not None:
            self._find(entry.breaks.machine).broken.update(entry.breaks.values)
        elif entry.request is not None:
            visit, app = entry.request, self.proxy.app_of(entry.request.host) or ""
            routed = self.proxy.upgrade(app, visit.port, visit.path, waits=False)
            self.answered.append((self.now, app, routed.status))
        for machine_id, status in (entry.host_status or {}).items():
            self._find(machine_id).host_status = status

    def _delete_app(self, name: str) -> None:
        """With everything in it; only log lines outlive it, and are read again once the name is taken again."""
        for machine in self._machines:
            if machine.app == name:
                machine.generation += 1
        self._machines = [machine for machine in self._machines if machine.app != name]
        del self.apps[name]

    def _create_app(self, name: str) -> None:
        """A new app of a name that the scenario has told of: another id, another age."""
        self.apps[name] = self._told_apps[name].model_copy(update={"created_at": self.now})
        self.app_ids[name] = self.ids.hex("app", 14)

    def _play_create(self, call: spec.Create) -> None:
        def create() -> None:
            self.create(call.app, call.body, machine_id=call.id, source=call.user)

        self._attempt(f"create call for {call.app}", call.refused, create)

    def _play_start(self, told: spec.Start) -> None:
        machine = self._find(told.machine)
        self.check_lease(machine)
        self.start(machine, told.source)

    def _play_update(self, told: spec.Update) -> None:
        machine = self._find(told.machine)
        self.check_lease(machine)
        self.update(machine, {**machine.config, **told.config})

    def _attempt(self, what: str, refused: int | None, call: Callable[[], None]) -> None:
        """A call of the history ends as the scenario says, or the scenario is in error."""
        try:
            call()
        except Refused as no:
            if no.status != refused:
                raise SourceError(f"The scenario's {what} is refused: {no}") from None
        else:
            if refused is not None:
                raise SourceError(f"The scenario's {what} should be refused, but is not.")
