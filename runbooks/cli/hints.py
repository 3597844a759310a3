"""What a person meant who mistyped a command: the sentence after the error."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise

import click

from runbooks.base.duration import unit_of
from runbooks.base.errors import RunbookError


def explained(error: click.ClickException, words: Sequence[str]) -> str:
    """The message of an error of usage, with what to write instead.

    Args:
        error: what the command line was refused with
        words: the command line, without the program
    """
    said = error.format_message()
    if any(option == "-p" and re.match(r"\w+=", word) for option, word in pairwise(words)):
        return f"{said} Write the name and the value as two words, without =: -p app_name my-app."
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return said
    if isinstance(error, click.NoSuchOption) and (names := _parameters(error, words)):
        given = " or ".join(f"-p {name} VALUE" for name in names)
        said = f"{error.message} It is given as a parameter: {given}."
    elif apart := [f"{number}{unit}" for number, unit in pairwise(words) if number.isdecimal() and unit_of(unit)]:
        said += f" Write a number and its unit as one word: {apart[0]}."
    return f"{said} Try '{error.ctx.command_path} --help'."


def _parameters(error: click.NoSuchOption, words: Sequence[str]) -> list[str]:
    """The parameters that an unknown option resembles more than any option: --org, --app, --machine-id."""
    command = error.ctx.command if error.ctx else None
    options = [name for option in command.params for name in option.opts] if command else []
    if "-p" not in options or difflib.get_close_matches(error.option_name, options, cutoff=0.8):
        return []
    known = list(dict.fromkeys(_known([word for word in words if not word.startswith("-")])))
    word = error.option_name.strip("-").replace("-", "_")
    begun = [name for name in known if len(word) > 1 and (name.startswith(word) or word.startswith(name.split("_")[0]))]
    return [word] if word in known else begun[:2] or difflib.get_close_matches(word, known, n=2)


def _known(words: Iterable[str]) -> Iterable[str]:
    """The names of the parameters of the runbooks that are named, or of all."""
    from runbooks import definitions

    every = definitions.discovered()
    named = [name for name in ("fleet" if word == "sweep" else word for word in words) if name in every]
    for name in named or every:
        with suppress(RunbookError):  # a broken runbook of somebody else; whoever runs it is told
            yield from definitions.find(name).parameters.model_fields
