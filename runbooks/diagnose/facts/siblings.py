"""The other machines of the app: siblings, machines of the same name, and releases."""

from __future__ import annotations

from datetime import datetime, timedelta

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.caller import CallerFacts
from runbooks.diagnose.facts.lifecycle import LifecycleFacts
from runbooks.diagnose.facts.machine import GONE, MachineFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.canary import mark_of
from runbooks.evidence.models import Listing, Machine


class SiblingFacts:
    """Other machines of the same app. They are told apart by their ids; nothing of theirs is the subject's.

    Args:
        observations: access to the evidence
        machine: the subject's views
        caller: tells whether an id was named
        events: tells when the subject was created
    """

    def __init__(
        self, observations: ObservationFacts, machine: MachineFacts, caller: CallerFacts, events: LifecycleFacts
    ) -> None:
        self._observations = observations
        self._machine = machine
        self._caller = caller
        self._events = events

    @cached_property
    def others(self) -> tuple[tuple[Machine, str], ...]:
        """(machine, look) of every other machine of the app, the fullest description of each, oldest first."""
        found: dict[str, tuple[Machine, str]] = {}
        for number in (Facet.LIST_AGAIN, Facet.LIST, Facet.LIST_DELETED):
            listing = self._observations.answer(number, Listing)
            for machine in listing.machines if listing else ():
                if mark_of(machine):
                    continue  # a test machine of a run is no sibling
                if not self._machine.is_subject(machine) and (
                    machine.id not in found or not found[machine.id][0].config
                ):
                    found[machine.id] = (machine, number)
        return tuple(sorted(found.values(), key=lambda pair: (str(pair[0].created_at or ""), pair[0].id)))

    @cached_property
    def living(self) -> tuple[tuple[Machine, str], ...]:
        return tuple((m, at) for m, at in self.others if m.state not in GONE)

    @cached_property
    def listed(self) -> bool:
        """Was the app's list read, and is it whole?"""
        lists = [self._observations.answer(number, Listing) for number in (Facet.LIST_AGAIN, Facet.LIST)]
        return any(one is not None and one.complete for one in lists)

    @cached_property
    def none_runs(self) -> bool:
        """Are there others, all of them known, and is the state of each known and none of them started?"""
        states = [machine.state for machine, _ in self.others]
        return self.listed and bool(states) and all(states) and "started" not in states

    @cached_property
    def namesakes(self) -> tuple[tuple[Machine, str], ...]:
        """Other machines that bear, or bore, the subject's name."""
        name = self._observations.subject.machine_name or (
            self._machine.description.name if self._machine.description else ""
        )
        return tuple((m, at) for m, at in self.others if name and m.name == name)

    @cached_property
    def unsure_which(self) -> bool:
        """Was the machine found by a name that others bore as well, so that nobody knows which one is meant?"""
        own = self._observations.subject.machine_id
        told = own and (
            own in self._caller.answer.text
            or any(own in (r.fly_machine_id, r.machine_id) for r in self._caller.records)
        )
        return bool(self.namesakes) and self._observations.subject.by_name and not told

    @cached_property
    def control_group(self) -> tuple[tuple[Machine, str], ...]:
        """Siblings to compare with: same region first, nearest in time first, at most five."""
        born, machine = self._events.created_at, self._machine.description

        def distance(pair: tuple[Machine, str]) -> tuple[bool, float, str]:
            other = pair[0]
            apart = abs((other.created_at - born).total_seconds()) if born and other.created_at else float("inf")
            return machine is None or other.region != machine.region, apart, other.id

        return tuple(sorted(self.others, key=distance)[:5])

    def newer_release(self, around: datetime | None) -> tuple[Machine, str] | None:
        """A sibling of a later release, made around that moment, as a deploy makes it; one that is left comes first."""
        own = release_of(self._machine.description) if self._machine.description else None
        for machine, at in sorted(self.others, key=lambda other: other[0].state in GONE):
            release, born = release_of(machine), machine.updated_at or machine.created_at
            if own is not None and release is not None and release > own and around and born:
                near = [t for t in (machine.created_at, machine.updated_at) if t]
                if any(abs(t - around) <= timedelta(minutes=30) for t in near):
                    return machine, at
        return None


def release_of(machine: Machine) -> int | None:
    """The release that `fly deploy` wrote into the metadata."""
    version = machine.metadata.get("fly_release_version", "")
    return int(version) if version.isdigit() and len(version) < 10 else None
