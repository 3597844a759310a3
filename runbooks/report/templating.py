"""Jinja for the templates of this package: one environment for each form that a report has.

Whatever a template shows is made harmless for its form by the environment: no template can forget it, or turn it off.
Only the filters below can give markup, and what joins strings without escaping them is refused.
"""

from __future__ import annotations

import hashlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2 import (
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from markupsafe import Markup

from runbooks.diagnose.effects import effects
from runbooks.report import escape, inline, status, times

TEMPLATES = Path(__file__).parent / "templates"
TEXT_WIDTH, _MAIL_WIDTH, _LINE = 100, 96, 800
_SHOWN = 20_000
"""Characters of one value that a page shows where its template names no limit."""
_HARD, _BLANK, _STYLE = "\x00", "\x01", "\x02"
"""Line break and blank in what is shown as it is, and what stands around a style. No value holds them: escaping
spells control characters out."""
_SAFE_FILTERS = ("default", "dictsort", "format", "length", "list", "map", "rejectattr", "replace", "selectattr")
_ENDED = (".", "!", "?", ":", "…")

Finalize = Callable[[Context, Any], Any]


class _Generator(CodeGenerator):
    """Refuses `~` and `+`: beside markup they would escape a string for HTML, whatever the form is."""

    def visit_Concat(self, node: nodes.Expr, frame: Frame) -> NoReturn:  # noqa: N802 - Jinja's name
        self.fail("A template joins nothing with ~ or +: write the parts side by side.", node.lineno)

    visit_Add = visit_Concat  # noqa: N815 - Jinja's name


class _Environment(Environment):
    code_generator_class = _Generator


class _Compiled(FileSystemBytecodeCache):
    """The templates as code, beside them, as Python keeps its own modules; where nobody may write, there is none."""

    def __init__(self) -> None:
        # What compiled them is in the name: filters and constants are part of the code.
        own = (Path(one.__file__ or "").read_bytes() for one in (escape, inline, status, times, sys.modules[__name__]))
        made_by = hashlib.sha256(b"".join((jinja2.__version__.encode(), *own))).hexdigest()[:16]
        super().__init__(str(TEMPLATES / "__pycache__"), f"{made_by}-%s.{sys.implementation.cache_tag}.jinja")

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:  # whatever a file there holds: the template is compiled anew
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


def module(name: str, **context: Any) -> Any:
    """The macros of a template as functions; the ending before `.j2` (html, md, txt or term) chooses the form.

    Args:
        name: the template's file name
        context: what its macros see. `known` holds the evidence numbers that a footnote can lead to
    """
    form = name.removesuffix(".j2").rpartition(".")[2]
    return environment(form).get_template(name).make_module({"known": (), **context})


def tidy(text: str) -> str:
    """A text as it is written out: one blank line between paragraphs, and blocks with the line breaks they had."""
    return re.sub(r"\n{3,}", "\n\n", text.strip("\n")).replace(_HARD, "\n").replace(_BLANK, " ")


@cache
def environment(form: str) -> Environment:
    """Jinja for `html`, `md`, `txt` or `term` (a terminal). Markup is in that form already, all else is escaped."""
    jinja = _Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_FINALIZE[form],
        # A terminal also shows the summary of a run that broke, which may lack anything.
        undefined=Undefined if form == "term" else StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=None if sys.dont_write_bytecode else _Compiled(),
        keep_trailing_newline=form == "html",
    )
    kept = {name: jinja.filters[name] for name in _SAFE_FILTERS}
    jinja.filters = {**kept, **_ANY_FORM, **_FILTERS[form]}
    jinja.globals.update(times=times, status=status, escape=escape)
    return jinja


def _finalize(make: Callable[[Context, Any], str]) -> Finalize:
    @pass_context
    def finalize(context: Context, value: Any) -> Any:
        return value if isinstance(value, Markup) else Markup(make(context, value))  # noqa: S704 - escaped by `make`

    return finalize


