"""`runbooks lab`: a runbook in JupyterLab."""

from __future__ import annotations

import click


@click.command("lab", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Open a copy of a runbook in JupyterLab.

    Needs the extra `lab`: pip install 'fly-runbooks[lab]'.
    """
    from runbooks.execution import lab

    lab.main.main(list(arguments), prog_name="runbooks lab", standalone_mode=False)
