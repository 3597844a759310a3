"""What a command of a remedy does to machines that run: a reader has to know it before the command is pasted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_SECRETS = "restarts the machines that `fly deploy` manages"
# flyctl: `secrets set` restarts what ListFlyAppsMachines returns, those with fly_platform_version v2 in their metadata.
EFFECTS: Mapping[str, str] = {
    "fly secrets set": _SECRETS,
    "fly secrets deploy": _SECRETS,
    "fly secrets unset": _SECRETS,
    "fly deploy": "replaces the machines that it manages",
    "fly machine update": "restarts the machine",
    "fly machine stop": "stops the machine",
    "fly machine clone": "creates a second machine of the same config and cost; if the first one goes on, both work",
    "fly machine destroy": "removes the machine and its events",
    "fly apps destroy": "removes the app with everything in it",
}
"""By form of the command."""
_WITHOUT = ("--stage", "--build-only", "TEST_ID")
"""Words with which the command changes no machine, or only one that was made to be looked at."""


def effects(commands: Iterable[str]) -> tuple[str, ...]:
    """One sentence for each form of command that touches machines that run: `fly deploy` replaces …"""
    found = {
        form: told
        for command in commands
        for form, told in EFFECTS.items()
        if command.startswith(f"{form} ") and not any(option in command.split() for option in _WITHOUT)
    }
    return tuple(f"`{form}` {told}." for form, told in found.items())
