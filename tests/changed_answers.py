"""The simulator behind a proxy that changes its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ChangedAnswers:
    """An application whose answers are changed on their way.

    Args:
        app: the application
        change: is given path, status and body, and returns status and body
        headers: stand in each answer in place of its own of these names; of challenges there may be several
    """

    def __init__(
        self, app: ASGIApp, change: Callable[[str, int, bytes], tuple[int, bytes]], headers: Mapping[str, str]
    ) -> None:
        self._app, self._change = app, change
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body = bytearray()

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            status, content = self._change(scope["path"], start["status"], bytes(body))
            replaced = {b"content-length", *(name for name, _ in self._headers)} - {b"www-authenticate"}
            headers = [(name, value) for name, value in start["headers"] if name not in replaced]
            headers += [*self._headers, (b"content-length", str(len(content)).encode())]
            await send({**start, "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})

        await self._app(scope, receive, changed)