_FINALIZE: Mapping[str, Finalize] = {
    "html": _finalize(lambda _, value: escape.html(value, _SHOWN)),
    "md": _finalize(lambda context, value: _spaced(value, _markdown(context, value))),
    "txt": _finalize(lambda _, value: _spaced(value, escape.line(value, 0))),
    # A terminal also hides secrets that a person mistyped, so it brings its own escaping; without one nothing is shown.
    "term": _finalize(lambda context, value: context["plain"](value)),
}


def _spaced(value: Any, shown: str) -> str:
    """Escaping for one line trims; a blank around a value is what the template put there, as in a comma and a blank."""
    text = str(value)
    return f"{' ' if text[:1] == ' ' else ''}{shown}{' ' if text[1:][-1:] == ' ' else ''}"


# Filters for a value that is not markup yet; the form's own escaping follows.


def low(sentence: object) -> str:
    """A title inside a sentence; what is written in capitals, or is a name, stays."""
    text = str(sentence)
    first = text.partition(" ")[0]
    plain = first != "Fly" and (first[1:].islower() or first == "A")
    return text[:1].lower() + text[1:] if plain else text


def stopped(sentence: object) -> str:
    """With a full stop, unless it ends in another sign."""
    text = str(sentence)
    return text if text.endswith(_ENDED) else f"{text}."


def fitted(line: str, most: int) -> str:
    """A line that is no longer than that, whatever it holds; what is left out is counted."""
    if len(line) <= most:
        return line
    kept = escape.whole_words(line, most - 16)
    return f"{kept} … [+{len(line) - len(kept):,}]"


def _listed(several: Iterable[object], more: Iterable[object] = (), separator: str = "; ") -> str:
    return separator.join(str(one) for one in (*several, *more))


def _line(text: object, limit: int = escape.SENTENCE) -> str:
    return escape.line(text, limit)


def _flow(block: str) -> Markup:
    """One line of a block, ended: for what is easier to read in a template on several."""
    return Markup(" ".join(part for part in re.split(r"[ \n]+", block) if part) + "\n")  # noqa: S704 - from a template


_ANY_FORM: Mapping[str, Callable[..., Any]] = {
    "flow": _flow,
    "low": low,
    "stopped": stopped,
    "line": _line,
    "listed": _listed,
    "short": lambda text, most: fitted(escape.line(text, 0), most),
    "effects": effects,
    "enumerate": lambda several, start=1: list(enumerate(several, start=start)),
    "thousands": lambda number: f"{number:,}",
}


# Filters that give markup. Each escapes what it is given.


@pass_context
def _say_html(context: Context, sentence: object, limit: int = escape.SENTENCE) -> Markup:
    return inline.html(sentence, context["known"], limit, context.get("code", "<code>"))


@pass_context
def _headline_html(context: Context, sentence: object, limit: int = escape.SENTENCE) -> Markup:
    return inline.headline(sentence, context["known"], limit)


@pass_context
def _notes_html(context: Context, numbers: Iterable[str]) -> Markup:
    return inline.html_notes(numbers, context["known"])


def _markdown(context: Context, sentence: object, limit: int = escape.SENTENCE) -> Markup:
    room = context.get("room")
    most = min(limit, room.sentence) if room else limit
    return Markup(inline.markdown(sentence, context["known"], most).strip())  # noqa: S704 - escaped for Markdown


@pass_context
def _say_markdown(context: Context, sentence: object, limit: int = escape.SENTENCE) -> Markup:
    return _markdown(context, sentence, limit)


@pass_context
def _notes_markdown(context: Context, numbers: Iterable[str]) -> Markup:
    return Markup(inline.markdown_notes(numbers, context["known"]))  # noqa: S704 - escaped for Markdown


@pass_context
def _noted_markdown(
    context: Context, sentence: object, evidence: Iterable[str], limit: int = escape.SENTENCE
) -> Markup:
    """The sentence with its footnotes behind it."""
    told = f"{_markdown(context, sentence, limit)} {inline.markdown_notes(evidence, context['known'])}"
    return Markup(told.rstrip())  # noqa: S704 - escaped for Markdown


