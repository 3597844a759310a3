"""The one noun a notebook holds: open it, walk through its steps, publish it."""

from __future__ import annotations

from runbooks.case.case import Case
from runbooks.case.opening import DEFAULT, open_case

__all__ = ["DEFAULT", "Case", "open_case"]
