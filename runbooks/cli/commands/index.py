"""`runbooks index`: the page that lists all runs."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from runbooks.base.errors import UsageError
from runbooks.cli.options import output_root, root_of


@click.command("index")
@output_root
def command(output_root: Path | None) -> None:
    """Write the page that lists all runs."""
    from runbooks.cli import terminal
    from runbooks.report import index as index_page

    root = root_of(output_root)
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "Name the one that holds the runs with --output-root.")
    index_page.write(root)
    terminal.show_paths(Console(), "Index", root / "index.html")
