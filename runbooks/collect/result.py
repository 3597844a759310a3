"""What one step of the collection hands back, and the reading of refusals that all steps share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbooks.collect.answer import Answer
from runbooks.evidence.models import Outcome, Reason, Refusal
from runbooks.evidence.parsers import refusal_of, text_of


@dataclass(frozen=True, slots=True)
class FacetResult:
    """Outcome, the sentence that says so, and the typed answer where there is one.

    `at` is when it was seen, where somebody else did and it was handed in.
    """

    outcome: Outcome
    reason: str
    answer: Any = None
    code: Reason = Reason.NONE
    at: datetime | None = None


def seen(reason: str, answer: Any) -> FacetResult:
    return FacetResult(Outcome.SEEN, reason, answer)


def absent(reason: str, answer: Any = None) -> FacetResult:
    return FacetResult(Outcome.ABSENT, reason, answer)


def unavailable(reason: str, answer: Any = None, code: Reason = Reason.NONE) -> FacetResult:
    return FacetResult(Outcome.COULD_NOT_LOOK, reason, answer, code)


def says_missing(answer: Answer) -> bool:
    """The platform's own no: a 404 with its words in JSON (§1.2). Any other 404 proves nothing."""
    told = answer.json if isinstance(answer.json, Mapping) else {}
    return answer.status == 404 and any(text_of(told.get(name)) for name in ("error", "message"))


def refused(answer: Answer, what: str) -> FacetResult:
    """Any answer that is not the one hoped for: a reason not to have looked, never an absence."""
    refusal = refusal_of(answer.status, answer.body)
    meaning = {
        401: "the token was not accepted",
        403: "the token may not read this",
        404: "not found at this address",
        408: "the API gave up waiting",
        429: "too many requests, also after waiting",
    }.get(
        answer.status,
        "the answer was an error" if answer.status >= 400 else "the answer was not what is documented",
    )
    text = f": {refusal.text}" if refusal.text else ""
    return unavailable(f"{what}: {meaning} (HTTP {answer.status}{text})", refusal)


def unreadable(answer: Answer, what: str) -> FacetResult:
    """A success whose body is not of the documented shape."""
    kind = "cut at 5 MB" if answer.cut else answer.headers.get("content-type", "no content type")
    return unavailable(
        f"{what}: HTTP {answer.status}, but the body is not the documented JSON ({kind})",
        Refusal(answer.status, answer.body[:200], json=answer.json is not None),
    )
