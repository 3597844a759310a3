"""What is known so far: the person's parameters, completed by what earlier looks have told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.settings import RECORDS_TABLE
from runbooks.collect import machines, registry
from runbooks.collect.transport import is_address
from runbooks.evidence.caller import MACHINE_ID
from runbooks.evidence.models import (
    App,
    Caller,
    Event,
    ImageRef,
    Listing,
    Logs,
    Machine,
    Observation,
    Outcome,
    Pasted,
    Probe,
    Records,
    Subject,
    Token,
)
from runbooks.evidence.planned import Planned
from runbooks.evidence.source_files import SourceFile

_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b")
_VOLUME = re.compile(r"\bvol_[a-z0-9]{6,40}\b")
_MASKED = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")


@dataclass(frozen=True)
class Target:
    """What the person typed or pasted, already validated; `caller_text` is the log itself, not a path.

    `plans` means that a machine is to be created, with the config in `config_text` or that of `machine_id`.
    `sources` are the caller's files, read already.
    """

    app_name: str = ""
    machine_id: str = ""
    machine_name: str = ""
    org_slug: str = ""
    image: str = ""
    websocket_url: str = ""
    caller_text: str = ""
    record_key: str = ""
    records_table: str = RECORDS_TABLE
    incident_at: datetime | None = None
    canary_image: str = "flyio/hellofly"
    plans: bool = False
    config_text: str = ""
    sources: tuple[SourceFile, ...] = ()
    apps: tuple[str, ...] = ()
    """The apps of a fleet; () for the whole organisation."""
    row_phases: Mapping[str, str] = field(default_factory=dict)
    """What a word in a row's status says of its machine."""

    @property
    def pasted(self) -> bool:
        """Whether there is a text to read, whatever can be asked of the platform."""
        return bool(self.caller_text.strip() or self.config_text.strip() or self.sources)


