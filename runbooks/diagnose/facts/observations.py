"""The observations themselves, and their answers by type: token, app, addresses, hostnames, images."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from runbooks.base.facets import Facet
from runbooks.evidence.models import (
    Addresses,
    App,
    Evidence,
    Image,
    Observation,
    Outcome,
    Probe,
    Reason,
    Refusal,
    Resolution,
    StatusFeed,
    Token,
)

T = TypeVar("T")
# There was nothing to ask with: a parameter or a setting is missing.
_NOTHING_TO_ASK_WITH = (Reason.NOT_GIVEN, Reason.NOT_CONFIGURED)


class ObservationFacts:
    """Read-only access to one Evidence; `None` and empty values stand for what was not seen.

    Args:
        evidence: what was observed
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.subject = evidence.subject
        self.now = evidence.looked_at

    def observation(self, number: str) -> Observation | None:
        return self.evidence.observations.get(number)

    def outcome(self, number: str) -> Outcome | None:
        observation = self.observation(number)
        return observation.outcome if observation else None

    def looked(self, number: str) -> bool:
        """Was this asked and answered, be it with "no"?"""
        return self.outcome(number) in (Outcome.SEEN, Outcome.ABSENT)

    def made(self, *numbers: str) -> tuple[str, ...]:
        """Those of these looks that were tried at all: what a sentence about them can point to."""
        return tuple(dict.fromkeys(number for number in numbers if self.observation(number)))

    def failed(self, number: str) -> bool:
        """Was there something to ask with, and no answer? What nobody gave or configured has not failed."""
        observation = self.observation(number)
        return observation is None or (
            observation.outcome is Outcome.COULD_NOT_LOOK and observation.code not in _NOTHING_TO_ASK_WITH
        )

    def refusal(self, number: str) -> Refusal | None:
        """The API's "no" at this look, whatever the outcome was taken to be."""
        return self.answer(number, Refusal)

    def answer(self, number: str, kind: type[T]) -> T | None:
        observation = self.observation(number)
        return observation.answer if observation and isinstance(observation.answer, kind) else None

    def age(self, since: datetime | None) -> timedelta | None:
        return self.now - since if since else None

    @cached_property
    def token(self) -> Token | None:
        return self.answer(Facet.TOKEN, Token)

    @cached_property
    def app(self) -> App | None:
        return self.answer(Facet.APP, App)

    @cached_property
    def addresses(self) -> Addresses | None:
        return self.answer(Facet.ADDRESSES, Addresses)

    @cached_property
    def feed(self) -> StatusFeed:
        """Fly's own incidents around that time."""
        return self.answer(Facet.STATUS, StatusFeed) or StatusFeed()

    def resolution(self, number: str) -> Resolution | None:
        return self.answer(number, Resolution)

    def probe(self, number: str) -> Probe | None:
        return self.answer(number, Probe)

    def image(self, number: str) -> Image | None:
        return self.answer(number, Image)


def format_duration(span: timedelta | None) -> str:
    """A duration as a person says it: 8 s, 9 min, 2 h 20 min, 3 d."""
    if span is None:
        return "an unknown time"
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 172800:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min"
    return f"{seconds // 86400} d"
