"""The report of a look that is blocked, without a kernel: no token, one that the API refuses, or no network."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbooks import definitions
from runbooks.base.facets import Facet
from runbooks.base.parameters import CommonParameters
from runbooks.base.settings import Settings, load_settings
from runbooks.evidence.models import Observation, Reason, Token

_SECONDS = 4.0
"""For the first request, and again for the others where it got no connection: a dead network ends in ten seconds."""


def publish(runbook: str, parameters: Mapping[str, Any], folder: Path, seconds: float) -> bool:
    """Find out whether the look is blocked, and write its report into `folder` if it is.

    Args:
        runbook: the runbook's name
        parameters: checked and masked, as the notebook would get them
        folder: the folder of the run
        seconds: how long the run may look; less is taken

    Returns:
        False, if there is something to look at: then the notebook has to run, and nothing is left in `folder`
    """
    definition = definitions.find(runbook)
    if Facet.TOKEN not in definition.facets or parameters.get("source", "live") != "live":
        return False
    given = definitions.validate(runbook, parameters)
    settings = load_settings().model_copy(update={"run_folder": folder, "deadline": min(seconds, _SECONDS)})
    if given.pasted() or not _first_look_fails(given, settings):
        return False
    from runbooks.case import Case  # a second that a run with a kernel does not need here

    case = Case(definition, given, settings, io.StringIO())
    if not case.diagnosis.blocked:
        shutil.rmtree(folder / "evidence", ignore_errors=True)
        return False
    case.publish()
    return True


def _first_look_fails(given: CommonParameters, settings: Settings) -> bool:
    """No token, or a first request that shows that none will be answered."""
    if not settings.token.get_secret_value().strip():
        return True
    from runbooks.source import collect

    seen = collect(given, settings, facets=(Facet.TOKEN,)).evidence.observations[Facet.TOKEN]
    return seen.code in (Reason.UNREACHABLE, Reason.BAD_TOKEN) or _refused(seen)


def _refused(observation: Observation) -> bool:
    return isinstance(observation.answer, Token) and not observation.answer.valid
