"""Ask the person at the terminal to confirm a test creation, by typing the app's name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from runbooks.base.consent import Consent

_EFFECTS = (
    "allow_writes creates one test machine with a known-good image in the app, watches it, and destroys it. It costs a "
    "few minutes of a machine of the same size."
)
_CONFIG = (
    "canary_config runs YOUR OWN PROGRAM once more, with its real secrets. It may consume queues, send mail, migrate a "
    "database, or write the very row that is looked at."
)


def confirmed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the name that the person typed where a test is allowed and not yet confirmed.

    Without a terminal nothing is asked; the runbook's own check then refuses.
    """
    wanted = values.get("allow_writes") in (True, "true") and not values.get("confirm_app")
    if not wanted or sys.stdin is None or not sys.stdin.isatty():
        return dict(values)
    click.echo(_EFFECTS, err=True)
    if values.get("canary_config") in (True, "true"):
        click.echo(_CONFIG, err=True)
    typed = click.prompt("Type the name of the app to go on", default="", show_default=False, err=True)
    return {**values, "confirm_app": typed.strip()}


def announced(consent: Consent) -> str:
    """What the run may do besides reading, before it begins; "" where that is nothing."""
    if not consent.writes:
        return ""
    count = "two test machines, one of them with your own config" if consent.config else "one test machine"
    return (
        f"This run creates at most {count}, in {consent.app}, and destroys what it created. If it is killed, "
        f"`runbooks sweep-canaries {consent.app}` removes the rest."
    )
