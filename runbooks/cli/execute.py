"""One run as a command: validate, run, show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from runbooks.cli.flyctl import offer_flyctl_token
from runbooks.cli.options import root_of

if TYPE_CHECKING:
    from runbooks.execution.ending import Result


def execute(
    runbook: str,
    values: Mapping[str, Any],
    output_root: Path | None,
    deadline: float,
    *,
    as_json: bool,
    quiet: bool = False,
    open_report: bool = False,
) -> int:
    """Validate, run, show; the exit code of the run."""
    from runbooks import definitions
    from runbooks.base.prompt import how_to_get
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.cli.consent import announced, confirmed
    from runbooks.execution import runner
    from runbooks.execution.addresses import addresses_of

    addresses_of(load_settings().notify.get_secret_value())  # refused before anything runs
    values = confirmed(values)
    checked = definitions.validate(runbook, values)
    _warn_of_changes(checked.source)
    supplied = {**values, **_nearby(values, quiet)} if checked.source == "live" else values
    if checked.source == "live":
        offer_flyctl_token()
    if checked.source == "live" and checked.pasted() and not load_settings().token.get_secret_value().strip():
        hint = f'export FLY_API_TOKEN="$({how_to_get(checked.org_slug)})"'
        click.echo(f"No token is set, so Fly itself cannot be asked. This makes one that only reads: {hint}", err=True)
    if allowed := announced(checked.consent()):
        click.echo(allowed, err=True)
    # A file is read here, so that its text passes the redaction of parameters before it enters the notebook.
    settled = checked.settled()
    given = {name: settled.get(name, getattr(checked, name)) for name in supplied}
    errors = Console(stderr=True)
    with terminal.Progress(errors, quiet) as progress:
        result = runner.run(runbook, given, output_root=root_of(output_root), deadline=deadline, on_step=progress.step)
    terminal.show_warnings(errors, result.warnings)
    tell_people(errors, [result], root_of(output_root), [given], quiet)
    if result.folder is None:
        terminal.show_error(errors, result.reason)
    elif as_json:
        click.echo(result.summary_text, nl=False)
        terminal.show_paths(errors, "Report", result.folder)
    elif quiet:
        terminal.show_paths(Console(), "Report", report_of(result.folder))
    else:
        terminal.show_result(Console(), result)
    if open_report and result.folder is not None:
        click.launch(str(report_of(result.folder)))
    return result.exit_code


def tell_people(
    errors: Console, results: Sequence[Result], root: Path, given: Sequence[Mapping[str, Any]], quiet: bool
) -> None:
    """Notify whom `RUNBOOKS_NOTIFY` names of what changed, and say what came of it; a replay is no news."""
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.execution import notify
    from runbooks.execution.addresses import addresses_of

    addresses = addresses_of(load_settings().notify.get_secret_value())
    if not addresses:
        return
    outcomes = [
        notify.outcome_of(result.summary, notify.place_of(report_of(result.folder), root))
        for result, values in zip(results, given, strict=True)
        if result.summary and result.folder and not str(values.get("source", "")).startswith("bundle:")
    ]
    if not outcomes:
        return
    told = notify.tell(outcomes, root, addresses, notify.deliver, notify.place_of(root / "index.html", root))
    if not quiet:
        terminal.show_line(errors, told.said)
    terminal.show_warnings(errors, told.warnings)


def report_of(folder: Path) -> Path:
    """The page of a run, or its folder where there is none."""
    page = folder / "report.html"
    return page if page.is_file() else folder


def _nearby(values: Mapping[str, Any], quiet: bool) -> Mapping[str, str]:
    """What the current folder and `runbooks.toml` supply, said once."""
    from runbooks import definitions
    from runbooks.cli.terminal import plain

    found = {name: value for name, value in definitions.nearby(values).items() if not values.get(name)}
    if found and not quiet:
        told = ", ".join(f"{name} {value}" for name, value in found.items())
        click.echo(f"Not given, so taken from fly.toml or runbooks.toml: {plain(told)}", err=True)
    return found


def _warn_of_changes(source: str) -> None:
    """Reports beside a bundle's evidence do not decide anything; that they were changed is said."""
    from runbooks.cli.terminal import plain
    from runbooks.evidence.bundle import open_bundle

    kind, _, path = source.partition(":")
    for phrase in open_bundle(Path(path)).changed if kind == "bundle" else ():
        click.echo(f"Warning: {plain(phrase)} after the run.", err=True)
