"""A runbook as an object: what it asks, what it tells, and how it judges. Nothing else knows a runbook by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.base.facets import FacetEnum
from runbooks.base.parameters import CommonParameters

MAX_REQUESTS = 26
COLLECT_SECONDS = 120.0
"""Time for a collection where no deadline is set."""


@dataclass(frozen=True)
class Runbook:
    """One investigation as a definition: one module that holds it, and one notebook of the same name.

    Attributes:
        name: the runbook's name on the command line; the notebook is called `<name>.ipynb`
        title: one line for `runbooks list`
        report_title: the title of a report; `{app}` and `{machine}` are filled in
        parameters: the model of its parameters
        facets: what is asked, in the order of asking: what perishes first is asked first
        sections: what the report tells, in the order of telling; each makes a `Section` from facts and diagnosis
        judge: makes a `Diagnosis` of the `Evidence`; it also gets the parameters and what `background` returned
        background: what is known besides the evidence, as plain JSON values; it is saved with the run, so that a
            replay gets the same. It is called with the parameters, once a case.
        most_requests: how many requests one run may send to Fly and to registries, repeats included
        subject: what the name of a run's folder says where the run is about no single machine
        seconds: how long a collection may take where no deadline is set
    """

    name: str
    title: str
    parameters: type[CommonParameters]
    facets: tuple[FacetEnum, ...]
    sections: tuple[Callable[..., Any], ...]
    judge: Callable[[Any, Any, Mapping[str, Any]], Any]
    report_title: str = "{app}: {machine}"
    background: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    most_requests: int = MAX_REQUESTS
    subject: str = "unknown"
    seconds: float = COLLECT_SECONDS
