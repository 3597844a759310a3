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


def _broken(width: int) -> Callable[[str], str]:
    """As a terminal of this width shows the lines."""
    return lambda text: "\n".join(
        line[at : at + width] for line in text.split("\n") for at in range(0, max(1, len(line)), width)
    )


def cut(width: int) -> Callable[[str], str]:
    """The lines without what a narrow column hides."""
    return lambda text: "\n".join(line[:width] for line in text.split("\n"))


def _local(text: str) -> str:
    """The times as an American browser shows them."""

    def shown(at: re.Match[str]) -> str:
        hour = int(at["hour"])
        return f"{int(at['month'])}/{int(at['day'])}/{at['year']}, {hour % 12 or 12}:{at['rest']} {'AP'[hour > 11]}M "

    stamp = r"^(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<rest>\d\d:\d\d)(?:\.\d+)?Z? "
    return re.sub(stamp + r"(?=\w+\[)", shown, text, flags=re.M)


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
    "list": _each("- {line}"),
    "numbers": _each("{number}. {line}"),
    "code in a mail": _each("  > `{line}`"),
    "block of code": _each("    {line}"),
    "unseen signs": _each("\u200b{line}\u00a0"),
    "80 columns": _broken(80),
    "120 columns": _broken(120),
    "local times": _local,
    "HTML entities": lambda text: html.escape(text, quote=True),
    "typographic quotes": _typographic,
}
