"""`runbooks prune`: remove old runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import humanize
from rich.console import Console

from runbooks.base.errors import UsageError
from runbooks.cli.options import output_root, root_of


@click.command("prune")
@click.option("--keep", metavar="TIME", help="Keep runs of this time: 30d, 12h, 4w (default: RUNBOOKS_KEEP_DAYS).")
@click.option("--keep-incidents", is_flag=True, help="Keep every run whose verdict is an incident.")
@click.option("--yes", is_flag=True, help="Remove without asking; without it a terminal is asked, anything else lists.")
@output_root
def command(keep: str | None, keep_incidents: bool, yes: bool, output_root: Path | None) -> None:
    """Remove old runs, after showing which.

    Only unchanged files that a run wrote are removed, by its manifest. Whatever else lies in its folder stays.
    """
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.execution import retention
    from runbooks.report import index

    root, wanted = root_of(output_root), keep or load_settings().keep_days
    if not wanted:
        raise UsageError("How long are runs kept?", "Say it with --keep 30d, or set RUNBOOKS_KEEP_DAYS.")
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "Name the one that holds the runs with --output-root.")
    limit, now = retention.period(wanted), datetime.now(UTC)
    old = list(retention.old_runs(root, limit, now, keep_incidents))
    for run in old:
        left = f"; {len(run.foreign)} other files stay" if run.foreign else ""
        click.echo(f"{terminal.plain(str(run.folder))} ({humanize.naturalsize(run.size)}{left})")
    size = humanize.naturalsize(sum(run.size for run in old))
    if not old:
        held = sum(1 for _ in retention.old_runs(root, limit, now)) if keep_incidents else 0
        click.echo(
            f"{held} runs are that old; --keep-incidents keeps them." if held else "No run is that old.", err=True
        )
        return
    amount = "1 run was" if len(old) == 1 else f"{len(old)} runs were"
    asked = sys.stdin is not None and sys.stdin.isatty()
    if not (yes or (asked and click.confirm(f"Remove {len(old)} runs ({size})?", err=True))):
        click.echo(f"Nothing was removed. --yes removes these {len(old)} runs ({size}).", err=True)
        return
    for run in old:
        retention.remove(run)
    index.write(root)
    click.echo(f"{amount} removed ({size}).", err=True)
    terminal.show_paths(Console(), "Index", root / "index.html")
