"""Macaroons as Fly's library writes them, for the tests: MessagePack with structs as arrays, in base64."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

PERMISSION, AUTHENTICATION = "https://api.fly.io/v1", "https://api.fly.io/aaa/v1"
READ, EVERY = 1, 31


def packed(value: Any) -> bytes:
    """The shortest form of each value."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _headed(value, b"\xc4\xc5\xc6")
    if isinstance(value, str):
        raw = value.encode()
        return bytes([0xA0 | len(raw)]) + raw if len(raw) < 32 else _headed(raw, b"\xd9\xda\xdb")
    if isinstance(value, Mapping):
        items = b"".join(packed(k) + packed(v) for k, v in value.items())
        return (bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + len(value).to_bytes(2, "big")) + items
    items = b"".join(packed(item) for item in value)
    return (bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + len(value).to_bytes(2, "big")) + items


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return value.to_bytes(1, "big", signed=value < 0)
    for power in range(4):
        size = 1 << power
        if 0 <= value < 1 << (8 * size):
            return bytes([0xCC + power]) + value.to_bytes(size, "big")
        if value < 0 and -(1 << (8 * size - 1)) <= value:
            return bytes([0xD0 + power]) + value.to_bytes(size, "big", signed=True)
    raise ValueError(value)


def _headed(raw: bytes, marks: bytes) -> bytes:
    power = 0 if len(raw) < 1 << 8 else 1 if len(raw) < 1 << 16 else 2
    return marks[power : power + 1] + len(raw).to_bytes(1 << power, "big") + raw


def macaroon(
    *caveats: Any,
    location: str = PERMISSION,
    kid: bytes = b"made-up-key-id-1",
    proof: bool = False,
    prefix: str = "fm2_",
) -> str:
    """`caveats` are number, body, number, body, … as in the token itself."""
    raw = packed([[kid, b"\x01" * 16, proof], location, list(caveats), b"\x02" * 32])
    return prefix + base64.b64encode(raw).decode()


def organisation(number: int, mask: int = EVERY) -> tuple[int, list[int]]:
    return 0, [number, mask]


def apps(masks: Mapping[int, int]) -> tuple[int, list[Any]]:
    return 3, [dict(masks)]


def window(begin: int, end: int) -> tuple[int, list[int]]:
    return 4, [begin, end]


def third_party(place: str = AUTHENTICATION, ticket: bytes = b"a ticket") -> tuple[int, list[Any]]:
    return 11, [place, b"verifier-key", ticket]


def action(mask: int) -> tuple[int, int]:
    return 26, mask


def if_present(inner: list[Any], otherwise: int) -> tuple[int, list[Any]]:
    return 13, [inner, otherwise]
