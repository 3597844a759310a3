"""What a mistyped or half-remembered name may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_MOST = 3


def did_you_mean(word: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """One sentence with the nearest known names.

    Args:
        word: what was given
        known: the names; or each name with its title, whose words lead to it, too
    """
    titles = known if isinstance(known, Mapping) else dict.fromkeys(known, "")
    found = nearest(word, titles)
    return f"Did you mean {' or '.join(found)}?" if found else f"Known are: {', '.join(sorted(titles))}."


def nearest(word: str, titles: Mapping[str, str]) -> list[str]:
    """The names that a word may mean, the likeliest first: by its letters, its initials, or words of its title."""
    asked = word.lower().strip()
    letters = difflib.get_close_matches(asked, titles, n=_MOST, cutoff=0.6)
    told = [name for name, title in titles.items() if asked and _leads_to(asked, name, title)]
    close = difflib.get_close_matches(asked, titles, n=_MOST, cutoff=0.4)
    return list(dict.fromkeys((*letters, *told, *close)))[:_MOST]


def _leads_to(asked: str, name: str, title: str) -> bool:
    """`oom` is out-of-memory; `dns` stands in a title; `memory` is a part of the name."""
    parts = re.findall(r"[a-z0-9]+", name.lower())
    words = set(re.findall(r"[a-z0-9]+", title.lower()))
    initials = "".join(part[0] for part in parts)
    wanted = re.findall(r"[a-z0-9]+", asked)
    return asked == initials or (bool(wanted) and all(one in words or one in parts for one in wanted))
