"""A step of the investigation as a reader meets it: question, answer, table or figure, command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from runbooks.diagnose.facts import Facts
from runbooks.evidence.models import Outcome

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Figure:
    """One chart, written out when it is wanted, and the same facts in words."""

    name: str
    alt: str
    write_svg: Callable[[], str]
    write_png: Callable[[], bytes]

    @cached_property
    def svg(self) -> str:
        return self.write_svg()

    @cached_property
    def png(self) -> bytes:
        """Twice as large, on white."""
        return self.write_png()


class Mark(StrEnum):
    """What stands before each item of a section: a dot, its number, or a box to tick."""

    BULLET = "bullet"
    NUMBER = "number"
    BOX = "box"


@dataclass(frozen=True)
class Item:
    """One entry of a list: a sentence, the evidence it rests on, and the commands that belong to it."""

    text: str
    evidence: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def noted(self) -> str:
        """The sentence with its footnotes, in the notation of sentences."""
        return f"{self.text} {footnotes(self.evidence)}".rstrip()


@dataclass(frozen=True, repr=False)
class Section:
    """What one notebook cell shows and one part of the report holds.

    `answer` is one sentence, `notes` further sentences, `items` a list whose entries stand behind `mark`;
    `table` and `figure` are optional; `quote` is verbatim text (log lines); `commands` repeat the step by hand;
    `evidence` lists E-numbers; `links` are files beside the notebook, each with what is shown for it.
    `in_opening` says that the first part of the page shows the same already.
    """

    slug: str
    title: str
    question: str
    answer: str
    notes: tuple[str, ...] = ()
    table: pd.DataFrame | None = None
    figure: Figure | None = None
    quote: str = ""
    commands: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    level: int = 2
    items: tuple[Item, ...] = ()
    mark: Mark = Mark.BULLET
    links: tuple[tuple[str, str], ...] = ()
    in_opening: bool = False

    def __repr__(self) -> str:
        from runbooks.report.display import section_text

        return section_text(self)

    def _repr_html_(self) -> str:
        from runbooks.report.notebook import section_html

        return section_html(self)

    def _ipython_display_(self) -> None:
        from runbooks.report.notebook import show

        show(self)


def footnotes(numbers: Iterable[str]) -> str:
    """Evidence numbers as a sentence names them: [E03] [E07]."""
    return " ".join(f"[{number}]" for number in numbers)


def asked(facts: Facts, *numbers: str) -> tuple[str, ...]:
    """Those of the numbers that were asked, each once: what a section can cite."""
    return tuple(dict.fromkeys(number for number in numbers if facts.observation(number)))


def reason(facts: Facts, number: str) -> str:
    """What the source answered to a question, as one sentence."""
    observation = facts.observation(number)
    if observation is None:
        return "This was not asked before the run ended."
    told = observation.reason.rstrip(".")
    if observation.outcome is Outcome.COULD_NOT_LOOK:
        return f"Not checked: {told}."
    return f"{told[:1].upper()}{told[1:]}." if told.partition(" ")[0].isalpha() else f"{told}."


def observed(facts: Facts, *numbers: str) -> tuple[Item, ...]:
    """One item for each of the questions that was asked."""
    return tuple(Item(reason(facts, number), (number,)) for number in asked(facts, *numbers))
