"""What the app has beside its machines, as far as it concerns this incident."""

from __future__ import annotations

from functools import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.caller import CallerFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.resources import Certificate, Certificates


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
