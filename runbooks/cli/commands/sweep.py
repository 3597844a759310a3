"""`runbooks sweep`: a fleet, and its worst suspects investigated."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from runbooks.cli.options import Seconds, output_root, root_of
from runbooks.cli.values import values_of

MAX_DEADLINE = 86_400


@click.command("sweep")
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of fleet; repeatable.")
@click.option("-f", "file", type=click.Path(path_type=Path), help="A YAML file of parameters; -p wins over it.")
@click.option("--source", help="live or simulator:SCENARIO; the same as -p source.")
@output_root
@click.option(
    "--investigate", type=click.IntRange(0, 1000), default=20, show_default=True, help="Suspects to investigate."
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    help="Investigations at the same time (0: as many as keep the cores busy).",
)
@click.option(
    "--deadline",
    type=Seconds(min=10, max=MAX_DEADLINE),
    default=3600,
    show_default=True,
    metavar="TIME",
    help="End the whole sweep after that many seconds, or 50m or 1h; the next one continues it.",
)
@click.option(
    "--cluster", metavar="ADDRESS", help="Investigate on a Dask cluster: tcp://HOST:8786, or local (docs/cluster.md)."
)
@click.option("--wait", is_flag=True, help="Wait for another sweep in this output root instead of ending with 75.")
@click.option("--quiet", is_flag=True, help="Print nothing but warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on stdout, and nothing else there.")
def command(
    pairs: tuple[tuple[str, str], ...],
    file: Path | None,
    source: str | None,
    output_root: Path | None,
    investigate: int,
    workers: int,
    deadline: float,
    cluster: str | None,
    wait: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare all machines with all rows, and investigate the worst suspects.

    Runs fleet, then machine_not_visible for each suspect, and writes one summary. RUNBOOKS_NOTIFY names who is told
    about changes. A sweep that was killed is continued by the next one.

    \b
    Exit codes:
      0    machines and rows agree
      3    some disagree
      4    some could not be compared
      5    nothing could be read
      75   another sweep is under way
      124  the deadline passed
    """
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.execution.addresses import addresses_of
    from runbooks.execution.sweep import sweep

    errors = Console(stderr=True)
    root = root_of(output_root)
    with ExitStack() as stack:
        run_jobs = None
        if cluster is not None:
            from runbooks.execution.cluster import connected

            run_jobs = stack.enter_context(connected(cluster, root, workers))
        done = sweep(
            values_of(file, pairs, source),
            output_root=root,
            investigate=investigate,
            deadline=deadline,
            workers=workers,
            wait=wait,
            addresses=addresses_of(load_settings().notify.get_secret_value()),
            tell=lambda line: None if quiet else terminal.show_line(errors, line),
            run_jobs=run_jobs,
        )
    terminal.show_warnings(errors, done.warnings)
    if as_json:
        click.echo(json.dumps(done.summary, indent=2, ensure_ascii=False))
    elif done.path is not None and not quiet:
        terminal.show_paths(Console(), "Report", root / done.summary["fleet"]["run"] / "report.html")
        terminal.show_paths(Console(), "Summary", done.path)
        terminal.show_paths(Console(), "All runs", root / "index.html")
    sys.exit(done.exit_code)
