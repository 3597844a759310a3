"""The observations themselves, and their answers by type: token, app, addresses, hostnames, images."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

import humanize
from propcache.api import cached_property

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
# There was nothing to ask, or nothing to ask with: a parameter or a setting is missing.
_NOTHING_TO_ASK_WITH = (Reason.NOT_GIVEN, Reason.NOT_CONFIGURED, Reason.NOT_APPLICABLE)


class ObservationFacts:
    """Read-only access to one Evidence; `None` and empty values stand for what was not seen.

    Args:
        evidence: what was observed
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.subject = evidence.subject
        self.now = evidence.looked_at
        self._made = evidence.observations

    def observation(self, number: str) -> Observation | None:
        return self._made.get(number)

    def outcome(self, number: str) -> Outcome | None:
        observation = self.observation(number)
        return observation.outcome if observation else None

    def observed_at(self, number: str) -> datetime | None:
        """When this was observed."""
        observation = self.observation(number)
        return observation.at if observation else None

    def looked(self, number: str) -> bool:
        """Was this asked and answered, be it with "no"?"""
        return self.outcome(number) in (Outcome.SEEN, Outcome.ABSENT)

    def made(self, *numbers: str) -> tuple[str, ...]:
        """Those of these looks that were tried at all: what a sentence about them can point to."""
        if len(numbers) == 1:
            return numbers if numbers[0] in self._made else ()
        return tuple(dict.fromkeys([number for number in numbers if number in self._made]))

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
        observation = self._made.get(number)
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


_PRECISION = (
    (timedelta(seconds=10), timedelta(milliseconds=100), "seconds"),
    (timedelta(minutes=2), timedelta(seconds=1), "seconds"),
    (timedelta(minutes=5), timedelta(seconds=10), "seconds"),
    (timedelta(days=2), timedelta(minutes=1), "minutes"),
    (timedelta(days=7), timedelta(hours=1), "hours"),
    (timedelta.max, timedelta(days=1), "days"),
)
"""Below which duration what is the smallest step, and in which unit it is written: no duration loses a fifth."""


@lru_cache(maxsize=1_000)
def format_duration(span: timedelta | None) -> str:
    """A duration in words, by humanize: 37 seconds, 2 minutes and 50 seconds, 9 minutes, 2 hours and 20 minutes.

    What is left of the smallest unit is dropped, so that no duration is longer than it was. None is an unknown time.
    """
    if span is None:
        return "an unknown time"
    if span < timedelta():
        return f"−{format_duration(-span)}"
    size, unit = next((size, unit) for below, size, unit in _PRECISION if span < below)
    whole = span // size * size
    return humanize.precisedelta(whole, minimum_unit=unit, suppress=("months", "years"), format="%g")
