"""A Section in its three renderings: HTML for notebook and page, text for terminals, Markdown.

The notebook cannot rely on a style sheet, so there every element carries its style; colours are
inherited or half transparent, which suits a light and a dark JupyterLab. The page has classes.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Collection, Mapping

from markupsafe import Markup

from runbooks.report import escape, inline, table
from runbooks.report.section import Figure, Section

QUOTE_LINES, QUOTE_WIDTH = 120, 400
TEXT_WIDTH = 100

_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
_BOX = "border:1px solid rgba(128,128,128,.35);border-radius:6px;background:rgba(128,128,128,.08)"
_STYLE: Mapping[str, str] = {
    "step": "max-width:76em;line-height:1.5;margin:.2em 0 .8em",
    "question": "opacity:.75;margin:0 0 .15em",
    "answer": "font-size:1.1em;font-weight:600;margin:0 0 .6em;overflow-wrap:anywhere",
    "notes": "margin:0 0 .7em;padding-left:1.3em;overflow-wrap:anywhere",
    "scroll": "overflow-x:auto;margin:.5em 0",
    "table": "border-collapse:collapse;margin:0;font-size:.95em;color:inherit",
    "th": "text-align:left;vertical-align:bottom;padding:.35em .8em .35em 0;"
    "border-bottom:1px solid rgba(128,128,128,.6);font-weight:600;white-space:nowrap",
    "td": "text-align:left;vertical-align:top;padding:.35em .8em .35em 0;max-width:34em;"
    "border-bottom:1px solid rgba(128,128,128,.25);overflow-wrap:break-word;white-space:normal",
    "code": f"{_MONO};font-size:.92em;background:rgba(128,128,128,.14);border-radius:3px;padding:.05em .25em",
    "figure": "margin:.6em 0;overflow-x:auto",
    "image": "background:#fff;border-radius:6px;max-width:100%;min-width:600px;height:auto",
    "pre": f"{_MONO};{_BOX};font-size:.9em;margin:.5em 0;padding:.6em .8em;overflow-x:auto;"
    "white-space:pre-wrap;overflow-wrap:anywhere",
    "small": "opacity:.75;font-size:.9em;margin:.6em 0 .1em",
}
_NOTEBOOK = {part: Markup(' style="{}"').format(style) for part, style in _STYLE.items()}
_PAGE = {part: Markup(' class="{}"').format(part) for part in _STYLE} | dict.fromkeys(
    ("th", "td", "table", "code"), Markup()
)


def section_html(section: Section) -> str:
    """The fragment that a notebook cell shows."""
    title = Markup('<div role="heading" aria-level="3"{}><strong>{}</strong></div>').format(
        _NOTEBOOK["small"],
        escape.html(section.title, 300),
    )
    return str(Markup("<div{}>{}{}</div>").format(_NOTEBOOK["step"], title, _body(section, (), _NOTEBOOK)))


def page_html(section: Section, known: Collection[str]) -> Markup:
    """What stands under the section's heading in the page; footnotes link to `known` numbers."""
    return _body(section, known, _PAGE)


def figure_html(figure: Figure, styles: Mapping[str, Markup] = _PAGE) -> Markup:
    """The chart as an image of its own, so that its ids and styles cannot meet those of others."""
    data = base64.b64encode(figure.svg.encode("utf-8", "replace")).decode("ascii")
    return Markup('<figure{}><img{} alt="{}" src="data:image/svg+xml;base64,{}"></figure>').format(
        styles["figure"], styles["image"], escape.html(figure.alt, 4_000), data
    )


def _body(section: Section, known: Collection[str], styles: Mapping[str, Markup]) -> Markup:
    opening = f"<code{styles['code']}>"
    out = []
    if section.question:
        out.append(f"<p{styles['question']}>{inline.html(section.question, known, code=opening)}</p>")
    out.append(f"<p{styles['answer']}>{inline.html(section.answer, known, code=opening)}</p>")
    if section.notes:
        items = "".join(f"<li>{inline.html(note, known, code=opening)}</li>" for note in section.notes)
        out.append(f"<ul{styles['notes']}>{items}</ul>")
    if section.figure is not None:
        out.append(figure_html(section.figure, styles))
    if section.table is not None and len(section.table.columns):
        out.append(table.html(section.table, known, styles, section.title))
    if section.quote:
        out.append(_pre("\n".join(escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH)), styles))
    if section.commands:
        out.append(f"<p{styles['small']}>Repeat it by hand:</p>")
        out.append(_pre("\n".join(escape.plain(command, 4_000) for command in section.commands), styles))
    if section.evidence:
        out.append(f"<p{styles['small']}>Evidence: {inline.html_notes(section.evidence, known)}</p>")
    return Markup("".join(out))  # noqa: S704 - every part is escaped where it is made


def _pre(text: str, styles: Mapping[str, Markup]) -> Markup:
    return Markup(f"<pre{styles['pre']}>{escape.html(text)}</pre>")  # noqa: S704 - escaped


def section_text(section: Section) -> str:
    """The section for a terminal: no colour, no control characters, at most 100 columns."""
    title = _wrapped(escape.line(section.title, 200))
    out = [*title, "─" * max(map(len, title), default=0)]
    if section.question:
        out += _wrapped(section.question)
    out += _wrapped(section.answer)
    for note in section.notes:
        out += _wrapped(note, "• ")
    if section.figure is not None:
        out += ["", *_wrapped(f"[chart] {section.figure.alt}")]
    if section.table is not None and len(section.table.columns):
        out += ["", table.text(section.table, TEXT_WIDTH)]
    if section.quote:
        out += ["", *(f"  │ {line}" for line in escape.lines(section.quote, QUOTE_LINES, QUOTE_WIDTH))]
    if section.commands:
        out += ["", "Repeat it by hand:"]
        out += [f"  {line}" for command in section.commands for line in escape.plain(command, 4_000).split("\n")]
    if section.evidence:
        out += ["", f"Evidence: {inline.text_notes(section.evidence)}"]
    return "\n".join(out)


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
