"""The common part of all HTTP surfaces: one call in, one answer out, with Fly's headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runbooks.simulator.machine import rfc3339
from runbooks.simulator.ratelimit import RateLimiter
from runbooks.simulator.refused import Refused
from runbooks.simulator.tokens import Holder, Tokens
from runbooks.simulator.world import World

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request, its body read, its path taken apart; `port` is the one it came in on."""

    method: str
    path: Mapping[str, str]
    query: QueryParams
    headers: Headers
    body: bytes
    port: int

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1", "t")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        try:
            return min(high, max(low, int(self.query.get(name, ""))))
        except ValueError:
            return default

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, "json: invalid request body", unverified=True) from None


Handler = Callable[[Call], Answer]


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    text = json.dumps(value, separators=(",", ":"), default=rfc3339)
    return Answer(status, text.encode(), JSON, headers or {})


def answer_refused(no: Refused) -> Answer:
    if isinstance(no.body, str):
        return Answer(no.status, no.body.encode(), "text/plain; charset=utf-8")
    return answer_json(no.body, no.status, {"x-sim-unverified": "true"} if no.unverified else None)


def plain_not_found() -> Answer:
    """What the platform's router says to a path that it does not know."""
    return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


class ApiContext:
    """What every surface needs: the world, the tokens, the limits, and the headers of an answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = Tokens(world)
        self.limiter = RateLimiter(enabled=world.settings.rate_limits)

    def holder(self, call: Call) -> Holder:
        return self.tokens.identify(call.headers.get("authorization", ""))

    def limit(self, action: str, identifier: str) -> None:
        seconds = self.limiter.retry_after(action, identifier)
        if seconds is not None:
            raise TooMany(seconds)

    def route(self, path: str, handler: Handler, methods: list[str] | None = None) -> Route:
        """Handlers are plain functions; the event loop runs one at a time, in order of arrival."""

        async def endpoint(request: Request) -> Response:
            server = request.scope.get("server") or ("", 0)
            call = Call(
                request.method,
                request.path_params,
                request.query_params,
                request.headers,
                await request.body(),
                server[1] or 0,
            )
            return self.respond(self.answer(call, handler))

        return Route(path, endpoint, methods=methods or ["GET"])

    def answer(self, call: Call, handler: Handler) -> Answer:
        world = self.world
        with world.lock:
            if world.touched:
                # After a write the world is being watched; it moves on a little with every look.
                world.advance(world.settings.step_after_write_ms / 1000)
            try:
                return handler(call)
            except TooMany as no:
                headers = {"retry-after": str(no.seconds), "x-sim-unverified": "true"}
                return answer_json({"error": "rate limit exceeded"}, 429, headers)
            except Refused as no:
                return answer_refused(no)

    def respond(self, answer: Answer) -> Response:
        world = self.world
        with world.lock:
            request_id = world.ids.ulid("request", world.now)
            headers = {
                "fly-request-id": f"{request_id}-{world.settings.region}",
                "fly-span-id": world.ids.hex("span", 16),
                "fly-trace-id": world.ids.hex("trace", 32),
                "server": "Fly/5d9c42f1 (2025-09-29)",
                "via": "1.1 fly.io",
                "content-type": answer.media_type,
                **answer.headers,
            }
        return Response(answer.content, answer.status, headers)


class TooMany(Exception):
    def __init__(self, seconds: int) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds
