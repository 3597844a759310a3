"""One ASGI application for all surfaces: names under fly.dev are the edge, everything else goes by path."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from runbooks.simulator.apps_api import AppsApi
from runbooks.simulator.edge import Edge
from runbooks.simulator.faults import Faults, Lines
from runbooks.simulator.http import Answer, ApiContext, Call, answer_json, plain_not_found
from runbooks.simulator.logs_api import LogsApi
from runbooks.simulator.machines_api import MachinesApi
from runbooks.simulator.metrics_api import MetricsApi
from runbooks.simulator.refused import Refused
from runbooks.simulator.registry import Registry
from runbooks.simulator.scenario import Scenario
from runbooks.simulator.world import World

_OWN = "/_sim/"


class Application:
    """The ASGI callable. `requests` is its own log, in the order of arrival."""

    def __init__(self, scenario: Scenario, world: World, host_of: Callable[[int], str]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._world = world
        self.lines = Lines()
        self.faults = Faults(list(scenario.world.faults), self.lines, lambda: world.now)
        self._desk = ApiContext(world)
        self._edge = Edge(self._desk)
        routes = [
            *MachinesApi(self._desk).routes(),
            *AppsApi(self._desk).routes(),
            *LogsApi(self._desk, scenario.world.status).routes(),
            *MetricsApi(self._desk).routes(),
            *Registry(self._desk, host_of).routes(),
            self._desk.route(f"{_OWN}requests", lambda call: answer_json(self.requests)),
            self._desk.route(f"{_OWN}advance", self._advance, ["POST"]),
        ]
        # Path and method that do not fit look the same from outside, as they do on the platform.
        self._paths = Starlette(routes=routes, exception_handlers={HTTPException: self._no_route, Exception: self._bug})
        self._paths.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._paths(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        entry: dict[str, Any] = {
            "host": host,
            "method": scope.get("method", "GET"),
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": None,
            "at_monotonic": time.monotonic(),
            "user_agent": headers.get(b"user-agent", b"").decode("latin-1"),
        }
        if not scope["path"].startswith(_OWN):
            self.requests.append(entry)

        async def noting_send(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                entry["status"] = message["status"]
            elif message["type"] == "websocket.accept":
                entry["status"] = 101
            await send(message)

        name = host.partition(":")[0]
        fault = self.faults.take(entry["method"], name, entry["path"], entry["query"])
        if fault is not None:
            await self.faults.play(fault, self._served, scope, receive, noting_send)
        else:
            await self._served(scope, receive, noting_send)

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0]
        if self._world.proxy.app_of(host) is not None:
            await self._edge.serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(self._desk.respond(plain_not_found()))
        else:
            await self._paths(scope, receive, send)

    async def _no_route(self, request: Request, error: Exception) -> Response:
        return self._desk.respond(plain_not_found())

    async def _bug(self, request: Request, error: Exception) -> Response:
        """The server logs nothing, so a mistake in here has to show itself to the client."""
        return Response(f"the simulator itself failed: {error!r}", 500)

    def _advance(self, call: Call) -> Answer:
        """For practice: let the simulated time pass."""
        body = call.json()
        seconds = body.get("seconds", 0) if isinstance(body, dict) else 0
        if not isinstance(seconds, int | float) or seconds < 0:
            raise Refused(400, "seconds must be a number, not negative")
        self._world.advance(float(seconds))
        return answer_json({"now": self._world.now.isoformat()})
