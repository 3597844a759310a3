"""What a rule says of its cause: arguments for and against it, what is missing, the conclusion and the next test."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Kind(StrEnum):
    """What a point does to its hypothesis."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    MISSING = "missing"


class Weight(IntEnum):
    WEAK = 1
    STRONG = 2
    DECISIVE = 3


# Compared thousands of times a second: a member by its own name costs a third of one by its class.
SUPPORTS, CONTRADICTS, MISSING = Kind
WEAK, STRONG, DECISIVE = Weight


# These two are made by the hundred for each judgement, so they are tuples, which cost a third of a frozen dataclass.
class Point(NamedTuple):
    """One argument for or against a hypothesis, or one that is missing."""

    kind: Kind
    text: str
    evidence: tuple[str, ...]
    weight: Weight = STRONG

    @property
    def decides_against(self) -> bool:
        return self.kind is CONTRADICTS and self.weight is DECISIVE


class Conclusion(NamedTuple):
    """The cause in one sentence about this incident, and the names its remedy is filled in with.

    `short` is the same as a clause for the headline: "its program lacks the variable X".
    """

    text: str
    short: str = ""
    names: Mapping[str, str] = MappingProxyType({})


class NextTest(NamedTuple):
    """The test that would decide more here, where the usual one of the cause was made already, or cannot be made."""

    text: str


def supports(text: str, *evidence: str, weight: Weight = STRONG) -> Point:
    return Point(SUPPORTS, text, evidence, weight)


def confirms(text: str, *evidence: str) -> Point:
    return Point(SUPPORTS, text, evidence, DECISIVE)


def contradicts(text: str, *evidence: str, weight: Weight = STRONG) -> Point:
    return Point(CONTRADICTS, text, evidence, weight)


def refutes(text: str, *evidence: str) -> Point:
    return Point(CONTRADICTS, text, evidence, DECISIVE)


def missing(text: str, *evidence: str) -> Point:
    return Point(MISSING, text, evidence, WEAK)


def concludes(text: str, short: str = "", **names: str) -> Conclusion:
    return Conclusion(text, short, names)


def tests(text: str) -> NextTest:
    return NextTest(text)
