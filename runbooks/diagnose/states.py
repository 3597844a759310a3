"""What tables call a state, and the states of the platform that agree with it (§2, §14.7)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

WAITING = ("provisioning", "starting", "creating", "created", "pending")
_AGREES: tuple[tuple[AbstractSet[str], AbstractSet[str]], ...] = (
    (
        frozenset({"running", "started", "active", "ready", "online", "up", "live", "healthy"}),
        frozenset({"started", "suspended", "starting"}),
    ),
    (
        frozenset({"stopped", "paused", "sleeping", "offline", "inactive", "down"}),
        frozenset({"stopped", "suspended", "stopping"}),
    ),
    (frozenset({"suspended"}), frozenset({"suspended", "stopped", "suspending"})),
    (frozenset({"destroyed", "deleted", "removed", "terminated"}), frozenset({"destroyed", "destroying"})),
    (frozenset({"destroying", "deleting", "terminating"}), frozenset({"destroyed", "destroying"})),
    (frozenset({"stopping"}), frozenset({"stopped", "stopping", "suspended"})),
    (
        frozenset({"failed", "error", "errored", "crashed"}),
        frozenset({"failed", "stopped", "destroyed", "launch_failed"}),
    ),
    (frozenset(WAITING), frozenset({"created", "starting"})),
)


def row_agrees(status: str, state: str) -> bool | None:
    """Does a row's status agree with the machine's state? None: the word is unknown, or the state is.

    Args:
        status: as the caller's table has it
        state: as the platform has it
    """
    states = next((states for words, states in _AGREES if status.lower() in words), None)
    return None if states is None or not state else state in states
