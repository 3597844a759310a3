"""How fast the API may be asked, as Fly documents it (§1.2)."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_Buckets = dict[tuple[str, str], tuple[float, float]]


class RateBudget:
    """Token buckets as Fly documents them (§1.2): per action and identifier 1/s, three at once;
    for Get Machine 5/s, ten at once. Waiting is real time, whatever the source's clock says.

    Args:
        clock: seconds, of a clock that all processes of this machine share
        sleep: waits, in seconds
        share: the part of the documented rate that is used here, above 0 and at most 1
        file: where the buckets are kept for the other runs of this machine; None keeps them to this run
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        share: float = 1.0,
        file: Path | None = None,
    ) -> None:
        self._clock, self._sleep, self._share, self._file = clock, sleep, share, file
        self._buckets: _Buckets = {}

    def wait(self, action: str, identifier: str) -> None:
        """Take one request of this action out of its bucket, and wait until it may be sent."""
        with self._opened() as buckets:
            now = self._clock()
            rate, _, level = self._level(action, buckets.get((action, identifier)), now)
            # What is not there yet is owed: whoever comes next, in another process too, waits behind it.
            buckets[action, identifier] = (level - 1, now)
        if level < 1:
            self._sleep((1 - level) / rate)

    def _level(self, action: str, bucket: tuple[float, float] | None, now: float) -> tuple[float, float, float]:
        """Rate, burst, and how many requests may be sent now."""
        rate, burst = (5.0, 10.0) if action == "get machine" else (1.0, 3.0)
        rate, burst = rate * self._share, burst * self._share
        level, since = bucket or (burst, now)
        return rate, burst, min(burst, level + (now - since) * rate)

    @contextmanager
    def _opened(self) -> Iterator[_Buckets]:
        if self._file is None:
            yield self._buckets
            return
        with self._file.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            try:
                buckets = {(action, name): (level, since) for action, name, level, since in json.load(file)}
            except ValueError:  # new, or of a process that was killed while it wrote
                buckets = {}
            yield buckets
            now, told = self._clock(), []
            for (action, name), bucket in buckets.items():
                _, burst, level = self._level(action, bucket, now)
                if level < burst:
                    told.append((action, name, *bucket))
            file.truncate(0)
            json.dump(told, file)
