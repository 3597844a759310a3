"""The journal of a run: each exchange is on disk, masked, as soon as it is complete.

`evidence/journal.jsonl` holds one JSON object a line. The first describes the run, each further one is an exchange or
the end of a look. Every line ends with the SHA-256 of the hash before it and its own text, so that a changed, a
missing and an inserted line show. A run that was killed leaves its last line incomplete at worst.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from runbooks.base import folders
from runbooks.base.errors import DiskError
from runbooks.base.files import DISK_FAILS, DISK_FULL, why
from runbooks.evidence.har import har_entry, iso, plain
from runbooks.evidence.models import Exchange, Observation

FORMAT = "fly-runbooks/journal/1"
NAME = "journal.jsonl"
RESERVE = 4_000_000
"""Bytes of disk that a run holds back for its last exchange and its end."""
SAVED_WHOLE: set[str] = set()
"""Slugs of the facets whose answer is saved beside their exchanges; collectors register it."""
_LAST = re.compile(r', "sha256": "([0-9a-f]{64})"\}\Z')


def saves(observation: Observation) -> bool:
    """Is the answer itself saved, and not read again from the exchanges?"""
    return not observation.exchanges or observation.facet.slug in SAVED_WHOLE


class Journal:
    """Appends to the journal of a run that is under way.

    `failure` says why nothing more can be kept: the collector asks nothing more then.
    """

    def __init__(self, folder: Path) -> None:
        """Open a new journal below the folder of a run.

        Raises:
            DiskError: the disk has no room for it, or fails
        """
        self.failure = ""
        self.kept = 0
        self._readings: list[datetime] = []
        self._hash = ""
        self._size = 0
        self._reserve: int | None = None
        try:
            folders.make(folder)
            self.path, self._file = _opened(folder)
            weakref.finalize(self, self._file.close)
            self._reserve = _reserved(folder)
        except OSError as error:
            if error.errno in DISK_FAILS:
                raise folders.no_room(
                    folder, f"The disk that holds {folder} cannot be written ({why(error)})"
                ) from None
            raise

    def read_clock(self, at: datetime) -> None:
        """A reading of the clock; a replay needs all of them in their order."""
        self._readings.append(at)

    def begin(self, run: Mapping[str, Any]) -> None:
        """The first line: what is asked, of whom, and how."""
        self._append({"kind": "run", "format": FORMAT, **run}, sync=True)

    def exchange(self, exchange: Exchange) -> None:
        """One attempt, answered or not.

        Raises:
            DiskError: the disk is full or fails. The exchange may have been kept all the same, in the reserve.
        """
        self._append({"kind": "exchange", "entry": har_entry(exchange)}, sync=True)
        self.kept += 1

    def intention(self, description: Mapping[str, Any]) -> None:
        """What is about to be changed at Fly: this line is on disk before the request leaves.

        Raises:
            DiskError: as `exchange`; the request must not be made then
        """
        self._append({"kind": "write", **description}, sync=True)

    def observation(self, observation: Observation, masked: Mapping[str, int], hits: list[Mapping[str, Any]]) -> None:
        """How a look ended, with its answer where that did not come over HTTP.

        Raises:
            DiskError: as `exchange`
        """
        own = observation.answer if saves(observation) else None
        told = {
            "kind": "look",
            "number": observation.number,
            "facet": observation.facet.slug,
            "outcome": observation.outcome.value,
            "reason": observation.reason,
            "code": observation.code.value,
            "at": iso(observation.at),
            "asked": not saves(observation),
            "answer": asdict(own) if is_dataclass(own) and not isinstance(own, type) else own,
            "masked": dict(masked),
            "hits": hits,
        }
        # What came over HTTP is on disk already; without this line its answers are read again.
        self._append(told, sync=own is not None)

    def end(self) -> None:
        """Every question was asked.

        Raises:
            DiskError: as `exchange`
        """
        self._append({"kind": "end"}, sync=False)

    def close(self) -> None:
        """Nothing is written after this, and the reserve is given back.

        The file stays open and locked as long as this object lives: until the report is published, nobody may take
        the folder for that of a run that died.
        """
        self._release()

    def _append(self, told: Mapping[str, Any], *, sync: bool) -> None:
        if self.failure:
            raise DiskError(self.failure)
        readings = [iso(at) for at in self._readings]
        text, digest = _line({**told, "clock": readings}, self._hash)
        data = text.encode("utf-8")
        try:
            self._write(data, sync)
        except OSError as error:
            if error.errno not in DISK_FAILS:
                raise
            self.failure = (
                f"the disk is full ({why(error)})" if error.errno in DISK_FULL else f"the disk fails ({why(error)})"
            )
            self._release()
            with contextlib.suppress(OSError):
                # What cannot be synced is better kept in the system's memory than nowhere.
                self._write(data, sync=False)
                self._note(data, digest)
            raise DiskError(self.failure) from None
        self._note(data, digest)

    def _note(self, data: bytes, digest: str) -> None:
        self._size += len(data)
        self._hash = digest
        self._readings.clear()

    def _write(self, data: bytes, sync: bool) -> None:
        """All of it or nothing: what a failed attempt left behind is cut off."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file.fileno(), rest) :]
            if sync:
                os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._size)
            raise

    def _release(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def _opened(folder: Path) -> tuple[Path, IO[bytes]]:
    """A journal of its own for each look: what an earlier one holds stays."""
    for number in range(1, 1000):
        path = folder / (NAME if number == 1 else f"journal-{number}.jsonl")
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            file = os.fdopen(os.open(path, flags, 0o666 & ~folders.umask()), "ab", buffering=0)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):
                above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(above)
                finally:
                    os.close(above)
            return path, file
    raise FileExistsError(f"there are a thousand journals in {folder}")


