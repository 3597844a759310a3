"""fly-runbooks: find out what happened to a Fly Machine, and prove it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0"
__all__ = ["Case", "Runbook", "cause", "open_case"]

_PUBLIC = {
    "Case": "runbooks.case",
    "Runbook": "runbooks.base.runbook",
    "cause": "runbooks.diagnose.catalogue",
    "open_case": "runbooks.case",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used: a command that needs none of them starts at once."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
