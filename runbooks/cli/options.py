"""What commands share: exit codes, options, and the words for a name that does not exist."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from runbooks.base.duration import seconds_in

EXIT_CODES = """\b
Exit codes:
  0       nothing wrong found
  1       the tool itself failed
  2       bad usage or parameters
  3       incident, cause confirmed or likely
  4       incident or state not established
  5       could not look: no token, a refused one, or no network
  124     the deadline passed
  128+n   ended by signal n"""


class Seconds(click.FloatRange):
    """A length of time in seconds, or with a unit; nan compares with nothing, so no range would refuse it."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = float(value)
        except ValueError:
            found = seconds_in(value, "second")
            if found is None:
                self.fail(f"{value[:40]!r} is no length of time. Write seconds, or 50m or 1h.", param, ctx)
            number = found
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number of seconds.", param, ctx)
        return super().convert(number, param, ctx)


output_root = click.option(
    "--output-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the dated folders go (default: RUNBOOKS_OUTPUT_ROOT, else outputs/ of the checkout or of this folder).",
)


def root_of(output_root: Path | None) -> Path:
    from runbooks.base.settings import load_settings

    return (output_root or load_settings().output_root).absolute()


def shown(command: Any) -> Any:
    """The options of every command that ends with a report: how much of it is shown, and where."""
    for option in (
        click.option("--open", "open_report", is_flag=True, help="Open the report in the browser."),
        click.option("--quiet", is_flag=True, help="Show nothing but the report's path, and errors."),
    ):
        command = option(command)
    return command
