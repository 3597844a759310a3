"""`runbooks new`: the two files of a new runbook, which run as they are."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from runbooks.base.errors import UsageError
from runbooks.base.settings import CHECKOUT, IS_CHECKOUT

_NAME = re.compile(r"^[a-z][a-z0-9_]{1,50}\Z")

_MODULE = '''"""`{name}`: describe in one sentence what this runbook finds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.parameters import Parameters
from runbooks.base.runbook import Runbook
from runbooks.collect.facets import collects
from runbooks.collect.result import FacetResult, seen, unavailable
from runbooks.collect.session import CollectionSession
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence
from runbooks.report import overview
from runbooks.report.section import Section


class {kind}(FacetEnum):
    """What this runbook asks besides the facets it shares with others: number, slug, question, how long it lasts."""

    REGION = "X-{name}-01", "{slug}-region", "In which region does the machine run?", "while the machine exists"


@collects({kind}.REGION, answer=dict)
def _region(session: CollectionSession) -> FacetResult:
    """Ask through `session.client` (only addresses on its allow-list), or read what other facets have told."""
    machine = session.best_machine()
    if machine is None:
        return unavailable("no description of the machine was seen")
    return seen(f"the machine is in {{machine.region}}", {{"region": machine.region}})


def region(facts: Facts, diagnosis: Diagnosis) -> Section:
    """One section of the report: a question, an answer in one sentence, and the evidence it rests on."""
    observation = facts.evidence.observations.get({kind}.REGION)
    return Section(
        "region",
        "Region",
        "In which region does the machine run?",
        f"{{observation.reason[:1].upper()}}{{observation.reason[1:]}}." if observation else "This was not asked.",
        evidence=({kind}.REGION,) if observation else (),
    )


FACETS = (Facet.CALLER, Facet.TOKEN, Facet.APP, Facet.MACHINE, Facet.EVENTS, Facet.LIST, {kind}.REGION)


def judge(evidence: Evidence, parameters: Parameters, background: Mapping[str, Any]) -> Diagnosis:
    """Weigh every known cause; replace this where the runbook answers another question."""
    return diagnose(evidence, facets=FACETS)


RUNBOOK = Runbook(
    name="{name}",
    title="Describe the runbook in one line",
    parameters=Parameters,
    facets=FACETS,
    sections=(overview.timeline, region, overview.searched),
    judge=judge,
    report_title="{{app}}: {name} of {{machine}}",
)
'''

_PARAMETERS = """# The machine, and where to ask.
app_name: str = ""  # the Fly app the machine should be in
machine_id: str = ""  # the machine's id, in quotes
machine_name: str = ""  # its name, if there is no id
org_slug: str = ""  # the organisation, if the token cannot tell
image: str = ""  # the image the caller believes it asked for
websocket_url: str = ""  # the URL that clients use
caller_log: str = ""  # a log, an answer or the output of a command, or the path of a file that holds it
record_key: str = ""  # the row's key in your database
records_table: str = "cloud_machines"  # the table in your database
incident_time: str = ""  # when it happened, ISO 8601
title: str = ""  # a title for the report
source: str = "live"  # live, simulator:SCENARIO or bundle:PATH"""


def write_runbook(name: str, into: Path | None) -> tuple[Path, Path]:
    """Write the module and the notebook of a new runbook.

    Args:
        name: lower-case letters, digits and underscores
        into: the folder of a package of yours; None means this checkout

    Returns:
        the paths of the module and of the notebook

    Raises:
        UsageError: the name cannot be used, or one of the files exists already
    """
    if not _NAME.match(name):
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a runbook.", "Use lower-case letters, digits and underscores."
        )
    if into is None and not IS_CHECKOUT:
        raise UsageError(
            "This package is installed, so its own folders are no place for a new runbook.",
            "Name the folder of your package with --into.",
        )
    module = (into or CHECKOUT / "runbooks" / "definitions") / f"{name}.py"
    notebook = (into or CHECKOUT / "notebooks") / f"{name}.ipynb"
    for path in (module, notebook):
        if path.exists():
            raise UsageError(f"{path} exists already.", "Choose another name, or remove it first.")
        if not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent}.", "Create it, or name another one with --into.")
    kind = "".join(part.capitalize() for part in name.split("_")) + "Facet"
    module.write_text(_MODULE.format(name=name, kind=kind, slug=name.replace("_", "-")), encoding="utf-8")
    notebook.write_text(nbformat.writes(_notebook(name)) + "\n", encoding="utf-8")
    return module, notebook


def _notebook(name: str) -> nbformat.NotebookNode:
    v4 = nbformat.v4
    parameters = v4.new_code_cell(_PARAMETERS)
    parameters.metadata["tags"] = ["parameters"]
    cells = [
        v4.new_markdown_cell(f"# {name}\n\nFill in the next cell, then run all cells from top to bottom."),
        parameters,
        v4.new_markdown_cell("## Collect the evidence"),
        v4.new_code_cell(f'from runbooks.case import open_case\ncase = open_case(globals(), "{name}")\ncase.so_far()'),
        v4.new_markdown_cell("## Region"),
        v4.new_code_cell("case.region()"),
        v4.new_markdown_cell("## Publish the report"),
        v4.new_code_cell("case.publish()"),
    ]
    for position, cell in enumerate(cells):
        cell["id"] = f"{name[:40].replace('_', '-')}-{position}"
    notebook: nbformat.NotebookNode = v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook
