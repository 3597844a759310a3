"""The runbooks: one module each. They are discovered, here and in other distributions.

Another distribution brings its own through the entry-point group `fly_runbooks`: `name = "package.module:RUNBOOK"`,
with the notebook `<name>.ipynb` beside the module.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runbooks.base.errors import ParameterError, UsageError
from runbooks.base.parameters import CommonParameters
from runbooks.base.parameters import validate as validate_model
from runbooks.base.project import fly_app
from runbooks.base.runbook import Runbook
from runbooks.base.settings import CHECKOUT, chosen_profile
from runbooks.base.suggest import did_you_mean
from runbooks.evidence.redaction import Redactor

GROUP = "fly_runbooks"


@dataclass(frozen=True)
class Discovered:
    """Where a runbook is defined: `module:attribute`, and the distribution that brings it ("" for this one)."""

    name: str
    target: str
    distribution: str = ""

    def load(self) -> Runbook:
        """Import the definition.

        Raises:
            UsageError: it cannot be imported, or what it names is no runbook of this name
        """
        module, _, attribute = self.target.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except Exception as error:
            raise UsageError(
                f"The runbook {self.name!r} of {self.distribution or 'this package'} cannot be loaded "
                f"({type(error).__name__}: {str(error)[:200]}).",
                f"It is defined in {self.target}; correct it, or uninstall the distribution.",
            ) from error
        if not isinstance(found, Runbook) or found.name != self.name:
            raise UsageError(
                f"The entry point {self.name!r} of {self.distribution or 'this package'} does not name a runbook of "
                f"that name.",
                f"{self.target} must be a Runbook with name={self.name!r}.",
            )
        return found

    @property
    def notebook(self) -> Path:
        """The runbook's notebook: beside its module, or in `notebooks/` of the checkout."""
        module = find_spec(self.target.partition(":")[0])
        beside = Path((module and module.origin) or "").with_name(f"{self.name}.ipynb")
        return beside if beside.is_file() else CHECKOUT / "notebooks" / f"{self.name}.ipynb"


@cache
def discovered() -> Mapping[str, Discovered]:
    """Every runbook by name, without importing any: this package's own first, then those of other distributions."""
    own = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    found = {name: Discovered(name, f"{__name__}.{name}:RUNBOOK") for name in own}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found.setdefault(point.name, Discovered(point.name, point.value, _brought_by(point)))
    return found


def find(name: str) -> Runbook:
    """The runbook of this name.

    Raises:
        UsageError: there is none, or it cannot be loaded
    """
    return _where(name).load()


def notebook_of(name: str) -> Path:
    """The notebook of this runbook.

    Raises:
        UsageError: there is no such runbook
    """
    return _where(name).notebook


def validate(name: str, values: Mapping[str, Any]) -> CommonParameters:
    """Check a runbook's parameters; a scenario, a bundle or another run fills what was not given.

    Args:
        name: the runbook
        values: the given parameters by name; texts are typed by the model

    Raises:
        ParameterError: a value cannot be used; the message is masked
    """
    # Imported here: a source may be the simulator, whose libraries are needed only for it.
    from runbooks.source import source_defaults

    try:
        return validate_model(name, find(name).parameters, values, source_defaults, lambda: nearby(values))
    except ParameterError as error:
        masked = Redactor().text(error.cause)
        raise ParameterError(error.name, masked if len(masked) < 700 else f"{masked[:700]}…", error.remedy) from None


def nearby(values: Mapping[str, Any]) -> Mapping[str, str]:
    """The parameters that the profile of `runbooks.toml` and `fly.toml` in the current folder supply for a live run.

    Args:
        values: the given parameters. A pasted text can name its own app, so none is supplied beside one

    Raises:
        UsageError: one of the files cannot be used
    """
    found = dict(chosen_profile().parameters)
    if values.get("app_name"):
        return found
    if values.get("caller_log"):
        found.pop("app_name", None)
        return found
    app = found.get("app_name") or fly_app()
    return {**found, "app_name": app} if app else found


def _where(name: str) -> Discovered:
    known = discovered()
    if name not in known:
        raise UsageError(f"There is no runbook {name!r}.", did_you_mean(name, list(known)))
    return known[name]


def _brought_by(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "another distribution"
