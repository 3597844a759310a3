"""How other programs show the same lines: what a build server, syslog, a ticket or a web page puts around them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable


def _each(form: str) -> Callable[[str], str]:
    """`{line}` is the line, `{n}` its number; every line of the text is shown in this form."""
    return lambda text: "\n".join(
        form.format(line=line, n=n % 60, number=n + 1) for n, line in enumerate(text.split("\n"))
    )


def _typographic(text: str) -> str:
    return re.sub(r"'([^'\n]*)'", "\u2018\\1\u2019", re.sub(r'"([^"\n]*)"', "\u201c\\1\u201d", text))


WRAPPERS: dict[str, Callable[[str], str]] = {
    "colours": _each("\x1b[2m\x1b[36m{line}\x1b[0m"),
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "GitHub Actions": _each("2026-05-01T10:00:{n:02d}.1234567Z {line}"),
    "GitLab": _each("2026-05-01T10:00:{n:02d}.123456Z 01O {line}"),
    "Buildkite": _each("\x1b_bk;t=17000000000{n:02d}\x07{line}"),
    "compose": _each("app-1  | {line}"),
    "syslog": _each("<14>1 2026-05-01T10:00:{n:02d}Z host fly - - - {line}"),
    "error stream": _each("[stderr] {line}"),
    "quotation": _each("> {line}"),
    "row of a table": _each("| {line} |"),
    "HTML entities": lambda text: html.escape(text, quote=True),
    "typographic quotes": _typographic,
}
