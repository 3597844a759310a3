"""`runbooks run`: one run of one runbook."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from runbooks.cli.execute import execute
from runbooks.cli.execute_many import execute_many
from runbooks.cli.options import EXIT_CODES, Seconds, output_root, shown
from runbooks.cli.values import several_of

MAX_DEADLINE = 86_400
"""Seconds: a run that may take longer than a day is no answer to an incident."""


@click.command("run", epilog=EXIT_CODES)
@click.argument("runbook", nargs=-1, required=True)
@click.option(
    "-p",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter; repeatable. The value - is read from standard input.",
)
@click.option(
    "-f",
    "file",
    type=click.Path(path_type=Path),
    help="A YAML file of parameters, or of a list of them for several runs; -p wins over it.",
)
@click.option("--source", help="live, simulator:SCENARIO or bundle:PATH; the same as -p source.")
@output_root
@click.option(
    "--deadline",
    type=Seconds(min=1, max=MAX_DEADLINE),
    default=300,
    show_default=True,
    metavar="TIME",
    help="End the run after that many seconds, or 50m or 1h, and publish what is known by then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout, and nothing else there.")
@shown
@click.option("--profile", help="The profile of runbooks.toml; the same as RUNBOOKS_PROFILE.")
@click.option("--exit-zero", is_flag=True, help="End with 0 where an incident would end with 3 or 4.")
def command(
    runbook: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    file: Path | None,
    source: str | None,
    output_root: Path | None,
    deadline: float,
    as_json: bool,
    exit_zero: bool,
    open_report: bool,
    quiet: bool,
    profile: str | None,
) -> None:
    """Run RUNBOOK, and leave its report in a dated folder.

    Several names, or a file with a list of parameters, make several runs side by side; it ends with the worst code.

    Values given with -p stay text until the runbook types them, so an id keeps its leading zeros.
    """
    if profile is not None:
        os.environ["RUNBOOKS_PROFILE"] = profile
    several = several_of(file, pairs, source)
    if len(runbook) * len(several) == 1:
        code = execute(
            runbook[0], several[0], output_root, deadline, as_json=as_json, quiet=quiet, open_report=open_report
        )
    else:
        jobs = [(name, values) for name in runbook for values in several]
        code = execute_many(jobs, output_root, deadline, as_json=as_json, quiet=quiet)
    sys.exit(0 if exit_zero and code in (3, 4) else code)
