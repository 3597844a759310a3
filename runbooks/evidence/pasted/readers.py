"""The readers of pasted text: how one registers, and what it gives.

A reader is a pure function from the lines of a text to findings. It looks for the shape of its own form and gives
nothing where that is not there. Each module of this package with a `@reads` is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from runbooks.evidence.models import AppFinding

Body = Mapping[str, Any]
_ID = re.compile(r"(?<![\w.-])(?!\d{14}\b)[0-9a-f]{14}(?!\w)")


@dataclass(frozen=True, slots=True)
class PastedText:
    """A text to read: as it is, and line by line."""

    text: str
    lines: list[str] = field(repr=False)

    @property
    def ids(self) -> AbstractSet[str]:
        """The ids of machines that stand in it."""
        return {found for found in _ID.findall(self.text) if not found.isalpha()}


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found.

    Attributes:
        machine: a machine in the shape of the API's answer, with what the text holds of it; None if there is none
        app: the app that the text names for it
        whole: whether the text shows a machine as the API does, and not an extract of its values
        tells: what the text tells of the app as a whole, and its words; None if it is about machines
        span: the lines that hold it (first, and the one after the last), which are nobody's own words
    """

    machine: Body | None = None
    app: str = ""
    whole: bool = False
    tells: tuple[AppFinding, str] | None = None
    span: tuple[int, int] = (0, 0)


Read = Callable[[PastedText], Iterable[Found]]
_READERS: dict[str, Read] = {}


def reads(form: str) -> Callable[[Read], Read]:
    """Register the function that follows as the reader of one form of text.

    Args:
        form: what a person would call the text, for sentences such as “pasted: fly machine status”
    """

    def register(read: Read) -> Read:
        _READERS[form] = read
        return read

    return register


def findings(text: PastedText) -> Iterator[tuple[str, Found]]:
    """What all readers find, with the name of the form."""
    for form, read in readers().items():
        for found in read(text):
            yield form, found


def readers() -> Mapping[str, Read]:
    """Every reader by the name of its form, in alphabetical order of the modules."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return _READERS
