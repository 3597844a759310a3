"""The simulated time: it stands still unless it is told to move, and plays what was planned on the way."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta


class Clock:
    def __init__(self, start: datetime) -> None:
        self.now = start
        self._planned: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = 0

    def at(self, moment: datetime, action: Callable[[], None]) -> None:
        """Plan an action; those of the same moment happen in the order in which they were planned."""
        heapq.heappush(self._planned, (max(moment, self.now), self._order, action))
        self._order += 1

    def after(self, milliseconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + timedelta(milliseconds=milliseconds), action)

    def next_moment(self) -> datetime | None:
        return self._planned[0][0] if self._planned else None

    def advance_to(self, moment: datetime) -> None:
        while self._planned and self._planned[0][0] <= moment:
            self.now, _, action = heapq.heappop(self._planned)
            action()
        self.now = max(self.now, moment)
