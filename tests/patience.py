"""Tests of short limits on a busy machine, where a server may not even have answered when they pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def patiently(look: Callable[[float], _T], far_enough: Callable[[_T], bool]) -> _T:
    """What a look finds that may take so many seconds; with more of them where it did not get far enough."""
    found = look(0.3)
    for seconds in (3.0, 30.0):
        if far_enough(found):
            break
        found = look(seconds)
    return found
