"""What commands share: exit codes, options, and the words for a name that does not exist."""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import Any

import click

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
    """A number of seconds; nan compares with nothing, so no range would refuse it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a finite number of seconds.", param, ctx)
        return seconds


output_root = click.option(
    "--output-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the dated folders go (default: RUNBOOKS_OUTPUT_ROOT, else outputs/ of the checkout or of this folder).",
)


def root_of(output_root: Path | None) -> Path:
    from runbooks.base.settings import load_settings

    return (output_root or load_settings().output_root).absolute()


def did_you_mean(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known are: {', '.join(sorted(known))}."
