"""What is asked of an app or an organisation, once for all runs of a sweep on one machine.

The first run that asks leaves its answer for the others: masked, with the values behind its placeholders, so that each
run gives them placeholders of its own. It lies in memory that belongs to the process which opened it: it is on no disk,
and gone with that process. Only on Linux; elsewhere each run asks by itself.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

FRESH_SECONDS = 300.0
"""An answer that was left longer ago is asked for again."""
MOST_BYTES = 256_000_000
_PATIENCE = 90.0
"""Seconds for which a run waits for another one that is asking the same."""
_TICK = 0.1
Masked = tuple[str, str, bool]
"""A placeholder, the value that it stands for, and whether that value is searched in texts."""


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """An answer that another run was given.

    Attributes:
        at: when it was given, by the clock of that run's source
        masked: what stands behind the placeholders of `body`
        looked_for: the machines for which a long list was searched
    """

    status: int
    headers: dict[str, str]
    body: str
    listed: int | None
    at: str
    looked_for: tuple[str, ...]
    masked: tuple[Masked, ...] = field(repr=False)

    @property
    def seen_at(self) -> datetime:
        return datetime.fromisoformat(self.at)


class SharedAnswers:
    """The memory that the runs share: records of a line that describes an answer, and the answer."""

    def __init__(self, descriptor: int, looked_for: Collection[str]) -> None:
        self._descriptor = descriptor
        self.looked_for = frozenset(looked_for)
        """Ids and names of all machines that the runs are about."""

    @classmethod
    def opened(cls, name: str) -> SharedAnswers | None:
        """What `sharing` calls by this name; None where that is gone, or is of another machine."""
        path, _, mark = name.partition("#")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        first = os.pread(descriptor, 100, 0) if mark else b""
        if not first.startswith(f'{{"mark": "{mark}"'.encode()):
            os.close(descriptor)
            return None
        with _mapped(descriptor) as memory:
            return cls(descriptor, json.loads(memory[: memory.find(b"\n")])["looked_for"])

    def close(self) -> None:
        os.close(self._descriptor)

    @contextmanager
    def alone(self, facet: str, url: str, seconds: float) -> Iterator[None]:
        """Wait for another run that is asking this, for so many seconds at most."""
        with _locked(self._descriptor, 1 + zlib.crc32(f"{facet} {url}".encode()), min(seconds, _PATIENCE)):
            yield

    def find(self, facet: str, url: str, looked_for: frozenset[str]) -> SharedAnswer | None:
        """The answer to this question, if one was left that is not too old, and was searched for these machines."""
        with _locked(self._descriptor, 0, _PATIENCE), _mapped(self._descriptor) as memory:
            found = [at for told, at in _records(memory) if told["key"] == [facet, url] and _fresh(told["left_at"])]
            if not found:
                return None
            told = json.loads(memory[found[-1] : memory.find(b"\n", found[-1])])
        masked = tuple((name, value, searched) for name, value, searched in told.pop("masked"))
        answer = SharedAnswer(**{**told, "looked_for": tuple(told["looked_for"])}, masked=masked)
        return answer if answer.listed is None or looked_for <= set(answer.looked_for) else None

    def leave(self, facet: str, url: str, answer: SharedAnswer) -> None:
        """Leave an answer for the other runs, if there is room."""
        body = json.dumps(asdict(answer)).encode() + b"\n"
        with _locked(self._descriptor, 0, _PATIENCE):
            with _mapped(self._descriptor) as memory:
                ends = (at + told["size"] for told, at in _records(memory))
                end = max(ends, default=memory.find(b"\n") + 1)
            told = {"key": [facet, url], "left_at": time.monotonic(), "size": len(body)}
            if end + len(body) <= MOST_BYTES:
                with suppress(OSError):  # there is no memory for it
                    os.pwrite(self._descriptor, json.dumps(told).encode() + b"\n" + body, end)


def _records(memory: mmap.mmap) -> Iterator[tuple[dict[str, Any], int]]:
    """The description of each record, and where its answer begins; the last may be of a run that was killed."""
    at = memory.find(b"\n") + 1
    while (end := memory.find(b"\n", at) + 1) > 0:
        told = json.loads(memory[at:end])
        at = end + told["size"]
        if at > len(memory):
            return
        yield told, end


@contextmanager
def _mapped(descriptor: int) -> Iterator[mmap.mmap]:
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as memory:
        yield memory


@contextmanager
def sharing(looked_for: Collection[str]) -> Iterator[str]:
    """Share what is asked among the runs of this machine, as long as this lasts.

    Args:
        looked_for: ids and names of all machines that the runs are about

    Returns:
        what the runs have to be told (RUNBOOKS_SHARED_ANSWERS); "" where nothing can be shared
    """
    if not hasattr(os, "memfd_create"):
        yield ""
        return
    descriptor, mark = os.memfd_create("fly-runbooks-answers"), secrets.token_hex(8)
    try:
        os.write(descriptor, json.dumps({"mark": mark, "looked_for": sorted(looked_for)}).encode() + b"\n")
        yield f"/proc/{os.getpid()}/fd/{descriptor}#{mark}"
    finally:
        os.close(descriptor)


def _fresh(left_at: float) -> bool:
    return 0 <= time.monotonic() - left_at <= FRESH_SECONDS


@contextmanager
def _locked(descriptor: int, place: int, seconds: float) -> Iterator[bool]:
    """Hold the lock of a place, which ends with its process; go on without it after so many seconds."""
    until, held = time.monotonic() + seconds, False
    while not held:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            held = True
        except OSError:
            if time.monotonic() >= until:
                break
            time.sleep(_TICK)
    try:
        yield held
    finally:
        if held:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)
