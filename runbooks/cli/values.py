"""The parameters of a run, from options and from a file of YAML."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, read_text, why

MAX_PARAMETERS = 6_000_000
"""Bytes of a file of parameters: a pasted log of the size that is read, and everything else."""
MAX_DEPTH = 5


def values_of(file: Path | None, pairs: tuple[tuple[str, str], ...], source: str | None) -> dict[str, Any]:
    """The parameters of one run, from file and options; an option wins over the file, and may be given once."""
    found = several_of(file, pairs, source)
    if len(found) > 1:
        raise UsageError(
            f"The parameter file {file} holds the parameters of {len(found)} runs, and one is made here.",
            "Write one `name: value` on each line.",
        )
    return found[0]


def several_of(file: Path | None, pairs: tuple[tuple[str, str], ...], source: str | None) -> list[dict[str, Any]]:
    """The parameters of each run: a file can hold a list of them. What an option gives holds for all."""
    given = [*pairs, *([("source", source)] if source is not None else [])]
    names = [name for name, _ in given]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"The parameter {name} is given more than once.", "Give it once.")
    options = dict(_piped(given))
    return [{**values, **options} for values in (_from_file(file) if file else [{}])]


def _piped(given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same, with standard input in the place of the one value that is `-`."""
    names = [name for name, value in given if value == "-"]
    if len(names) > 1:
        raise UsageError(
            f"Standard input can be only one parameter: {' and '.join(names[:5])} are given as -.",
            "Give the others as texts or as the paths of files.",
        )
    if not names:
        return given
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise UsageError(f"The parameter {names[0]} is -, and there is no standard input.", "Pipe a text into it.")
    if sys.stdin.isatty():
        click.echo(f"Paste {names[0]}, then end it with Ctrl-D:", err=True)
    data = stream.read(MAX_PARAMETERS + 1)
    if len(data) > MAX_PARAMETERS:
        raise UsageError(
            f"Standard input is longer than {MAX_PARAMETERS:,} bytes.", "Pipe the lines around the failure."
        )
    text = data.decode("utf-8", errors="replace")
    if not text.strip():
        raise UsageError(f"The parameter {names[0]} is -, and standard input is empty.", "Pipe a text into it.")
    return [(name, text if value == "-" else value) for name, value in given]


class _TooDeep(Exception):
    """YAML that is no flat list; the message says where it stops being one."""


class _Texts(yaml.SafeLoader):
    """YAML in which 0123 and 1e5 are texts; only true, false and nothing are read as what they are.

    Lists and objects in one another, and references to what stands elsewhere, end the reading where they begin.
    """

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _TooDeep("it uses a reference (*)")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(f"it is nested deeper than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Texts.yaml_implicit_resolvers = {}
_Texts.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), ["t", "f"])
_Texts.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(null|~|)$"), ["n", "~", ""])


def _from_file(path: Path) -> list[dict[str, Any]]:
    try:
        text = read_text(path, MAX_PARAMETERS)
        loaded = yaml.load(text, Loader=_Texts)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise UsageError(f"The parameter file {path} cannot be read ({why(error)}).") from error
    except NotReadable as error:
        raise UsageError(
            f"The parameter file {path} cannot be read: {error}.", "Write one `name: value` on each line."
        ) from None
    except _TooDeep as error:
        raise UsageError(
            f"The parameter file {path} is not a flat list of names and values: {error}.",
            "Write one `name: value` on each line.",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise UsageError(
            f"The parameter file {path} is not valid YAML{line}.", "Write one `name: value` on each line."
        ) from error
    sets = loaded if isinstance(loaded, list) and loaded else [{} if loaded in (None, "") else loaded]
    for values in sets:
        if not isinstance(values, dict) or not all(isinstance(v, str | bool | None) for v in values.values()):
            raise UsageError(
                f"The parameter file {path} is not a flat list of names and values.",
                "Write one `name: value` on each line; for several runs, begin each of them with `- `.",
            )
    return [{str(name): value for name, value in values.items() if value is not None} for values in sets]
