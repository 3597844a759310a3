"""Verify the fix: five checks on a new machine, each compared with its result at the incident.

The same function judges both: the evidence of the new machine, and that of the incident's run. A check that
could not be made closes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose import visibility
from runbooks.diagnose.checks import Check, Review
from runbooks.diagnose.facts import Facts, format_duration
from runbooks.diagnose.facts.lifecycle import code_of
from runbooks.diagnose.model import Answer, Diagnosis, Remedy, Unchecked, Verdict, ViewKey
from runbooks.diagnose.verification import is_a_job
from runbooks.evidence.models import Evidence, Image

CHECKS = ("image", "listed", "running", "endpoint", "row")
_END_OF_A_JOB = "exited-normally"
STEADY = timedelta(seconds=60)
"""A program that ends at once is restarted within seconds: before this time, `started` proves nothing."""


def checks(evidence: Evidence, skip: Collection[str] = ()) -> tuple[Check, ...]:
    """The five checks, in the order of `CHECKS`."""
    facts = Facts(evidence)
    found = (_image(facts), _listed(facts), _running(facts), _endpoint(facts), _row(facts))
    return tuple(
        replace(
            check, holds=Answer.COULD_NOT_LOOK, text="omitted: it does not apply here (parameter skip)", skipped=True
        )
        if check.slug in skip
        else check
        for check in found
    )


def closing(diagnosis: Diagnosis, review: Review, machine: str) -> Diagnosis:
    """The new machine's diagnosis with the verdict that the checks give. A cause that is found keeps it open."""
    if diagnosis.blocked:
        return replace(diagnosis, review=review)
    runs = next((check for check in review.checks if check.slug == "running"), None)
    if diagnosis.cause and diagnosis.cause.slug == _END_OF_A_JOB and runs and runs.holds is Answer.YES:
        # Of a job that is no fault, and so no cause.
        diagnosis = replace(
            diagnosis, cause=None, contributing=tuple(one for one in diagnosis.contributing if one.hygiene)
        )
    verdict = Verdict.INCONCLUSIVE
    if review.failed or diagnosis.cause:
        verdict = Verdict.INCIDENT
    elif review.closed:
        verdict = Verdict.HEALTHY
    unchecked = tuple(
        Unchecked(f"The check “{check.title}”", check.text)
        for check in review.checks
        if check.holds is Answer.COULD_NOT_LOOK
    )
    return replace(
        diagnosis,
        verdict=verdict,
        headline=_headline(diagnosis, review, verdict, machine),
        review=review,
        remedies=() if verdict is Verdict.HEALTHY else diagnosis.remedies or _next(review),
        not_checked=(*unchecked, *diagnosis.not_checked),
    )


def _headline(diagnosis: Diagnosis, review: Review, verdict: Verdict, machine: str) -> str:
    who = f"machine {machine}" if machine else "the new machine"
    held, all_of = sum(c.holds is Answer.YES for c in review.made), len(review.made)
    if verdict is Verdict.HEALTHY:
        what = review.incident.cause or "cause not established" if review.incident else ""
        closes = f"; the incident of {review.incident.looked_at[:10]} ({what}) is closed" if review.incident else ""
        counted = {5: "all five checks hold", 1: "the one check that applies holds"}
        return f"Fixed: {counted.get(all_of, f'all {all_of} checks that apply hold')} for {who}{closes}."
    if review.failed:
        names = _listed_up([check.title[:1].lower() + check.title[1:] for check in review.failed])
        again = ""
        if review.incident and diagnosis.cause and diagnosis.cause.slug == review.incident.cause:
            again = f" The incident's cause is still present: {diagnosis.cause.slug}."
        return f"Not fixed: {held} of {all_of} checks hold for {who}; failed: {names}.{again}"
    if review.blind:
        names = _listed_up([check.title[:1].lower() + check.title[1:] for check in review.blind])
        return f"Not closed: {held} of {all_of} checks hold for {who}; could not be run: {names}."
    cause = f" ({diagnosis.cause.slug})" if diagnosis.cause else ""
    return f"Not closed: the checks hold for {who}, but a problem remains{cause}."


def _next(review: Review) -> tuple[Remedy, ...]:
    """What to do when no cause is established: for each check that does not hold, what was seen."""
    return tuple(
        Remedy(f"Investigate this check: {check.title[:1].lower()}{check.title[1:]}", check.text)
        for check in (*review.failed, *review.blind)
    )