def _code_markdown(text: object, limit: int = 200) -> Markup:
    return Markup(escape.code(escape.line(text, limit)).replace(" ", _BLANK))  # noqa: S704 - a code span that its content cannot leave


def _fence(text: str, language: str = "text", indent: int = 0) -> Markup:
    """A fenced block, `indent` deep in a list."""
    block = escape.fence(text, language)
    if indent:
        block = "\n".join(" " * indent + line if line else "" for line in block.split("\n"))
    return Markup(block.replace("\n", _HARD))  # noqa: S704 - a fence that its content cannot leave


@pass_context
def _shell(context: Context, commands: Iterable[str], indent: int = 0) -> Markup:
    most = context["room"].command
    return _fence("\n".join(escape.plain(command, most) for command in commands), "sh", indent)


@pass_context
def _quote_markdown(context: Context, text: str) -> Markup:
    """Somebody's own words, line by line as they were written."""
    room = context["room"]
    lines = [_markdown(context, line) for line in escape.lines(text, room.things * 4, room.sentence)]
    told = [f"> {line}  " if line else ">" for line in lines]
    return Markup("\n".join(told).rstrip(" "))  # noqa: S704 - escaped for Markdown


def _block(text: str, indent: int = 0, mark: str = "") -> Markup:
    """Several lines as they are, each made harmless, `indent` deep and behind `mark`."""
    lines = escape.plain(text).split("\n")
    return Markup(_HARD.join(f"{' ' * indent}{mark}{line}" for line in lines))  # noqa: S704 - escaped for a text


def _wrapped(text: object, mark: str = "", hanging: bool = True) -> Markup:
    """A sentence broken between words; `mark` stands before its first line, blanks before the others."""
    after = " " * len(mark) if hanging else ""
    lines = textwrap.wrap(
        escape.line(text), TEXT_WIDTH, initial_indent=mark, subsequent_indent=after, break_on_hyphens=False
    )
    return Markup(_HARD.join(lines))  # noqa: S704 - escaped for a text


def _ljust(text: object, width: int) -> Markup:
    return Markup(escape.line(text, 0).ljust(width))  # noqa: S704 - escaped for a text


def _mail(block: str) -> Markup:
    """Short lines, as a mail wants them. Ids and URLs stay whole."""
    lines: list[str] = []
    for line in block.split("\n"):
        clear = escape.cut(line, _LINE)
        lines += (
            textwrap.wrap(clear, _MAIL_WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
            if len(clear) > _MAIL_WIDTH
            else [clear]
        )
    return Markup("\n".join(lines))  # noqa: S704 - from a template


def _style(block: str, words: str, indent: int = 0) -> Markup:
    """Each line of a block with the words of its style before it, for `styled_lines`."""
    lines = block.strip("\n").split("\n")
    made = (f"{_STYLE}{words}{_STYLE}{' ' * indent}{line}\n" for line in lines if line)
    return Markup("".join(made))  # noqa: S704 - from a template


def styled_lines(text: str) -> Iterator[tuple[str, str]]:
    """The words of its style and the text of each line that a template for a terminal gave."""
    for line in tidy(text).split("\n"):
        _, words, shown = line.split(_STYLE) if line.startswith(_STYLE) else ("", "", line)
        yield words, shown


def _underlined(title: str) -> Markup:
    lines = _wrapped(escape.line(title, 200)).split(_HARD)
    return Markup(_HARD.join((*lines, "─" * max(map(len, lines)))))  # noqa: S704 - escaped for a text


_FILTERS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "html": {"headline": _headline_html, "say": _say_html, "notes": _notes_html},
    "md": {
        "say": _say_markdown,
        "notes": _notes_markdown,
        "noted": _noted_markdown,
        "code": _code_markdown,
        "fence": _fence,
        "shell": _shell,
        "quote": _quote_markdown,
    },
    "term": {"style": _style},
    "txt": {
        "notes": lambda numbers: inline.text_notes(numbers),
        "block": _block,
        "wrap": _wrapped,
        "mail": _mail,
        "ljust": _ljust,
        "underlined": _underlined,
    },
}
