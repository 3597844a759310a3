"""Letters as they are drawn: which ones there are, how wide words become, and where they are cut.

A label may be any string that somebody else wrote. What comes out of here is one line that stays
inside its line, in letters that the font has, and whose width is known before it is drawn.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from runbooks.report import escape

FAMILY = "DejaVu Sans"
MOST = 300
"""Letters of a string that are looked at: no picture is wide enough for more."""
_UNKNOWN = "\ufffd"
UNITS = 1_000.0
"""Of outlines, in the size of the font: so many that hinting, which moves edges by parts of one, does not show."""
_HIGHEST, _LOWEST = 0.98, -0.26
"""How far a letter may reach above and below its line, in sizes of the font."""


@cache
def _font(bold: bool) -> Any:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    wanted = font_manager.FontProperties(family=FAMILY, weight="bold" if bold else "normal")
    font = FT2Font(font_manager.findfont(wanted, fallback_to_default=False))
    font.set_size(UNITS, 72)
    return font


@cache
def _known(bold: bool) -> frozenset[int]:
    return frozenset(_font(bold).get_charmap())


@cache
def _advance(letter: str, bold: bool) -> float | None:
    """The width of a letter in sizes of the font; None where it lacks or would leave its line."""
    if ord(letter) not in _known(bold):
        return None
    glyph = _font(bold).load_char(ord(letter))
    wide = glyph.linearHoriAdvance / 65_536 / UNITS
    left, low, right, high = (edge / 64 / UNITS for edge in glyph.bbox)
    inside = low >= _LOWEST and high <= _HIGHEST and left >= -0.15 and right <= wide + 0.15
    return wide if inside or right <= left else None


def outline(letter: str, bold: bool) -> tuple[Any, Any]:
    """Vertices and codes of a letter's outline, in units of the font, y upwards."""
    font = _font(bold)
    font.load_char(ord(letter))
    vertices, codes = font.get_path()
    return vertices, codes


def clean(text: object) -> str:
    """One line in letters that can be drawn; what cannot shows as �."""
    line = unicodedata.normalize("NFC", escape.line(str(text)[:MOST])).strip()
    return "".join(
        letter if _advance(letter, False) is not None and _advance(letter, True) is not None else _UNKNOWN
        for letter in line
    )


def width(words: str, size: float, bold: bool = False) -> float:
    """The width of clean words, in points."""
    return size * sum(_advance(letter, bold) or 0.0 for letter in words)


def fitted(words: str, room: float, size: float, bold: bool = False, tail: str = "") -> str:
    """Clean words cut with "…" to so many points, `tail` kept behind them; nothing where no letter fits."""
    if width(words + tail, size, bold) <= room:
        return words + tail
    left = room - width("…" + tail, size, bold)
    taken = 0
    for letter in words:
        left -= width(letter, size, bold)
        if left < 0:
            break
        taken += 1
    shown = words[:taken].rstrip()
    return f"{shown}…{tail}" if shown else ""
