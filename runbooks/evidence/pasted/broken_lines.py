"""Lines that a terminal, a mail or a chat broke at its width, put together again.

A broken line is as wide as the text gets: the first word of what follows would not have fitted. What follows belongs
to it where it does not begin as a line of its own, and something else tells that the line was not at its end: a log's
time in front of it, several lines of exactly that width, a bracket or a quotation that is still open, or a sentence
that goes on in small letters.
"""

from __future__ import annotations

import re
from itertools import pairwise

from runbooks.evidence.log_parser import from_around, from_flyctl, from_init

_NARROWEST = 40
_WIDEST = 400
_MAX_LINES = 20_000
_MAX_PIECES = 60
# Widths of terminals: few breaks at another width were made between two words.
_USUAL_WIDTHS = frozenset({80, 90, 100, 110, 120, 132, 140, 150, 160, 180, 200})
_FEW = 2
_HEADED = re.compile(
    r"\s{0,8}(?:[\w.-]{1,60} {1,30}\| )?(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d|(?:app|runner|proxy|health)\[)"
)
_SENT = re.compile(r"[^\n\[]{0,60}\b(?:app|runner|proxy|health)\[")
_BEGINS = re.compile(
    r"\s{0,8}(?:\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d:\d\d|(?:app|runner|proxy|health)\[|[*•>#$%`❯➜|│┃┌└├╷╵✖✘×✔✓❌]"
    r"|--?> |==>|- |\[P[A-Z]\d\d\]|v\d{1,6} failed"
    r"|(?:at(?= \S{1,300}[(:/])|from(?= /)|File(?= \")|Caused by|npm|error|Error|ERROR"
    r"|WARN(?:ING)?|warn(?:ing)?|INFO|info|DEBUG|FATAL|TRACE|thread|panic:|goroutine|Traceback|HTTP/\d)\b"
    r"|curl: \(|(?:\d{3}[ ,|]{1,3}){2}|\d{1,4}[.)] |[A-Z][\w-]{1,40}: |[\w.]{1,60}(?:Error|Exception)\b)"
)
# Cells of a table, whose rows are all of one width.
_CELLS = re.compile(r"\t|^\s{0,8}[A-Z][A-Za-z ]{1,30} = |\S {2,}\S.*\S {2,}\S|[│┃]")
# The head of a table whose spaces a page made one: its rows end where they end.
_COLUMNS = re.compile(r"\s{0,8}[A-Z]{2,20}(?:\s{1,80}[A-Z]{2,20}){2,20}\s{0,80}\Z")
_GOES_ON = re.compile(r"[a-z0-9_'\"(\[{<,;.:/=&+\-]")
_UNFINISHED = re.compile(r"[\w,/=&+-] ?\Z")
_PAIRS = (("{", "}"), ("[", "]"), ("(", ")"))


def joined(text: str) -> str:
    """The text with its broken lines put together again.

    Args:
        text: a pasted text, without what other tools put around its lines

    Returns:
        the text; the same one, if no line of it looks broken
    """
    lines = text.split("\n")
    width = max(map(len, lines))
    if not _NARROWEST <= width <= _WIDEST or not 1 < len(lines) <= _MAX_LINES:
        return text
    often = sum(len(line) == width for line in lines) > 1
    whole: list[list[str]] = []
    in_table = False
    for line in lines:
        in_table = bool(line.strip()) and (in_table or bool(_COLUMNS.match(line)))
        if whole and not in_table and _is_rest(line, whole[-1], width, often):
            whole[-1].append(line)
        else:
            whole.append([line])
    if len(whole) == len(lines):
        return text
    between_words = not _breaks_words(whole, width)
    return "\n".join(_one(pieces, width, between_words) for pieces in whole)


def _is_rest(line: str, pieces: list[str], width: int, often: bool) -> bool:
    """Is this line the rest of the one that these pieces began?"""
    above, begin = pieces[-1], pieces[0]
    word = line.split(maxsplit=1)[:1]
    if not word or len(above) < _NARROWEST or len(above) + 1 + len(word[0]) <= width or len(pieces) >= _MAX_PIECES:
        return False
    if _is_open(pieces) and line.count('"') % 2 and not _SENT.match(line):
        return True
    if _BEGINS.match(line) or _CELLS.search(line) or _CELLS.search(above):
        return False
    if from_flyctl(line):
        return False
    if _SENT.match(begin):
        return True
    if from_init(line) or from_around(line):
        return False
    if _HEADED.match(begin):
        return True
    if line[:1].isspace() and not (len(above) == width and (often or width in _USUAL_WIDTHS) and line[1:2].strip()):
        return False
    if (often and len(above) == width) or _is_open(pieces):
        return True
    return bool(_GOES_ON.match(line.lstrip())) and (width in _USUAL_WIDTHS or bool(_UNFINISHED.search(above)))


def _is_open(pieces: list[str]) -> bool:
    """Does a bracket or a quotation begin in these pieces that does not end in them?"""
    text = "".join(pieces)
    return text.count('"') % 2 == 1 or any(text.count(left) > text.count(right) for left, right in _PAIRS)


def _breaks_words(whole: list[list[str]], width: int) -> bool:
    """Were the lines cut at one width, as a terminal does? Then all pieces but the last are of that width."""
    cut = [piece for pieces in whole for piece in pieces[:-1]]
    # A sign that is missing is a space, which whoever copied the line has lost at its end.
    exact = sum(len(piece) == width for piece in cut)
    return all(len(piece) >= width - 1 for piece in cut) and (exact > _FEW or width in _USUAL_WIDTHS)


def _one(pieces: list[str], width: int, between_words: bool) -> str:
    line = pieces[0]
    for above, piece in pairwise(pieces):
        if between_words:
            line = f"{line.rstrip()} {piece.lstrip()}"
        else:
            line += piece if len(above) == width else f" {piece}"
    return line
