"""The machine as the views of the platform show it: where it was seen, its state, its config, its image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.evidence.models import Caller, ImageRef, Json, Listing, Machine, Outcome, PastedMachine

GONE = ("destroyed", "destroying")
_NEVER = datetime.min.replace(tzinfo=UTC)
_DESCRIBES = (Facet.MACHINE, Facet.MACHINE_AGAIN)
_VIEWS = (
    Facet.MACHINE,
    Facet.MACHINE_AGAIN,
    Facet.LIST,
    Facet.LIST_AGAIN,
    Facet.LIST_DELETED,
    Facet.ORGANISATION,
)


@dataclass(frozen=True, slots=True)
class MachineView:
    """A description of the machine, and the look that it comes from.

    Attributes:
        pasted: the text that it stands in, where a person pasted it
        seen_at: when it was seen, where the caller's guard saw it at the time; None for what was asked now
    """

    machine: Machine
    evidence: str
    app: str
    pasted: PastedMachine | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of config.services (§7.2): `ports` maps a public port to its handlers.

    `autostart` is None, and `ports_known` false, where only an excerpt was seen that does not contain the key.
    """

    internal_port: int | None
    ports: tuple[tuple[int, int, tuple[str, ...]], ...]
    autostart: bool | None
    autostop: bool
    ports_known: bool = True

    def handlers(self, port: int) -> tuple[str, ...] | None:
        """The handlers of a public port; None when this service does not expose it."""
        return next((handlers for first, last, handlers in self.ports if first <= port <= last), None)


