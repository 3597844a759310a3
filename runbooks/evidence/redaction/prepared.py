"""A text made ready to be searched for many words and tokens; what costs a pass over the text is done once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

_LETTERS = re.compile(r"[a-z]+")
_NO_LETTERS = bytes(code if 97 <= code <= 122 else 32 for code in range(256))
_RUN = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{16,}", re.ASCII)
# In a shorter text it takes longer to collect its words than to look for each.
_LONG = 4_000


class Prepared:
    """Where words, in any letters, and runs stand in a text; positions are those of the text itself."""

    def __init__(self, text: str) -> None:
        small = text.lower()
        if len(small) != len(text):  # one character in a few thousand scripts has two small ones
            small = "".join(char.lower() if char.isascii() else char for char in text)
        self.text, self.small = text, small
        self._lines: dict[tuple[str, ...], list[tuple[int, int]]] = {}

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """Where runs of 16 and more characters stand of which tokens are made."""
        return [match.span() for match in _RUN.finditer(self.text)]

    @cached_property
    def _vocabulary(self) -> str:
        """Every run of letters once: what none of them holds is nowhere in the text, and that is soon seen."""
        words = self.small.encode("utf-8", "replace").translate(_NO_LETTERS).split()
        return f" {b' '.join(set(words)).decode('ascii')} "

    def having(self, words: Iterable[str]) -> list[str]:
        """Those of the words, in small letters, that stand in the text."""
        return [word for word in self._perhaps(words) if word in self.small]

    def _perhaps(self, words: Iterable[str]) -> Iterable[str]:
        """Those whose letters are in the vocabulary."""
        if len(self.small) < _LONG:
            return words
        known = self._vocabulary.__contains__
        return [word for word in words if all(map(known, _letters(word)))]

    def places(self, words: Iterable[str]) -> list[int]:
        """Where any of the words stands, in order, each place once."""
        found: set[int] = set()
        for word in self._perhaps(words):
            found.update(occurrences(word, self.small))
        return sorted(found)

    def lines_with(self, words: tuple[str, ...]) -> list[tuple[int, int]]:
        """The lines in which one of the words stands, each with the next one."""
        if words not in self._lines:
            self._lines[words] = list(self._lines_with(words))
        return self._lines[words]

    def _lines_with(self, words: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        small, done = self.small, 0
        ahead = {word: at for word in self._perhaps(words) if (at := small.find(word)) >= 0}
        while ahead:
            at = min(ahead.values())
            begin = max(done, small.rfind("\n", 0, at) + 1)
            end = small.find("\n", at)
            end = small.find("\n", end + 1) if end >= 0 else -1
            done = len(small) if end < 0 else end
            yield begin, done
            # What stands in these lines once more is passed over.
            later = {word: at if at >= done else small.find(word, done) for word, at in ahead.items()}
            ahead = {word: at for word, at in later.items() if at >= 0}


@cache
def _letters(word: str) -> tuple[str, ...]:
    """The runs of letters of a word as the vocabulary has them: where the word goes on, a run begins or ends."""
    return tuple(" " * (run.start() > 0) + run[0] + " " * (run.end() < len(word)) for run in _LETTERS.finditer(word))


def occurrences(word: str, text: str) -> list[int]:
    """Where the word stands in the text, overlapping places included."""
    found = []
    at = text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + 1)
    return found
