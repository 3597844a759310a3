"""`runbooks list`: the runbooks, or the scenarios."""

from __future__ import annotations

import click
from rich.console import Console

from runbooks.base.errors import RunbookError


@click.command("list")
@click.option("--scenarios", is_flag=True, help="List the simulator's scenarios instead.")
@click.option("--notebooks", is_flag=True, help="Print the path of each runbook's notebook instead, for papermill.")
def command(scenarios: bool, notebooks: bool) -> None:
    """List the runbooks with their parameters, or the scenarios."""
    from runbooks import definitions
    from runbooks.base.parameters import describe
    from runbooks.cli import terminal

    if scenarios:
        from runbooks.simulator.fleet import NAMES
        from runbooks.simulator.scenario import load_scenario, scenario_names

        names = (*scenario_names(), *NAMES)
        terminal.show_scenarios(Console(), {name: load_scenario(name).title for name in names})
        return
    if notebooks:
        for name, where in definitions.discovered().items():
            click.echo(f"{name}\t{where.notebook}")
        return
    for name, where in definitions.discovered().items():
        try:
            found = where.load()
        except RunbookError as error:
            terminal.show_broken(Console(), name, str(error))
            continue
        terminal.show_runbook(Console(), name, found.title, describe(found.parameters), where.distribution)
