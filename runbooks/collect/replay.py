"""Answers from a saved bundle instead of the network. No socket is ever opened here."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runbooks.base.facets import FacetEnum
from runbooks.collect.client import recorded_url
from runbooks.collect.result import FacetResult
from runbooks.collect.transport import NoAnswer, RawAnswer
from runbooks.evidence.bundle import Bundle
from runbooks.evidence.har import exchange_of
from runbooks.evidence.journal import SAVED_WHOLE
from runbooks.evidence.models import Exchange, Reason


class NotRecorded(Exception):
    """The bundle holds no answer to this question."""


class ReplayTransport:
    """A Transport that plays each recorded attempt once, in order, by method and logical URL."""

    def __init__(self, bundle: Bundle) -> None:
        self._entries: dict[tuple[str, str], deque[Mapping[str, Any]]] = defaultdict(deque)
        for entry in bundle.entries:
            request = entry["request"]
            self._entries[request["method"], request["url"]].append(entry)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], seconds: float, *, content: bytes | None = None
    ) -> RawAnswer:
        """The next recorded answer; what would have been sent goes nowhere."""
        waiting = self._entries[method, recorded_url(method, url)]
        if not waiting:
            raise NotRecorded
        entry = waiting.popleft()
        response = entry["response"]
        if not response["status"]:
            raise NoAnswer(str(entry.get("_error", "no answer")), connected=entry.get("_connected") is not False)
        told = {header["name"]: header["value"] for header in response["headers"]}
        body = response["content"]["text"].encode("utf-8", "replace")
        at = datetime.fromisoformat(entry["startedDateTime"]) if entry.get("_handed_on") else None
        return RawAnswer(response["status"], told, body, entry.get("_cut") is True, entry.get("_listed"), at)

    def handed_on(self, method: str, url: str) -> RawAnswer | None:
        """The next recorded answer, if the run had it from another one and did not ask."""
        waiting = self._entries[method, recorded_url(method, url)]
        return self.send(method, url, {}, 0) if waiting and waiting[0].get("_handed_on") else None

    def repeats(self, method: str, url: str) -> bool:
        """Was the same thing asked again after the attempt just played?"""
        waiting = self._entries[method, recorded_url(method, url)]
        return bool(waiting) and waiting[0].get("_attempt", 1) > 1

    def recorded(self, method: str, url: str) -> bool:
        """Was this asked (once more) after everything that was played so far?"""
        return bool(self._entries[method, recorded_url(method, url)])

    def close(self) -> None:
        """Nothing was opened."""


def found_in(bundle: Bundle, number: str) -> FacetResult | None:
    """The recorded end of a look that went without HTTP; None when its answers are to be read again."""
    observation = bundle.observations.get(number)
    if (
        observation is None
        or observation.asked
        or (observation.answer is None and observation.outcome.value != "could-not-look")
    ):
        return None
    return FacetResult(observation.outcome, observation.reason, observation.answer, observation.code)


def exchanges_in(bundle: Bundle, facet: FacetEnum) -> tuple[Exchange, ...]:
    """The recorded exchanges of a facet whose answer was saved whole; none of any other, which is asked again."""
    if facet.slug not in SAVED_WHOLE:
        return ()
    return tuple(exchange_of(entry) for entry in bundle.entries if entry.get("_facet") == facet.value)


def reason_in(bundle: Bundle, number: str) -> tuple[str, Reason]:
    """Why the recorded run could not look here, or that the bundle does not say."""
    observation = bundle.observations.get(number)
    if observation is not None and observation.outcome.value == "could-not-look":
        return observation.reason, observation.code
    if bundle.cut:
        return f"not answered: the run {bundle.cut}", Reason.NOT_RECORDED
    return "the bundle holds no answer to this question", Reason.NOT_RECORDED
