"""The facets that change something: the sweep of what dead runs left, and the two test machines.

Every condition under which nothing is created stands here. A replay plays what was recorded and sends nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from runbooks.base.facets import Facet
from runbooks.collect import machines, registry
from runbooks.collect.canary.plan import HOLD, CanaryPlan, NotPlanned, known_good, same_config
from runbooks.collect.canary.sweep import sweep
from runbooks.collect.canary.trial import RESERVE, Trial
from runbooks.collect.facets import collects
from runbooks.collect.result import FacetResult, absent, seen, unavailable
from runbooks.collect.session import CollectionSession
from runbooks.evidence.canary import CanaryEnd, CanaryKind, CanaryMark, CanarySweep, CanaryTest
from runbooks.evidence.models import Event, Image, ImageRef, Listing, Outcome, Reason, Records, Token, TokenInside
from runbooks.evidence.parsers import text_of

BUDGET = 24
"""Requests that a test machine may take besides those of the run."""
DOCKER_HUB = {"docker.io": "https://registry-1.docker.io"}
"""Where the known-good image is looked up, if no other place is configured."""
LEAST = 60.0
"""Seconds of the run's time without which no test machine is created."""
_RIGHTS = {"c": "create", "d": "delete"}


def _due(facet: Facet, wanted: Callable[[CollectionSession], bool]) -> Callable[[CollectionSession], bool]:
    """Asked if a person allowed it; in a replay, if the recorded run did."""

    def when(session: CollectionSession) -> bool:
        bundle = session.source.bundle
        if bundle is None:
            return wanted(session)
        return facet in bundle.observations or any(entry.get("_facet") == facet for entry in bundle.entries)

    return when


def _refused(session: CollectionSession) -> FacetResult | None:
    """Why this run may not write; None if it may. A recorded run has been asked before."""
    if session.source.bundle is not None:
        return None
    consent, app = session.consent, session.app_name()
    if not consent.app or consent.app != app:
        said = f"confirm_app is {consent.app or 'empty'}, and the app is {app or 'not known'}"
        return unavailable(f"not made: {said}; nothing was sent", code=Reason.NOT_GIVEN)
    if not session.source.token:
        return unavailable(machines.NO_CREDENTIALS, code=Reason.NO_TOKEN)
    token, inside = session.answer(Facet.TOKEN), session.answer(Facet.TOKEN_INSIDE)
    if isinstance(token, Token) and not token.valid:
        return unavailable("not made: the API does not accept this token", code=Reason.BAD_TOKEN)
    if isinstance(inside, TokenInside) and inside.permissions:
        lacking = min((_lacking(part.actions) for part in inside.permissions), key=len)
        if lacking:
            told = " nor ".join(_RIGHTS[letter] for letter in lacking)
            return unavailable(f"not made: the token may not {told} machines; nothing was sent", code=Reason.BAD_TOKEN)
    return None


def _lacking(actions: str) -> str:
    return "".join(letter for letter in _RIGHTS if letter not in actions)


@collects(Facet.CANARIES_LEFT, when=_due(Facet.CANARIES_LEFT, lambda session: session.consent.writes))
def _canaries_left(session: CollectionSession) -> FacetResult:
    if no := _refused(session):
        return no
    session.client.most_requests += BUDGET
    app = session.app_name()
    found = machines.listing(session.client, app, deleted=False)
    if not isinstance(found.answer, Listing) or not found.answer.complete:
        return replace(found, outcome=Outcome.COULD_NOT_LOOK) if found.outcome is Outcome.SEEN else found
    swept = sweep(session.client, app, found.answer, session.started_at, session.leftovers.alive)
    if session.source.bundle is None and not swept.left:
        for dead in [one for one in session.leftovers.dead() if one.app == app]:
            session.leftovers.forget(dead.run)
    copies = f"; left alone: {', '.join(swept.copies)} (their metadata is a copy)" if swept.copies else ""
    if not swept.removed and not swept.left:
        return absent(f"{app} has no test machine of an earlier run{copies}", swept)
    told = [f"removed {machine_id}" for machine_id in swept.removed]
    told += [f"left {machine_id}: {why}" for machine_id, why in swept.left.items()]
    return seen(f"test machines of earlier runs in {app}: {'; '.join(told)}{copies}", swept)


