"""A length of time as a person writes it: `90`, `50m`, `1.5h`, `30 days`."""

from __future__ import annotations

import re
from collections.abc import Collection

_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_FORM = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)


def seconds_in(text: str, unit: str, among: Collection[str] = tuple(_UNITS)) -> float | None:
    """The seconds in a number and its unit, which is a word or its beginning: h, hour, hours.

    Args:
        text: what was written
        unit: the unit of a number without one
        among: the units that are taken

    Returns:
        None, if it is no length of time in these units
    """
    found = _FORM.fullmatch(text.strip())
    word = unit_of(found[2] or unit) if found else ""
    return float(found[1]) * _UNITS[word] if found and word in among else None


def unit_of(word: str) -> str:
    """The unit that this word names (`second`, `minute`, `hour`, `day` or `week`), "" if it names none."""
    word = word.lower()
    single = word.removesuffix("s") if len(word) > 2 else word  # ms is no plural of m
    return next((unit for unit in _UNITS if word and unit.startswith(single)), "")
