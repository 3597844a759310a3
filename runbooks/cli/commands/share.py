"""`runbooks share`: one zip of a run that can be sent."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console


@click.command("share")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: the folder's name, .zip."
)
@click.option("--replace", is_flag=True, help="Replace a file of that name without asking.")
def command(run: Path, output: Path | None, replace: bool) -> None:
    """Pack a RUN into one .zip that can be sent.

    RUN is its folder. Only the files of its manifest are packed. Everything is masked once more; the zip can be
    replayed.
    """
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.evidence.redaction import Redactor, secrets_of
    from runbooks.execution.share import share as pack

    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)

    def agreed(target: Path) -> bool:
        return replace or (
            sys.stdin is not None and sys.stdin.isatty() and click.confirm(f"Replace {target}?", err=True)
        )

    parcel = pack(run, output, redactor, agreed)
    for name in parcel.changed:
        click.echo(f"Warning: {terminal.plain(name)} after the run; it is packed as it is now.", err=True)
    if parcel.left_out:
        told = ", ".join(terminal.plain(name) for name in parcel.left_out[:5])
        more = f" and {len(parcel.left_out) - 5} more" if len(parcel.left_out) > 5 else ""
        click.echo(f"Not packed, since the run did not write it: {told}{more}.", err=True)
    terminal.show_paths(Console(), "Zip", parcel.path.absolute())
    if not parcel.masked:
        click.echo("Nothing new had to be masked.", err=True)
    else:
        click.echo(
            f"{parcel.masked} more values looked like secrets by today's rules; they are masked in the zip.", err=True
        )