@collects(Facet.CANARY_IMAGE, when=_due(Facet.CANARY_IMAGE, lambda session: session.consent.writes))
def _canary_image(session: CollectionSession) -> FacetResult:
    def plan(mark: CanaryMark) -> CanaryPlan:
        machine = session.best_machine()
        guest = (machine.config or {}).get("guest") if machine else None
        return known_good(
            session.app_name(),
            mark,
            region=_region(session),
            image=_resolved(session, registry.parse_ref(session.given.canary_image)),
            guest=guest if isinstance(guest, Mapping) else None,
        )

    return _tried(session, plan)


@collects(
    Facet.CANARY_CONFIG,
    when=_due(Facet.CANARY_CONFIG, lambda session: session.consent.writes and session.consent.config),
)
def _canary_config(session: CollectionSession) -> FacetResult:
    before = session.answer(Facet.CANARY_IMAGE)
    if isinstance(before, CanaryTest) and before.removed is False:
        return unavailable("not made: the other test machine of this run is not known to be gone")

    def plan(mark: CanaryMark) -> CanaryPlan:
        raw = _raw_machine(session)
        config = raw.get("config")
        if not isinstance(config, Mapping):
            raise NotPlanned("the platform no longer shows the machine's config")
        return same_config(
            session.app_name(),
            mark,
            region=_region(session),
            image=_digest_of(session, raw),
            config=config,
            hold=_hold(session),
        )

    return _tried(session, plan)


def _tried(session: CollectionSession, plan: Callable[[CanaryMark], CanaryPlan]) -> FacetResult:
    """Plan a test machine, create it if nothing forbids that, and say how it went."""
    if no := _refused(session) or _occupied(session):
        return no
    client, replayed = session.client, session.source.bundle is not None
    client.most_requests += BUDGET
    try:
        made = plan(CanaryMark.of_run(session.started_at))
    except NotPlanned as error:
        return unavailable(f"not made: {error}")
    if not replayed and client.time_left() < LEAST + RESERVE:
        return unavailable("not made: too little of the run's time is left (give it more with --deadline 900)")
    if not replayed:
        session.leftovers.hold(made.app, made.mark.run)
    trial = Trial(client, made, pauses=not session.source.still and not replayed)
    try:
        test = trial.run()
    finally:
        if not replayed and trial.removed is not False and _other_gone(session, made.kind):
            session.leftovers.forget(made.mark.run)
    told = described(test)
    if test.end is CanaryEnd.OPEN:
        return unavailable(told, test)
    return seen(told, test)


def _other_gone(session: CollectionSession, kind: CanaryKind) -> bool:
    other = session.answer(Facet.CANARY_IMAGE if kind is CanaryKind.CONFIG else Facet.CANARY_CONFIG)
    return not (isinstance(other, CanaryTest) and other.removed is False)


def _occupied(session: CollectionSession) -> FacetResult | None:
    """Nothing is created while the app has a test machine, or while nobody knows whether it has one."""
    observation = session.observations.get(Facet.CANARIES_LEFT)
    if observation is None or not isinstance(observation.answer, CanarySweep):
        return unavailable("not made: whether the app has a test machine of another run could not be looked at")
    if observation.answer.left:
        ids = ", ".join(observation.answer.left)
        return unavailable(f"not made: the app has a test machine already ({ids}); see {Facet.CANARIES_LEFT.value}")
    return None


