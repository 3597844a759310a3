"""The `repr` of something large, in at most one screen: a person at a notebook wants to know what it holds."""

from __future__ import annotations

from collections.abc import Mapping

LINES, WIDTH = 36, 110


def brief(title: str, parts: Mapping[str, object]) -> str:
    """A line for each part, with control and direction characters escaped and what is left over counted.

    Args:
        title: the first line
        parts: texts are shown without quotes, collections as their length, everything else as its `repr`
    """
    lines = [_line(title, "")] + [f"  {_line(f'{name}: ', value)}" for name, value in parts.items()]
    left = len(lines) - LINES
    return "\n".join(lines if left <= 0 else [*lines[:LINES], f"  … [cut: {left} more lines]"])


def _line(name: str, value: object) -> str:
    if isinstance(value, str):
        shown = repr(value)[1:-1]
    elif isinstance(value, list | tuple | dict | set | frozenset):
        shown = f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    else:
        shown = repr(value)
    text = f"{name}{shown}".replace("\n", " ")
    return text if len(text) <= WIDTH else f"{text[:WIDTH]} … [cut]"
