"""What an answer said, laid out for reading and cut to a length that a page can bear."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runbooks.report import escape

MOST = 4_000
"""Characters of one answer that the page shows; the whole stands in `evidence/http.har`."""


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
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(value, indent=2, ensure_ascii=False)
