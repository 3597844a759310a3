"""A sentence with footnotes, in HTML, Markdown and plain text.

Two things inside a sentence mean something: `code` between single backticks, and footnotes such as
[E07] or [E03, E03b]. A footnote becomes a link only where the report holds that evidence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from runbooks.base.facets import NUMBER
from runbooks.report import escape

_PIECE = re.compile(rf"`([^`\n]{{1,300}})`|\[({NUMBER}(?:,\s?{NUMBER})*)\]")
_NUMBER = re.compile(NUMBER)
_NAME = re.compile(r"(?<![\w<&#/-])(\w{1,20}(?:-\w{1,20}){1,4})(?![\w-])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the sentence: `kind` is text, code or notes."""

    kind: str
    text: str


def pieces(sentence: object, limit: int = escape.SENTENCE) -> Iterator[Piece]:
    """The sentence in its runs, made safe but not yet escaped for a format."""
    clear = escape.line(sentence, limit)
    start = 0
    for found in _PIECE.finditer(clear):
        if found.start() > start:
            yield Piece("text", clear[start : found.start()])
        yield Piece("code", found[1]) if found[1] is not None else Piece("notes", found[2])
        start = found.end()
    if start < len(clear):
        yield Piece("text", clear[start:])


def html(sentence: object, known: Collection[str] = (), limit: int = escape.SENTENCE, code: str = "<code>") -> Markup:
    """The sentence as HTML; `known` holds the numbers that have an anchor, `code` the opening tag."""
    out: list[str] = []
    for piece in pieces(sentence, limit):
        if piece.kind == "code":
            out.append(f"{code}{escape.html(piece.text)}</code>")
        elif piece.kind == "notes":
            out.append(html_notes(_NUMBER.findall(piece.text), known))
        else:
            out.append(escape.html(piece.text))
    return Markup("".join(out))  # noqa: S704 - every part is escaped above


def headline(sentence: object, known: Collection[str] = (), limit: int = escape.SENTENCE) -> Markup:
    """The same for a heading in large letters: no line ends inside a name such as vyx-app."""
    told = str(html(sentence, known, limit))
    return Markup(_NAME.sub(r'<span class="name">\1</span>', told))  # noqa: S704 - escaped above


def markdown(sentence: object, known: Collection[str] = (), limit: int = escape.SENTENCE) -> str:
    """The sentence as one line of Markdown, fit for a paragraph, a list item or a table cell."""
    out = ""
    for piece in pieces(sentence, limit):
        if piece.kind == "code":
            out += escape.code(piece.text)
        elif piece.kind == "notes":
            out = _loose(out) + markdown_notes(_NUMBER.findall(piece.text), known)
        else:
            text = _spaced(piece.text)
            out += f"\\{text}" if out.endswith("]") and text[:1] in ("(", ":") else text
    return out


def _loose(text: str) -> str:
    """What stands before a note makes neither an image of it nor a link to it.

    What follows neither: "(" would name another target, ":" define one.
    """
    if text.endswith("]"):
        return f"{text} "
    return f"{text[:-1]}\\!" if text.endswith("!") else text


def _spaced(text: str) -> str:
    """Markdown escaping trims; the blanks around a run belong to the sentence."""
    body = text.strip(" ")
    if not body:
        return " " if text else ""
    before = " " if text.startswith(" ") else ""
    after = " " if text.endswith(" ") else ""
    return f"{before}{escape.markdown(body)}{after}"


def html_notes(numbers: Iterable[str], known: Collection[str] = ()) -> Markup:
    """Footnotes such as [E03] [E07], linked to the evidence where it is in the report."""
    return Markup(" ").join(
        Markup('<a class="note" href="#{0}">[{0}]</a>').format(number)
        if number in known
        else Markup('<span class="note">[{0}]</span>').format(number)
        for number in dict.fromkeys(escape.line(n, 20) for n in numbers)
    )


def markdown_notes(numbers: Iterable[str], known: Collection[str] = ()) -> str:
    """The same for Markdown: [E07], which reads well as it stands; `markdown_targets` make links of them."""
    return " ".join(
        f"[{number}]" if number in known else escape.markdown(f"[{number}]")
        for number in dict.fromkeys(escape.line(n, 20) for n in numbers)
    )


def markdown_targets(known: Iterable[str]) -> str:
    """Where the notes of a document lead: GitHub gives a heading such as `E07` the anchor #e07."""
    return "\n".join(f"[{number}]: #{number.lower()}" for number in known)


def text_notes(numbers: Iterable[str]) -> str:
    return " ".join(f"[{number}]" for number in dict.fromkeys(escape.line(n, 20) for n in numbers))
