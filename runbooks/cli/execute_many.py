"""Many runs as one command: every parameter is checked before the first begins, and all end together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from runbooks.cli.execute import tell_people
from runbooks.cli.options import root_of

_WORST_FIRST = (1, 2, 124, 3, 4, 5, 0)
"""Which exit code of several stands for all; one of a signal comes before them."""


def execute_many(
    jobs: Sequence[tuple[str, Mapping[str, Any]]],
    output_root: Path | None,
    deadline: float,
    *,
    as_json: bool,
    quiet: bool = False,
) -> int:
    """Validate all, run them side by side in warm kernels, show a line for each; the exit code of the worst."""
    from runbooks import definitions
    from runbooks.base.errors import UsageError
    from runbooks.cli import terminal
    from runbooks.execution import warm
    from runbooks.execution.ending import Result
    from runbooks.execution.many import Job, run_many
    from runbooks.report import status

    root, errors, out = root_of(output_root), Console(stderr=True), Console()
    ready = []
    for runbook, values in jobs:
        checked = definitions.validate(runbook, values)
        if checked.consent().writes:
            raise UsageError(
                "A test creation is one run with one consent, and several runs are asked for.",
                "Run it by itself, without the others.",
            )
        settled = checked.settled()
        ready.append(Job(runbook, {name: settled.get(name, getattr(checked, name)) for name in values}))
    if not (warm.POSSIBLE or quiet):
        click.echo("Kernels start cold here: only Linux can fork warm ones.", err=True)

    def end(number: int, result: Result) -> None:
        terminal.show_warnings(errors, result.warnings)
        found = result.summary or {}
        said = f"{status.words_of(found)}: {found['headline']}" if found else result.reason
        line = f"{number + 1}/{len(ready)} {ready[number].runbook}: {said}"
        if not quiet:
            terminal.show_line(errors, line)
        if not as_json and result.folder is not None:
            terminal.show_paths(out, "Report", result.folder)

    results = run_many(ready, output_root=root, deadline=deadline, on_end=end)
    if as_json:
        click.echo(json.dumps([result.summary if result else None for result in results], indent=2, ensure_ascii=False))
    else:
        terminal.show_paths(out, "All runs", root / "index.html")
    made = [(result, job.parameters) for result, job in zip(results, ready, strict=True) if result is not None]
    ended = [result for result, _ in made]
    tell_people(errors, ended, root, [values for _, values in made], quiet)
    codes = {result.exit_code for result in ended}
    signalled = [code for code in codes if code > 128]
    return max(signalled) if signalled else next(code for code in _WORST_FIRST if code in codes)
