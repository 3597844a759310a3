"""The machine's company: its siblings in the app, machines of the same name, and what differs between them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.lifecycle import LifecycleFacts
from runbooks.diagnose.facts.machine import GONE
from runbooks.evidence.models import Listing, Machine


class SiblingFacts(LifecycleFacts):
    """Other machines of the same app. They are told apart by their ids; nothing of theirs is the subject's."""

    @cached_property
    def siblings(self) -> tuple[tuple[Machine, str], ...]:
        """(machine, look) of every other machine of the app, the fullest description of each, oldest first."""
        found: dict[str, tuple[Machine, str]] = {}
        for number in (Facet.LIST_AGAIN, Facet.LIST, Facet.LIST_DELETED):
            listing = self.answer(number, Listing)
            for machine in listing.machines if listing else ():
                if not self._is_subject(machine) and (machine.id not in found or not found[machine.id][0].config):
                    found[machine.id] = (machine, number)
        return tuple(sorted(found.values(), key=lambda pair: (str(pair[0].created_at or ""), pair[0].id)))

    @cached_property
    def living(self) -> tuple[tuple[Machine, str], ...]:
        return tuple((m, at) for m, at in self.siblings if m.state not in GONE)

    @cached_property
    def namesakes(self) -> tuple[tuple[Machine, str], ...]:
        """Other machines that bear, or bore, the subject's name."""
        name = self.subject.machine_name or (self.machine.name if self.machine else "")
        return tuple((m, at) for m, at in self.siblings if name and m.name == name)

    @cached_property
    def unsure_which(self) -> bool:
        """Was the machine found by a name that others bore as well, so that nobody knows which one is meant?"""
        own = self.subject.machine_id
        told = own and (own in self.caller.text or any(own in (r.fly_machine_id, r.machine_id) for r in self.records))
        return bool(self.namesakes) and self.subject.by_name and not told

    @cached_property
    def kept_version(self) -> tuple[str, str] | None:
        """(instance_id, look): the version of the machine that the caller or its row keeps."""
        for fields, at in ((self.caller.fields, Facet.CALLER), *((r.row, Facet.RECORD) for r in self.records)):
            for key in ("instance_id", "instanceId", "machine_version", "version"):
                value = fields.get(key)
                if isinstance(value, str) and len(value) == 26 and value.startswith("01"):
                    return value, at
        return None

    @cached_property
    def control_group(self) -> tuple[tuple[Machine, str], ...]:
        """Siblings to compare with: same region first, nearest in time first, at most five."""
        born, machine = self.created_at, self.machine

        def distance(pair: tuple[Machine, str]) -> tuple[bool, float, str]:
            other = pair[0]
            apart = abs((other.created_at - born).total_seconds()) if born and other.created_at else float("inf")
            return machine is None or other.region != machine.region, apart, other.id

        return tuple(sorted(self.siblings, key=distance)[:5])

    def newer_release(self, around: datetime | None) -> tuple[Machine, str] | None:
        """A sibling of a later release of the app, made around that moment, as a deploy makes it."""
        own = release_of(self.machine) if self.machine else None
        for machine, at in self.siblings:
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
