"""A step of the investigation as a reader meets it: question, answer, table or figure, command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, repr=False)
class Section:
    """What one notebook cell shows and one part of the report holds.

    `answer` is one sentence, `notes` further sentences, `table` and `figure` optional; `quote` is
    verbatim text (log lines); `commands` repeat the step by hand, and `below` holds those of each note;
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
    below: tuple[tuple[str, ...], ...] = ()
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
