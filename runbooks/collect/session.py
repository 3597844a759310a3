"""What a collector function is given: what is known so far, and the means to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from runbooks.base.consent import Consent
from runbooks.base.leftovers import Leftovers
from runbooks.collect import machines, registry
from runbooks.collect.client import Client
from runbooks.collect.context import CollectionContext
from runbooks.collect.edge import Edge
from runbooks.collect.result import FacetResult, unavailable
from runbooks.collect.rows import RecordsSource
from runbooks.collect.source import Source
from runbooks.evidence.models import ImageRef, Reason

NO_APP = "no app is known: none was given and the pasted text names none (parameter app_name)"


@dataclass(frozen=True)
class CollectionSession(CollectionContext):
    """One collection while it goes on.

    `started_at` is the source's clock at its beginning; `consent` says what a person allowed besides reading, and
    `leftovers` which runs of this machine may have test machines.
    """

    source: Source
    client: Client
    edge: Edge
    records: RecordsSource
    started_at: datetime
    consent: Consent
    leftovers: Leftovers
    scratch: dict[str, Any] = field(default_factory=dict)
    """What one facet read for a later one, and no report holds."""

    def with_token(self, ask: Callable[[], FacetResult]) -> FacetResult:
        """Ask, if there is a token to ask with."""
        return ask() if self.source.token else unavailable(machines.NO_CREDENTIALS, code=Reason.NO_TOKEN)

    def in_app(self, ask: Callable[[str], FacetResult]) -> FacetResult:
        """Ask about the app with its name, if a name is known and there is a token to ask with."""
        app = self.app_name()
        return self.with_token(lambda: ask(app)) if app else unavailable(NO_APP)

    def wait_for_lag(self, seconds: float) -> None:
        """Before a second look: wait for what lags behind."""
        if not self.source.still:
            self.client.sleep(seconds)

    def registry(self, ref: ImageRef, wanted: str, *, deep: bool = True) -> FacetResult:
        """Ask the image's registry for `wanted` (a tag or a digest); `deep` reads the image's own config, too."""
        ask = registry.image if deep else registry.pointer

        def step() -> FacetResult:
            return ask(self.client, ref, wanted=wanted, bases=self.source.registries)

        return self.with_token(step) if ref.registry == "registry.fly.io" else step()


def split(url: str) -> SplitResult:
    """The parts of a URL; empty ones for what is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
