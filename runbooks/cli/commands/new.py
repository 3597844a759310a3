"""`runbooks new`: the two files of a runbook."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console


@click.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of your package (default: this checkout's definitions and notebooks).",
)
def command(name: str, into: Path | None) -> None:
    """Write the two files of a new runbook NAME.

    They are a module with its definition, and a notebook. They run as they are, and show where to go on.
    """
    from runbooks.cli import terminal
    from runbooks.execution.template import write_runbook

    for path in write_runbook(name, into):
        terminal.show_paths(Console(), "Written", path)
    if into is not None:
        click.echo(
            "Declare it in your pyproject.toml, then install your package:\n"
            f'    [project.entry-points.fly_runbooks]\n    {name} = "{into.name}.{name}:RUNBOOK"'
        )
