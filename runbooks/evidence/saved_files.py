"""The files of a saved run, in a folder or in a zip: read within limits, and compared with their hashes.

Nothing is unpacked and no link is followed, so no name in a bundle can point anywhere.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runbooks.base.errors import SourceError
from runbooks.base.files import NotReadable, read_below, why
from runbooks.base.seal import intact
from runbooks.evidence import bounded_json

MAX_FILE = 50_000_000
"""Bytes of one file of a bundle."""
MAX_ZIP = 200_000_000
MAX_ENTRIES = 1_000
"""Files in a zip."""
_DIRECTORY = 1_000_000
INDEX = "index.json"
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
SEAL = b"fly-runbooks sha256:"
"""What the comment of a zip that `share` made begins with; the hash of all bytes before it follows."""
_SEALED = re.compile(rb"fly-runbooks sha256:([0-9a-f]{64})\Z")
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, struct.error, ValueError)


class SavedFiles(Protocol):
    """A run's files by their names below its folder, such as `evidence/index.json`."""

    def has(self, name: str) -> bool: ...

    def read(self, name: str, most: int = MAX_FILE) -> bytes:
        """Raises NotReadable or OSError."""


@dataclass(frozen=True)
class InFolder:
    """`inside` is the folder of the evidence as seen from `folder`: "evidence/", or "" when only that one was given."""

    folder: Path
    inside: str = "evidence/"

    def has(self, name: str) -> bool:
        path = self.folder / self._own(name)
        return path.is_symlink() or path.exists()

    def read(self, name: str, most: int = MAX_FILE) -> bytes:
        return read_below(self.folder, self._own(name), most)

    def _own(self, name: str) -> str:
        return self.inside + name.removeprefix("evidence/") if name.startswith("evidence/") else name


class InZip:
    """The zip stays closed between two reads; `before` is what its names begin with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_zip(path)
        with _opened(path) as packed:
            names = [entry.filename for entry in packed.infolist()]
        if len(names) > MAX_ENTRIES:
            raise NotReadable(f"it holds more than {MAX_ENTRIES:,} files")
        found = {
            name.removesuffix(end)
            for name in names
            for end in (f"evidence/{INDEX}", f"evidence/{JOURNAL}")
            if name == end or name.endswith(f"/{end}")
        }
        self._bare = not found and (INDEX in names or JOURNAL in names)
        if len(found) > 1:
            raise NotReadable(f"it holds {len(found)} runs")
        self._before = next(iter(found), "")
        self._names = names

    def has(self, name: str) -> bool:
        return self._own(name) in self._names

    def read(self, name: str, most: int = MAX_FILE) -> bytes:
        own = self._own(name)
        if self._names.count(own) != 1:
            raise NotReadable(f"there are {self._names.count(own)} files of this name")
        try:
            # Counted while it is unpacked: what a zip says about its sizes need not be so.
            with _opened(self.path) as packed, packed.open(own) as file:
                longer = packed.getinfo(own).file_size > most
                data = b"" if longer else file.read(most + 1)
        except _DAMAGED as error:
            raise NotReadable(f"it cannot be unpacked ({str(error)[:80] or type(error).__name__})") from None
        if longer or len(data) > most:
            raise NotReadable(f"it is longer than {most:,} bytes")
        return data

    def _own(self, name: str) -> str:
        return name.removeprefix("evidence/") if self._bare else f"{self._before}{name}"


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise NotReadable(f"it is no zip that can be read ({str(error)[:80]})") from None


def _check_zip(path: Path) -> None:
    """Size, table of contents and seal, before anything of it is read into memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size > MAX_ZIP:
            raise NotReadable(f"it is longer than {MAX_ZIP:,} bytes")
        file.seek(max(0, size - 66_000))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            raise NotReadable("it is no zip, or its end is missing")
        entries, length = struct.unpack("<HI", tail[at + 10 : at + 16])
        if entries > MAX_ENTRIES or length > _DIRECTORY:
            raise NotReadable(f"it holds more than {MAX_ENTRIES:,} files")
        behind = tail[at + 22 :]
        if not behind:
            return  # made by another program
        told = _SEALED.match(behind)
        file.seek(0)
        digest = hashlib.sha256()
        left = size - 64
        while left > 0 and (part := file.read(min(left, 1_000_000))):
            digest.update(part)
            left -= len(part)
        if told is None or digest.hexdigest().encode() != told[1]:
            raise NotReadable("it was changed after it was made: its bytes do not have the hash that it names")