@dataclass(frozen=True)
class CollectionContext:
    """Reads the looks made so far; they grow while it is held."""

    given: Target
    observations: Mapping[str, Observation]

    def answer(self, facet: FacetEnum) -> object:
        observation = self.observations.get(facet)
        return observation.answer if observation else None

    def caller_answer(self) -> Caller:
        answer = self.answer(Facet.CALLER)
        return answer if isinstance(answer, Caller) else Caller("")

    def planned(self) -> Planned:
        """The machine that is to be created, as its config describes it; empty where there is none."""
        answer = self.answer(Facet.CONFIG)
        return answer if isinstance(answer, Planned) else Planned()

    def believed_image(self) -> str:
        """The image that is asked for: as given, as the planned config names it, or as the caller does."""
        return self.given.image or self.planned().image or self.caller_answer().image

    def machine_name(self) -> str:
        given = self.given
        named = given.machine_id if given.machine_id and not MACHINE_ID.match(given.machine_id) else ""
        return given.machine_name or named or self.caller_answer().machine_name or self._pasted().machine_name

    def machine_id(self) -> str:
        if MACHINE_ID.match(self.given.machine_id):
            return self.given.machine_id
        return self.caller_answer().machine_id or self._pasted().machine_id

    def app_name(self) -> str:
        """The app, given or named by a pasted text; "" if neither tells it."""
        return self.given.app_name or self._pasted().app

    def _pasted_machine(self) -> Machine | None:
        """The machine as a capsule, a pasted table or JSON shows it, where the platform itself does not."""
        caller = self.caller_answer()
        kept = (caller.capsule.machine,) if caller.capsule and caller.capsule.machine else ()
        told = (*kept, *(m.machine for m in caller.pasted.machines))
        shown = [machine for machine in told if machine.id == self.machine_id()]
        return next((machine for machine in shown if machine.image), None)

    def _pasted(self) -> Pasted:
        """What a pasted text is about. A name that a person gave decides, whatever a text names besides it."""
        caller, given = self.caller_answer(), self.given
        return caller.pasted if not (given.machine_id or given.machine_name) else Pasted()

    def found_id(self) -> str:
        """The id, given or found in the lists by its name."""
        if own := self.machine_id():
            return own
        listed = self.listed()
        return listed.id if listed else ""

    def listed(self) -> Machine | None:
        for facet in (Facet.LIST, Facet.LIST_DELETED, Facet.ORGANISATION):
            answer = self.answer(facet)
            if isinstance(answer, Listing):
                found = machines.by_id_or_name(answer, self.machine_id(), self.machine_name())
                if found is not None:
                    return found
        return None

    def best_machine(self) -> Machine | None:
        """The fullest description there is: GET, else a list's entry."""
        for number in (Facet.MACHINE, Facet.MACHINE_AGAIN):
            observation = self.observations.get(number)
            if observation and isinstance(observation.answer, Machine):
                return observation.answer
        return self.listed()

    def elsewhere(self) -> Machine | None:
        """The machine in another app of the organisation, when this app has it not."""
        answer = self.answer(Facet.ORGANISATION)
        if not isinstance(answer, Listing) or isinstance(self.answer(Facet.MACHINE), Machine):
            return None
        found = machines.by_id_or_name(answer, self.found_id(), self.machine_name())
        return found if found and found.app_name not in ("", self.app_name()) else None

    def gone_without_trace(self) -> bool:
        observation = self.observations.get(Facet.MACHINE)
        return bool(observation and observation.outcome is Outcome.ABSENT and self.listed() is None)

    def list_disagrees(self) -> bool:
        """The list lacks a machine that lives, or is shorter than the app's own count: it may lag (§1.6).

        One that another run read shows what has changed since then.
        """
        listing, machine, app = self.answer(Facet.LIST), self.answer(Facet.MACHINE), self.answer(Facet.APP)
        if not isinstance(listing, Listing):
            return False
        shown = machines.by_id_or_name(listing, self.found_id(), "")
        state = machine.state if isinstance(machine, Machine) else ""
        if shown and any(exchange.handed_on for exchange in self.observations[Facet.LIST].exchanges):
            return shown.state != state
        lacks = shown is None and state not in ("", "destroyed", "destroying")
        return lacks or (isinstance(app, App) and (app.machine_count or 0) > listing.count == 0)

    def tag_may_follow(self) -> bool:
        """No machine is known and the tag is missing: a push may be on its way, so one look is not enough."""
        observation = self.observations.get(Facet.IMAGE_BELIEVED)
        return bool(observation and observation.outcome is Outcome.ABSENT and self.best_machine() is None)

    def subject(self) -> Subject:
        given, caller, app = self.given, self.caller_answer(), self.answer(Facet.APP)
        machine = self.best_machine()
        planned = bool(self.planned().form)  # then nothing has happened yet
        named_as_id = given.machine_id and not MACHINE_ID.match(given.machine_id)
        return Subject(
            app=self.app_name(),
            machine_id=self.found_id(),
            machine_name=self.machine_name() or (machine.name if machine else ""),
            org=given.org_slug or (app.org_slug if isinstance(app, App) else ""),
            image=self.believed_image(),
            websocket_url=self.told_url(),
            incident_time=given.incident_at or caller.at or (machine.created_at if machine and not planned else None),
            notes=(f"{given.machine_id} was given as an id, but is a machine name; it was looked up by name.",)
            if named_as_id
            else (),
            by_name=not self.machine_id(),
        )

    def ran(self) -> ImageRef | None:
        machine = self.best_machine() or self._pasted_machine()
        if machine is None:
            return None
        return machine.image_ref or (registry.parse_ref(machine.image) if machine.image else None)

    def ran_tag(self) -> bool:
        """Ask where the tag points now, unless the first two looks have told already."""
        ref = self.ran()
        if ref is None or not ref.tag or not ref.digest:
            return False
        believed = registry.parse_ref(self.given.image) if self.given.image else None
        return believed is None or (believed.repository, believed.tag) != (ref.repository, ref.tag)

    def told_url(self) -> str:
        return plain_url(self.given.websocket_url or self.caller_answer().websocket_url)

    def believed_url(self) -> str:
        rows = self.answer(Facet.RECORD)
        row_url = next((r.websocket_url for r in rows.rows if r.websocket_url), "") if isinstance(rows, Records) else ""
        return self.told_url() or plain_url(row_url)

    def custom_host(self) -> str:
        """The host of the believed URL, where it is a name outside of Fly's own domains."""
        try:
            host = urlsplit(self.believed_url()).hostname or ""
        except ValueError:
            return ""
        own = host.endswith((".fly.dev", ".internal", ".flycast")) or is_address(host)
        return "" if own else host

    def app_of_machine(self) -> str:
        """The app that the machine is in, where another one has it."""
        machine = self.best_machine()
        return (machine.app_name if machine else "") or self.app_name()

    def org_slug(self) -> str:
        """The organisation: as given, as the app names it, or as the token does; "" where nobody does."""
        app, token = self.answer(Facet.APP), self.answer(Facet.TOKEN)
        slugs = [self.given.org_slug, app.org_slug if isinstance(app, App) else ""]
        slugs += [scope.org_slug for scope in token.scopes] if isinstance(token, Token) else []
        return next(filter(None, slugs), "")

    def well(self) -> bool:
        """The machine is started, and neither its events nor its log tell of an end of its program."""
        machine = self.best_machine()
        events, logs = self.answer(Facet.EVENTS), self.answer(Facet.LOGS)
        told = [*(machine.events if machine else ()), *(events if isinstance(events, tuple) else ())]
        ended = any(isinstance(event, Event) and event.exit and not event.exit.requested_stop for event in told)
        return bool(machine and machine.state == "started" and isinstance(logs, Logs) and not ended)

    def names_a_variable(self) -> bool:
        """Does a line of the log, or of the caller, name something that looks like an environment variable?"""
        logs = self.answer(Facet.LOGS)
        lines = [line.message for line in logs.lines if line.provider == "app"] if isinstance(logs, Logs) else []
        return any(_VARIABLE.search(line) for line in (*lines, self.caller_answer().text))

    def was_updated(self) -> bool:
        """Has the machine had more than one version, as far as its events tell? They are cut, so a gap counts."""
        machine = self.best_machine()
        if machine is None:
            return False
        events = self.answer(Facet.EVENTS)
        told = events if isinstance(events, tuple) else machine.events
        known = [event for event in told if isinstance(event, Event)]
        return any(event.type == "update" for event in known) or not known or known[0].type != "launch"

    def names_a_volume(self) -> bool:
        """Does the caller name a volume, or the config of a machine that does not run, or of one that is planned?"""
        machine = self.best_machine()
        mounts = (machine.config or {}).get("mounts") if machine and machine.state != "started" else None
        mounts = mounts or self.planned().config.get("mounts")
        return bool(mounts) or bool(_VOLUME.search(self.caller_answer().text))

    def answered(self) -> bool:
        """Did a program of the app answer a probe? The proxy's own answers are 502 and 503."""
        probes = [self.answer(facet) for facet in (Facet.EDGE_BELIEVED, Facet.EDGE_APP)]
        return any(isinstance(p, Probe) and (p.reached == "open" or 400 <= (p.status or 0) < 500) for p in probes)

    def record_words(self) -> tuple[str, ...]:
        machine = self.best_machine()
        words = (
            self.given.record_key,
            self.found_id(),
            self.machine_name(),
            machine.name if machine else "",
        )
        return tuple(dict.fromkeys(filter(None, words)))


def plain_url(url: str) -> str:
    """The address without what is masked in it: a placeholder in the wrong place would name another host."""
    if not _MASKED.search(url):
        return url
    return _MASKED.sub("", re.sub(r"\?[^#]*<.*", "", re.sub(r"//[^/?]{0,600}@", "//", url)))
