"""Content codings of HTTP, undone a piece at a time: a small body that unpacks to a huge one never exists."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

ACCEPTED = "gzip, deflate"
PIECE = 65_536
"""Bytes of a decoded piece at most."""
MOST_CODINGS = 2


class NotDecoded(Exception):
    """The body is packed in a way that is not undone, or is damaged; the message says which."""


def decoded(body: Iterable[bytes], codings: str) -> Iterator[bytes]:
    """The body without its content codings, in pieces.

    Args:
        body: as it came
        codings: the header Content-Encoding

    Raises:
        NotDecoded: an unknown coding, too many of them, or a damaged body
    """
    names = [name for name in (part.strip().lower() for part in codings.split(",")) if name not in ("", "identity")]
    if len(names) > MOST_CODINGS:
        raise NotDecoded(f"its body is packed {len(names)} times over")
    for name in reversed(names):
        if name not in ("gzip", "x-gzip", "deflate"):
            raise NotDecoded(f"its body is packed as {name[:40]!r}, which was not asked for")
        body = _inflated(body, name)
    yield from body


def _inflated(body: Iterable[bytes], name: str) -> Iterator[bytes]:
    bits = 15 if name == "deflate" else 31
    engine = zlib.decompressobj(bits)
    begun = False
    try:
        for part in body:
            rest = part
            while rest:
                try:
                    piece = engine.decompress(rest, PIECE)
                except zlib.error:
                    if begun or name != "deflate":
                        raise
                    engine = zlib.decompressobj(-15)  # some servers leave out the header of zlib
                    piece = engine.decompress(rest, PIECE)
                begun = True
                yield piece  # an empty one, too: who reads can stop
                rest = engine.unconsumed_tail
                if engine.eof:
                    rest = engine.unused_data
                    if not rest.strip(b"\0"):
                        break
                    engine = zlib.decompressobj(bits)
        while begun and not engine.eof and (piece := engine.decompress(engine.unconsumed_tail, PIECE)):
            yield piece
    except zlib.error as error:
        raise NotDecoded(f"its body cannot be unpacked ({error})") from None
