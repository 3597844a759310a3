"""A list that is too long to be kept whole: read entry by entry, with a limit on everything that is held.

All entries are counted. Kept are those that are looked for and the newest others; that is what the evidence holds, and
a replay reads.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import ijson

MOST_KEPT = 500
"""Entries that are kept besides those that are looked for."""
MOST_ENTRIES = 1_000_000
MOST_BYTES = 1_000_000_000
LONGEST_ENTRY = 256_000
"""Bytes of one entry. The reader keeps the names of all levels at each of them, so depth costs time by its square."""
DEEPEST = 1_000
_PIECE = 16_384
_LOOKED_FOR = 50


class NotRead(Exception):
    """The list is no list, or longer than anything that is read; the message says which."""


class LongList:
    """Takes the parts of a body one after the other.

    Args:
        looked_for: ids and names of machines that are kept whatever their age
        inside: the name under which the list lies in an object; "" for a body that is the list itself
        beside: names in that object that are kept as well
    """

    def __init__(self, looked_for: Collection[str], inside: str = "", beside: tuple[str, ...] = ()) -> None:
        self.total = 0
        self._inside = inside
        self._wanted = frozenset(filter(None, looked_for))
        self._found: list[tuple[int, Any]] = []
        self._odd: list[tuple[int, Any]] = []
        self._newest: list[tuple[str, int, Any]] = []
        self._bytes = self._since_entry = self._level = 0
        self._entries = ijson.sendable_list()
        self._reader = ijson.items_coro(self._entries, f"{inside}.item" if inside else "item")
        self._beside = {name: ijson.sendable_list() for name in beside}
        self._others = [ijson.items_coro(found, name) for name, found in self._beside.items()]

    def feed(self, part: bytes) -> None:
        """The next bytes of the body.

        Raises:
            NotRead: a limit is exceeded, or this is no JSON
        """
        for begin in range(0, len(part), _PIECE):
            self._feed(part[begin : begin + _PIECE])

    def _feed(self, part: bytes) -> None:
        self._bytes += len(part)
        self._since_entry += len(part)
        self._level += sum(part.count(bracket) for bracket in b"[{") - sum(part.count(bracket) for bracket in b"]}")
        if self._level > DEEPEST:
            raise NotRead(f"it is nested deeper than {DEEPEST:,} levels")
        try:
            for reader in (self._reader, *self._others):
                reader.send(part)
        except (ijson.JSONError, StopIteration) as error:
            raise NotRead(f"it is no JSON ({' '.join(str(error).split())[:80]})") from None
        if self._entries:
            self._since_entry = self._level = 0
        for entry in self._entries:
            self._take(entry)
        del self._entries[:]
        if self._since_entry > LONGEST_ENTRY or sum(map(len, self._beside.values())) > len(self._beside):
            raise NotRead(f"one entry of it is longer than {LONGEST_ENTRY:,} bytes")
        if self.total > MOST_ENTRIES or self._bytes > MOST_BYTES:
            raise NotRead(f"it has more than {MOST_ENTRIES:,} entries or {MOST_BYTES:,} bytes")

    def _take(self, entry: Any) -> None:
        place = self.total
        self.total += 1
        if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str) or not entry["id"]:
            # That there is such an entry has to stay visible: nothing is proved to be missing from this list.
            self._odd[1:] = []
            self._odd.append((place, entry))
        elif self._wanted and (entry["id"] in self._wanted or entry.get("name") in self._wanted):
            self._found[_LOOKED_FOR + len(self._wanted) :] = []
            self._found.append((place, entry))
        else:
            at = entry.get("created_at")
            row = (at if isinstance(at, str) else "", -place, entry)
            if len(self._newest) < MOST_KEPT:
                heapq.heappush(self._newest, row)
            elif row[:2] > self._newest[0][:2]:
                heapq.heapreplace(self._newest, row)

    def body(self) -> bytes:
        """What is kept, as the JSON that a shorter list would have been, in the order of the list.

        Raises:
            NotRead: the body ended too early
        """
        try:
            for reader in (self._reader, *self._others):
                reader.close()
        except ijson.JSONError as error:
            raise NotRead(f"it ends too early ({' '.join(str(error).split())[:80]})") from None
        rows = [*self._found, *self._odd, *((-place, entry) for _, place, entry in self._newest)]
        kept: Any = [entry for _, entry in sorted(rows, key=lambda row: row[0])]
        if self._inside:
            kept = {self._inside: kept, **{name: found[0] for name, found in self._beside.items() if found}}
        return json.dumps(kept, ensure_ascii=False, default=_plain).encode("utf-8", errors="replace")


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def parts(body: bytes | bytearray) -> Iterator[bytes]:
    """A body that is in memory already, in parts."""
    return (bytes(body[begin : begin + 65_536]) for begin in range(0, len(body), 65_536))