def _reserved(folder: Path) -> int:
    """Room on the disk under no name: it is given back when it is closed, however the process ends."""
    path = folder / f".reserve-{os.getpid()}"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        path.unlink()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, RESERVE)
        else:
            os.write(file, bytes(RESERVE))
    except OSError:
        os.close(file)
        raise
    return file


def _line(told: Mapping[str, Any], before: str) -> tuple[str, str]:
    """A line with its end, and its hash."""
    text = json.dumps(told, ensure_ascii=False, default=plain)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a character, as JSON can escape it
        text = json.dumps(told, default=plain)
    text = text.removesuffix("}")
    digest = hashlib.sha256(f"{before}{text}".encode()).hexdigest()
    return f'{text}, "sha256": "{digest}"}}\n', digest


def resealed(text: str) -> str:
    """The same lines with hashes that fit: for a journal in which a late mask was put."""
    lines, before = [], ""
    for line in text.splitlines(keepends=True):
        try:
            told = json.loads(line)
            told.pop("sha256", None)
        except (ValueError, AttributeError, RecursionError):
            lines.append(line)
            continue
        one, before = _line(told, before)
        lines.append(one)
    return "".join(lines)


class Changed(ValueError):
    """A journal that is not as it was written; the message names the line."""


@dataclass(frozen=True)
class Recorded:
    """A journal read back.

    `incomplete` says that its last line was cut off while it was written, `finished` that all questions were asked.
    """

    run: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...] = ()
    looks: tuple[Mapping[str, Any], ...] = ()
    clock: tuple[str, ...] = ()
    incomplete: bool = False
    finished: bool = False
    masked: Mapping[str, int] = field(default_factory=dict)
    hits: tuple[Mapping[str, Any], ...] = ()

    @property
    def questions(self) -> int:
        """How many questions the run was to ask."""
        asked = self.run.get("questions")
        return len(asked) if isinstance(asked, list) else 0

    @property
    def question(self) -> int:
        """The question at which the run ended, counted from 1."""
        asked = self.run.get("questions")
        order = asked if isinstance(asked, list) else []
        ended = [order.index(look["number"]) for look in self.looks if look["number"] in order]
        return min(max(ended, default=-1) + 2, max(len(order), 1))


def read(data: bytes) -> Recorded:
    """Read a journal and verify every line of it.

    Raises:
        Changed: a line is not as it was written
        ValueError: this is no journal
    """
    lines = list(_verified(data))
    if not lines or lines[0].get("kind") != "run" or lines[0].get("format") != FORMAT:
        raise ValueError("it does not begin with the description of a run")
    looks = tuple(line for line in lines if line.get("kind") == "look")
    return Recorded(
        run=lines[0],
        entries=tuple(line["entry"] for line in lines if line.get("kind") == "exchange"),
        looks=looks,
        clock=tuple(at for line in lines for at in line.get("clock", ())),
        incomplete=not data.endswith(b"\n"),
        finished=lines[-1].get("kind") == "end",
        masked=looks[-1].get("masked", {}) if looks else {},
        hits=tuple(looks[-1].get("hits", ())) if looks else (),
    )


def _verified(data: bytes) -> Iterator[dict[str, Any]]:
    before = ""
    complete, _, _ = data.rpartition(b"\n")
    for number, raw in enumerate(complete.split(b"\n") if complete else [], start=1):
        try:
            line = raw.decode("utf-8")
            end = _LAST.search(line)
            told = json.loads(line)
        except (ValueError, RecursionError):
            raise Changed(f"line {number} is no JSON") from None
        text = line[: end.start()] if end else ""
        if (
            end is None
            or hashlib.sha256(f"{before}{text}".encode()).hexdigest() != end[1]
            or not isinstance(told, dict)
        ):
            raise Changed(f"line {number} is not as it was written, or one before it is missing")
        before = end[1]
        yield told
