"""Only the pixels of a whole PNG are no text: whatever stands beside or behind them is read."""

from __future__ import annotations

import base64
import random
import struct
import zlib

import pytest

from runbooks.evidence.redaction import Redactor
from runbooks.evidence.redaction.pictures import without_pixels

_PIXELS = zlib.compress(random.Random(1).randbytes(600_000))  # packed, it takes several pieces
_BEHIND = b"password=hunter2hunter2"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(pixels: bytes, more: bytes = b"") -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes(13)) + more + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def test_pixels_are_left_out_and_other_chunks_stay() -> None:
    kept = without_pixels(_png(_PIXELS, _chunk(b"tEXt", _BEHIND)))
    assert _BEHIND in kept
    assert len(kept) < 200


def test_colours_are_no_text_and_a_text_among_them_is() -> None:
    """Some palettes of a chart looked like an assignment to something random, and the whole chart was masked."""
    redactor = Redactor()
    chance = random.Random(2)
    for _ in range(200):
        colours = b"B=" + bytes(chance.choice(b"ABCDEFGHIJKLabcdefghijkl0123456789") for _ in range(95)) + b"\xfd" * 2
        assert not redactor.hides(base64.b64encode(_png(_PIXELS, _chunk(b"PLTE", colours))).decode())
    assert redactor.hides(base64.b64encode(_png(_PIXELS, _chunk(b"PLTE", _BEHIND))).decode())


@pytest.mark.parametrize("pixels", [_PIXELS + _BEHIND, _PIXELS + bytes(600_000) + _BEHIND, _PIXELS[:-9], _BEHIND, b""])
def test_what_is_no_whole_stream_of_pixels_is_read_as_it_stands(pixels: bytes) -> None:
    assert without_pixels(_png(pixels)) == _png(pixels)
