"""`runbooks explain`: what a cause means, and what to do about it."""

from __future__ import annotations

import click
from rich.console import Console

from runbooks.base.errors import UsageError
from runbooks.base.suggest import did_you_mean


@click.command("explain")
@click.argument("cause")
def command(cause: str) -> None:
    """Explain CAUSE, and what to do about it.

    Says how it is told from its neighbours, too; docs/causes lists the causes.
    """
    from runbooks.cli import terminal
    from runbooks.diagnose.catalogue import catalogue

    known = catalogue()
    if cause not in known:
        raise UsageError(
            f"There is no cause {cause!r}.", did_you_mean(cause, {slug: info.title for slug, info in known.items()})
        )
    terminal.show_cause(Console(), known[cause])
