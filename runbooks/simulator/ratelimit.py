"""Fly's documented limits: per action and identifier. Uses the real monotonic clock, unlike all else here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class RateLimiter:
    """Token buckets; `GET machine` has a larger one than everything else."""

    def __init__(self, *, enabled: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._enabled = enabled
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def retry_after(self, action: str, identifier: str) -> int | None:
        """None when the call may pass, else the whole seconds after which it may."""
        if not self._enabled:
            return None
        rate, burst = (5.0, 10.0) if action == "get machine" else (1.0, 3.0)
        now = self._clock()
        left, since = self._buckets.get((action, identifier), (burst, now))
        left = min(burst, left + (now - since) * rate)
        if left < 1.0:
            self._buckets[action, identifier] = (left, now)
            return max(1, math.ceil((1.0 - left) / rate))
        self._buckets[action, identifier] = (left - 1.0, now)
        return None
