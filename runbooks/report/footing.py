"""What a step rests on: the looks' own sentences and their footnotes."""

from __future__ import annotations

from runbooks.diagnose.facts import Facts
from runbooks.evidence.models import Outcome


def why(facts: Facts, number: str) -> str:
    """The look's own sentence, as one."""
    look = facts.look(number)
    if look is None:
        return "This was not asked before the run ended."
    first = look.reason.partition(" ")[0]
    sentence = look.reason.rstrip(".")
    sentence = f"{sentence[:1].upper()}{sentence[1:]}" if first.isalpha() else sentence
    return f"Could not look: {look.reason.rstrip('.')}." if look.outcome is Outcome.COULD_NOT_LOOK else f"{sentence}."


def noted(facts: Facts, *numbers: str) -> tuple[str, ...]:
    return tuple(f"{why(facts, number)} [{number}]" for number in numbers if facts.look(number))


def used(facts: Facts, *numbers: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number in numbers if facts.look(number)))


def numbers(numbers: tuple[str, ...]) -> str:
    return " ".join(f"[{number}]" for number in numbers)
