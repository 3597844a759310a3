"""What is known of a machine that is to be created: the plan, and what the platform says about each part of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts, Service
from runbooks.diagnose.facts.machine import service_of
from runbooks.evidence.models import Evidence, Image, Listing, Machine
from runbooks.evidence.planned import Planned

NO_CONFIG = "the config was not seen"
_STANDARD = {"wss": 443, "https": 443, "ws": 80, "http": 80}


class PlannedMachine:
    """The plan and its surroundings.

    Args:
        evidence: what was asked
        required: names of variables that the program is known to need
        region, name: as a person gave them; "" leaves it to the config
    """

    def __init__(self, evidence: Evidence, required: tuple[str, ...] = (), region: str = "", name: str = "") -> None:
        self.facts = Facts(evidence)
        self.now = evidence.looked_at
        self.app = evidence.subject.app
        self.required = required
        self.plan = self.facts.answer(Facet.CONFIG, Planned) or Planned()
        self.config = self.plan.config
        self.region = region or self.plan.region
        self.name = name or self.plan.name
        self.image_text = evidence.subject.image
        self.url = evidence.subject.websocket_url

    @property
    def known(self) -> bool:
        """Was the config seen?"""
        return bool(self.config)

    @property
    def who(self) -> str:
        return f"{self.name} in {self.app}" if self.name else f"a machine in {self.app}"

    @property
    def builds(self) -> bool:
        """The deploy builds the image, so nobody can look at it before."""
        return self.plan.builds and not self.image_text

    @cached_property
    def image(self) -> Image | None:
        return self.facts.observations.image(Facet.IMAGE_BELIEVED)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        return tuple(service_of(row, True) for row in _objects(self.config.get("services")))

    @cached_property
    def mounts(self) -> tuple[Mapping[str, object], ...]:
        return _objects(self.config.get("mounts"))

    @cached_property
    def host(self) -> str:
        """The hostname that clients use: that of the given URL, else the app's own."""
        return self._parts.hostname or "" if self.url else f"{self.app}.fly.dev"

    @property
    def secure(self) -> bool:
        return self._parts.scheme in ("wss", "https")

    @property
    def port(self) -> int | None:
        try:
            return self._parts.port or _STANDARD.get(self._parts.scheme)
        except ValueError:
            return None

    @property
    def private(self) -> bool:
        return self.host.endswith((".internal", ".flycast"))

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @cached_property
    def holder(self) -> Machine | None:
        """The machine of the app that has the planned name."""
        listing = self.facts.answer(Facet.LIST, Listing)
        alive = [m for m in listing.machines if m.state not in ("destroyed", "destroying")] if listing else []
        return next((m for m in alive if self.name and m.name == self.name), None)

    def why_not(self, facet: Facet) -> str:
        """Why this could not be looked at."""
        observation = self.facts.observation(facet)
        return observation.reason if observation else "not asked before the run ended"

    def made(self, *facets: Facet) -> tuple[str, ...]:
        return self.facts.made(*facets)


def _objects(rows: object) -> tuple[Mapping[str, object], ...]:
    return tuple(row for row in rows if isinstance(row, Mapping)) if isinstance(rows, list | tuple) else ()
