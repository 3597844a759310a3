"""`runbooks prune`: remove old runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import humanize
from rich.console import Console

from runbooks.base.amount import amount
from runbooks.base.errors import UsageError
from runbooks.cli.options import output_root, root_of

if TYPE_CHECKING:
    from runbooks.execution.retention import Old


@click.command("prune")
@click.option(
    "--keep", metavar="TIME", help="Keep runs of this time: 30d, 12h, 4w, '30 days' (default: RUNBOOKS_KEEP_DAYS)."
)
@click.option("--keep-incidents", is_flag=True, help="Keep every run whose verdict is an incident.")
@click.option("--yes", is_flag=True, help="Remove without asking; without it a terminal is asked, anything else lists.")
@output_root
def command(keep: str | None, keep_incidents: bool, yes: bool, output_root: Path | None) -> None:
    """Remove old runs and summaries of sweeps, after showing which.

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
    old = [
        *retention.old_runs(root, limit, now, keep_incidents),
        *retention.old_sweeps(root, limit, now, keep_incidents),
    ]
    for one in old:
        left = f"; {amount(len(one.foreign), 'other file')} stay" if one.foreign else ""
        click.echo(f"{terminal.plain(str(one.place))} ({humanize.naturalsize(one.size)}{left})")
    if not old:
        held = sum(1 for _ in retention.old_runs(root, limit, now)) if keep_incidents else 0
        click.echo(
            f"{amount(held, 'run is', 'runs are')} that old; --keep-incidents keeps {'it' if held == 1 else 'them'}."
            if held
            else "No run is that old.",
            err=True,
        )
        return
    told = _told(old)
    asked = sys.stdin is not None and sys.stdin.isatty()
    if not (yes or (asked and click.confirm(f"Remove {told}?", err=True))):
        click.echo(f"Nothing was removed. --yes removes {told}.", err=True)
        return
    for one in old:
        retention.remove(one)
    index.write(root)
    click.echo(f"Removed: {told}.", err=True)
    terminal.show_paths(Console(), "Index", root / "index.html")


def _told(old: Sequence[Old]) -> str:
    runs = sum(one.is_run for one in old)
    sweeps = len(old) - runs
    told = [amount(runs, "run")] if runs else []
    told += [amount(sweeps, "summary of a sweep", "summaries of sweeps")] if sweeps else []
    return f"{' and '.join(told)} ({humanize.naturalsize(sum(one.size for one in old))})"
