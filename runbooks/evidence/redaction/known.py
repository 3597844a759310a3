"""Values that are known to be secret, searched in every text in every spelling that JSON and HTML give them."""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Iterable, Iterator

from runbooks.evidence.redaction.prepared import occurrences

# A shorter value stands too often for something else.
SEARCHED_FROM = 8
# In a long text some are searched one by one, which is fast. Many of them, or those of a short text, are looked up
# position by position, which does not depend on their number: an app with a machine for each user has thousands of ids.
_FEW = 200
_SHORT = 4


class KnownValues:
    """Which values to look for, with what stands for each."""

    def __init__(self) -> None:
        self._by_start: dict[str, dict[str, str]] = {}
        self._starts: list[str] = []  # of all forms, in the order in which they were learnt

    def copy(self) -> KnownValues:
        """The same values in an object of its own."""
        other = KnownValues()
        other._by_start = {start: dict(names) for start, names in self._by_start.items()}
        other._starts = list(self._starts)
        return other

    @property
    def learned(self) -> int:
        """How many forms are known by now."""
        return len(self._starts)

    def add(self, value: str, name: str) -> None:
        """From now on look for this value, also as JSON or HTML would write it."""
        written = html.escape(value, quote=False)
        for form in {
            value,
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            html.escape(value),
            written.replace('"', "&#34;").replace("'", "&#39;"),
        }:
            start = form[:SEARCHED_FROM]
            names = self._by_start.get(start, {})
            if form not in names:
                self._starts.append(start)
                self._by_start[start] = dict(sorted((*names.items(), (form, name)), key=lambda one: -len(one[0])))

    def name(self, written: str) -> str:
        """What stands for a value that was found, or "" if it is not known."""
        return self._by_start.get(written[:SEARCHED_FROM], {}).get(written, "")

    def spans(self, text: str, since: int = 0) -> Iterator[tuple[int, int]]:
        """Where values stand that were learnt after `since`: of several that begin at one place the longest counts."""
        starts: Collection[str] = set(self._starts[since:]) if since else self._by_start
        if not starts or len(text) < SEARCHED_FROM:
            return
        if len(starts) > min(_FEW, len(text) // _SHORT):
            last = len(text) - SEARCHED_FROM
            begins: Iterable[int] = (at for at in range(last + 1) if text[at : at + SEARCHED_FROM] in starts)
        else:
            begins = sorted(at for start in starts for at in occurrences(start, text))
        free = 0
        for at in begins:
            names = self._by_start[text[at : at + SEARCHED_FROM]]
            value = next((value for value in names if text.startswith(value, at)), "") if at >= free else ""
            if value:
                yield at, at + len(value)
                free = at + len(value)
