"""The public edge: what happens to a request for `<app>.fly.dev`, plain or as a WebSocket."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from runbooks.simulator.http import Answer, Desk
from runbooks.simulator.machine import Machine

SUFFIX = ".fly.dev"
_STARTABLE = ("stopped", "suspended")
_WAKE_SECONDS = 30.0


@dataclass(frozen=True)
class Routed:
    """Where the proxy sent a request: to a machine, or nowhere, with the status it answers itself."""

    machine: Machine | None
    status: int = 200
    text: str = ""


class Edge:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        host, _, port_text = headers.get("host", "").partition(":")
        secure = scope["scheme"] in ("https", "wss")
        port = int(port_text) if port_text.isdigit() else (443 if secure else 80)
        with self._world.lock:
            routed = self.route(host.removesuffix(SUFFIX), port, headers.get("fly-force-instance-id", ""))
        if scope["type"] == "websocket":
            await self._websocket(WebSocket(scope, receive, send), routed)
        else:
            await self._desk.respond(_answer(routed))(scope, receive, send)

    def route(self, app: str, port: int, forced: str = "") -> Routed:
        """Pick a machine as the proxy would, and leave the line it would leave in the app's log."""
        if app not in self._world.apps or not self._world.apps[app].ips:
            # No address leads here; only a client that ignores DNS can get this far.
            return Routed(None, 404, "no such app at this edge")
        serving = [m for m in self._world.machines(app) if _internal_port(m, port) and not m.cordoned]
        if forced:
            serving = [m for m in serving if m.id == forced]
            if not serving:
                return self._refuse(app, 503, f"[PR02] could not find machine {forced}", 32)
        machine = next((m for m in serving if m.state == "started"), None) or self._woken(serving, port)
        if machine is None:
            text = f"[PR01] no known healthy instances found for route tcp/{port}"
            return self._refuse(app, 503, text, 31)
        inner = _internal_port(machine, port) or 0
        if not machine.listens(inner, self._world.now):
            text = (
                f"[PC01] instance refused connection. is your app listening on 0.0.0.0:{inner}? "
                "make sure it is not only listening on 127.0.0.1 (hint: look at your startup logs, servers "
                "often print the address they are listening on)"
            )
            return self._refuse(app, 502, text, 21, machine)
        return Routed(machine)

    def _woken(self, serving: list[Machine], port: int) -> Machine | None:
        """Start a sleeping machine whose service allows it, and wait until it listens."""
        for machine in serving:
            services = machine.config.get("services") or []
            if machine.state in _STARTABLE and any(service.get("autostart") for service in services):
                self._log(machine.app, "Starting machine", machine=machine)
                self._world.touched = True
                self._world.start(machine, "proxy")
                self._world.advance(_WAKE_SECONDS)
                if machine.state == "started":
                    return machine
        return None

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
    ) -> None:
        self._world.log.write(
            self._world.now,
            app,
            "proxy",
            text,
            level=level,
            instance=machine.id if machine else "",
            region=machine.region if machine else self._world.settings.region,
            error_code=code,
        )

    async def _websocket(self, socket: WebSocket, routed: Routed) -> None:
        """Accept and echo, or answer the upgrade with the status that a browser would never show."""
        status = routed.machine.program.upgrade_status if routed.machine else routed.status
        if status != 101:
            await socket.send_denial_response(Response(routed.text, status))
            return
        await socket.accept()
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") is not None:
                    await socket.send_text(message["text"])
                elif message.get("bytes") is not None:
                    await socket.send_bytes(message["bytes"])
        except WebSocketDisconnect:
            return


def _internal_port(machine: Machine, port: int) -> int | None:
    """The port inside the machine to which a public one leads, if a service exposes it."""
    for service in machine.config.get("services") or []:
        if any(exposed.get("port") == port for exposed in service.get("ports") or []):
            return int(service.get("internal_port") or 0) or None
    return None


def _answer(routed: Routed) -> Answer:
    if routed.machine is None:
        return Answer(routed.status, routed.text.encode(), "text/plain; charset=utf-8")
    return Answer(200, b"ok\n", "text/plain; charset=utf-8")
