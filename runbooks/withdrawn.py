"""What stands in a notebook for its case when the parameters of a new one were refused.

Without it the cells below would go on telling about the case of before, as if it were the one asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from runbooks.base.errors import UsageError


class Withdrawn:
    """Nothing can be read off it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            "There is no case here: the parameters were refused above.",
            "Correct them in the first cell, run it, and then run the cell that opens the case.",
        )


def withdraw(namespace: Mapping[str, Any] | None, kind: type) -> None:
    """Take every case of that kind out of a notebook's namespace."""
    if isinstance(namespace, dict):
        for name, value in list(namespace.items()):
            if isinstance(value, kind):
                namespace[name] = Withdrawn()
