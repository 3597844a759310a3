"""LOOK BLOCKED: nothing was observed, and nothing was pasted. What prevents it is then all there is to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from runbooks.base.facets import Facet
from runbooks.diagnose.commands import MAKE_TOKEN, filled, machines_api
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Diagnosis, Hypothesis, Remedy, Status, Unchecked, Verdict
from runbooks.evidence.models import Evidence, Observation, Outcome, Reason

_INSTEAD = " Without a token, a log or the output of `fly` can be pasted instead (parameter caller_log)."
_OF_THE_TOKEN = (Facet.TOKEN, Facet.TOKEN_INSIDE)
"""What these show is the token, and nothing that it opens."""


def is_blocked(evidence: Evidence) -> bool:
    """Whether the evidence holds no observation of anything but the token that was to be used."""
    return not any(
        observation.outcome is not Outcome.COULD_NOT_LOOK and observation.facet not in _OF_THE_TOKEN
        for observation in evidence.observations.values()
    )


def closed(diagnosis: Diagnosis, facts: Facts) -> Diagnosis:
    """The diagnosis of evidence that holds nothing: the obstacle, what removes it, and what is not known for it.

    Args:
        diagnosis: as the rules make it of that evidence; a refused token is its cause
        facts: the same evidence
    """
    obstacle = _obstacle(facts.evidence)
    return replace(
        diagnosis,
        blocked=True,
        verdict=Verdict.INCONCLUSIVE,
        headline=_headline(diagnosis, obstacle),
        hypotheses=tuple(_hypotheses(diagnosis)),
        contributing=(),
        visibility=(),
        symptoms=(),
        remedies=(filled(_remedy(obstacle, facts), facts.names),),
        prevention=(),
        verification=(),
        not_checked=tuple(_not_checked(facts.evidence.observations.values())),
    )


def _hypotheses(diagnosis: Diagnosis) -> Iterator[Hypothesis]:
    """A refused token, and the initial hypotheses: open, since no evidence speaks for or against them."""
    for one in diagnosis.hypotheses:
        if one.status is not Status.OPEN:
            yield one
        elif one.always_listed:
            yield one._replace(supports=(), against=(), missing=())


def _obstacle(evidence: Evidence) -> Observation | None:
    """The first question that could not be asked of the world."""
    asked = (o for o in evidence.observations.values() if o.facet is not Facet.CALLER)
    return next((o for o in asked if o.outcome is Outcome.COULD_NOT_LOOK), None)


def _headline(diagnosis: Diagnosis, obstacle: Observation | None) -> str:
    if diagnosis.cause:
        return f"Nothing could be checked: {_low(diagnosis.cause.statement)}"
    if obstacle is None:
        return "Nothing could be checked: the run ended before the first question."
    if obstacle.code is Reason.NO_TOKEN:
        return "Nothing could be checked: no token is set (FLY_API_TOKEN)."
    return f"Nothing could be checked: {obstacle.reason.rstrip('.')}."


def _remedy(obstacle: Observation | None, facts: Facts) -> Remedy:
    code = obstacle.code if obstacle else Reason.NONE
    pasting = Facet.CALLER in facts.evidence.observations
    if code is Reason.NO_TOKEN:
        return Remedy(
            "Set a token, then run again",
            f"This token reads the organisation for a day and changes nothing.{_INSTEAD if pasting else ''}",
            (MAKE_TOKEN,),
        )
    if code is Reason.BAD_TOKEN:
        return Remedy(
            "Set a complete token that has not expired, then run again",
            "Copy the token completely, with all its comma-separated parts. This command makes one that reads the "
            "organisation for a day and changes nothing.",
            (MAKE_TOKEN,),
        )
    if code is Reason.UNREACHABLE:
        return Remedy(
            "Restore the connection to Fly's API, then run again",
            "Check the network, the proxy and FLY_API_HOSTNAME of the machine that runs this. The command repeats "
            "the first request.",
            (machines_api("tokens", "current"),),
        )
    return Remedy("Remove what prevents the queries, then run again", "The reasons are under Not checked.")


def _not_checked(observations: Iterable[Observation]) -> list[Unchecked]:
    """One entry for each reason, with the numbers of all questions that it keeps unanswered."""
    reasons: dict[str, list[Observation]] = {}
    for observation in observations:
        if observation.outcome is Outcome.COULD_NOT_LOOK:
            reasons.setdefault(observation.reason, []).append(observation)
    return [
        Unchecked(
            f"{same[0].facet.question} ({same[0].number})"
            if len(same) == 1
            else f"{len(same)} questions ({', '.join(o.number for o in same)})",
            reason,
        )
        for reason, same in reasons.items()
    ]


def _low(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
