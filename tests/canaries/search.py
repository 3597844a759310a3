"""Look for words in every byte of a folder, however it is wrapped; knows nothing of the redactor."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_DEPTH = 3


def found(words: Iterable[str], places: Iterable[tuple[str, bytes]]) -> dict[str, list[str]]:
    """For each word that shows anywhere: the names of the places where it does."""
    wanted = {word: word.encode() for word in words}
    hits: dict[str, list[str]] = {}
    for name, data in places:
        views = [name.encode(), *readings(data)]
        for word, raw in wanted.items():
            if any(raw in view for view in views):
                hits.setdefault(word, []).append(name)
    return hits


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def readings(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """The data as it stands, and with each wrapping taken off."""
    yield data
    plain = [data]
    with suppress(ValueError, RecursionError):
        plain.append("\n".join(_strings(json.loads(data))).encode("utf-8", "replace"))
    for text in list(plain):
        undone = html.unescape(re.sub(rb"\x1b\[[0-9;]*m", b"", text).decode("utf-8", "replace")).encode(
            "utf-8", "replace"
        )
        undone = re.sub(rb"\\+u00([0-7][0-9a-fA-F])", lambda m: bytes.fromhex(m[1].decode()), undone)
        undone = unquote_to_bytes(undone).replace(b"\\/", b"/")
        plain.append(undone)
    yield from plain[1:]
    if not depth:
        return
    inner = b"\n".join(piece for text in plain for piece in _unpacked(text))
    if inner:
        yield from readings(inner, depth - 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PK"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield archive.read(name)
    for run in set(_RUN.findall(data)):
        plain = run.replace(b"-", b"+").replace(b"_", b"/")
        for begin in range(4):
            chunk = plain[begin:]
            chunk = chunk[:-1] if len(chunk) % 4 == 1 else chunk
            decoded = base64.b64decode(chunk + b"=" * (-len(chunk) % 4))
            if re.search(rb"[ -~]{8}", decoded):
                yield decoded
            if decoded.startswith(b"\x1f\x8b"):
                with suppress(OSError, EOFError, zlib.error):
                    yield gzip.decompress(decoded)
    for digits in set(_HEX.findall(data)):
        yield bytes.fromhex(digits.decode())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value
