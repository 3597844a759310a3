"""How often Python's collector looks: rarely, in a process that imports much and throws little away."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 20)


def rarely() -> None:
    """A tenth of the time that a run takes would go to looking through modules again and again."""
    gc.set_threshold(*THRESHOLDS)
