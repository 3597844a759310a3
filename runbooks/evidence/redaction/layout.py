"""What in HTML and SVG is layout, and no text: outlines that are drawn, and styles that were read before."""

from __future__ import annotations

import re

_LAYOUT = re.compile(r' (?:d="M[MLHVCSQTAZmlhvcsqtaz\d .,-]*"|style="[^"<>\n]{1,600}")')


def without_layout(text: str) -> str:
    """The text without outlines, which are numbers, and with each style only where it stands first."""
    seen: set[str] = set()

    def kept(match: re.Match[str]) -> str:
        attribute = match[0]
        if attribute.startswith(" d=") or attribute in seen:
            return ""
        seen.add(attribute)
        return attribute

    return _LAYOUT.sub(kept, text)
