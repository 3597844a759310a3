"""All looks of one investigation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbooks.base.brief import brief
from runbooks.base.errors import MissingKeyError
from runbooks.evidence.models.observation import Observation


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the investigation is about: what was given, completed by what the caller's log gave.

    `by_name` means that nobody gave an id: the machine was found in a list by its name.
    """

    app: str
    machine_id: str = ""
    machine_name: str = ""
    org: str = ""
    image: str = ""
    websocket_url: str = ""
    incident_time: datetime | None = None
    notes: tuple[str, ...] = ()
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All looks of one investigation by number: `evidence['E03']`, `evidence['E03b']`."""

    subject: Subject
    looked_at: datetime
    observations: Mapping[str, Observation]
    source: str = "live"
    retries: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, number: str) -> Observation:
        """The observation of this number."""
        if number not in self.observations:
            raise MissingKeyError("evidence", number, self.observations)
        return self.observations[number]

    def __iter__(self) -> Iterator[str]:
        return iter(self.observations)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        answers = {o.number: f"{o.facet.slug}, {o.outcome.value}: {o.reason}" for o in self.observations.values()}
        return brief(f"Evidence: {len(answers)} observations", answers)

    def named(self, name: str) -> tuple[Observation, ...]:
        """All looks at one facet, first to last."""
        return tuple(observation for observation in self.observations.values() if observation.facet.slug == name)
