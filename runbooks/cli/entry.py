"""The `runbooks` command. Everything it does can be done from Python; here are only words and exit codes."""

from __future__ import annotations

import pkgutil
import sys
import tempfile
import traceback
from importlib import import_module
from typing import NoReturn

import click
from rich.console import Console

from runbooks import __version__
from runbooks.base import garbage
from runbooks.base.errors import MissingKeyError, RunbookError
from runbooks.base.files import DISK_FAILS
from runbooks.cli import commands
from runbooks.cli.hints import explained
from runbooks.cli.options import EXIT_CODES


class Commands(click.Group):
    """The modules of `runbooks.cli.commands`; one is imported when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not (ctx.resilient_parsing or args[0].startswith("-") or args[0] in self.list_commands(ctx)):
            raise MissingKeyError("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runbooks")
def cli() -> None:
    """Find out what happened to a Fly Machine, and prove it."""


def main() -> NoReturn:
    """Run the command. Whatever goes wrong, a person reads one paragraph, and the exit code says the same."""
    garbage.rarely()
    try:
        cli.main(prog_name="runbooks", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _complain(explained(error, sys.argv[1:]))
        sys.exit(error.exit_code)
    except RunbookError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        _complain(_disk(error) if error.errno in DISK_FAILS else _bug(error))
        sys.exit(1)
    except Exception as error:
        _complain(_bug(error))
        sys.exit(1)
    sys.exit(0)


def _complain(text: str) -> None:
    from runbooks.cli.terminal import show_error

    show_error(Console(stderr=True), text)


def _disk(error: OSError) -> str:
    """A disk without room is nobody's fault, and no bug."""
    place = f" that holds {error.filename}" if error.filename else ""
    return (
        f"The disk{place} is full or fails ({error.strerror}). Free some space, or choose another place with "
        "--output-root, RUNBOOKS_OUTPUT_ROOT or TMPDIR. What a run had seen by then is named by the next run."
    )


def _bug(error: Exception) -> str:
    """Keep the details where only this user can read them, and say so in one paragraph."""
    from runbooks.cli.terminal import plain

    told = f"This is a fault of the tool itself ({type(error).__name__}), not of your input. "
    text = plain("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="runbooks-error-", suffix=".txt", delete=False) as details:
            details.write(text)
    except OSError as trouble:
        return f"{told}The details could not be written ({trouble.strerror})."
    return f"{told}The details are in {details.name}; read them before you share them."
