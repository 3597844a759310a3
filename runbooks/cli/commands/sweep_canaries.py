"""`runbooks sweep-canaries`: remove the test machines of runs that died."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbooks.cli.options import output_root as output_root_option
from runbooks.cli.options import root_of


@click.command("sweep-canaries")
@click.argument("apps", nargs=-1, metavar="[APP]...")
@output_root_option
def command(apps: tuple[str, ...], output_root: Path | None) -> None:
    """Remove the test machines that runs of the test creation left behind in each APP.

    Without APP: in the apps where a run on this computer died. Only a machine that has the mark, the name and the
    time of creation of such a run is destroyed; a clone of one is left alone. Of a run that this computer does not
    know, nothing is destroyed before its time is up.

    Exit codes: 0 nothing is left, 1 something is left.
    """
    from runbooks.base.leftovers import Leftovers
    from runbooks.base.settings import load_settings
    from runbooks.cli.terminal import plain
    from runbooks.source import sweep_canaries

    settings = load_settings().model_copy(update={"output_root": root_of(output_root)})
    named = apps or tuple(sorted({dead.app for dead in Leftovers(settings.output_root).dead()}))
    if not named:
        click.echo("No run on this computer left a test machine. Name an app to look into it.")
        return
    clean = True
    for app in named:
        swept = sweep_canaries(app, settings, lambda sentence: click.echo(plain(sentence), err=True))
        click.echo(plain(f"{swept.reason[:1].upper()}{swept.reason[1:]}."))
        clean = clean and swept.clean
    sys.exit(0 if clean else 1)
