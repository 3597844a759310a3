"""Reading what somebody else wrote: at most so many bytes, from a regular file or a pipe, without following links."""

from __future__ import annotations

import codecs
import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import Any

DISK_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
DISK_FAILS = DISK_FULL | {errno.EIO, errno.EROFS}
"""What an operating system says when a file cannot be written for want of room or of a working disk."""


PIPE_SECONDS = 10
"""How long a pipe may be silent."""


class NotReadable(Exception):
    """A file that is not read; the message says why."""


def read_text(path: Path, most: int) -> str:
    """All of a file or pipe as text: UTF-16 where it begins with that mark, as PowerShell writes it, else UTF-8.

    Bytes that are neither are replaced. Links are followed.

    Args:
        path: what a person named
        most: bytes; what is longer is refused

    Raises:
        NotReadable: no regular file or pipe, or too long
        OSError: it cannot be opened or read
    """
    data = read_bytes(path, most)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8", errors="replace")


def read_bytes(path: Path, most: int) -> bytes:
    """As `read_text`, without decoding."""
    # Not blocking: to open a pipe that nobody writes to would take for ever.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISREG(mode):
            data = _all(file, most)
        elif stat.S_ISFIFO(mode):
            data = _piped(file, most)
        else:
            raise NotReadable(f"it is {kind_of(mode)}, and only a regular file or a pipe is read")
    finally:
        os.close(file)
    if len(data) > most:
        raise NotReadable(f"it is longer than {most:,} bytes")
    return data


def _all(file: int, most: int) -> bytes:
    """At most one byte more than `most`; a file in /proc tells no size, so the bytes are counted as they come."""
    data = bytearray()
    while len(data) <= most and (part := os.read(file, min(1 << 20, most + 1 - len(data)))):
        data += part
    return bytes(data)


def _piped(file: int, most: int) -> bytes:
    """What is written into a pipe until it is closed; one that falls silent is not waited for."""
    data = bytearray()
    end = time.monotonic() + PIPE_SECONDS
    while len(data) <= most:
        left = end - time.monotonic()
        if left <= 0:
            raise NotReadable(f"nothing came through this pipe for {PIPE_SECONDS} s")
        try:
            part = os.read(file, 1 << 16)
        except BlockingIOError:
            select.select([file], [], [], left)
            continue
        if part:
            data += part
            end = time.monotonic() + PIPE_SECONDS
        elif data:
            break
        else:
            time.sleep(0.02)  # nobody has opened the other end yet
    return bytes(data)


def read_below(folder: Path, name: str, most: int) -> bytes:
    """A regular file below a folder. No part of its name may be a link, so nothing outside can be read.

    Args:
        folder: itself may be a link: a person named it
        name: relative, with `/`
        most: bytes

    Raises:
        NotReadable: the name leads out, or what it names is no regular file, or it is too long
        OSError: it cannot be opened or read
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise NotReadable("its name leads out of the folder")
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = _open(part, opened, os.O_DIRECTORY)
            os.close(opened)
            opened = inner
        with os.fdopen(_open(parts[-1], opened, os.O_NONBLOCK), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise NotReadable(f"it is {kind_of(mode)}, and no regular file")
            data = file.read(most + 1)
    finally:
        os.close(opened)
    if len(data) > most:
        raise NotReadable(f"it is longer than {most:,} bytes")
    return data


def _open(name: str, folder: int, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise NotReadable("it is a link, and links are not followed") from None
        if error.errno in (errno.ENOTDIR, errno.ENXIO):
            raise NotReadable("it is no regular file") from None
        raise


def kind_of(mode: int) -> str:
    """What a file mode says, in words."""
    kinds: tuple[tuple[Any, str], ...] = (
        (stat.S_ISREG, "a regular file"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISLNK, "a link"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((words for test, words in kinds if test(mode)), "a file of another kind")


def why(error: OSError) -> str:
    """The system's own words for an error, for a sentence."""
    return error.strerror or type(error).__name__
