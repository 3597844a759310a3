"""The proxy: which machine a client of `<app>.fly.dev` gets, what it is answered, and the lines that this leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbooks.simulator.machine import Machine

if TYPE_CHECKING:
    from runbooks.simulator.world import World

SUFFIX = ".fly.dev"
_STARTABLE = ("stopped", "suspended")
_WAKE_SECONDS = 30.0


@dataclass(frozen=True)
class Routed:
    """Where a request ended: at a machine, or nowhere; `status` is the answer in either case."""

    machine: Machine | None
    status: int = 200
    text: str = ""


class Proxy:
    """Knows the world and nothing of HTTP, so that the past can be played by it as well (§7)."""

    def __init__(self, world: World) -> None:
        self._world = world

    def app_of(self, host: str) -> str | None:
        """The app that a hostname leads to: its own name, or a custom one that has a certificate there."""
        if host.endswith(SUFFIX):
            return host.removesuffix(SUFFIX)
        known = self._world.apps.items()
        return next((name for name, app in known if any(c.hostname == host for c in app.certificates)), None)

    def upgrade(self, app: str, port: int, path: str, forced: str = "", *, waits: bool = True) -> Routed:
        """A WebSocket upgrade, up to the program's own answer: 101, or a status that a browser never shows."""
        routed = self.route(app, port, forced, waits=waits)
        if routed.machine is None:
            return routed
        status = _program_status(routed.machine, path)
        program = routed.machine.program
        if status != 101 and program.refusal_line:
            self._log(app, program.refusal_line.format(path=path), machine=routed.machine, provider="app")
        return Routed(routed.machine, status)

    def route(self, app: str, port: int, forced: str = "", *, waits: bool = True) -> Routed:
        """Pick a machine as the proxy would, and leave the line it would leave in the app's log.

        A visit of the past does not wait for a machine that it wakes: time is not its to move.
        """
        if app not in self._world.apps or not self._world.apps[app].ips:
            # No address leads here; only a client that ignores DNS can get this far.
            return Routed(None, 404, "no such app at this edge")
        serving = [m for m in self._world.machines(app) if _internal_port(m, port) and not m.cordoned]
        if forced:
            serving = [m for m in serving if m.id == forced]
            if not serving:
                return self._refuse(app, 503, f"[PR02] could not find machine {forced}", 32)
        else:
            serving = [m for m in serving if not m.withheld(self._world.now)]
        machine = next((m for m in serving if m.state == "started"), None)
        if machine is None:
            machine = next((m for m in serving if m.state in _STARTABLE and _may_start(m)), None)
            if machine is None:
                return self._nobody(app, port, serving)
            self._wake(machine)
            if not waits:
                return Routed(machine)
            self._world.touched = True
            self._world.advance(_WAKE_SECONDS)
            if machine.state != "started":
                return self._nobody(app, port, serving)
        if machine.host_status != "ok":
            return self._refuse(app, 502, "[PU03] unreachable worker host", 13, machine)
        inner = _internal_port(machine, port) or 0
        if not machine.listens(inner, self._world.now):
            text = (
                f"[PC01] instance refused connection. is your app listening on 0.0.0.0:{inner}? "
                "make sure it is not only listening on 127.0.0.1 (hint: look at your startup logs, servers "
                "often print the address they are listening on)"
            )
            return self._refuse(app, 502, text, 21, machine)
        limit = _hard_limit(machine, port)
        if limit is not None and machine.connections(self._world.now) >= limit:
            # §14.10: the machine's own line first, then that of the route.
            text = f"Instance reached hard limit of {limit} concurrent connections"
            self._log(app, text, level="error", machine=machine)
            return self._refuse(app, 503, "[PR04] could not find a good candidate within 75ms", 34)
        return Routed(machine)

    def _nobody(self, app: str, port: int, serving: list[Machine]) -> Routed:
        """No machine can take it. One that is being made is tried to be started, in vain (§4.4)."""
        early = next((m for m in serving if m.state == "created" and _may_start(m)), None)
        if early is not None:
            text = "[PM07] failed to change machine state: unable to start machine from current state: 'created'"
            return self._refuse(app, 503, text, 47, early)
        return self._refuse(app, 503, f"[PR01] no known healthy instances found for route tcp/{port}", 31)

    def _wake(self, machine: Machine) -> None:
        self._log(machine.app, "Starting machine", machine=machine)
        self._world.start(machine, "proxy")

    def _refuse(self, app: str, status: int, text: str, code: int, machine: Machine | None = None) -> Routed:
        self._log(app, text, level="error", machine=machine, code=code)
        return Routed(None, status)

    def _log(
        self,
        app: str,
        text: str,
        *,
        level: str = "info",
        machine: Machine | None = None,
        code: int | None = None,
        provider: str = "proxy",
    ) -> None:
        self._world.log.write(
            self._world.now,
            app,
            provider,
            text,
            level=level,
            instance=machine.id if machine else "",
            region=machine.region if machine else self._world.settings.region,
            error_code=code,
        )


def _program_status(machine: Machine, path: str) -> int:
    program = machine.program
    if program.path_names:
        own = str((machine.config.get("env") or {}).get(program.path_names, ""))
        if path.rstrip("/").rpartition("/")[2] != own:
            return 404
    return program.upgrade_status


def _may_start(machine: Machine) -> bool:
    return any(service.get("autostart") for service in machine.config.get("services") or [])


def _hard_limit(machine: Machine, port: int) -> int | None:
    """The connections that the service behind a public port takes at once; None where it sets no limit."""
    for service in machine.config.get("services") or []:
        if any(exposed.get("port") == port for exposed in service.get("ports") or []):
            limit = (service.get("concurrency") or {}).get("hard_limit")
            return int(limit) if limit else None
    return None


def _internal_port(machine: Machine, port: int) -> int | None:
    """The port inside the machine to which a public one leads, if a service exposes it."""
    for service in machine.config.get("services") or []:
        if any(exposed.get("port") == port for exposed in service.get("ports") or []):
            return int(service.get("internal_port") or 0) or None
    return None
