"""What of a picture can be read as text: all of it, but for the compressed pixels and the colours of a PNG."""

from __future__ import annotations

import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_AROUND = 12
"""Bytes of a chunk beside its data: length and name before it, a checksum behind it."""
_MOST = 100_000_000
"""Bytes of pixels that are unpacked; a picture that has more is read as a whole."""
_AT_ONCE = 1 << 18


def without_pixels(data: bytes) -> bytes:
    """A whole PNG without its pixels and its colours, among whose bytes letters stand by chance; all else as it is."""
    if not data.startswith(_PNG):
        return data
    kept, pixels, at = [_PNG], [], len(_PNG)
    while at < len(data):
        chunk = data[at : at + _AROUND + int.from_bytes(data[at : at + 4], "big")]
        at += len(chunk)
        name, inside, checksum = chunk[4:8], chunk[8:-4], chunk[-4:]
        if len(chunk) < _AROUND or zlib.crc32(name + inside) != int.from_bytes(checksum, "big"):
            return data
        if name == b"IDAT":
            pixels.append(inside)
        elif name == b"PLTE" and not inside.isascii():
            continue  # colours, of which some are light; ASCII alone may be a text
        else:
            kept.append(chunk)
    unpacking, packed, left = zlib.decompressobj(), b"".join(pixels), _MOST
    try:
        for begin in range(0, len(packed), _AT_ONCE):
            if unpacking.eof:
                return data  # something stands behind the pixels
            piece = packed[begin : begin + _AT_ONCE]
            while piece and left > 0:
                left -= len(unpacking.decompress(piece, _AT_ONCE))
                piece = unpacking.unconsumed_tail
    except zlib.error:
        return data
    return b"".join(kept) if unpacking.eof and not unpacking.unused_data else data
