"""A uvicorn server that ends as soon as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import uvicorn

_GOODBYE = 1.0  # seconds for answers that are under way


class Listener(uvicorn.Server):
    """uvicorn itself looks ten times a second whether it should end, and then waits once more as long."""

    _told: asyncio.Event | None = None

    def end(self) -> None:
        """From any thread."""
        self.should_exit = True
        if self._told is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        if not self.should_exit:
            await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = self.server_state
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(state.connections):
            connection.shutdown()
        patience = time.monotonic() + _GOODBYE
        while (state.connections or state.tasks) and time.monotonic() < patience:
            await asyncio.sleep(0.005)
        for task in state.tasks:
            task.cancel()
