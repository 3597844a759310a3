"""The styles of HTML, each of which is read once: a notebook's output repeats them in every cell of a table."""

from __future__ import annotations

import re

_STYLED = re.compile(r'(<[a-z][^<>]*?)( style="[a-z-]{2,40}:[^"<>\n]{1,600}")')


def without_layout(text: str) -> str:
    """The text with each style of its tags only where it stands first."""
    seen: set[str] = set()

    def kept(match: re.Match[str]) -> str:
        tag, style = match.groups()
        if style in seen:
            return tag
        seen.add(style)
        return match[0]

    return _STYLED.sub(kept, text)
