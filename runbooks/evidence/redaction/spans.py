"""Places of secrets that several rules found, made into ones that do not overlap."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from runbooks.evidence.redaction.opacity import is_random

# Of two rules that mask the same place, the one that says more about it names the kind.
_RANK = {"opaque": 0, "value": 1, "": 3}
_ATOMS = frozenset({"fly-token", "jwt", "supabase-key", "github-token", "user-id"})
_WORTH = re.compile(r"[A-Za-z0-9]{3}")


def apart(found: list[tuple[int, int, str]], text: str) -> list[tuple[int, int, str]]:
    """The same without overlaps: a token with looks of its own is one value wherever it stands, and keeps its name."""
    known = _merged([one for one in found if not one[2]])
    looks = _merged([one for one in found if one[2] in _ATOMS])
    # What a known value explains is no token that goes on behind it.
    atoms = sorted([*known, *(one for one in looks if not _touches(one, known))])
    around = _merged([one for one in found if one[2] and one[2] not in _ATOMS and one[2] != "email"])
    pieces = [piece for one in around for piece in _without(one, atoms, text)]
    taken = sorted([*atoms, *pieces])
    persons = [one for one in _merged([one for one in found if one[2] == "email"]) if not _touches(one, taken)]
    return sorted([*taken, *persons])


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    apart: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans, key=lambda one: (one[0], -one[1])):
        if apart and start < apart[-1][1]:
            first, last, before = apart[-1]
            told = kind if _RANK.get(kind, 2) > _RANK.get(before, 2) else before
            apart[-1] = (first, max(end, last), told)
        else:
            apart.append((start, end, kind))
    return apart


def _without(one: tuple[int, int, str], atoms: list[tuple[int, int, str]], text: str) -> Iterator[tuple[int, int, str]]:
    """What is left of a span when the atoms are taken out of it, where that is more than punctuation."""
    begin, end, kind = one
    index = bisect_left(atoms, (begin, begin, ""))
    index = max(0, index - 1)
    cut = False
    while index < len(atoms) and atoms[index][0] < end:
        if atoms[index][1] > begin:
            if _worth(kind, text[begin : atoms[index][0]]):
                yield begin, atoms[index][0], kind
            begin, cut = max(begin, atoms[index][1]), True
        index += 1
    if begin < end and (not cut or _worth(kind, text[begin:end])):
        yield begin, end, kind


def _worth(kind: str, rest: str) -> bool:
    """Is what stands beside a token a part of the secret, too? Of a random run only what is random by itself."""
    return is_random(rest) if kind == "opaque" else _WORTH.search(rest) is not None


def _touches(one: tuple[int, int, str], taken: list[tuple[int, int, str]]) -> bool:
    index = bisect_left(taken, (one[1], 0, ""))
    return index > 0 and taken[index - 1][1] > one[0]
