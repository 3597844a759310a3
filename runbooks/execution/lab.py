"""Open a runbook in JupyterLab: always a copy in a folder of its own, so that git stays clean.

python -m runbooks.execution.lab [RUNBOOK] [--source S] [--output-root DIR] [-- JUPYTERLAB-OPTIONS]
"""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click

from runbooks.base.errors import RunbookError, UsageError
from runbooks.base.folders import claim
from runbooks.base.settings import load_settings
from runbooks.execution.runner import notebook_path


def copy_notebook(runbook: str, output_root: Path, source: str | None, at: datetime) -> Path:
    """Copy the notebook into a new dated folder, with `source` set in its parameters cell."""
    import nbformat  # not for the help of all commands

    node = nbformat.read(notebook_path(runbook), as_version=4)
    for cell in node.cells:
        if source and "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub(r'(?m)^(source(?::\s*\w+)?\s*=\s*)"[^"]*"', lambda m: f'{m[1]}"{source}"', cell.source)
    folder = claim(output_root / f"{at:%Y-%m-%d}" / f"{runbook}--lab--{at:%H%M%SZ}")
    copy = folder / f"{runbook}.ipynb"
    copy.write_text(nbformat.writes(node), encoding="utf-8")
    return copy


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--runbook", default="machine_not_visible", show_default=True, help="Which runbook to open.")
@click.option("--source", help="live, simulator:SCENARIO or bundle:PATH; the notebook's first cell shows it.")
@click.option(
    "--output-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the copy goes (default: as for `runbooks run`).",
)
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
def main(runbook: str, source: str | None, output_root: Path | None, jupyter_options: tuple[str, ...]) -> None:
    """Open a copy of a runbook in JupyterLab.

    Needs the extra `lab`: pip install 'fly-runbooks[lab]'.
    """
    try:
        if find_spec("jupyterlab") is None:
            raise UsageError("JupyterLab is not installed.", "Install it: pip install 'fly-runbooks[lab]'")
        settings = load_settings()
        root = (output_root or settings.output_root).absolute()
        if source is None and not settings.token.get_secret_value():
            source = "simulator:vyx-missing-environment"
            click.echo('FLY_API_TOKEN is not set, so this copy plays the demo; set source = "live" in it later.')
        copy = copy_notebook(runbook, root, source, datetime.now(UTC))
    except RunbookError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo(f"Notebook: {copy}", err=True)
    # -P: a folder called `runbooks` beside the notebook must not be imported instead of the package.
    command = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    # The printed address, too, leads to the notebook and not to the launcher.
    command.append(f"--LabApp.default_url=/lab/tree/{copy.relative_to(root).as_posix()}")
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    environment = os.environ | {"RUNBOOKS_OUTPUT_ROOT": str(root), "PYTHONSAFEPATH": "1"}
    sys.stdout.flush()
    os.execve(sys.executable, [*command, *jupyter_options], environment)  # noqa: S606 - our own arguments


if __name__ == "__main__":
    main()
