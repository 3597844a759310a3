"""Names of settings that were probably mixed up: one is required, another is set."""

from __future__ import annotations

import difflib


def near_miss(wanted: str, sent: tuple[str, ...]) -> str:
    """The set name that was probably meant: it shares all words but one, or its spelling is almost the same."""
    words = set(wanted.split("_"))
    alike = [s for s in sent if len(words ^ set(s.split("_"))) == 1 and len(words & set(s.split("_"))) >= 2]
    close = difflib.get_close_matches(wanted, sent, n=1, cutoff=0.85)
    return next(iter(alike or close), "")