class MachineFacts:
    """Every view that shows the machine, and what follows from all of them.

    Args:
        observations: access to the evidence
    """

    def __init__(self, observations: ObservationFacts) -> None:
        self._observations = observations

    @cached_property
    def views(self) -> tuple[MachineView, ...]:
        """Every view that shows the machine, the fullest first.

        What was pasted is older than any answer, so it counts only where the platform did not answer at all. What the
        caller's guard saw is the platform's own answer of that time: it counts where the platform shows nothing now.
        """
        if not any(self._observations.looked(number) for number in _VIEWS):
            return self.caller_views or self.pasted_views
        found = []
        for number in _VIEWS:
            default = "" if number == Facet.ORGANISATION else self._observations.subject.app
            for row in self._rows(number):
                if self.is_subject(row):
                    found.append(MachineView(row, number, row.app_name or default))
        return tuple(found) or self.caller_views

    @cached_property
    def caller_views(self) -> tuple[MachineView, ...]:
        """What the caller's guard saw of the machine, at its time."""
        caller, app = self._observations.answer(Facet.CALLER, Caller), self._observations.subject.app
        if caller is None or caller.capsule is None or caller.capsule.app not in ("", app):
            return ()
        return tuple(
            MachineView(row, number, app, seen_at=self._observations.observed_at(number))
            for number in (Facet.MACHINE_BY_CALLER, Facet.LIST_BY_CALLER)
            for row in self._rows(number)
            if self.is_subject(row)
        )

    @cached_property
    def gone(self) -> bool:
        """Does the platform no longer know a machine that the caller's guard has seen?"""
        only_then = bool(self.views) and all(view.seen_at for view in self.views)
        return only_then and self._observations.outcome(Facet.MACHINE) is Outcome.ABSENT

    @cached_property
    def pasted_views(self) -> tuple[MachineView, ...]:
        """What pasted tables and JSON show of the machine, the latest first; other apps' are left out."""
        caller, app = self._observations.answer(Facet.CALLER, Caller), self._observations.subject.app
        # Events that stand alone are those of the machine that is asked about.
        pasted = caller.pasted.machines if caller else ()
        shown = [one for one in pasted if not one.machine.id or self.is_subject(one.machine)]
        own = [one for one in shown if one.app in ("", app)]
        own.sort(key=lambda one: (one.at or _NEVER, one.whole, bool(one.machine.state)), reverse=True)
        return tuple(MachineView(one.machine, Facet.CALLER, app, one) for one in own)

    def _rows(self, number: str) -> Iterable[Machine]:
        machine, listing = self._observations.answer(number, Machine), self._observations.answer(number, Listing)
        return (machine,) if machine else listing.machines if listing else ()

    def is_subject(self, machine: Machine) -> bool:
        if self._observations.subject.machine_id:
            return machine.id == self._observations.subject.machine_id
        return bool(self._observations.subject.machine_name) and machine.name == self._observations.subject.machine_name

    @cached_property
    def description(self) -> Machine | None:
        """The fullest description: the first with a config, else the first."""
        described = [s.machine for s in (*self.views, *self.caller_views)]
        return next((m for m in described if m.config), described[0] if described else None)

    @cached_property
    def config(self) -> Json | None:
        return self.description.config if self.description else None

    @cached_property
    def whole_config(self) -> bool:
        """Was the machine described as the platform does it, so that a key that is not there is not set?

        People post excerpts; those leave out the version and the time of creation, which the API always sends.
        """
        return any(
            s.machine.config and s.machine.instance_id and s.machine.created_at for s in self.views if not s.pasted
        )

    @cached_property
    def memory_mb(self) -> int:
        """The memory of its guest; 0, where no view tells."""
        guest = (self.config or {}).get("guest")
        told = guest.get("memory_mb") if isinstance(guest, Mapping) else None
        return told if isinstance(told, int) else 0

    @cached_property
    def more_memory_mb(self) -> int:
        """Twice its memory, at least 1024 MB; 0, where it is not known or its CPUs do not allow that much.

        Fly's page on machine sizing: at most 2 GB for a shared CPU, 8 GB for a performance CPU.
        """
        guest = (self.config or {}).get("guest")
        if not self.memory_mb or not isinstance(guest, Mapping):
            return 0
        told, more = guest.get("cpus"), max(1024, 2 * self.memory_mb)
        each = 8192 if guest.get("cpu_kind") == "performance" else 2048
        return more if more <= each * (told if isinstance(told, int) else 1) else 0

    @cached_property
    def seen_evidence(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.evidence for s in self.views))

    @cached_property
    def config_evidence(self) -> tuple[str, ...]:
        return tuple(s.evidence for s in (*self.views, *self.caller_views) if s.machine.config)[:1]

    @cached_property
    def seen_state(self) -> str:
        """The last state that any view tells, "" when none does."""
        return self.last_view.machine.state if self.last_view else ""

    @cached_property
    def last_view(self) -> MachineView | None:
        """The one that tells its state: asked by its id before a list, and gone before anything else."""
        told = [s for s in self.views if s.machine.state or not s.pasted]
        return max(
            told,
            key=lambda s: (s.evidence in (Facet.MACHINE, Facet.MACHINE_AGAIN), s.machine.state in GONE),
            default=None,
        )

    @cached_property
    def other_apps(self) -> tuple[MachineView, ...]:
        return tuple(s for s in self.views if s.app and s.app != self._observations.subject.app)

    @cached_property
    def known_here(self) -> tuple[str, ...]:
        """The looks in which the platform itself knows this machine in the believed app."""
        own = [s.evidence for s in self.views if s.app == self._observations.subject.app]
        own += [
            n
            for n in (Facet.EVENTS, Facet.LOGS, Facet.METRICS)
            if self._observations.outcome(n) is Outcome.SEEN and not self.other_apps
        ]
        return tuple(dict.fromkeys(own))

    @cached_property
    def exists(self) -> tuple[str, ...]:
        """The looks that prove that there is or was such a machine, in whatever app."""
        return self.known_here or self.seen_evidence

    @cached_property
    def created_at(self) -> datetime | None:
        times = [at for s in self.views if (at := s.machine.created_at) and is_time(at)]
        return min(times) if times else None

    @cached_property
    def flagged_hosts(self) -> tuple[MachineView, ...]:
        """Views that say that the machine's host does not answer (§2)."""
        return tuple(s for s in self.views if s.machine.host_status not in ("", "ok"))

    @cached_property
    def services(self) -> tuple[Service, ...] | None:
        """The services of its config; None when no config was seen, or what was pasted does not speak of them."""
        if self.config is None:
            return None
        rows = self.config.get("services")
        if rows is None and self.views[0].pasted:
            return None
        return (
            tuple(service_of(row, self.whole_config) for row in rows if isinstance(row, Mapping))
            if isinstance(rows, list | tuple)
            else ()
        )

    @cached_property
    def critical_checks(self) -> tuple[tuple[str, str, str], ...]:
        """(name, output, look) of every check that is critical; fakes of the deployer left out (§1.4)."""
        found: dict[str, tuple[str, str, str]] = {}
        for sighting in self.views:
            checks = sighting.machine.raw.get("checks")
            for check in checks if isinstance(checks, list | tuple) else ():
                if isinstance(check, Mapping) and check.get("status") == "critical":
                    name = str(check.get("name") or "unnamed")
                    if not name.startswith("bg_deployments_compat"):
                        found.setdefault(name, (name, str(check.get("output") or ""), sighting.evidence))
        return tuple(found.values())

    @cached_property
    def passing_evidence(self) -> str:
        """The evidence of a started machine whose checks all pass; "" where none is listed, or any view has another."""
        if self.critical_checks:
            return ""
        for view in self.views:
            checks = view.machine.raw.get("checks")
            listed = [c for c in checks if isinstance(c, Mapping)] if isinstance(checks, list | tuple) else []
            if view.machine.state == "started" and listed and all(c.get("status") == "passing" for c in listed):
                return view.evidence
        return ""

    @cached_property
    def broken(self) -> Mapping[str, str]:
        """What is wrong with the record of a machine whose host answers, with the look that shows it.

        A key that is left out says nothing: lists leave out much, and so do people who paste. Only the answer about
        the machine itself always has a config.
        """
        views = [view for view in self.views if not view.pasted and view.machine.host_status in ("", "ok")]
        return {text: view.evidence for view in reversed(views) for text in _wrong(view)}

    @cached_property
    def ran(self) -> ImageRef | None:
        return self.description.image_ref if self.description else None

    @cached_property
    def ran_text(self) -> str:
        if self.description is None:
            return ""
        return self.description.image or (str(self.ran) if self.ran else "")

    @cached_property
    def retries(self) -> int | None:
        """How often the policy would restart it; None when unknown (§4.1)."""
        if self.config is None:
            return None
        restart = self.config.get("restart")
        if restart is None and self.views[0].pasted:
            return None
        restart = restart if isinstance(restart, Mapping) else {}
        policy = restart.get("policy") or "on-failure"
        count = restart.get("max_retries", 10)
        return count if policy in ("on-failure", "on-fail") and isinstance(count, int) else None


