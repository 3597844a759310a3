"""A Section for the page, a terminal and a cell of a notebook: what the templates of a section need."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from runbooks.report import escape, inline, table, templating
from runbooks.report.section import Figure, Section

QUOTE_LINES, QUOTE_WIDTH = 400, 400

Styles = Mapping[str, Markup]
"""What stands inside the opening tag of each part: its class, or its style where there is no style sheet."""

_PARTS = ("question", "answer", "notes", "scroll", "short", "small")
_PAGE: Styles = {part: Markup(' class="{}"').format(part) for part in _PARTS} | {
    **dict.fromkeys(("th", "td", "table", "code"), Markup()),
    # On a phone it scrolls, with a keyboard too.
    "boxes": Markup(' class="notes"'),
    "pre": Markup(' class="shell"'),
    "quote": Markup(' class="pre"'),
    "long": Markup(' class="scroll"'),
}


_LEFT_OUT = re.compile(r"<!--.*?-->|<style.*?</style>| id=\"(?:figure|axes|patch|line2d|text)_\d+\"", re.DOTALL)
_ID = re.compile(r"(\bid=\"|href=\"#|url\(#)")
_VIEW_BOX = re.compile(r"viewBox=\"([\d. ]+)\"")


def page_html(section: Section, known: Collection[str]) -> Markup:
    """What stands under the section's heading in the page; footnotes link to `known` numbers."""
    made = html(section, known, _PAGE)
    chart = (figure_html(section.figure),) if section.figure else ()
    return Markup("").join((made.opening(), *chart, made.closing()))


def figure_html(figure: Figure) -> Markup:
    """The chart as a part of the page, which can tell what its marks mean. Its ids bear its name, its style stays out.

    What the chart wrote in comments, the words of its labels, is left out: the page says them in `aria-label`.
    """
    drawn = _ID.sub(rf"\1{figure.name}-", _LEFT_OUT.sub("", figure.svg))
    box = _VIEW_BOX.search(drawn)
    svg = Markup('<svg role="img" aria-label="{}" viewBox="{}">{}').format(
        escape.html(figure.alt, 4_000),
        box[1] if box else "",
        Markup(drawn[drawn.index(">") + 1 :]),  # noqa: S704 - outlines, and titles that were escaped
    )
    return Markup('<figure class="figure" tabindex="0" aria-label="Chart">{}</figure>').format(svg)


def html(section: Section, known: Collection[str], styles: Styles) -> Any:
    """The macros of `section.html.j2` for this section."""
    return templating.module(
        "section.html.j2",
        section=section,
        known=known,
        styles=styles,
        code=f"<code{styles['code']}>",
        grid=table.cells(section.table),
        quoted=_quoted(section),
        quote=quote,
        base64=_base64,
    )


def _base64(svg: str) -> Markup:
    encoded = base64.b64encode(svg.encode("utf-8", "replace")).decode("ascii")
    return Markup(encoded)  # noqa: S704 - letters and digits, of any length


def section_text(section: Section) -> str:
    """The section for a terminal: no colour, no control characters, at most 100 columns but for what is copied."""
    return "\n\n".join(filter(None, text_parts(section)))


def text_parts(section: Section) -> tuple[str, str, str]:
    """What stands before the figure, the figure in words, and what stands behind it."""
    made = templating.module(
        "section.txt.j2",
        section=section,
        table=table.text(section.table, templating.TEXT_WIDTH) if section.table is not None else "",
        quoted=_quoted(section),
        evidence=f"Evidence: {inline.text_notes(section.evidence)}",
    )
    opening, figure, closing = (templating.tidy(part()) for part in (made.opening, made.figure, made.closing))
    return opening, figure, closing


def _quoted(section: Section) -> str:
    return "\n".join(escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH)) if section.quote else ""
