"""JSON from outside: read with a limit on its depth and on the number of its values, without ever holding more."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import ijson

DEPTH = 100
VALUES = 500_000


class TooMuch(ValueError):
    """JSON that is deeper or has more values than anything that this tool writes."""


def loads(data: bytes, depth: int = DEPTH, values: int = VALUES) -> Any:
    """The value of a JSON text.

    Args:
        data: UTF-8
        depth: how deep lists and objects may lie in one another
        values: how many values and names there may be in all

    Raises:
        TooMuch: a limit is exceeded; nothing behind that place was read
        ValueError: this is no JSON
    """
    value, fault = loads_partly(data, depth, values)
    if fault is not None:
        raise fault
    return value


def loads_partly(data: bytes, depth: int = DEPTH, values: int = VALUES) -> tuple[Any, ValueError | None]:
    """The value of a JSON text as far as it goes, and what ended the reading before its end.

    Args:
        data: UTF-8
        depth: how deep lists and objects may lie in one another
        values: how many values and names there may be in all

    Returns:
        what was complete; and None, or TooMuch, or a ValueError where this is no JSON
    """
    builder = ijson.ObjectBuilder()
    level = count = 0
    try:
        for event, value in ijson.basic_parse(io.BytesIO(data)):
            count += 1
            if event in ("start_map", "start_array"):
                level += 1
            elif event in ("end_map", "end_array"):
                level -= 1
            if level > depth:
                return _built(builder), TooMuch(f"it is nested deeper than {depth} levels")
            if count > values:
                return _built(builder), TooMuch(f"it has more than {values:,} values")
            builder.event(event, float(value) if isinstance(value, Decimal) else value)
    except ijson.JSONError as error:
        return _built(builder), ValueError(f"it is no JSON: {' '.join(str(error).split())[:120]}")
    return _built(builder), None


def _built(builder: ijson.ObjectBuilder) -> Any:
    """What was read so far; a text that ends before its first value has none."""
    return getattr(builder, "value", None)