def _wrong(view: MachineView) -> Iterator[str]:
    machine = view.machine
    for name, at in (("created_at", machine.created_at), ("updated_at", machine.updated_at)):
        if at and not is_time(at):
            yield f"{name} is {at.date()}"
    if not machine.region and "region" in machine.raw:
        yield "its region is empty"
    hosted = machine.host_status == "ok" and machine.state not in GONE
    if hosted and machine.config is None and view.evidence in _DESCRIBES:
        yield "it has no config, although its host is ok"
    zeros = [event.at for event in machine.events if event.at and not is_time(event.at)]
    if zeros:
        yield f"{len(zeros)} of its events {'is' if len(zeros) == 1 else 'are'} dated {zeros[0].date()}"


def is_time(at: datetime) -> bool:
    """Is this a time, rather than the zero of some clock? A broken record shows 1970, or Go's year 1."""
    return at.year > 1970


def service_of(row: Mapping[str, object], whole: bool) -> Service:
    """An entry of config.services; `whole` means that what is not in it was not said."""
    ports = []
    listed = row.get("ports")
    for port in listed if isinstance(listed, list | tuple) else ():
        if isinstance(port, Mapping):
            first = port.get("port", port.get("start_port"))
            last = port.get("end_port", first)
            handlers = port.get("handlers")
            if isinstance(first, int) and isinstance(last, int):
                named = tuple(str(h) for h in handlers) if isinstance(handlers, list | tuple) else ()
                ports.append((first, last, named))
    inner = row.get("internal_port")
    return Service(
        inner if isinstance(inner, int) else None,
        tuple(ports),
        # An absent key means off for a machine made through the API (§4.4).
        row.get("autostart") is True if whole or "autostart" in row else None,
        row.get("autostop") in (True, "stop", "suspend"),
        whole or "ports" in row,
    )
