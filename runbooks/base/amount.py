"""A number with its noun."""

from __future__ import annotations


def amount(count: int, noun: str, several: str = "") -> str:
    """ "1 moment", "2 moments"."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
