"""What the app has beside its machines, as far as it concerns this incident."""

from __future__ import annotations

import re
from datetime import datetime

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.caller import CallerFacts
from runbooks.diagnose.facts.machine import MachineFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.parsers import ulid_time
from runbooks.evidence.resources import (
    AppSecret,
    AppSecrets,
    Certificate,
    Certificates,
    MachineVersion,
    Versions,
    Volume,
    Volumes,
)

# The search is for the four letters; that no word goes on before them is looked at only there.
_VOLUME = re.compile(r"vol_(?<!\w....)[a-z0-9]{6,40}\b")


class CertificateFacts:
    """The certificate of the custom hostname that the caller connects to.

    Args:
        observations: access to the evidence
        caller: tells the hostname
    """

    def __init__(self, observations: ObservationFacts, caller: CallerFacts) -> None:
        self._observations = observations
        self._caller = caller

    @cached_property
    def listed(self) -> Certificates | None:
        """All certificates of the app; None when they were not seen."""
        return self._observations.answer(Facet.CERTIFICATES, Certificates)

    @cached_property
    def own(self) -> Certificate | None:
        """The one that covers the hostname, a wildcard included: it covers one label."""
        host = self._caller.believed_host
        names = (host, f"*.{host.partition('.')[2]}")
        found = [one for one in self.listed.found if one.hostname in names] if self.listed else []
        return max(found, key=lambda one: one.configured, default=None)


class SecretFacts:
    """The app's secrets, as names with times.

    Args:
        observations: access to the evidence
        machine: tells which version of the machine is the present one
    """

    def __init__(self, observations: ObservationFacts, machine: MachineFacts) -> None:
        self._observations = observations
        self._machine = machine

    @cached_property
    def listed(self) -> AppSecrets | None:
        """All secrets; None when they were not seen."""
        return self._observations.answer(Facet.SECRETS, AppSecrets)

    @cached_property
    def version_made_at(self) -> datetime | None:
        """When the machine's present version was made: its instance id is a ULID, which holds the time."""
        description = self._machine.description
        return (ulid_time(description.instance_id) or description.created_at) if description else None

    def lacking(self, *names: str) -> tuple[str, ...]:
        """Those of the names that are no secret of the app; none where the secrets were not seen."""
        known = {one.name for one in self.listed.found} if self.listed else set(names)
        return tuple(name for name in names if name not in known)

    def too_late(self, *names: str) -> tuple[AppSecret, ...]:
        """Those that were set after the machine's present version was made: it was not given them."""
        made = self.version_made_at
        told = self.listed.found if self.listed else ()
        return tuple(one for one in told if one.name in names and made and one.set_at and one.set_at > made)


class VersionFacts:
    """The versions of the machine's config.

    Args:
        observations: access to the evidence
    """

    def __init__(self, observations: ObservationFacts) -> None:
        self._observations = observations

    @cached_property
    def listed(self) -> Versions | None:
        """All versions; None when they were not seen."""
        return self._observations.answer(Facet.VERSIONS, Versions)

    @cached_property
    def at_incident(self) -> MachineVersion | None:
        """The version that was current at the time of the incident; None where that is not known."""
        at = self._observations.subject.incident_time
        return self.listed.at(at) if self.listed and at else None

    @cached_property
    def present(self) -> MachineVersion | None:
        """The newest one."""
        return self.listed.found[-1] if self.listed and self.listed.found else None


class VolumeFacts:
    """The volume that the caller asked for, and where it is.

    Args:
        observations: access to the evidence
        caller: names the volume and the region
    """

    def __init__(self, observations: ObservationFacts, caller: CallerFacts) -> None:
        self._observations = observations
        self._caller = caller

    @cached_property
    def listed(self) -> Volumes | None:
        """All volumes; None when they were not seen."""
        return self._observations.answer(Facet.VOLUMES, Volumes)

    @cached_property
    def asked(self) -> str:
        """The id of the volume that the caller names, if it names one only."""
        named = set(_VOLUME.findall(self._caller.answer.text))
        return named.pop() if len(named) == 1 else ""

    @cached_property
    def own(self) -> Volume | None:
        """The volume that the caller asked for, as the app lists it."""
        return next((one for one in self.listed.found if one.id == self.asked), None) if self.listed else None
