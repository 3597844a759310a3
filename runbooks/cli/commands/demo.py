"""`runbooks demo`: a reconstructed incident, without an account."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbooks.cli.execute import execute
from runbooks.cli.options import output_root, shown

RUNBOOK = "machine_not_visible"
SCENARIO = "vyx-missing-environment"


@click.command("demo")
@output_root
@shown
def command(output_root: Path | None, open_report: bool, quiet: bool) -> None:
    """Play a reconstructed incident: no account, no network.

    It runs against the built-in simulator.

    Ends with 0 when the report was written, since the incident in it is expected.
    """
    code = execute(
        RUNBOOK,
        {"source": f"simulator:{SCENARIO}"},
        output_root,
        300,
        as_json=False,
        quiet=quiet,
        open_report=open_report,
    )
    if code in (0, 3, 4):
        if not quiet:
            click.echo(f"This was a demo, so it ends with 0. A real run with this result ends with {code}.")
        code = 0
    sys.exit(code)
