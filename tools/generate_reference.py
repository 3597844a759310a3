"""The reference pages: `docs/runbooks.md` from the definitions, `docs/api.md` from the docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from types import FunctionType

import runbooks
from runbooks.base.errors import RunbookError
from runbooks.base.parameters import describe
from runbooks.base.runbook import Runbook
from runbooks.definitions import Discovered, discovered


def runbooks_page() -> str:
    """Every runbook that is installed: title, parameters, facets, sections."""
    parts = ["# Runbooks", "Generated from the definitions by `make docs`; `runbooks list` prints the same."]
    for name, where in discovered().items():
        parts += [f"## {name}", *_described(where)]
    return "\n\n".join(parts) + "\n"


def _described(where: Discovered) -> Iterator[str]:
    try:
        found: Runbook = where.load()
    except RunbookError as error:
        yield f"It cannot be loaded: {error}"
        return
    yield f"{found.title}." + (f" From the distribution `{where.distribution}`." if where.distribution else "")
    rows = [f"| `{name}` | {kind} | {default} | {text} |" for name, kind, default, text in describe(found.parameters)]
    yield "\n".join(("| parameter | type | default | meaning |", "|---|---|---|---|", *rows))
    yield "What it asks, in this order:"
    yield "\n".join(f"- {facet.value} {facet.slug}: {facet.question}" for facet in found.facets)
    yield (
        "What its report shows, in this order: "
        + ", ".join(make.__name__.replace("_", " ") for make in found.sections)
        + "."
    )


def api_page() -> str:
    """The public names with their signatures and docstrings."""
    parts = [
        "# Python interface",
        "Generated from the docstrings by `make docs`. These names keep working within a major version.",
    ]
    for name in sorted(runbooks.__all__):
        found = getattr(runbooks, name)
        parts += [f"## {name}", f"```python\nfrom runbooks import {name}\n```", *_documented(name, found)]
        if inspect.isclass(found):
            for method, value in _members(found).items():
                if isinstance(value, FunctionType | property | cached_property):
                    parts += [f"### {name}.{method}", *_documented(method, value)]
    return "\n\n".join(parts) + "\n"


def _members(kind: type) -> dict[str, object]:
    """What a class and the classes of ours that it is made of define, in the order of writing."""
    ours = [one for one in reversed(kind.__mro__) if one.__module__.startswith("runbooks.")]
    return {name: value for one in ours for name, value in vars(one).items() if not name.startswith("_")}


def _documented(name: str, found: object) -> Iterator[str]:
    if callable(found):
        signature = re.sub(r"<function .*? at 0x[0-9a-f]+>", "…", str(inspect.signature(found)).replace("'", ""))
        yield f"```text\n{name}{signature}\n```"
    text = inspect.getdoc(found)
    if text:
        head, _, rest = text.partition("\n\n")
        yield head.replace("\n", " ")
        if rest:
            yield f"```text\n{rest}\n```"
