"""What runs in the machine, and where it listens: decisive between a wrong port and a slow start (§14.19)."""

from __future__ import annotations

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.machine import MachineFacts
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.resources import Processes, Socket


class ProcessFacts:
    """What the machine's processes listen on, at the moment of looking.

    Args:
        observations: access to the evidence
        machine: tells the ports to which the proxy sends traffic
    """

    def __init__(self, observations: ObservationFacts, machine: MachineFacts) -> None:
        self._observations = observations
        self._machine = machine

    @cached_property
    def listed(self) -> Processes | None:
        """All processes; None when they were not seen."""
        return self._observations.answer(Facet.PROCESSES, Processes)

    @cached_property
    def sockets(self) -> tuple[Socket, ...]:
        return tuple(socket for one in self.listed.found for socket in one.sockets) if self.listed else ()

    @cached_property
    def ports(self) -> frozenset[int]:
        """The internal ports of the machine's services."""
        return frozenset(s.internal_port for s in self._machine.services or () if s.internal_port)

    @cached_property
    def reachable(self) -> Socket | None:
        """A socket at which the proxy reaches a program: on the port of a service, and not on loopback."""
        return next((one for one in self.sockets if one.port in self.ports and not one.local), None)

    @cached_property
    def elsewhere(self) -> tuple[Socket, ...]:
        """Sockets that the proxy does not use, where there is none that it could: another port, or loopback.

        Loopback on the right port comes first. The platform's own helpers listen on the private network only.
        """
        if not self.ports or self.reachable or self.listed is None:
            return ()
        own = [one for one in self.sockets if not one.address.startswith("fdaa:")]
        return tuple(sorted(own, key=lambda one: (one.port not in self.ports, one.port or 0)))
