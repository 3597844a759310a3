"""Every cause that is known: its rule, and all that is said about it besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache

from runbooks.diagnose.arguments import Conclusion, NextTest, Point
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.preconditions import Standing


class Stage(IntEnum):
    """How early in a machine's way a cause bites: what bites first is to be fixed first."""

    TOKEN = 0
    SCOPE = 1
    CREATE = 2
    START = 3
    LIFE = 4
    SEEN = 5
    REACH = 6
    TOLD = 7


Rule = Callable[[Facts], Iterable[Point | Conclusion | NextTest]]


@dataclass(frozen=True, slots=True)
class CauseInfo:
    """Everything known about a cause besides its rule. Commands may hold `{app}`, `{machine_id}` …"""

    slug: str
    title: str
    family: str
    stage: Stage
    rule: Rule
    remedy: Remedy
    next_test: str
    prevention: Remedy | None = None
    explains: tuple[str, ...] = ()
    is_a: str = ""
    mechanism: bool = False
    always_listed: bool = False
    distinguish_from: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    owner: Owner = Owner.YOU
    needs: AbstractSet[Standing] = frozenset()
    instead: Remedy | None = None
    afterwards: Remedy | None = None
    settles: bool = False

    @property
    def doc(self) -> str:
        return " ".join((self.rule.__doc__ or "").split())

    @property
    def links(self) -> tuple[str, ...]:
        """Addresses of the sources; those of Fly's own documentation are written without their beginning."""
        return tuple(s if s.startswith("https://") else f"https://fly.io/docs/{s}/" for s in self.sources)


_REGISTRY: dict[str, CauseInfo] = {}


def cause(
    slug: str,
    title: str,
    *,
    stage: Stage,
    remedy: Remedy,
    next_test: str,
    prevention: Remedy | None = None,
    explains: tuple[str, ...] = (),
    is_a: str = "",
    mechanism: bool = False,
    always_listed: bool = False,
    distinguish_from: Mapping[str, str] | None = None,
    sources: tuple[str, ...] = (),
    owner: Owner = Owner.YOU,
    needs: AbstractSet[Standing] = frozenset(),
    instead: Remedy | None = None,
    afterwards: Remedy | None = None,
    settles: bool = False,
) -> Callable[[Rule], Rule]:
    """Register the rule that follows as a cause.

    Args:
        slug: its name in summaries and documents
        title: what it is, in one clause
        stage: lifecycle phase; among several, the earliest is fixed first
        remedy: what to do; commands may hold `{app}`, `{machine_id}` and other names of the facts
        next_test: the test that confirms or rules it out
        prevention: what would have prevented it
        explains: slugs of what this cause makes happen
        is_a: slug of its general form
        mechanism: whether it only hides the machine or follows from something deeper
        always_listed: whether it is an initial hypothesis, which every report lists
        distinguish_from: for each similar cause, how to tell the two apart
        sources: where Fly documents it
        owner: who can fix it
        needs: the states of the machine in which remedy and next test hold; empty: in any
        instead: the remedy for all other states of a machine that exists
        afterwards: what to do where the remedy did not help
        settles: whether the remedy puts right what the caller keeps: its row, its job, the creation that it waits for
    """

    def register(rule: Rule) -> Rule:
        family = rule.__module__.rpartition(".")[2]
        catalogue.cache_clear()
        _REGISTRY[slug] = CauseInfo(
            slug,
            title,
            family,
            stage,
            rule,
            remedy,
            next_test,
            prevention,
            explains,
            is_a,
            mechanism,
            always_listed,
            distinguish_from or {},
            sources,
            owner,
            needs,
            instead,
            afterwards,
            settles,
        )
        return rule

    return register


@cache
def catalogue() -> Mapping[str, CauseInfo]:
    """Every cause known, in the order of stages, then of definition."""
    import runbooks.diagnose.causes  # noqa: F401  registers the causes

    return dict(sorted(_REGISTRY.items(), key=lambda item: item[1].stage))


def general_forms(info: CauseInfo) -> AbstractSet[str]:
    """Its general form, that of the form, and so on."""
    forms: set[str] = set()
    while info.is_a and info.is_a not in forms:
        forms.add(info.is_a)
        if info.is_a not in _REGISTRY:
            break
        info = _REGISTRY[info.is_a]
    return forms
