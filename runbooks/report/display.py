"""A Section in three renderings: HTML for the page, text for terminals, Markdown. A notebook's cells: `notebook.py`."""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from markupsafe import Markup

from runbooks.report import escape, inline, table
from runbooks.report.section import Figure, Section

QUOTE_LINES, QUOTE_WIDTH = 400, 400
TEXT_WIDTH = 100
BOX = "☐ "
_MARK = re.compile(rf"\d{{1,3}}\. |{BOX}")
"""What a note brings along instead of a bullet: its number, or a box to tick."""

Styles = Mapping[str, Markup]
"""What stands inside the opening tag of each part: its class, or its style where there is no style sheet."""

_PARTS = ("question", "answer", "notes", "scroll", "short", "figure", "image", "pre", "small")
_PAGE: Styles = {part: Markup(' class="{}"').format(part) for part in _PARTS} | {
    **dict.fromkeys(("th", "td", "table", "code"), Markup()),
    # On a phone it scrolls, with a keyboard too.
    "boxes": Markup(' class="notes"'),
    "quote": Markup(' class="pre"'),
    "long": Markup(' class="scroll"'),
    "figure": Markup(' class="figure" tabindex="0" aria-label="Chart"'),
}


def page_html(section: Section, known: Collection[str]) -> Markup:
    """What stands under the section's heading in the page; footnotes link to `known` numbers."""
    parts = [
        opening_html(section, known, _PAGE),
        figure_html(section.figure) if section.figure else Markup(),
        closing_html(section, known, _PAGE),
    ]
    return Markup("").join(parts)


def figure_html(figure: Figure, styles: Styles = _PAGE) -> Markup:
    """The chart as an image of its own, so that its ids and styles cannot meet those of others."""
    data = base64.b64encode(figure.svg.encode("utf-8", "replace")).decode("ascii")
    return Markup('<figure{}><img{} alt="{}" src="data:image/svg+xml;base64,{}"></figure>').format(
        styles["figure"], styles["image"], escape.html(figure.alt, 4_000), data
    )


def opening_html(section: Section, known: Collection[str], styles: Styles) -> Markup:
    """Question, answer and notes."""
    opening = f"<code{styles['code']}>"
    out = []
    if section.question:
        out.append(f"<p{styles['question']}>{inline.html(section.question, known, code=opening)}</p>")
    out.append(f"<p{styles['answer']}>{inline.html(section.answer, known, code=opening)}</p>")
    out.append(notes_html(section, known, styles))
    return Markup("".join(out))  # noqa: S704 - every part is escaped where it is made


def notes_html(section: Section, known: Collection[str], styles: Styles) -> Markup:
    """The notes as a list, each with its own commands below it."""
    if not section.notes:
        return Markup()
    tag, opening = "ol" if _numbered(section.notes) else "ul", f"<code{styles['code']}>"
    boxes = all(note.startswith(BOX) for note in section.notes)
    out = [f"<{tag}{styles['boxes' if boxes else 'notes']}>"]
    for note, commands in _with_commands(section):
        said = inline.html(note.partition(". ")[2] if tag == "ol" else note, known, code=opening)
        out.append(f"<li>{said}{_shell(commands, styles) if commands else ''}</li>")
    return Markup("".join([*out, f"</{tag}>"]))  # noqa: S704 - escaped above


def _with_commands(section: Section) -> Iterator[tuple[str, tuple[str, ...]]]:
    for place, note in enumerate(section.notes):
        yield note, section.below[place] if place < len(section.below) else ()


def _numbered(notes: Sequence[str]) -> bool:
    return all(note.startswith(f"{number}. ") for number, note in enumerate(notes, start=1))


def closing_html(section: Section, known: Collection[str], styles: Styles) -> Markup:
    """Table, quote, commands and evidence."""
    out: list[str] = []
    if section.table is not None and len(section.table.columns):
        out.append(table.html(section.table, known, styles, f"{section.title}: table"))
    if section.quote:
        quote = "\n".join(escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH))
        out.append(f"<pre{styles['quote']}>{escape.html(quote)}</pre>")
    if section.commands:
        out.append(f"<p{styles['small']}>Repeat it by hand:</p>")
        out.append(_shell(section.commands, styles))
    if section.evidence:
        out.append(f"<p{styles['small']}>Evidence: {inline.html_notes(section.evidence, known)}</p>")
    return Markup("".join(out))  # noqa: S704 - every part is escaped where it is made


def _shell(commands: Sequence[str], styles: Styles) -> Markup:
    text = "\n".join(escape.plain(command, 4_000) for command in commands)
    return Markup(f"<pre{styles['pre']}>{escape.html(text)}</pre>")  # noqa: S704 - escaped


def section_text(section: Section) -> str:
    """The section for a terminal: no colour, no control characters, at most 100 columns but for what is copied."""
    parts = (opening_text(section), figure_text(section.figure) if section.figure else "", closing_text(section))
    return "\n\n".join(filter(None, parts))


def opening_text(section: Section) -> str:
    title = _wrapped(escape.line(section.title, 200))
    out = [*title, "─" * max(map(len, title), default=0)]
    if section.question:
        out += _wrapped(section.question)
    out += _wrapped(section.answer)
    for note, commands in _with_commands(section):
        own = _MARK.match(note)
        out += _wrapped(note.removeprefix(own[0]), own[0]) if own else _wrapped(note, "• ")
        out += _copied(commands, "    ")
    return "\n".join(out)


def figure_text(figure: Figure) -> str:
    return "\n".join(_wrapped(f"[chart] {figure.alt}"))


def closing_text(section: Section) -> str:
    out = []
    if section.table is not None and len(section.table.columns):
        out.append(table.text(section.table, TEXT_WIDTH))
    if section.quote:
        out.append("\n".join(f"  │ {line}" for line in escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH)))
    if section.commands:
        out.append("\n".join(["Repeat it by hand:", *_copied(section.commands, "  ")]))
    if section.evidence:
        out.append("\n".join(_wrapped(f"Evidence: {inline.text_notes(section.evidence)}")))
    return "\n\n".join(out)


def _copied(commands: Sequence[str], indent: str) -> list[str]:
    """Commands as they are to be typed: never wrapped."""
    return [f"{indent}{line}" for command in commands for line in escape.plain(command, 4_000).split("\n")]


def _wrapped(sentence: str, mark: str = "") -> list[str]:
    return textwrap.wrap(
        escape.line(sentence),
        TEXT_WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
    )


def section_markdown(section: Section, known: Collection[str] = ()) -> str:
    """The section in GitHub Markdown, with its heading."""
    level = "#" * min(max(section.level, 1), 6)
    out = [f"{level} {escape.markdown(escape.line(section.title, 200))}"]
    if section.question:
        out.append(f"*{inline.markdown(section.question, known).strip()}*")
    out.append(f"**{inline.markdown(section.answer, known).strip()}**" if section.answer.strip() else "")
    if section.notes:
        out.append("\n".join(f"- {inline.markdown(note, known)}" for note in section.notes))
    if section.figure is not None:
        out.append(f"Chart: {inline.markdown(section.figure.alt, known)}")
    if section.table is not None and len(section.table.columns):
        out.append(table.markdown(section.table, known))
    if section.quote:
        out.append(escape.fence("\n".join(escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH))))
    if section.commands:
        out.append("Repeat it by hand:")
        out.append(escape.fence("\n".join(escape.plain(command, 4_000) for command in section.commands), "sh"))
    if section.evidence:
        out.append(f"Evidence: {inline.markdown_notes(section.evidence, known)}")
    return "\n\n".join(part for part in out if part)
