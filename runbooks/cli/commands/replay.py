"""`runbooks replay`: a saved run, judged again offline."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runbooks.cli.execute import execute
from runbooks.cli.options import output_root, shown


@click.command("replay")
@click.argument("bundle", type=click.Path(path_type=Path))
@output_root
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout, and nothing else there.")
@shown
def command(bundle: Path, output_root: Path | None, as_json: bool, open_report: bool, quiet: bool) -> None:
    """Judge a saved run again, offline.

    BUNDLE is the folder of a run, or the .zip that `share` made.
    """
    from runbooks.evidence.bundle import open_bundle

    saved = open_bundle(bundle)
    runbook = saved.runbook
    if saved.cut:
        click.echo(f"The run {saved.cut}: this report holds what was known by then.", err=True)
    if not quiet:
        click.echo(f"Judging a saved run again, offline: {bundle}. It ends with the code of that run.", err=True)
    source = {"source": f"bundle:{bundle.absolute()}"}
    sys.exit(execute(runbook, source, output_root, 300, as_json=as_json, quiet=quiet, open_report=open_report))
