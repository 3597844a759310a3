"""Filters that need no script: every choice is a class of the runs it keeps, and a rule of CSS hides the others.

A class's name is a letter and a number of our own; what somebody else wrote is only ever shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from runbooks.report import escape, runs
from runbooks.report.runs import Run
from runbooks.report.status import STANDINGS

MOST_DAYS = 31
"""Days that can be chosen one by one, the latest; the others are reached through their month."""

_STATUSES = (*(one.words for one in STANDINGS.values()), "NO REPORT")
_ORIGINS: Mapping[str, str] = {
    runs.LIVE: "live",
    runs.SIMULATED: "simulated",
    runs.REPLAY: "replay",
    runs.EXAMPLE: "example",
    "": "unknown",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: the class it stands for, its words, and how many runs it keeps."""

    mark: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One control. Its groups have a title where there is more than one."""

    mark: str
    label: str
    every: str
    groups: tuple[tuple[str, tuple[Choice, ...]], ...]
    terms: Mapping[str, str]
    """From what a run tells to the class for it."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(choice for _, choices in self.groups for choice in choices)


def build(found: Sequence[Run]) -> tuple[tuple[Filter, ...], list[str]]:
    """The controls that can narrow the list, and the classes of each run."""
    by = {key: Counter(term for run in found for term in read(run)) for key, read in _READ.items()}
    wanted = (
        _filter("a", "App", "all apps", [("", _named(by["a"], "no app named"))], by["a"]),
        _filter("c", "Cause", "all causes", [("", _named(by["c"], "no cause named"))], by["c"]),
        _filter("s", "Status", "every status", [("", [(w, w) for w in _STATUSES if w in by["s"]])], by["s"]),
        _filter("d", "Date", "all dates", _dates(by["d"]), by["d"]),
        _filter("b", "Runbook", "all runbooks", [("", _named(by["b"], "no runbook named"))], by["b"]),
        _filter("o", "Source", "all sources", [("", [(o, w) for o, w in _ORIGINS.items() if o in by["o"]])], by["o"]),
    )
    kept = tuple(one for one in wanted if any(choice.count < len(found) for choice in one.choices))
    return kept, [" ".join(_marks(kept, run)) for run in found]


def _marks(filters: Iterable[Filter], run: Run) -> Iterable[str]:
    return (one.terms[term] for one in filters for term in _READ[one.mark](run) if term in one.terms)


def _of_day(run: Run) -> tuple[str, ...]:
    day = run.day
    return (day.isoformat()[:7], day.isoformat()) if day else ("",)


_READ: Mapping[str, Callable[[Run], tuple[str, ...]]] = {
    "a": lambda run: (run.app,),
    "c": lambda run: (run.cause,),
    "s": lambda run: (run.standing.words,),
    "d": _of_day,
    "b": lambda run: (run.runbook,),
    "o": lambda run: run.origins or ("",),
}


def _named(counted: Counter[str], none: str) -> list[tuple[str, str]]:
    """In the order of the alphabet, and at the end the runs that tell none."""
    names = sorted(name for name in counted if name)
    return [(name, escape.line(name, 80)) for name in names] + ([("", none)] if "" in counted else [])


def _dates(counted: Counter[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    months = sorted((term for term in counted if len(term) == 7), reverse=True)
    days = sorted((term for term in counted if len(term) == 10), reverse=True)
    title = f"the latest {MOST_DAYS} days with runs" if len(days) > MOST_DAYS else "days"
    groups = [("months", months), (title, days[:MOST_DAYS])] if len(months) > 1 else [("", days[:MOST_DAYS])]
    found = [(name, [(term, term) for term in terms]) for name, terms in groups]
    return [*found, ("no date", [("", "no date")])] if "" in counted else found


def _filter(
    mark: str, label: str, every: str, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], counted: Counter[str]
) -> Filter:
    terms: dict[str, str] = {}
    built = []
    for title, pairs in groups:
        choices = []
        for term, words in pairs:
            terms[term] = f"{mark}{len(terms) + 1}"
            choices.append(Choice(terms[term], words, counted[term]))
        built.append((title, tuple(choices)))
    return Filter(mark, label, every, tuple(built), terms)
