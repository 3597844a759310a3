"""The life of a machine between create and destroyed: pull, boot, run, exit, restart, rest, removal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from runbooks.simulator import spec
from runbooks.simulator.checks import Check, checks_of
from runbooks.simulator.clock import Clock
from runbooks.simulator.ids import Ids
from runbooks.simulator.images import Images
from runbooks.simulator.logbook import LogStore
from runbooks.simulator.machine import Machine, rfc3339
from runbooks.simulator.workload import Ending, Line, command, plan

_ROOTFS_MB = 8_192
_TRIAL_MS = 302_000
_PULL_BEGINS_MS = 400
_PULL_FAILS_MS = 1_900
_BOOT_MS = 480
_EXIT_SEEN_MS = 260
_DESTROY_BEGINS_MS = 220
_DESTROY_TAKES_MS = 640
_DEFAULT_RETRIES = 10


class Lifecycle:
    """Moves machines on. Every step is planned on the clock and dropped if somebody intervened meanwhile."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        images: Images,
        log: LogStore,
        settings: spec.Settings,
        secrets_of: Callable[[Machine], Sequence[str]],
        on_trial: Callable[[str], bool],
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._images = images
        self._log = log
        self._settings = settings
        self._secrets_of = secrets_of
        self._on_trial = on_trial

    def launch(self, machine: Machine, source: str, *, skip: bool) -> None:
        self._event(machine, "launch", "created", source)
        if not skip:
            self._after(machine, _PULL_BEGINS_MS, self._pull)

    def start(self, machine: Machine, source: str) -> None:
        """A start that somebody asked for: the user, or traffic through the proxy."""
        machine.generation += 1
        never_ran = all(event["type"] != "start" for event in machine.events)
        self._event(machine, "start", "starting", source)
        machine.restart_count = 0
        if never_ran:
            machine.state = "starting"
            self._after(machine, _PULL_BEGINS_MS, self._pull)
        else:
            self._boot(machine, first=False)

    def update(self, machine: Machine, source: str) -> None:
        """A new version: the old process is stopped, the new image pulled and booted."""
        machine.generation += 1
        machine.instance_id = self._ids.ulid("version", self._clock.now)
        machine.add_version(self._clock.now)
        self._event(machine, "update", "replacing", source)
        machine.state = "replacing"
        self._give_way(machine, lambda m: self._pull(m, lambda n: self._replaced(n, source)))

    def migrate(self, machine: Machine) -> None:
        """To another host: the same id under a new instance id and a new private address (§11, row 43)."""
        machine.generation += 1

        def arrive(machine: Machine) -> None:
            machine.instance_id = self._ids.ulid("version", self._clock.now)
            machine.add_version(self._clock.now)
            machine.private_ip = self._ids.private_ip()
            machine.state = "created"
            self._event(machine, "launch", "created", "flyd")
            self._after(machine, _PULL_BEGINS_MS, lambda m: self._pull(m, lambda n: self._boot(n, first=False)))

        self._give_way(machine, arrive)

    def stop(self, machine: Machine, source: str) -> None:
        machine.generation += 1
        self._event(machine, "stop", "stopping", source)
        machine.state = "stopping"
        self._write(machine, Line(0, "Sending signal SIGINT to main child process w/ PID 629"))
        self._after(machine, 350, lambda m: self._requested_exit(m, code=130, signal=2, then=self._rest_stopped))

    def destroy(self, machine: Machine, source: str) -> None:
        """A removal that somebody asked for; a running process is killed on the way."""
        machine.generation += 1
        running = machine.state in ("started", "restarting", "starting")
        self._event(machine, "destroy", "destroying", source)
        machine.state = "destroying"
        if running:
            self._after(
                machine,
                180,
                lambda m: self._requested_exit(m, code=137, signal=9, then=lambda n: self._destroyed(n, source)),
            )
        else:
            self._after(machine, _DESTROY_TAKES_MS, lambda m: self._destroyed(m, source))

    def _give_way(self, machine: Machine, then: Callable[[Machine], None]) -> None:
        """End the process, if there is one, for what comes next."""
        if machine.process_since is None:
            self._after(machine, 180, then)
        else:
            self._write(machine, Line(0, "Sending signal SIGINT to main child process w/ PID 629"))
            self._after(machine, 350, lambda m: self._requested_exit(m, code=130, signal=2, then=then))

    def _pull(self, machine: Machine, then: Callable[[Machine], None] | None = None) -> None:
        """Fetch and unpack the image, `then` go on (a first start goes on to boot)."""
        name = f"{machine.ref.registry}/{machine.ref.repository}@{machine.digest}"
        self._write(machine, Line(0, f"Pulling container image {name}", provider="runner"))
        found = self._images.manifest(machine.ref.registry, machine.ref.repository, machine.digest)
        took = machine.image.pull_ms or self._settings.pull_ms
        if found is None:
            why = "unable to pull image, not found"
            self._after(machine, _PULL_FAILS_MS, lambda m: self._pull_failed(m, why))
        elif machine.image.unpacked_mb > _ROOTFS_MB:
            why = "Not enough space to unpack image, possibly exceeds maximum of 8GB uncompressed"
            self._after(machine, took, lambda m: self._pull_failed(m, why))
        else:
            go_on = then or functools.partial(self._boot, first=True)
            self._after(machine, took, lambda m: self._prepared(m, took, go_on))

    def _pull_failed(self, machine: Machine, why: str) -> None:
        self._write(machine, Line(0, why, "error", "runner"))
        machine.state = "launch_failed"
        self._event(machine, "launch", "launch_failed", "flyd")
        self._after(machine, _DESTROY_TAKES_MS, lambda m: self._destroyed(m, "flyd"))

    def _prepared(self, machine: Machine, took_ms: int, then: Callable[[Machine], None]) -> None:
        name = f"{machine.ref.registry}/{machine.ref.repository}@{machine.digest}"
        text = f"Successfully prepared image {name} ({(took_ms - 30) / 1000:.1f}s)"
        self._write(machine, Line(0, text, provider="runner"))
        then(machine)

    def _replaced(self, machine: Machine, source: str) -> None:
        self._event(machine, "update", "replaced", source)
        self._boot(machine, first=False)

    def _boot(self, machine: Machine, *, first: bool) -> None:
        machine.state = "starting"
        self._write(machine, Line(0, "Configuring firecracker", provider="runner"))
        self._after(machine, _BOOT_MS, lambda m: self._started(m, first=first))

    def _started(self, machine: Machine, *, first: bool) -> None:
        machine.state = "started"
        self._event(machine, "start", "started", "flyd")
        words = command(machine.image, machine.config)
        user = machine.image.user or "root"
        self._write(machine, Line(0, " INFO Starting init (commit: 5d9c42f)..."))
        self._write(machine, Line(0, f" INFO Preparing to run: `{words}` as {user}"))
        self._write(machine, Line(0, " INFO [fly api proxy] listening at /.fly/api"))
        if first:
            took = (self._clock.now - machine.created_at).total_seconds()
            text = f"Machine created and started in {took:.3f}s"
            self._write(machine, Line(0, text, provider="runner"))
        planned = plan(machine.image, machine.program, machine.config, self._secrets_of(machine))
        machine.process_since = self._clock.now
        for line in planned.lines:
            self._after(machine, line.at_ms, functools.partial(self._write, line=line))
        ending = planned.ending
        if ending is not None:
            self._after(machine, ending.at_ms + _EXIT_SEEN_MS, lambda m: self._exited(m, ending))
        self._while_it_runs(machine)

    def _while_it_runs(self, machine: Machine) -> None:
        """What the platform does about a process that still runs after a while."""
        since = machine.process_since

        def later(milliseconds: int, step: Callable[[Machine], None]) -> None:
            def unless_ended(machine: Machine) -> None:
                if machine.process_since == since:
                    step(machine)

            self._after(machine, milliseconds, unless_ended)

        if self._on_trial(machine.app):
            later(_TRIAL_MS, self._trial_over)
        for check in checks_of(machine.config):
            later(check.grace_ms, functools.partial(self._checked, check=check))

    def _trial_over(self, machine: Machine) -> None:
        text = (
            "Trial machine stopping. To run for longer than 5m0s, add a credit card by visiting https://fly.io/trial."
        )
        self._write(machine, Line(0, text, provider="runner"))
        self.stop(machine, "flyd")

    def _checked(self, machine: Machine, check: Check) -> None:
        """The first result of a check; only a failure is logged."""
        if machine.check_result(check, self._clock.now)[0] != "passing":
            self._write(machine, Line(0, check.error_message, "error", "health"))

    def _exited(self, machine: Machine, ending: Ending) -> None:
        machine.process_since = None
        restart = machine.config.get("restart") or {}
        policy = restart.get("policy") or "on-failure"
        budget = restart.get("max_retries") or _DEFAULT_RETRIES
        failed = ending.code != 0 or ending.signal is not None
        again = policy == "always" or (policy == "on-failure" and failed and machine.restart_count < budget)
        self._exit_event(machine, ending, restarting=again)
        if again:
            machine.state = "restarting"
            self._after(machine, self._settings.restart_pause_ms, self._restart)
            return
        machine.state = "stopped"
        if policy == "on-failure" and failed:
            text = f"machine has reached its max restart count of {budget}"
        else:
            text = f"machine exited with exit code {ending.code}, not restarting"
        self._write(machine, Line(0, text, provider="runner"))
        takes_effect = self._settings.auto_destroy_mode == "after_rest" or policy == "no"
        if machine.config.get("auto_destroy") and takes_effect:
            self._after(machine, _DESTROY_BEGINS_MS, self._auto_destroy)

    def _restart(self, machine: Machine) -> None:
        machine.restart_count += 1
        self._event(machine, "restart", "starting", "flyd")
        self._boot(machine, first=False)

    def _auto_destroy(self, machine: Machine) -> None:
        machine.state = "destroying"
        self._event(machine, "destroy", "destroying", "flyd")
        self._after(machine, _DESTROY_TAKES_MS, lambda m: self._destroyed(m, "flyd"))

    def _requested_exit(self, machine: Machine, *, code: int, signal: int, then: Callable[[Machine], None]) -> None:
        if machine.process_since is not None:
            name = {2: "SIGINT", 9: "SIGKILL"}[signal]
            text = f" INFO Main child exited with signal (with signal '{name}', core dumped? false)"
            self._write(machine, Line(0, text))
            machine.process_since = None
        self._exit_event(machine, Ending(0, code, signal), restarting=False, requested=True)
        self._after(machine, _DESTROY_TAKES_MS, then)

    def _rest_stopped(self, machine: Machine) -> None:
        machine.state = "stopped"
        machine.updated_at = self._clock.now

    def _destroyed(self, machine: Machine, source: str) -> None:
        machine.state = "destroyed"
        machine.process_since = None
        machine.lease = None
        machine.destroyed_at = self._clock.now
        self._event(machine, "destroy", "destroyed", source)

    def _exit_event(self, machine: Machine, ending: Ending, *, restarting: bool, requested: bool = False) -> None:
        exit_event = {
            "exit_code": ending.code,
            "exited_at": rfc3339(self._clock.now),
            "guest_exit_code": 0 if ending.spawned else 1,
            "guest_signal": -1,
            "oom_killed": ending.oom_killed,
            "requested_stop": requested,
            "restarting": restarting,
            "signal": -1 if ending.signal is None else ending.signal,
        }
        self._event(machine, "exit", "stopped", "flyd", exit_event=exit_event, restart_count=machine.restart_count)

    def _event(self, machine: Machine, kind: str, status: str, source: str, **request: object) -> None:
        now = self._clock.now
        machine.add_event(self._ids.ulid("event", now), kind, status, source, now, **request)

    def _write(self, machine: Machine, line: Line) -> None:
        self._log.write(
            self._clock.now,
            machine.app,
            line.provider,
            line.text,
            level=line.level,
            instance=machine.id,
            region=machine.region,
        )

    def _after(self, machine: Machine, milliseconds: float, step: Callable[[Machine], None]) -> None:
        generation = machine.generation

        def unless_changed() -> None:
            if machine.generation == generation:
                step(machine)

        self._clock.after(milliseconds, unless_changed)
