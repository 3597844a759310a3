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
                raise TooMuch(f"it is nested deeper than {depth} levels")
            if count > values:
                raise TooMuch(f"it has more than {values:,} values")
            builder.event(event, float(value) if isinstance(value, Decimal) else value)
    except ijson.JSONError as error:
        raise ValueError(f"it is no JSON: {' '.join(str(error).split())[:120]}") from None
    return builder.value
