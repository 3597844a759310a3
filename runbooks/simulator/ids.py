"""Identifiers that look like the platform's and are the same in every run.

Each is the hash of the scenario's name, its kind and a counter: no randomness, no wall clock.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FIRST = (
    "bold",
    "calm",
    "dark",
    "empty",
    "floral",
    "green",
    "icy",
    "late",
    "misty",
    "nameless",
    "polished",
    "shy",
)
_SECOND = ("bird", "cloud", "dew", "field", "fog", "glade", "leaf", "moon", "pine", "river", "shape", "wave")


class Ids:
    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count: Counter[str] = Counter()

    def ulid(self, kind: str, at: datetime) -> str:
        """Ten characters of time, sixteen of hash; a ULID of the same kind and order is always the same."""
        return _crockford(int(at.timestamp() * 1000), 10) + _crockford(self._number(kind), 16)

    def hex(self, kind: str, length: int) -> str:
        return f"{self._number(kind):064x}"[-length:]

    def uuid(self, kind: str) -> str:
        digits = self.hex(kind, 32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def machine_name(self) -> str:
        number = self._number("name")
        return f"{_FIRST[number % 12]}-{_SECOND[number // 12 % 12]}-{number // 144 % 9000 + 1000}"

    def private_ip(self) -> str:
        digits = self.hex("private_ip", 12)
        return f"fdaa:2b:{digits[:4]}:a7b:{digits[4:8]}:{digits[8:12]}:2ee8:2"

    def _number(self, kind: str) -> int:
        self._count[kind] += 1
        text = f"{self._seed}/{kind}/{self._count[kind]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _crockford(number: int, length: int) -> str:
    out = ""
    for _ in range(length):
        out = _CROCKFORD[number & 31] + out
        number >>= 5
    return out
