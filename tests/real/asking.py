"""The production client over the real wire, as the survey builds it."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from runbooks.collect.client import Client
from runbooks.collect.rate_budget import RateBudget
from runbooks.collect.transport import HttpTransport
from runbooks.evidence.redaction import Redactor, elements

_OPEN: list[HttpTransport] = []
AT = datetime(2025, 11, 24, 20, 10, tzinfo=UTC)


def asking(
    bases: Mapping[str, str],
    token: str = "",
    *,
    project_urls: re.Pattern[str] = re.compile(r"(?!)"),
    tls: ssl.SSLContext | None = None,
) -> Client:
    redactor = Redactor()
    for element in elements(token):
        redactor.add_secret(element, "fly-token")
    end = time.monotonic() + 60
    wire = HttpTransport(bases, {}, tls)
    _OPEN.append(wire)
    return Client(
        wire,
        token,
        redactor,
        lambda: AT,
        lambda: end - time.monotonic(),
        budget=RateBudget(sleep=lambda seconds: None),
        sleep=lambda seconds: None,
        project_urls=project_urls,
    )


def written(client: Client) -> str:
    """Everything that a report could show of what was exchanged."""
    return repr(client.journal)


def close_all() -> None:
    while _OPEN:
        _OPEN.pop().close()
