"""One run as a command: validate, run, show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from runbooks.cli.options import root_of


def execute(
    runbook: str, values: Mapping[str, Any], output_root: Path | None, deadline: float, *, as_json: bool
) -> int:
    """Validate, run, show; the exit code of the run."""
    from runbooks import definitions
    from runbooks.base.prompt import how_to_get
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.cli.consent import announced, confirmed
    from runbooks.execution import runner

    values = confirmed(values)
    checked = definitions.validate(runbook, values)
    _warn_of_changes(checked.source)
    if checked.source == "live" and checked.pasted() and not load_settings().token.get_secret_value().strip():
        hint = f'export FLY_API_TOKEN="$({how_to_get(checked.org_slug)})"'
        click.echo(f"No token is set, so Fly itself cannot be asked. This makes one that only reads: {hint}", err=True)
    if allowed := announced(checked.consent()):
        click.echo(allowed, err=True)
    # A file is read here, so that its text passes the redaction of parameters before it enters the notebook.
    settled = checked.settled()
    given = {name: settled.get(name, getattr(checked, name)) for name in values}
    errors = Console(stderr=True)
    with terminal.Progress(errors) as progress:
        result = runner.run(runbook, given, output_root=root_of(output_root), deadline=deadline, on_step=progress.step)
    terminal.show_warnings(errors, result.warnings)
    if result.folder is None:
        terminal.show_error(errors, result.reason)
    elif as_json:
        click.echo(result.summary_text, nl=False)
        terminal.show_paths(errors, "Report", result.folder)
    else:
        terminal.show_result(Console(), result)
    return result.exit_code


def _warn_of_changes(source: str) -> None:
    """Reports beside a bundle's evidence do not decide anything; that they were changed is said."""
    from runbooks.cli.terminal import plain
    from runbooks.evidence.bundle import open_bundle

    kind, _, path = source.partition(":")
    for phrase in open_bundle(Path(path)).changed if kind == "bundle" else ():
        click.echo(f"Warning: {plain(phrase)} after the run.", err=True)