def described(test: CanaryTest) -> str:
    """How a test went, in one sentence."""
    what = "the known-good image" if test.kind is CanaryKind.IMAGE else "the same config"
    who = f"a test machine with {what} in {test.region}" + (f" ({test.machine_id})" if test.machine_id else "")
    after = {
        True: "; it was destroyed",
        False: "; whether it is gone is NOT KNOWN: run `runbooks sweep-canaries`",
        None: "; no machine was created",
    }[test.removed]
    if test.end is CanaryEnd.RUNS:
        told = f"started, and was still running {test.watched} s later"
    elif test.end is CanaryEnd.EXITED and test.exit:
        code = "no exit code" if test.exit.exit_code is None else f"exit code {test.exit.exit_code}"
        told = f"started, and its program exited with {code}" + (" (out of memory)" if test.exit.oom_killed else "")
    elif test.end is CanaryEnd.REFUSED and test.refusal:
        told = f"was refused (HTTP {test.refusal.status}: {test.refusal.text[:200]})"
    elif test.end is CanaryEnd.NEVER_STARTED:
        told = f"never started: its state is {test.state or 'not known'}"
    else:
        told = f"tells nothing: {test.open_because}"
    return f"{who} {told}{after}"


def _region(session: CollectionSession) -> str:
    """The machine's region; where no view shows the machine, the one that was asked for."""
    machine, rows = session.best_machine(), session.answer(Facet.RECORD)
    row = next((r.region for r in rows.rows if r.region), "") if isinstance(rows, Records) else ""
    return (machine.region if machine else "") or session.caller_answer().region or row


def _resolved(session: CollectionSession, ref: ImageRef) -> str:
    """The reference with the digest that its tag stands for now."""
    if ref.digest:
        return f"{ref.registry}/{ref.repository}@{ref.digest}"
    bases = {**DOCKER_HUB, **session.source.registries}
    found = registry.pointer(session.client, ref, wanted=ref.tag, bases=bases)
    digest = found.answer.digest if isinstance(found.answer, Image) else ""
    if not digest:
        raise NotPlanned(f"the digest of the known-good image could not be had ({found.reason})")
    return f"{ref.registry}/{ref.repository}@{digest}"


def _raw_machine(session: CollectionSession) -> Mapping[str, Any]:
    """The machine as the API shows it now, before anything is masked; kept in memory alone.

    Its description, else its entry in the list of all machines that there ever were.
    """
    app, machine_id = session.app_name(), session.found_id()
    found: list[Mapping[str, Any]] = []

    def keep(told: Any) -> Any:
        rows = told if isinstance(told, list) else [told]
        own = [row for row in rows if isinstance(row, Mapping) and row.get("id") == machine_id]
        found.extend(copy.deepcopy(own))
        return told

    if machine_id:
        address = machines.api_url("apps", app, "machines", machine_id)
        session.client.get(address, "get machine", machine_id, prepare=keep)
        if not any(isinstance(row.get("config"), Mapping) for row in found):
            found.clear()
            machines.listing(session.client, app, deleted=True, prepare=keep)
    return found[0] if found else {}


def _digest_of(session: CollectionSession, raw: Mapping[str, Any]) -> str:
    """What the machine ran, by digest."""
    told = raw.get("image_ref")
    ref = {key: text_of(value) for key, value in told.items()} if isinstance(told, Mapping) else {}
    if ref.get("registry") and ref.get("repository") and ref.get("digest"):
        return f"{ref['registry']}/{ref['repository']}@{ref['digest']}"
    ran, image = session.ran(), session.answer(Facet.IMAGE_RAN)
    digest = (ran.digest if ran else "") or (image.digest if isinstance(image, Image) else "")
    return f"{ran.registry}/{ran.repository}@{digest}" if ran and digest else str(ran or "")


def _hold(session: CollectionSession) -> int:
    """Long enough to outlive the run that ended, as far as a call can wait: half as long again as it lived."""
    machine, told = session.best_machine(), session.answer(Facet.EVENTS)
    events = [
        event
        for event in (told if isinstance(told, tuple) else machine.events if machine else ())
        if isinstance(event, Event) and event.at
    ]
    lived = timedelta()
    for event in events:
        begun = [e.at for e in events if e.type in ("start", "restart") and e.at and event.at and e.at < event.at]
        if event.exit and event.at and begun:
            lived = max(lived, event.at - max(begun))
    return max(HOLD, int(lived.total_seconds() * 1.5) + 5)
