"""Family caller: what the calling program assumed, stored or did not report (§11 rows 37-40)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.caller_state import after_the_row
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import GONE, Facts, format_duration
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.shared_evidence import create_refused
from runbooks.diagnose.states import WAITING, row_agrees
from runbooks.evidence.caller import MACHINE_ID
from runbooks.evidence.models import Record

_SETTLED = ("started", "stopped", "suspended", "failed", "created", *GONE)


@cause(
    "record-never-updated",
    "The database row was never updated",
    stage=Stage.TOLD,
    settles=True,
    is_a="caller-side",
    remedy=Remedy(
        "Correct the row: write the state that the machine has{then}",
        "The row is written around the create call, and nothing corrects it when the machine's state changes.{seen}",
    ),
    prevention=Remedy(
        "Write observed states, under the machine's id",
        "Wait until the machine has settled before you write, and keep id and name in two columns. Let a job "
        "reconcile rows that are older than a few minutes. Inside the machine, FLY_MACHINE_ID contains its id. "
        "The guard in docs/prevent.md tells your row each observed state, and how it ended.",
        ("runbooks guard typescript",),
    ),
    next_test="Compare the row's status and updated_at with the machine's state.",
    distinguish_from={"record-of-another-machine": "The row contains another machine's id."},
    sources=("machines/runtime-environment", "machines/api/machines-resource"),
)
def record_never_updated(facts: Facts) -> Iterator[Point | Conclusion]:
    """The row says another state than the machine has: it still waits, or it says `running`, `destroying` … (§14.7)."""
    record = facts.caller.record
    if record is None:
        return
    if record.status.lower() not in WAITING:
        yield from _says_another_state(facts, record)
        return
    touched = record.updated_at or record.started_at or record.created_at
    age = facts.observations.age(touched)
    stale = age is not None and age >= timedelta(minutes=5)
    waits = f"The row has said `{record.status}` for {format_duration(age)}"
    if facts.events.state in _SETTLED:
        text = f"{waits}; the machine is {facts.events.state}."
        if record.status.lower() == facts.events.state:
            yield refutes("The row agrees with the machine.", Facet.RECORD)
        elif stale:
            yield confirms(text, Facet.RECORD, *facts.events.state_evidence)
        else:
            yield supports(text, Facet.RECORD, *facts.events.state_evidence)
        yield concludes(
            f"The row still says `{record.status}`, {format_duration(age)} after it was written; "
            f"the machine is {facts.events.state}.",
            f"only the caller's database still says `{record.status}`, {format_duration(age)} after it was written",
            **_should_say(record, facts),
        )
    elif no := create_refused(facts):
        yield confirms(f"{waits}, and the create call was refused.", Facet.RECORD, no.evidence)
        yield concludes(
            f"The row says `{record.status}`, although the create call was refused.",
            **after_the_row(facts, " The create call was refused, so there is no machine."),
        )
    elif facts.events.state:
        yield supports(f"{waits}; the machine is {facts.events.state}.", Facet.RECORD, *facts.events.state_evidence)


def _should_say(record: Record, facts: Facts) -> dict[str, str]:
    key, state = f" {record.key}" if record.key else "", facts.events.state
    told = f" Fly says `{state}`, so that is what the row{key} should say, in the words of your table."
    return after_the_row(facts, told)


def _says_another_state(facts: Facts, record: Record) -> Iterator[Point | Conclusion]:
    """The row claims a settled state, and the machine is in another one."""
    state = facts.events.state
    agrees = row_agrees(record.status, state)
    if agrees is None:
        return
    if agrees:
        yield refutes("The row agrees with the machine.", Facet.RECORD, *facts.events.state_evidence)
        return
    text = f"The row says `{record.status}`, and the machine is {state}."
    age = facts.observations.age(record.updated_at)
    since = facts.events.since
    # A row older than the machine's state was not told of it; one that is younger was wrong when it was written.
    known = record.updated_at is not None and since is not None
    settled = age is not None and age >= timedelta(minutes=5) and state in _SETTLED
    if known and settled:
        yield confirms(text, Facet.RECORD, *facts.events.state_evidence)
    else:
        yield supports(text, Facet.RECORD, *facts.events.state_evidence)
    if record.status.lower() in ("running", "started", "active") and any(
        s.autostart for s in facts.machine.services or ()
    ):
        yield supports(
            "A service has autostart, so a request can start the machine again, and the row is correct only at times.",
            *facts.machine.config_evidence,
            weight=Weight.WEAK,
        )
    yield concludes(
        f"The row says `{record.status}`, and the machine is {state}: nothing corrected the row.",
        f"the caller's database says `{record.status}`",
        **_should_say(record, facts),
    )


@cause(
    "create-error-swallowed",
    "The caller did not report the API's refusal",
    stage=Stage.TOLD,
    is_a="caller-side",
    mechanism=True,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Report the refusal to the client",
        "The API refused the call, and the caller reported success to its own client.",
    ),
    prevention=Remedy(
        "Fail when the create call fails",
        "Return the API's status and text, and write the row's error_message, before anything else is written.",
    ),
    next_test="Read the caller's own log around the create call.",
    distinguish_from={"record-never-updated": "The create call was accepted."},
    sources=("machines/api/working-with-machines-api",),
)
def create_error_swallowed(facts: Facts) -> Iterator[Point | Conclusion]:
    """Mechanism: the caller's log holds the API's refusal, its answer or its row says success."""
    no = create_refused(facts)
    if no is None or no.evidence not in (Facet.CALLER, Facet.FUNCTION_LOG):
        return
    if facts.caller.answer.ok:
        yield confirms(
            f"The caller's log contains the refusal ({no.told}), and its answer reports success.", no.evidence
        )
    elif facts.caller.record and facts.caller.record.status in (*WAITING, "running"):
        yield confirms(
            f"The API refused ({no.told}), and the row says `{facts.caller.record.status}`.", no.evidence, Facet.RECORD
        )
    yield concludes("The API refused the create call, and the caller reported success.")


@cause(
    "record-of-another-machine",
    "The caller's record refers to another machine, or to a name",
    stage=Stage.SCOPE,
    settles=True,
    explains=(
        "record-never-updated",
        "wrong-app",
        "destroyed-by-request",
        "destroyed-by-deploy",
        "auto-destroyed",
        "stopped-by-request",
        "request-invalid",
        "image-not-as-believed",
        "no-machine-behind-app",
    ),
    remedy=Remedy(
        "Correct the record: store the current machine's id",
        "The record does not identify the right machine, whatever its state is. {right}",
        ("fly machine list -a {app}", "fly machine status {right_id} -a {app}"),
    ),
    prevention=Remedy(
        "Check a cached machine before you return it, and store id and name separately",
        "A row that says `running` is not an observation: query the machine by its id first.",
    ),
    next_test="List the app's machines by that name, and compare their ids with the stored one.",
    distinguish_from={
        "wrong-app": "The id is correct; the app is not.",
        "record-never-updated": "The row is about the right machine, and only its status is out of date.",
    },
    sources=("machines/api/machines-resource",),
)
def record_of_another_machine(facts: Facts) -> Iterator[Point | Conclusion]:
    """A cached row returned again, while a newer machine has the name; or a name stored instead of the id."""
    yield from _kept_a_name(facts)
    own = facts.subject.machine_id
    newer = [(m, evidence) for m, evidence in facts.siblings.namesakes if m.state not in GONE and m.id != own]
    if newer and (facts.events.destroyed or (facts.looked(Facet.MACHINE) and not facts.machine.views)):
        other, evidence = newer[-1]
        handed = (
            (Facet.CALLER,)
            if facts.caller.answer.reused
            else (Facet.RECORD,)
            if any(_names(r, own) for r in facts.caller.records)
            else ()
        )
        text = (
            f"{other.id} has the name {other.name} and is {other.state}; {own} is {facts.events.state or 'not known'}"
        )
        if handed:
            yield confirms(
                f"{text}, and the caller still received {own}.", evidence, *handed, *facts.events.state_evidence
            )
        else:
            yield supports(f"{text}.", evidence, *facts.events.state_evidence, weight=Weight.WEAK)
        yield concludes(
            f"The caller received {own}, a former machine; {other.id} has the name {other.name} now and is "
            f"{other.state}.",
            f"the record still names it, although {other.id} has replaced it",
            right=f"The current machine is {other.id}.",
            right_id=other.id,
        )
    elif facts.siblings.unsure_which:
        ids = ", ".join(m.id for m, _ in facts.siblings.namesakes[:4])
        yield supports(
            f"The name was used more than once: also for {ids}.", facts.siblings.namesakes[0][1], weight=Weight.WEAK
        )
        yield missing("Which of them the caller means is not known: it gave no id.", Facet.CALLER)
    elif facts.caller.answer.reused and facts.events.state in ("started", "suspended"):
        yield refutes("The caller reused a machine, and that machine runs.", Facet.CALLER, *facts.events.state_evidence)
    stray = [r for r in facts.caller.records if r.fly_machine_id and own and r.fly_machine_id != own]
    if stray and facts.machine.views and not any(_names(r, own) for r in facts.caller.records):
        yield supports(
            f"The row names {stray[0].fly_machine_id}, and this machine is {own}.",
            Facet.RECORD,
            *facts.machine.seen_evidence[:1],
        )
        yield concludes(f"The row is about {stray[0].fly_machine_id}, not about {own}.", right_id=own)


def _kept_a_name(facts: Facts) -> Iterator[Point | Conclusion]:
    """A name instead of the id: the platform refuses it, or finds no such machine (§11 row 40)."""
    name, own = facts.subject.machine_name, facts.subject.machine_id
    wrong = [no for no in facts.log.refused("id-invalid") if name and name in no.text]
    kept = [r for r in facts.caller.records if r.fly_machine_id and not MACHINE_ID.match(r.fly_machine_id)]
    if not wrong and not kept:
        return
    evidence = (*(no.evidence for no in wrong[-1:]), *((Facet.RECORD,) if kept else ()))
    if wrong and facts.events.runs:
        yield confirms(f"The caller used {name} as an id: {wrong[-1].told}.", *evidence, *facts.events.state_evidence)
    elif wrong:
        yield supports(f"The caller used {name} as an id: {wrong[-1].told}.", *evidence)
    else:
        yield supports(f"The row contains {kept[0].fly_machine_id} instead of the machine's id.", *evidence)
    if kept and facts.events.state in GONE:
        yield contradicts(
            f"The machine is {facts.events.state} whatever the row contains.", *facts.events.state_evidence
        )
    yield concludes(
        f"The caller stores the name {name} instead of the machine's id, so its calls find nothing; the machine is "
        f"{facts.events.state or 'not observed'}.",
        f"the caller uses its name {name} instead of its id",
        right=f"The machine's id is {own}." if own else "",
        right_id=own or "ID",
    )


def _names(record: Record, machine_id: str) -> bool:
    return bool(machine_id) and machine_id in (record.fly_machine_id, record.machine_id)
