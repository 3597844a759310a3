"""The caller's files from disk: named files, folders and patterns, within limits. A URL is a name, and nothing more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runbooks.base.errors import ParameterError
from runbooks.base.files import NotReadable, read_text, why
from runbooks.evidence.source_files import MOST_BYTES, MOST_FILES, SourceFile

MOST_TOTAL = 3_000_000
"""Bytes of all files."""
_VISITED = 20_000
_CODE = re.compile(
    r".+\.(?:[cm]?[jt]sx?|py|go|rb|php|java|kt|cs|rs|exs?|sh|sql|toml|ya?ml|json|tf|swift|dart|vue|svelte)",
    re.IGNORECASE,
)
"""What is read of a folder, by the end of the name; a file that is named itself is read whatever it is called."""
_SKIPPED = frozenset(("node_modules", "vendor", "dist", "build", "target", "__pycache__", "venv"))
_ROOT = (".git", "supabase", "package.json", "pyproject.toml", "go.mod", "fly.toml", "deno.json")
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S+", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")


def named_sources(text: str) -> tuple[str, ...]:
    """The entries of the parameter: one a line, or separated by commas."""
    return tuple(dict.fromkeys(filter(None, (entry.strip() for entry in re.split(r"[,\n]", text)))))


def absolute_sources(text: str) -> str:
    """The same entries for a process in another folder."""
    return ",".join(entry if _URL.fullmatch(entry) else str(_path(entry).absolute()) for entry in named_sources(text))


def read_files(text: str) -> tuple[SourceFile, ...]:
    """Every named file, once, in the order of the names.

    Raises:
        ParameterError: an entry is no URL, and nothing on disk has this name
    """
    found: dict[str, SourceFile] = {}
    room = MOST_TOTAL
    for entry in named_sources(text):
        if _URL.fullmatch(entry):
            found.setdefault(entry, SourceFile(entry, reason="a URL is a name only; nothing is downloaded"))
            continue
        for path in _files(entry):
            if len(found) >= MOST_FILES:
                break
            read = _read(path, room)
            room -= len(read.text or "")
            found.setdefault(read.name, read)
    return tuple(found.values())


def _files(entry: str) -> Iterator[Path]:
    path = _path(entry)
    if _PATTERN.search(entry) and not path.exists():
        files = _matching(path.absolute())
    elif path.is_dir():
        files = list(islice(_below(path), MOST_FILES))
    else:
        files = [path] if path.exists() else []
    if not files:
        raise ParameterError(
            "sources",
            f"The parameter sources names {entry[:300]!r}, and there is no file to read.",
            "Give paths, folders, patterns or URLs, separated by commas; a relative path counts from here.",
        )
    yield from files


def _matching(pattern: Path) -> list[Path]:
    """The files that a pattern such as `src/**/*.ts` names; links are left out."""
    root = Path(pattern.anchor)
    try:
        found = sorted(islice(root.glob(str(pattern.relative_to(root))), _VISITED))
    except (ValueError, OSError):
        return []  # `**` beside other letters
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _below(folder: Path) -> Iterator[Path]:
    """The code below a folder, in the order of the names; links and hidden names are left out."""
    visited = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            visited += 1
            if visited > _VISITED:
                return
            if _CODE.fullmatch(name) and not name.startswith(".") and not path.is_symlink() and path.is_file():
                yield path


def _read(path: Path, room: int) -> SourceFile:
    name = _shown(path)
    if not path.is_file():
        return SourceFile(name, reason="it is no regular file")
    try:
        return SourceFile(name, read_text(path, min(MOST_BYTES, max(room, 0))))
    except NotReadable as error:
        return SourceFile(name, reason=str(error))
    except OSError as error:
        return SourceFile(name, reason=why(error))


def _shown(path: Path) -> str:
    """The name below the project's own folder; nobody else needs to know where that lies."""
    path = path.absolute()
    root = next((p for p in path.parents if p != p.parent and any((p / name).exists() for name in _ROOT)), None)
    return "/".join(path.relative_to(root).parts if root else path.parts[-3:])


def _path(entry: str) -> Path:
    try:
        return Path(entry).expanduser()
    except RuntimeError:  # a home that nobody has
        return Path(entry)
