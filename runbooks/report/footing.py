"""The evidence of a step: the observations' sentences and their footnotes."""

from __future__ import annotations

from runbooks.diagnose.facts import Facts
from runbooks.evidence.models import Outcome


def why(facts: Facts, number: str) -> str:
    """The observation's reason as one sentence."""
    observation = facts.observation(number)
    if observation is None:
        return "This was not asked before the run ended."
    first = observation.reason.partition(" ")[0]
    sentence = observation.reason.rstrip(".")
    sentence = f"{sentence[:1].upper()}{sentence[1:]}" if first.isalpha() else sentence
    return (
        f"Not checked: {observation.reason.rstrip('.')}."
        if observation.outcome is Outcome.COULD_NOT_LOOK
        else f"{sentence}."
    )


def noted(facts: Facts, *numbers: str) -> tuple[str, ...]:
    return tuple(f"{why(facts, number)} [{number}]" for number in numbers if facts.observation(number))


def used(facts: Facts, *numbers: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number in numbers if facts.observation(number)))


def numbers(numbers: tuple[str, ...]) -> str:
    return " ".join(f"[{number}]" for number in numbers)
