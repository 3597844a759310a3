"""A Section in a cell of a notebook: readable wherever a notebook is shown, with nothing to load and nothing to run.

JupyterLab and VS Code take HTML as it is, but know no style sheet of ours: every element carries its style, with
colours that are inherited or half transparent, which suits a light and a dark theme. GitHub drops every style: there
the tags alone have to tell what is a heading and what the answer is. Viewers that clean HTML take images out of it,
and GitHub loses the letters of an SVG: so a figure is an output of its own, a PNG.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from runbooks.report import display, escape
from runbooks.report.section import Section

_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
_BOX = "border:1px solid rgba(128,128,128,.35);border-radius:6px;background:rgba(128,128,128,.08)"
_CELL = "text-align:left;vertical-align:top;line-height:1.4;padding:.35em 1em .35em 0;"
_CELL += "border-bottom:1px solid rgba(128,128,128,.25)"
_WIDTH = 960
"""Of a figure, in pixels of the screen."""
_STYLES: display.Styles = {
    part: Markup(' style="{}"').format(style)
    for part, style in {
        "step": "max-width:76em;line-height:1.5;margin:.4em 0",
        "title": "font-size:.9em;margin:.3em 0 .15em",
        "question": "opacity:.75;font-weight:400",
        "answer": "font-size:1.1em;margin:0 0 .6em;overflow-wrap:anywhere",
        "notes": "margin:0 0 .7em;padding-left:1.5em;overflow-wrap:anywhere",
        "boxes": "margin:0 0 .7em;padding-left:.2em;list-style:none;overflow-wrap:anywhere",
        "scroll": "overflow-x:auto;margin:.5em 0",
        "long": "overflow:auto;max-height:52em;margin:.5em 0;border-bottom:1px solid rgba(128,128,128,.6)",
        "table": "border-collapse:collapse;margin:0;font-size:.95em;color:inherit",
        "th": f"{_CELL};border-bottom-color:rgba(128,128,128,.6);vertical-align:bottom;font-weight:600",
        "td": f"{_CELL};min-width:9em;max-width:34em;white-space:normal;overflow-wrap:anywhere",
        "short": f"{_CELL};white-space:nowrap",
        "code": f"{_MONO};font-size:.92em;background:rgba(128,128,128,.14);border-radius:3px;padding:.05em .25em",
        "figure": "margin:.6em 0;overflow-x:auto",
        "image": "background:#fff;border-radius:6px;max-width:100%;min-width:600px;height:auto",
        "pre": f"{_MONO};{_BOX};font-size:.9em;margin:.5em 0;padding:.6em .8em;overflow-x:auto;"
        "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere",
        "quote": f"{_MONO};{_BOX};font-size:.9em;margin:.5em 0;padding:.6em .8em;max-height:40em;overflow:auto;"
        "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere",
        "small": "opacity:.75;font-size:.9em;margin:.6em 0 .1em",
    }.items()
}


def section_html(section: Section) -> str:
    """The whole section as one fragment, with its figure inside."""
    made = display.html(section, (), _STYLES)
    return _fragment(made.cell_opening(), made.figure(), made.closing())


def show(section: Section) -> None:
    """What a cell shows whose last line is the section. IPython in a terminal prints its `repr`, in one piece."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display as publish

    if getattr(get_ipython(), "kernel", None) is None:
        raise NotImplementedError
    for data, metadata in outputs(section):
        publish(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]


def outputs(section: Section) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """The outputs of the cell: one, or with a figure three, the picture between two pieces of text."""
    figure = section.figure
    if figure is None:
        yield {"text/html": section_html(section), "text/plain": display.section_text(section)}, {}
        return
    try:
        picture = base64.b64encode(figure.png).decode("ascii")
    except Exception as error:
        said = f"The chart could not be drawn ({type(error).__name__}); text description: {figure.alt}"
        yield from outputs(replace(section, figure=None, notes=(*section.notes, said)))
        return
    made, (opening, described, closing) = display.html(section, (), _STYLES), display.text_parts(section)
    yield {"text/html": _fragment(made.cell_opening()), "text/plain": opening}, {}
    # VS Code reads the alternative text from the plain text, nbconvert from the metadata.
    alt = escape.plain(figure.alt, 4_000)
    yield {"image/png": picture, "text/plain": described}, {"image/png": {"width": _WIDTH, "alt": alt}}
    words = Markup("<details{}><summary>Text description of the chart</summary>{}</details>").format(
        _STYLES["small"], escape.html(figure.alt, 4_000)
    )
    yield {"text/html": _fragment(words, made.closing()), "text/plain": closing}, {}


def _fragment(*parts: Markup) -> str:
    return str(Markup("<div{}>{}</div>").format(_STYLES["step"], Markup("").join(parts)))