def saved_files(path: Path) -> SavedFiles:
    """The files of the run at a path: its folder, its `evidence/` folder, or a zip of one of them.

    Raises:
        SourceError: there is no bundle, or one that is damaged
    """
    if path.is_dir():
        for folder in (InFolder(path), InFolder(path, "")):
            if folder.has(f"evidence/{INDEX}") or folder.has(f"evidence/{JOURNAL}"):
                return folder
    elif path.is_file() and (zipfile.is_zipfile(path) or path.suffix == ".zip"):
        try:
            packed = InZip(path)
        except NotReadable as error:
            raise SourceError(
                f"The bundle {path} cannot be read: {error}.",
                "Get it once more from where it was made; `runbooks share RUN` packs one.",
            ) from None
        if packed.has(f"evidence/{INDEX}") or packed.has(f"evidence/{JOURNAL}"):
            return packed
    raise SourceError(
        f"There is no bundle at {path}: neither a run's folder with evidence/index.json nor a zip of one.",
        "Give the folder of a run below outputs/, or the file that `runbooks share RUN` made.",
    )


@dataclass(frozen=True)
class Verified:
    """What is not as the run left it: `evidence` is what a replay reads, `reports` what was made of it."""

    evidence: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


def verify(saved: SavedFiles) -> Verified:
    """Compare every file of a run with the hash that the run wrote down.

    Returns:
        one phrase for each file that is not the same, such as "evidence/http.har was changed"
    """
    evidence: dict[str, str] = {}
    reports: dict[str, str] = {}
    for holder, below in ((f"evidence/{INDEX}", "evidence/"), (MANIFEST, "")):
        if not saved.has(holder):
            continue
        hashes = _hashes(saved, holder, evidence)
        for name, digest in hashes.items():
            full = f"{below}{name}"
            trouble = _compared(saved, full, digest)
            if trouble:
                (evidence if full.startswith("evidence/") else reports).setdefault(full, trouble)
    return Verified(tuple(_phrases(evidence)), tuple(_phrases(reports)))


def _phrases(troubles: Mapping[str, str]) -> Iterator[str]:
    return (f"{name} {trouble}" for name, trouble in sorted(troubles.items()))


def _hashes(saved: SavedFiles, holder: str, troubles: dict[str, str]) -> Mapping[str, str]:
    try:
        data = saved.read(holder)
        if intact(data) is False:
            troubles[holder] = "was changed"
            return {}
        told = bounded_json.loads(data)
    except (ValueError, RecursionError):
        troubles[holder] = "was changed (it is no JSON)"
        return {}
    except (NotReadable, OSError) as error:
        troubles[holder] = f"cannot be read ({why(error) if isinstance(error, OSError) else error})"
        return {}
    found = told.get("sha256" if holder.endswith(INDEX) else "files") if isinstance(told, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: digest for name, digest in found.items() if isinstance(digest, str)}


def _compared(saved: SavedFiles, name: str, digest: str) -> str:
    """What is wrong with one file, or ""."""
    try:
        same = hashlib.sha256(saved.read(name, 2 * MAX_FILE)).hexdigest() == digest
    except FileNotFoundError:
        return "is missing"
    except NotReadable as error:
        return f"cannot be read: {error}" if saved.has(name) else "is missing"
    except OSError as error:
        return f"cannot be read ({why(error)})"
    return "" if same else "was changed"


Read = Callable[[str], Any]


def json_of(saved: SavedFiles, name: str) -> Any:
    """A JSON file of the evidence.

    Raises:
        ValueError, OSError: it cannot be read; the message says why
    """
    try:
        return bounded_json.loads(saved.read(f"evidence/{name}"))
    except NotReadable as error:
        raise ValueError(f"{name}: {error}") from None
