"""One test machine from create to destroy: create, settle, watch, read, destroy.

It is destroyed however the trial ends. At most four writes are sent: one create call, which is never repeated, and up
to three to destroy. Time is told by Fly's answers: a wait that ends with 408 has lasted as long as it was to last.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from runbooks.collect import logs, machines
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.canary.plan import CanaryPlan
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult
from runbooks.evidence.canary import CanaryEnd, CanaryTest
from runbooks.evidence.models import Event, Listing, LogLine, Logs, Machine, Outcome, Refusal
from runbooks.evidence.parsers import refusal_of, text_of

SETTLE = 180
"""Seconds after which a machine that has not settled says nothing: pulls of 98 s are documented (§1.7)."""
STEP = 60
RESERVE = 30.0
"""Seconds of the run's time that are kept for reading and removing."""
LAG = 2.0
REMOVALS = 3
GONE = ("destroyed", "destroying")


@dataclass
class Trial:
    """Create the planned machine, watch it, and remove it.

    Args:
        client: may write
        plan: what is created
        pauses: whether anything lags behind here, so that waiting makes sense
        removed: whether the machine is known to be gone; None while there was none
    """

    client: Client
    plan: CanaryPlan
    pauses: bool = True
    machine_id: str = ""
    removed: bool | None = None
    _created: bool = False
    _looked: bool = False
    _refusal: Refusal | None = None
    _open: str = ""
    _state: str = ""
    _watched: int = 0
    _events: tuple[Event, ...] = field(default=())
    _lines: tuple[LogLine, ...] = field(default=())

    def run(self) -> CanaryTest:
        """The whole of it.

        Raises:
            KeyboardInterrupt: the run was ended; the machine has been removed if that was possible
        """
        try:
            self._create()
            if self.machine_id:
                self._settle()
                self._read()
        except CouldNotAsk as error:
            self._open = self._open or str(error)
        finally:
            with suppress(CouldNotAsk):
                self._remove()
        return self._told()

    def _create(self) -> None:
        plan, client = self.plan, self.client
        url = machines.api_url("apps", plan.app, "machines")
        what = f"Creating the test machine {plan.name} in {plan.app}: {plan.image}, {plan.region}, {plan.guest}."
        self._created = True  # from here on there may be one, whatever comes back
        try:
            answer = client.write(
                "POST", url, "create machine", plan.app, sentence=what, description=plan.description, body=plan.body
            )
        except CouldNotAsk as error:
            self._open = f"the create call was not answered ({error})"
            self._find()
            return
        told = answer.json if isinstance(answer.json, Mapping) else {}
        if answer.ok and text_of(told.get("id")):
            self.machine_id = text_of(told.get("id"))
            return
        self._open = f"the create call was answered with HTTP {answer.status} and no id"
        self._refusal = None if answer.ok else refusal_of(answer.status, answer.body)
        if answer.ok or answer.status == 408 or answer.status >= 500:
            self._find()
        else:
            self._created = False

    def _find(self) -> None:
        """The machine by its name, after a create call of which nobody knows what it did."""
        self._looked = True
        for second in (False, True):
            if second and self.pauses:
                self.client.sleep(LAG)
            found = machines.listing(self.client, self.plan.app, deleted=False)
            listed = found.answer.machines if isinstance(found.answer, Listing) else ()
            own = [machine.id for machine in listed if machine.name == self.plan.name]
            if own:
                self.machine_id, self._open, self._refusal = own[0], "", None
                return

    def _settle(self) -> None:
        """Until it rests, for at most `SETTLE` seconds; a machine that has started is watched a while longer."""
        waited = 0
        while waited < SETTLE and (state := self._wait("settled", STEP)) is not None:
            if state:
                self._state = state
                break
            waited += STEP
        else:
            self._open = self._open or f"it had not settled within {waited} s"
            return
        if self._state == "started" and (ended := self._wait("stopped", self.plan.hold)) is not None:
            self._state = ended or self._state
            self._watched = 0 if ended else self.plan.hold

    def _wait(self, wanted: str, seconds: int) -> str | None:
        """The state that came within so many seconds; "" if none came, None where it could not be waited for."""
        url = machines.api_url(
            "apps", self.plan.app, "machines", self.machine_id, "wait", state=wanted, timeout=str(seconds)
        )
        client = self.client
        left = client.time_left() - RESERVE
        if not (client.recorded("GET", url) if client.recorded else left > 0):
            self._open = "the run's time was used up before it could be watched long enough"
            return None
        answer = client.wait(url, "wait", self.machine_id, seconds + 10 if client.recorded else min(seconds + 10, left))
        if answer.status == 408:
            return ""
        if answer.status == 404:
            return "destroyed"
        if not answer.ok:
            self._open = f"waiting for it was answered with HTTP {answer.status}"
            return None
        told = answer.json if isinstance(answer.json, Mapping) else {}
        return text_of(told.get("state")) or ("stopped" if wanted == "stopped" else "")

    def _read(self) -> None:
        """What perishes first comes first: the machine, its events, then its log."""
        app, machine_id = self.plan.app, self.machine_id
        seen = machines.machine(self.client, app, machine_id)
        if isinstance(seen.answer, Machine):
            self._state, self._events = seen.answer.state, seen.answer.events
        listed = machines.events(self.client, app, machine_id)
        if isinstance(listed.answer, tuple):
            self._events = listed.answer
        if self.pauses:
            self.client.sleep(LAG)
        self._lines = _lines(logs.logs(self.client, app, machine_id, None))

    def _remove(self) -> None:
        """Destroy it, with force, and look whether it is gone; without an id there is nothing that could be named."""
        if not self._created:
            return
        client, plan = self.client, self.plan
        client.cleaning, self.removed = True, False
        try:
            if not self.machine_id and not self._looked:
                self._find()
            if not self.machine_id:
                return
            url = machines.api_url("apps", plan.app, "machines", self.machine_id, force="true")
            for _ in range(REMOVALS):
                if remove(client, url, self.machine_id, plan.name):
                    self.removed = True
                    return
                if client.recorded and not client.recorded("DELETE", url):
                    return
                if self.pauses:
                    client.sleep(LAG)
        finally:
            client.cleaning = False

    def _told(self) -> CanaryTest:
        plan, end = self.plan, self._end()
        ended = [event.exit for event in self._events if event.exit and not event.exit.requested_stop]

        def masked(text: str) -> str:
            return self.client.redactor.text(text, "test machine")

        return CanaryTest(
            kind=plan.kind,
            end=end,
            name=plan.name,
            region=masked(plan.region),
            image=masked(plan.image),
            guest=masked(plan.guest),
            variables=tuple(map(masked, plan.variables)),
            machine_id=self.machine_id,
            state=self._state,
            watched=self._watched,
            exit=ended[-1] if ended else None,
            refusal=self._refusal,
            events=self._events,
            lines=self._lines,
            open_because=(self._open or "nothing that was seen of it tells how it ended")
            if end is CanaryEnd.OPEN
            else "",
            removed=self.removed,
        )

    def _end(self) -> CanaryEnd:
        if self._refusal is not None:
            return CanaryEnd.REFUSED
        if self._open or not self.machine_id:
            return CanaryEnd.OPEN
        if any(event.exit and not event.exit.requested_stop for event in self._events):
            return CanaryEnd.EXITED
        if self._state == "started" and self._watched:
            return CanaryEnd.RUNS
        failed = any(event.status in ("launch_failed", "failed") for event in self._events)
        if failed or self._state in ("failed", "launch_failed"):
            return CanaryEnd.NEVER_STARTED
        return CanaryEnd.OPEN


def remove(client: Client, url: str, machine_id: str, name: str) -> bool:
    """Ask once for the removal of a test machine: whether it is gone, or going, by the API's word."""
    try:
        answer = client.write(
            "DELETE",
            url,
            "delete machine",
            machine_id,
            sentence=f"Destroying the test machine {name} ({machine_id}).",
            description={"name": name, "machine_id": machine_id},
        )
    except CouldNotAsk:
        return False
    return answer.ok or answer.status == 404


def _lines(found: FacetResult) -> tuple[LogLine, ...]:
    return found.answer.lines if found.outcome is Outcome.SEEN and isinstance(found.answer, Logs) else ()
