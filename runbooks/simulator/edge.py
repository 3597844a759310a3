"""The public edge over HTTP: what a client of `<app>.fly.dev` is answered, plain or as a WebSocket."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from runbooks.simulator.http import Answer, ApiContext
from runbooks.simulator.proxy import Routed


class Edge:
    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._world = desk.world

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        host, _, port_text = headers.get("host", "").partition(":")
        secure = scope["scheme"] in ("https", "wss")
        port = int(port_text) if port_text.isdigit() else (443 if secure else 80)
        app, forced = self._world.proxy.app_of(host) or "", headers.get("fly-force-instance-id", "")
        proxy = self._world.proxy
        with self._world.lock:
            if scope["type"] == "websocket":
                routed = proxy.upgrade(app, port, scope["path"], forced)
            else:
                routed = proxy.route(app, port, forced)
        if scope["type"] == "websocket":
            await _websocket(WebSocket(scope, receive, send), routed)
        else:
            await self._desk.respond(_answer(routed))(scope, receive, send)


async def _websocket(socket: WebSocket, routed: Routed) -> None:
    """Accept and echo, or answer the upgrade with the status that a browser would never show."""
    if routed.status != 101:
        await socket.send_denial_response(Response(routed.text, routed.status))
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


def _answer(routed: Routed) -> Answer:
    if routed.machine is None:
        return Answer(routed.status, routed.text.encode(), "text/plain; charset=utf-8")
    return Answer(200, b"ok\n", "text/plain; charset=utf-8")
