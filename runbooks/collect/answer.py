"""An answer as the collectors read it: masked, and parsed where it is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbooks.collect.transport import RawAnswer
from runbooks.evidence.models import Reason
from runbooks.evidence.redaction import Redactor

_READ_OF_CUT = 100_000
_SHOWN_OF_CUT = 50_000
_KEPT_HEADERS = (
    "content-type",
    "date",
    "docker-content-digest",
    "fly-request-id",
    "retry-after",
    "server",
    "www-authenticate",
)


class CouldNotAsk(Exception):
    """No usable answer; the message is the reason that the report gives, and `code` the same for programs."""

    def __init__(self, message: str, code: Reason = Reason.NONE) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer after redaction: `json` is the parsed body, None when it is not JSON.

    `listed` is how many entries a long list had of which the body holds some.

    `location` alone is as it came, for following it: such addresses carry their own credentials.
    """

    status: int
    body: str
    json: Any
    headers: Mapping[str, str]
    cut: bool = False
    listed: int | None = None
    location: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def read_answer(raw: RawAnswer, redactor: Redactor, facet: str, prepare: Callable[[Any], Any] | None = None) -> Answer:
    """An answer as it may be kept.

    Args:
        raw: what came over the wire
        redactor: masks body and headers
        facet: what was asked, for the count of what was masked
        prepare: is given the parsed body before anything is masked, and says what is to be kept of it
    """
    # What was cut is no JSON any more; its beginning shows what it was, and masking all of it takes long.
    text = (raw.body[:_READ_OF_CUT] if raw.cut else raw.body).decode("utf-8", errors="replace")
    place = f"{facet} body"
    try:
        told = json.loads(text, parse_constant=str) if text.strip() and not raw.cut else None
        parsed = redactor.value(prepare(told) if prepare and told is not None else told, place)
    except (ValueError, RecursionError):
        parsed = None
    body = text if parsed is None else json.dumps(parsed, ensure_ascii=False)
    # As text too: what the last scan of the files would mask is masked before anything is derived from it.
    masked = redactor.text(body, place)
    if parsed is not None and masked != body:
        # What is no JSON after that cannot be read: nothing may be derived from the text before.
        try:
            parsed = json.loads(masked)
        except ValueError:
            parsed = None
    body = masked[:_SHOWN_OF_CUT] if raw.cut else masked
    headers = {
        name.lower(): redactor.text(value, f"{facet} header")
        for name, value in raw.headers.items()
        if name.lower() in _KEPT_HEADERS
    }
    location = next((value for name, value in raw.headers.items() if name.lower() == "location"), "")
    return Answer(raw.status, body, parsed, headers, raw.cut, raw.listed, location)
