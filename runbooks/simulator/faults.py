"""What goes wrong between a client and a platform: canned answers, and faults of the wire by name.

A fault replaces the answer of the requests it matches. Faults that bend the true answer (cut short,
shifted in time) ask the rest of the simulator first; those of the wire take the connection itself.
"""

from __future__ import annotations

import asyncio
import fnmatch
import functools
import gzip
import json
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from runbooks.base.errors import SourceError
from runbooks.simulator import spec
from runbooks.simulator.machine import rfc3339

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
_HOUR = timedelta(hours=1)
_PAUSE = 0.1
_BIG = 10_000_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_MILLISECONDS = range(10**12, 10**13)
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>\n"


@dataclass(frozen=True)
class Reply:
    """One whole answer, as bytes that are ready to be sent; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_body(self, body: bytes, media_type: str = "") -> Reply:
        kind = {"content-type": media_type} if media_type else {}
        return replace(self, body=body, headers={**self.headers, **kind, "content-length": str(len(body))})

    @property
    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Sent", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Context:
    """What a fault may know about the request: where it went, and what time it is here."""

    target: str
    now: datetime


Bend = Callable[[Reply, Context], Reply]
Take = Callable[[asyncio.Transport, Reply, Context], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """A named fault: an answer made from the true one, or a hand on the connection."""

    about: str
    bend: Bend | None = None
    take: Take | None = None


def _json(reply: Reply, value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    bent = reply.with_body(json.dumps(value, separators=(",", ":")).encode(), JSON)
    return replace(bent, status=status, headers={**bent.headers, **named})


def _error(status: int, text: str, code: str = "") -> Bend:
    return lambda reply, context: _json(reply, {"error": text, **({"status": code} if code else {})}, status)


def _text(status: int, text: str, media_type: str) -> Bend:
    """What something in between says: none of the platform's own headers are on it."""
    return lambda reply, context: Reply(status, {}, b"").with_body(text.encode(), media_type)


def _later(seconds: int) -> Bend:
    return lambda reply, context: _json(reply, {"error": "rate limit exceeded"}, 429, retry_after=str(seconds))


def _later_by_date(reply: Reply, context: Context) -> Reply:
    """The sender's clock is an hour behind: only compared with its own `Date` does its date make sense."""
    now = context.now - _HOUR
    dates = {"date": format_datetime(now, usegmt=True)}
    until = format_datetime(now + timedelta(seconds=1), usegmt=True)
    return _json(reply, {"error": "rate limit exceeded"}, 429, retry_after=until, **dates)


def _redirect(where: str) -> Bend:
    return lambda reply, context: replace(
        reply.with_body(b""), status=302, headers={**reply.headers, "location": where or context.target}
    )


def _truncated(reply: Reply, context: Context) -> Reply:
    return reply.with_body(reply.body[: len(reply.body) // 2])


def _other_shape(reply: Reply, context: Context) -> Reply:
    """A list where an object is documented, an object where a list is."""
    told = _parsed(reply)
    return _json(reply, {"unexpected": True} if isinstance(told, list) else ["unexpected"], reply.status)


def _other_types(reply: Reply, context: Context) -> Reply:
    """The same structure, with every value of another type."""
    return _json(reply, _swapped(_parsed(reply)), reply.status)


def _swapped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _swapped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_swapped(inner) for inner in value] or {}
    return {"was": "text"} if isinstance(value, str) else [value]


def _nulls(reply: Reply, context: Context) -> Reply:
    """Every field is there, and none holds anything."""
    told = _parsed(reply)
    return _json(reply, dict.fromkeys(told) if isinstance(told, dict) else [None], reply.status)


def _padded(size: int) -> Bend:
    """The true answer behind so many bytes of white space, which JSON allows."""
    return lambda reply, context: reply.with_body(b" " * (size - len(reply.body)) + reply.body)


def _filled(reply: Reply, context: Context) -> Reply:
    """The true answer, with ten megabytes of text that nobody asked for."""
    told, text = _parsed(reply), "x" * _BIG
    return _json(reply, {**told, "padding": text} if isinstance(told, dict) else [text, told], reply.status)


def _zipped(content: Callable[[], bytes]) -> Bend:
    def bend(reply: Reply, context: Context) -> Reply:
        bent = reply.with_body(content())
        return replace(bent, headers={**bent.headers, "content-encoding": "gzip"})

    return bend


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 100_000_000, mtime=0)


