"""Makes any string harmless in the format it is shown in, and shows where that changed it.

Everything that reaches a report was written by somebody else: a program's log, an API's answer, a
row of a database. No function here raises, whatever it is given, and every cut is counted.
Colour codes of terminals are dropped; any other control or direction character becomes visible.
"""

from __future__ import annotations

import html as _html
import re
from collections.abc import Iterator

from markupsafe import Markup

SENTENCE = 2_000
"""Characters of a sentence or table cell that are shown at most."""

_NOTE = len(" … [cut: 10 more characters]")
_UNFINISHED = re.compile(r"\s\S{0,40}\Z")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,40}m")
_INVISIBLE = (
    *range(0x80, 0xA0),  # C1 controls, among them the one-byte terminal introducer
    0x00AD,  # soft hyphen
    0x061C,
    *range(0x200B, 0x200C),  # zero-width space; the joiners stay, scripts and emoji need them
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),  # line separators, direction overrides
    *range(0x2060, 0x2070),  # word joiner, invisible operators, direction isolates
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),  # tags
)
_CONTROLS = re.split(
    " ",
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US",
)
_VISIBLE: dict[int, str] = {
    **{code: f"⟨{name}⟩" for code, name in enumerate(_CONTROLS) if name not in ("HT", "LF")},
    0x7F: "⟨DEL⟩",
    **{code: f"⟨U+{code:04X}⟩" for code in _INVISIBLE},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # lone surrogates cannot be written
}
_CODE_WORD = re.compile(r"://|@|\bwww\.|(?:^|\W)(?:#|GH-)\d|:[a-z_+][\w+-]*:|\$", re.IGNORECASE)
_WRAPPED = re.compile(r"^([(\[{\"'<]*)(.*?)([.,;:!?)\]}\"'>]*)$", re.DOTALL)
_MARKDOWN = str.maketrans(
    {
        "\\": "\\\\",
        "`": "\\`",
        "*": "\\*",
        "[": "\\[",
        "]": "\\]",
        "~": "\\~",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&#124;",
    }
)
_EDGE_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^([#+=-]|\d{1,9}(?=[.)]))")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, and how many more there were.

    Between words. A rest that is no longer than the note about it would be stays.
    """
    if limit <= 0 or len(text) <= limit + _NOTE:
        return text
    kept = whole_words(text, limit)
    return f"{kept} … [cut: {len(text) - len(kept):,} more characters]"


def whole_words(text: str, limit: int) -> str:
    """The first `limit` characters without the word that they would break, unless that is a very long one."""
    return _UNFINISHED.sub("", text[: limit + 1])[:limit].rstrip()


def plain(text: object, limit: int = 0) -> str:
    """Several lines of text without anything that a terminal or a reader's eye could be fooled by."""
    clear = cut(str(text), limit).replace("\r\n", "\n")
    return _COLOUR.sub("", clear).translate(_VISIBLE)


def line(text: object, limit: int = SENTENCE) -> str:
    """The same on one line; a line break inside becomes a visible sign."""
    return (
        plain(str(text).strip() if limit <= 0 else cut(str(text).strip(), limit))
        .replace("\n", " ⏎ ")
        .replace("\t", " ")
    )


def html(text: object, limit: int = 0) -> Markup:
    """Text for an element or a quoted attribute of HTML."""
    return Markup(_html.escape(plain(text, limit), quote=True))  # noqa: S704 - escaped in this line


def markdown(text: str) -> str:
    """One line of GitHub Markdown that shows the text and does nothing: no HTML, link, mention or list.

    A word that GitHub would turn into a link (a URL, an address, a mention, an issue number) is set
    as code, where it stays what it is and can be copied unharmed.
    """
    words = "".join(_word(part) for part in re.split(r"(\s+)", line(text, 0)))
    return _BLOCK_START.sub(_escaped_start, words)


def _word(word: str) -> str:
    if not _CODE_WORD.search(word):
        return _EDGE_UNDERSCORE.sub(r"\\_", word.translate(_MARKDOWN))
    wrapped = _WRAPPED.match(word)
    before, inner, after = wrapped.groups() if wrapped else ("", word, "")
    if not inner:
        return _EDGE_UNDERSCORE.sub(r"\\_", word.translate(_MARKDOWN))
    return before.translate(_MARKDOWN) + code(inner) + after.translate(_MARKDOWN)


def _escaped_start(found: re.Match[str]) -> str:
    return f"{found[1]}\\" if found[1].isdigit() else f"\\{found[1]}"


def code(text: str) -> str:
    """A Markdown code span that its content cannot leave, also inside a table."""
    content = line(text, 0).replace("\\|", "\\ |").replace("|", "\\|")
    if not content:
        return ""
    ticks = "`" * (_longest_run(content) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def fence(text: str, language: str = "text") -> str:
    """A fenced block of Markdown, its fence longer than any inside."""
    content = plain(text).strip("\n")
    ticks = "`" * max(3, _longest_run(content) + 1)
    return f"{ticks}{language}\n{content}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def lines(text: str, most: int, wide: int) -> Iterator[str]:
    """The first `most` lines, each at most `wide` characters, and a last line that counts the rest."""
    every = str(text).replace("\r\n", "\n").split("\n")
    for one in every[:most]:
        yield plain(one, wide)
    if len(every) > most:
        yield f"… [cut: {len(every) - most:,} more lines]"
