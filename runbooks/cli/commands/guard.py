"""`runbooks guard`: write the guard for a provisioning function into a project."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import click
from rich.console import Console

_FILES = {"typescript": "guard.ts", "python": "guard.py"}


@click.command("guard")
@click.argument("language", type=click.Choice(list(_FILES)))
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file, a folder, or - for standard output. Default: guard.ts or guard.py here.",
)
@click.option("--replace", is_flag=True, help="Replace a file of that name without asking.")
def command(language: str, out: Path | None, replace: bool) -> None:
    """Write the guard for the code that creates machines.

    It is one file without dependencies: it checks the image, creates the machine, waits until it is settled, and keeps
    the evidence where it is not. docs/prevent.md shows how to call it.
    """
    from runbooks.cli import terminal

    text = (resources.files("runbooks.guard") / _FILES[language]).read_text(encoding="utf-8")
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    target = out or Path(_FILES[language])
    target = target / _FILES[language] if target.is_dir() else target
    if target.exists() and not replace:
        asked = sys.stdin is not None and sys.stdin.isatty()
        if not asked or not click.confirm(f"Replace {target}?", err=True):
            raise click.UsageError(f"{target} exists already, and is left as it is. Use --replace, or another --out.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    terminal.show_paths(Console(), "Written", target)
