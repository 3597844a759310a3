"""What an answer said, laid out for reading and cut to a length that a page can bear."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runbooks.report import escape

MOST = 4_000
"""Characters of one answer that the page shows; the whole stands in `evidence/http.har`."""
_WIDE = 100


@dataclass(frozen=True, slots=True)
class Body:
    """`text` is what is shown, `size` the characters there were, `left` those not shown."""

    text: str
    size: int
    left: int


def lay_out(body: str, most: int = MOST) -> Body:
    """JSON is indented, anything else stays as it came."""
    text = _indented(body)
    return Body(escape.plain(text[:most]), len(body), max(0, len(text) - most))


def _indented(body: str) -> str:
    if not body.lstrip().startswith(("{", "[")):
        return body
    try:
        return _laid_out(json.loads(body))
    except (ValueError, RecursionError):
        return body


def _laid_out(value: Any, indent: int = 0) -> str:
    """An object or list on one line where it fits, else one member a line: a log stays one line an entry."""
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        opening, closing = "{}"
        members = [
            f"{json.dumps(name, ensure_ascii=False)}: {_laid_out(one, indent + 2)}" for name, one in value.items()
        ]
    else:
        opening, closing = "[]"
        members = [_laid_out(one, indent + 2) for one in value]
    line = f"{opening}{', '.join(members)}{closing}"
    if "\n" not in line and indent + len(line) <= _WIDE:
        return line
    inner = ",\n".join(f"{' ' * (indent + 2)}{member}" for member in members)
    return f"{opening}\n{inner}\n{' ' * indent}{closing}"
