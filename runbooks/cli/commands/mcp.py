"""`runbooks mcp`: the runbooks as tools for agents."""

from __future__ import annotations

from pathlib import Path

import click

from runbooks.base.errors import UsageError
from runbooks.cli.options import output_root, root_of


@click.command("mcp")
@output_root
def command(output_root: Path | None) -> None:
    """Serve the runbooks as tools for agents.

    Speaks the Model Context Protocol on standard input and output. Every tool only reads.
    """
    try:
        from runbooks.cli.mcp_server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise UsageError(
            "The library mcp is not installed.", "Install it with: pip install 'fly-runbooks[mcp]'"
        ) from None
    serve(root_of(output_root))