def _listed_up(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _image(facts: Facts) -> Check:
    """The image that the machine runs; only where no machine names one, the image that is assumed."""
    number = Facet.IMAGE_RAN if facts.machine.ran_text else Facet.IMAGE_BELIEVED
    image, observation = facts.answer(number, Image), facts.observation(number)
    known = (number,) if observation else ()
    if image is None:
        return Check(
            "image",
            "The image exists",
            Answer.COULD_NOT_LOOK,
            observation.reason if observation else "no image is known",
            known,
        )
    words = {True: "is in the registry", False: "is not in the registry", None: "could not be checked"}
    why = f": {image.refusal.text}" if image.exists is None and image.refusal else ""
    name = facts.machine.ran_text if number == Facet.IMAGE_RAN else image.ref
    return Check("image", "The image exists", Answer.of(image.exists), f"{name} {words[image.exists]}{why}", known)


def _did_its_job(facts: Facts) -> tuple[str, ...]:
    """The evidence that a machine which is meant to end has ended, by itself and with exit code 0."""
    last = facts.events.exits[-1:]
    well = last and code_of(last[0][1]) == 0 and not last[0][1].requested_stop and not facts.events.runs
    return (last[0][2],) if well and is_a_job(facts) else ()


def _listed(facts: Facts) -> Check:
    key = ViewKey.LIST_DELETED if _did_its_job(facts) else ViewKey.FLY_MACHINE_LIST
    view = next(v for v in visibility.matrix(facts) if v.key is key)
    return Check("listed", "The machine is in the app's list", view.sees, view.state, view.evidence)


def _running(facts: Facts) -> Check:
    title = "The machine runs and stays up"
    if not facts.events.state:
        listed = _listed(facts)
        if listed.holds is Answer.NO and not facts.machine.views:
            return Check("running", title, Answer.NO, "no view of the platform shows such a machine", listed.evidence)
        observation = facts.observation(Facet.MACHINE)
        return Check(
            "running",
            title,
            Answer.COULD_NOT_LOOK,
            observation.reason if observation else "not asked",
            (Facet.MACHINE,) if observation else (),
        )
    rests_on = facts.machine.seen_evidence[:1] or facts.events.evidence[:1]
    if done := _did_its_job(facts):
        return Check("running", title, Answer.YES, "its job ended with exit code 0; look for its output", done)
    if facts.events.state != "started":
        return Check("running", title, Answer.NO, f"it is {facts.events.state}", rests_on)
    if facts.machine.other_apps and not facts.machine.known_here:
        return Check(
            "running",
            title,
            Answer.NO,
            f"it runs in {facts.machine.other_apps[0].app}",
            (facts.machine.other_apps[0].evidence,),
        )
    ended = [event.at for event, ending, _ in facts.events.exits if event.at and not ending.requested_stop]
    if ended and facts.now - ended[-1] < STEADY:
        age = format_duration(facts.now - ended[-1])
        return Check(
            "running", title, Answer.NO, f"its program exited {age} before the check, and was restarted", rests_on
        )
    since = facts.events.since
    if since is None or facts.now - since < STEADY:
        age = f"for {format_duration(facts.now - since)}" if since else "for an unknown time"
        told = f"it has been started {age} only: check again after a minute"
        return Check("running", title, Answer.COULD_NOT_LOOK, told, rests_on)
    return Check("running", title, Answer.YES, f"started for {format_duration(facts.now - since)}", rests_on)


def _endpoint(facts: Facts) -> Check:
    """The URL that is in use decides; the app's own only where no other is known."""
    title = "The WebSocket connects"
    number = Facet.EDGE_BELIEVED if facts.caller.believed_url else Facet.EDGE_APP
    probe, observation = facts.observations.probe(number), facts.observation(number)
    if probe is None:
        return Check(
            "endpoint",
            title,
            Answer.COULD_NOT_LOOK,
            observation.reason if observation else "not asked",
            (number,) if observation else (),
        )
    if probe.reached == "open":
        return Check("endpoint", title, Answer.YES, f"{probe.url} opens (HTTP {probe.status})", (number,))
    status = f", HTTP {probe.status}" if probe.status else ""
    other = facts.observations.probe(Facet.EDGE_APP)
    opens = (
        f"; {facts.app_host} itself opens"
        if number == Facet.EDGE_BELIEVED and other and other.reached == "open"
        else ""
    )
    text = f"the connection to {probe.url} fails at {probe.stage}{status}{opens}"
    return Check("endpoint", title, Answer.NO, text, (number, Facet.EDGE_APP) if opens else (number,))


def _row(facts: Facts) -> Check:
    title = "The database row says running"
    observation, row = facts.observation(Facet.RECORD), facts.caller.record
    if observation is None or not facts.looked(Facet.RECORD):
        return Check(
            "row",
            title,
            Answer.COULD_NOT_LOOK,
            observation.reason if observation else "not asked",
            (Facet.RECORD,) if observation else (),
        )
    if row is None:
        return Check("row", title, Answer.NO, observation.reason, (Facet.RECORD,))
    known = {facts.subject.machine_id, facts.subject.machine_name} - {""}
    kept = {row.machine_id, row.fly_machine_id} - {""}
    if known and kept and not known & kept:
        return Check("row", title, Answer.NO, f"the row is about {' and '.join(sorted(kept))}", (Facet.RECORD,))
    holds = Answer.of(row.status in ("running", "started"))
    return Check("row", title, holds, f"it says {row.status or 'nothing'}", (Facet.RECORD,))
