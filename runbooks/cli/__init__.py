"""The command line: words and exit codes."""

from runbooks.cli.entry import cli, main
from runbooks.cli.options import EXIT_CODES

__all__ = ["EXIT_CODES", "cli", "main"]