def _shifted(by: timedelta) -> Bend:
    """A sender whose clock is wrong: its `Date` and every time in its answer."""

    def bend(reply: Reply, context: Context) -> Reply:
        told = _parsed(reply)
        kind = reply.headers.get("content-type", "")
        moved = reply if told is None else reply.with_body(json.dumps(_moved(told, by)).encode(), kind)
        return replace(moved, headers={**moved.headers, "date": format_datetime(context.now + by, usegmt=True)})

    return bend


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _moved(inner, by) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, by) for inner in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        return rfc3339(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)) + by)
    if isinstance(value, int) and value in _MILLISECONDS:
        return value + int(by.total_seconds() * 1000)
    return value


def _parsed(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


# The wire itself. Each returns when it has said all that it will ever say.


async def _silent(line: asyncio.Transport, reply: Reply, context: Context) -> None:
    while not line.is_closing():
        await asyncio.sleep(_PAUSE)


async def _hung_up(line: asyncio.Transport, reply: Reply, context: Context) -> None:
    line.close()


async def _reset(line: asyncio.Transport, reply: Reply, context: Context) -> None:
    """Half of the body, then RST: with no time to linger, closing throws away instead of finishing."""
    line.write(reply.head + reply.body[: len(reply.body) // 2])
    await asyncio.sleep(_PAUSE / 2)
    line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.abort()


def _dripping(head: bool) -> Take:
    """One byte at a time: no single wait is long, the whole never ends."""

    async def take(line: asyncio.Transport, reply: Reply, context: Context) -> None:
        everything = reply.head + reply.body
        start = 1 if head else len(reply.head)
        line.write(everything[:start])
        for position in range(start, len(everything)):
            await asyncio.sleep(_PAUSE)
            if line.is_closing():
                return
            line.write(everything[position : position + 1])

    return take


def _raw(content: bytes) -> Take:
    async def take(line: asyncio.Transport, reply: Reply, context: Context) -> None:
        line.write(content)
        line.close()

    return take


KINDS: dict[str, Kind] = {
    "401": Kind("the token is not accepted", _error(401, "Authenticate: token validation error")),
    "403": Kind("the token may not", _error(403, "forbidden")),
    "404-json": Kind("not found, in the platform's words", _error(404, "not found")),
    "404-text": Kind("the router knows no such path", _text(404, "404 page not found\n", TEXT)),
    "408": Kind("the platform gave up waiting", _error(408, "deadline_exceeded: request timed out")),
    "409": Kind("a conflict", _error(409, "aborted: machine update failed due to concurrent update")),
    "412": Kind("a precondition failed", _error(412, "failed_precondition: unable to do that now")),
    "422": Kind("not to be processed", _error(422, "could not find a candidate host", "insufficient_capacity")),
    "429": Kind("too many requests", _error(429, "rate limit exceeded")),
    "429-after": Kind("too many requests, with Retry-After: 1", _later(1)),
    "429-long": Kind("too many requests, with Retry-After: 3600", _later(3600)),
    "429-date": Kind("too many requests, until a date of a clock that is an hour slow", _later_by_date),
    "500": Kind("an error of the server", _error(500, "internal: something went wrong")),
    "502-html": Kind("a proxy's page", _text(502, _PAGE.format("502 Bad Gateway"), HTML)),
    "503": Kind("not available", _error(503, "service unavailable")),
    "200-html": Kind("a log-in page where data should be", _text(200, _PAGE.format("Please log in"), HTML)),
    "204": Kind("no content", lambda reply, context: replace(reply.with_body(b""), status=204)),
    "empty": Kind("a success without a body", lambda reply, context: reply.with_body(b"")),
    "truncated": Kind("half of the JSON", _truncated),
    "null": Kind("null", _text(200, "null", JSON)),
    "nulls": Kind("the fields, and null in each", _nulls),
    "other-shape": Kind("valid JSON of another shape", _other_shape),
    "other-types": Kind("every value of another type", _other_types),
    "10-mb": Kind("ten megabytes of text in the answer", _filled),
    "4-mb": Kind("the answer behind four megabytes of white space", _padded(4_000_000)),
    "bad-gzip": Kind("said to be gzip, and is not", _zipped(lambda: b"not gzip at all")),
    "bomb": Kind("a hundred megabytes in a small gzip", _zipped(_bomb)),
    "redirect-loop": Kind("a redirect to itself", _redirect("")),
    "redirect-away": Kind("a redirect to another host", _redirect("https://login.example/")),
    "wrong-type": Kind(
        "the answer, said to be HTML",
        lambda reply, context: replace(reply, headers={**reply.headers, "content-type": HTML}),
    ),
    "clock-ahead": Kind("a clock that is an hour fast", _shifted(_HOUR)),
    "clock-behind": Kind("a clock that is an hour slow", _shifted(-_HOUR)),
    "silent": Kind("a connection, and no answer", take=_silent),
    "hang-up": Kind("a connection that is closed without an answer", take=_hung_up),
    "reset": Kind("a reset in the middle of the body", take=_reset),
    "drip": Kind("a byte of the body now and then", take=_dripping(head=False)),
    "drip-head": Kind("a byte of the headers now and then", take=_dripping(head=True)),
    "not-http": Kind("something that is not HTTP", take=_raw(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
    "huge-head": Kind("a header of a megabyte", take=_raw(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 1_000_000)),
}


class Lines:
    """The open connections by their client's address, so that a fault can lay hands on one."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def of(self, scope: Scope) -> asyncio.Transport:
        host, port = scope["client"]
        return self._open[host, port]

    def protocol(self) -> type[H11Protocol]:
        """The server's own protocol, which tells its connections."""
        connections = self._open

        class Noting(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                # Asked now: a connection that is lost no longer knows its peer.
                self.peer = transport.get_extra_info("peername")[:2]
                connections[self.peer] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.peer, None)
                super().connection_lost(exc)

        return Noting


@dataclass
class Faults:
    """The scenario's faults, each with the number of requests it still has to spoil."""

    told: list[spec.Fault]
    lines: Lines
    now: Callable[[], datetime]
    met: int = 0
    _left: list[int | None] = field(init=False)

    def __post_init__(self) -> None:
        unknown = {fault.kind for fault in self.told if fault.kind} - set(KINDS)
        if unknown:
            raise SourceError(f"There is no fault {', '.join(sorted(unknown))}.", f"There are: {', '.join(KINDS)}.")
        self._left = [fault.times for fault in self.told]

    def take(self, method: str, host: str, path: str, query: str) -> spec.Fault | None:
        """The first fault that this request meets, counted."""
        for position, fault in enumerate(self.told):
            left = self._left[position]
            if left != 0 and _meets(fault, method, host, path, query):
                self._left[position] = None if left is None else left - 1
                self.met += 1
                return fault
        return None

    async def play(self, fault: spec.Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in place of `app`, which is asked only where the fault is made of the true answer."""
        query = scope["query_string"].decode("latin-1")
        context = Context(scope["path"] + (f"?{query}" if query else ""), self.now())
        kind = KINDS[fault.kind] if fault.kind else Kind("canned", _canned(fault))
        websocket = scope["type"] == "websocket"
        reply = _NOTHING if websocket else await _asked(app, scope, receive)
        if kind.bend is not None:
            await _send(kind.bend(reply, context), send, websocket=websocket)
            return
        assert kind.take is not None  # noqa: S101  (every kind is one or the other)
        line = self.lines.of(scope)
        await kind.take(line, reply, context)
        line.close()
        # The server learns only now that nothing more will come from here.
        while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
            pass


_NOTHING = Reply(200, {}, b"")


def _meets(fault: spec.Fault, method: str, host: str, path: str, query: str) -> bool:
    return (
        fault.method in (method, "*")
        and fnmatch.fnmatchcase(host, fault.host)
        and fnmatch.fnmatchcase(path, fault.path)
        and fault.query in (None, query)
    )


def _canned(fault: spec.Fault) -> Bend:
    if isinstance(fault.body, str):
        return _text(fault.status or 200, fault.body, TEXT)
    return lambda reply, context: _json(reply, fault.body, fault.status or 200)


async def _asked(app: ASGIApp, scope: Scope, receive: Receive) -> Reply:
    """The true answer, which the client never sees."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in messages[0]["headers"]}
    return Reply(messages[0]["status"], headers, b"".join(m.get("body", b"") for m in messages[1:]))


async def _send(reply: Reply, send: Send, *, websocket: bool) -> None:
    kind = "websocket.http.response" if websocket else "http.response"
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": f"{kind}.start", "status": reply.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": reply.body})
