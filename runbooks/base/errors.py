"""Every error a user can meet, each with its exit code, its cause and its remedy.

RunbookError                  1   the tool itself failed
├── UsageError                2   bad parameters, unknown runbook, unreadable file
│   ├── ParameterError        2   one parameter is wrong; names it
│   ├── SourceError           2   the source cannot be opened (unknown scenario, bad URL)
│   └── MissingKeyError       2   a collection has no such name; says which is close
├── DiskError                 1   a disk is full or fails
└── ScanError                 1   a secret could not be cleaned from an output
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RunbookError(Exception):
    """Base of the tree. `cause` says what is wrong, `remedy` what to do about it."""

    exit_code = 1

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}".strip()

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback: one paragraph a person can act on."""
        return [str(self)]


class UsageError(RunbookError):
    exit_code = 2


class ParameterError(UsageError):
    """One parameter is wrong. `name` is the parameter's name."""

    def __init__(self, name: str, cause: str, remedy: str = "") -> None:
        super().__init__(cause, remedy)
        self.name = name


class SourceError(UsageError):
    pass


class MissingKeyError(UsageError, KeyError, AttributeError):
    """A name that a collection does not have, as key or as attribute; says which name is close."""

    def __init__(self, what: str, name: object, known: Iterable[str]) -> None:
        names = list(known)
        shown = {one.lower(): one for one in names}
        close = [shown[one] for one in difflib.get_close_matches(str(name).lower(), shown, n=5)]
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(names) or 'none'}."
        super().__init__(f"There is no {what} {str(name)[:80]!r}.", hint)


class ScanError(RunbookError):
    pass


class DiskError(RunbookError):
    """A disk is full or fails; the message says what could be kept, and where."""
