"""Opening a case from a notebook or from Python: what its names mean, and which case is open already."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NoReturn

from runbooks import definitions
from runbooks.base.cell_names import left_over
from runbooks.base.errors import UsageError
from runbooks.base.prompt import with_token
from runbooks.base.settings import load_settings, take_credentials
from runbooks.case.case import Case
from runbooks.evidence import tables

DEFAULT = "machine_not_visible"
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_opened = False
_current: Case | None = None


def open_case(namespace: Mapping[str, Any] | None = None, runbook: str = DEFAULT, /, **parameters: Any) -> Case:
    """Validate, collect, judge. Give it the notebook's `globals()`, or keyword arguments.

    A notebook's cell that is run again with the same parameters gets the same case, and nothing is asked.

    Example:
        case = open_case(source="simulator:vyx-missing-environment")
    """
    global _current
    try:
        values = {**(_assigned(namespace, runbook) if namespace is not None else {}), **parameters}
        given = definitions.validate(runbook, values)
        settings = with_token(load_settings(), given)
        take_credentials()
    except UsageError:
        _withdraw(namespace)
        raise
    last = _current
    if namespace is not None and last and (last.runbook, last.parameters, last.settings) == (runbook, given, settings):
        print(f"Nothing was asked again: same parameters, looked at {tables.day(last.evidence.looked_at)}.")
        print("case.refresh() looks again, and says what changed.")
        return last
    _current = Case(definitions.find(runbook), given, settings)
    for phrase in _current.changed:
        print(f"Warning: {phrase} after the run.")
    return _current


class _Withdrawn:
    """Stands in a notebook for its case when new parameters were refused: nothing can be read off it.

    Without it the cells below would go on showing the case of before, as if it were the one asked for.
    """

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            "There is no case here: the parameters were refused above.",
            "Correct them in the first cell, run it, and then run the cell that opens the case.",
        )


def _withdraw(namespace: Mapping[str, Any] | None) -> None:
    """Take every case out of a notebook's namespace."""
    if isinstance(namespace, dict):
        for name, value in list(namespace.items()):
            if isinstance(value, Case):
                namespace[name] = _Withdrawn()


def _assigned(namespace: Mapping[str, Any], runbook: str) -> dict[str, Any]:
    """The plain values in a notebook's namespace: its parameters, and names that were meant as one.

    The first time, every other plain name is an error, because a scheduler that mistypes a name would
    otherwise be told nothing. Later a person may have names of their own; then only near misses are.
    A name that the parameters cell no longer assigns is not one of its names, whatever the kernel still holds.
    """
    global _opened
    known = definitions.find(runbook).parameters.model_fields
    left = left_over(namespace.get("In", ()), known)
    plain = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON
        and name not in left
        and (name in known or value is None or isinstance(value, str | int | float | bool))
    }
    own = {n for n in plain if n not in known and _opened and not difflib.get_close_matches(n, known, n=1, cutoff=0.8)}
    _opened = True
    return {name: value for name, value in plain.items() if name not in own}
