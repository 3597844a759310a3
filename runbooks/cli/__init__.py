"""The command line: words and exit codes."""

from runbooks.cli.commands import EXIT_CODES, cli, main

__all__ = ["EXIT_CODES", "cli", "main"]
