"""Texts as they are written and as they are meant: escapes undone, base64 and hex decoded."""

from __future__ import annotations

import binascii
import re
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress

# One ASCII character, written otherwise: in JSON and JavaScript, in a URL (also twice over), in HTML; or no
# character at all, where a terminal changes its colour.
ESCAPE = re.compile(
    r"\\\\{0,3}(?:u00(?P<u>[2-7][0-9a-fA-F])|u\{(?P<b>[2-7][0-9a-fA-F])\}|x(?P<x>[2-7][0-9a-fA-F])|(?P<slash>/)"
    r"|(?:u001[bB]|x1[bB]|033)(?P<colour>\[[0-9;:]{0,40}[A-Za-z]))"
    r"|%(?:25){0,3}(?P<url>[2-7][0-9a-fA-F])"
    r"|&#(?:[xX](?P<html>[2-7][0-9a-fA-F])|(?P<decimal>3[2-9]|[4-9]\d|1[01]\d|12[0-6]));"
    r"|\x1b(?P<ansi>\[[0-9;:]{0,40}[A-Za-z])"
)
RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
HEX = re.compile(r"(?:[0-9a-fA-F]{2}){12,}")
_READABLE = re.compile(rb"[\x20-\x7e\t\r\n]{8,}")
_NEAR = 2_000
_UNPACKED = 1_000_000
NESTED = 3

Spans = Callable[[str], list[tuple[int, int, str]]]


def escaped_spans(text: str, spans: Spans) -> Iterator[tuple[int, int, str, str]]:
    """What only shows when the escapes in the text are undone: where it is written, its kind, what is meant."""
    for begin, end in _around_escapes(text):
        for start, stop, kind, meant in _unescaped(text[begin:end], begin > 0, end < len(text), spans):
            yield begin + start, begin + stop, kind, meant


def unescaped(text: str) -> str:
    """The text with every escape undone."""
    return ESCAPE.sub(_char, text)


def _unescaped(text: str, more_before: bool, more_behind: bool, spans: Spans) -> Iterator[tuple[int, int, str, str]]:
    """The same for a part of a text; what reaches over its borders is left to the rules for plain text."""
    plain, begins, origins, at = [], [0], [0], 0
    length = 0
    for escape in ESCAPE.finditer(text):
        literal, char = text[at : escape.start()], _char(escape)
        plain += [literal, char]
        length, at = length + len(literal) + len(char), escape.end()
        begins.append(length)
        origins.append(at)
    plain.append(text[at:])

    def origin(index: int) -> int:
        part = bisect_right(begins, index) - 1
        return origins[part] + index - begins[part]

    decoded = "".join(plain)
    for start, end, kind in spans(decoded):
        if (start or not more_before) and (end < len(decoded) or not more_behind):
            yield origin(start), origin(end), kind, decoded[start:end]


def _around_escapes(text: str) -> Iterator[tuple[int, int]]:
    """Parts of the text with something escaped in them, apart from quotation marks, which the rules know."""
    begin = end = -1
    for escape in ESCAPE.finditer(text):
        if _char(escape) in ("'", '"'):
            continue
        if begin >= 0 and escape.start() - _NEAR > end:
            yield begin, end
            begin = -1
        begin = max(0, escape.start() - _NEAR) if begin < 0 else begin
        end = min(len(text), escape.end() + _NEAR)
    if begin >= 0:
        yield begin, end


def _char(escape: re.Match[str]) -> str:
    found = escape.groupdict()
    if found["slash"]:
        return "/"
    if found["decimal"]:
        return chr(int(found["decimal"]))
    code = next((found[name] for name in ("u", "b", "x", "url", "html") if found[name]), "")
    return chr(int(code, 16)) if code else ""


def decodings(run: str) -> Iterator[str]:
    """What can be read in this run when it is base64 that begins at any of its first four characters, or hex."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    for begin in range(4):
        chunk = plain[begin:]
        chunk = chunk[:-1] if len(chunk) % 4 == 1 else chunk
        yield from _readable(binascii.a2b_base64(chunk + "=" * (-len(chunk) % 4)))
    for match in HEX.finditer(run):
        yield from _readable(bytes.fromhex(match[0]))


def _readable(data: bytes) -> Iterator[str]:
    if data.startswith((b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01")):
        with suppress(zlib.error):
            data += zlib.decompressobj(47).decompress(data, _UNPACKED)
    found = b"\n".join(_READABLE.findall(data))
    if found:
        yield found.decode("ascii")
