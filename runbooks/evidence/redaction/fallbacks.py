"""What a program takes where a setting is not given: `${DB_PASSWORD:-…}`, `getenv("TOKEN", "…")`, `read() ?? "…"`."""

from __future__ import annotations

import re

_QUOTE = r"(?:\\{0,3}[\"'`])"
# Behind the name of a variable in braces, of a shell or of Spring; what a shell says when it is missing is none.
_IN_BRACES = re.compile(r":?[-=](?P<shell>[^}\s\"'\0]{3,512})\}|:(?![-=?+])(?P<spring>[^}\s\"'\0]{3,512})\}")
_VARIABLE = re.compile(r"[\"']?\$\{\w{1,60}:?[-=](?P<secret>[^}\s\"'\0]{3,512})\}")
_ELSE = re.compile(r"[\w.:>$-]{1,120}\([^()\n]{0,120}\)[ ]?(?:\?\?|\|\||\bor|\?:)[ ]{1,4}(?=[\"'`])")
# The call that is given a name and then what it falls back to.
_GETS = re.compile(
    r"(?:\b(?:getenv|env|fetch|option)|\.(?:[gG]et\w{0,20}|fetch|String(?:Var)?|pop|environ|getenv|env))\(\s{0,8}"
    r"\\{0,3}[\"'][\w.-]{0,60}$"
)
_DEFAULT = re.compile(
    rf"{_QUOTE},[ ]{{0,4}}(?:[a-z_]{{1,20}}=[^,()\n]{{1,60}},[ ]{{0,4}}){{0,6}}default[ ]?=[ ]?(?={_QUOTE})"
)


def in_braces(text: str, end: int) -> tuple[int, int] | None:
    """Where it stands behind the name of a variable in braces that ends here."""
    found = _IN_BRACES.match(text, end)
    return (found.span("shell") if found["shell"] else found.span("spring")) if found else None


def of_variable(text: str, at: int) -> tuple[int, int] | None:
    """The same where another variable is the value."""
    found = _VARIABLE.match(text, at)
    return found.span("secret") if found else None


def behind_call(text: str, at: int) -> int:
    """Where the quotation mark stands that opens it, behind a call; 0 if there is none."""
    found = _ELSE.match(text, at)
    return found.end() if found else 0


def behind_name(text: str, end: int) -> int:
    """The same behind the name of an argument: `add_argument("--token", default="…")`."""
    found = _DEFAULT.match(text, end)
    return found.end() if found else 0


def is_got(text: str, begin: int) -> bool:
    """Is the name that begins here the first argument of a call that gets a setting?"""
    return _GETS.search(text, max(0, begin - 100), begin) is not None
