"""Family caller: what the calling program believed, wrote down or kept to itself (facts §11 rows 37-40)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.diagnose.facts import GONE, Facts, lasting
from runbooks.diagnose.ledger import Point, Says, Stage, cause, favours, proves, refutes, says
from runbooks.diagnose.lines import short
from runbooks.diagnose.model import Remedy

WAITING = ("provisioning", "starting", "creating", "created", "pending")
_SETTLED = ("started", "stopped", "suspended", "failed", "created", *GONE)


@cause(
    "record-never-updated",
    "The database row was never brought up to date",
    stage=Stage.TOLD,
    remedy=Remedy(
        "Let something compare the row with the machine",
        "The row was written when the create call answered, and nothing corrects it when the machine's state changes.",
        ("fly machine status {live_id} -a {app}",),
    ),
    prevention=Remedy(
        "Write states that were observed, under the machine's id",
        "Wait until the machine has settled before writing, keep id and name in two columns, and let a job reconcile "
        "rows that are older than a few minutes. Inside the machine FLY_MACHINE_ID says who it is.",
    ),
    next_test="Compare the row's status and updated_at with the machine's state.",
)
def record_never_updated(facts: Facts) -> Iterator[Point | Says]:
    """The row still says `starting` while the machine has long been something else."""
    record = facts.record
    if record is None or record.status not in WAITING:
        return
    touched = record.updated_at or record.started_at or record.created_at
    age = facts.age(touched)
    stale = age is not None and age >= timedelta(minutes=5)
    waits = f"The row has said `{record.status}` for {lasting(age)}"
    if facts.state in _SETTLED:
        text = f"{waits}; the machine is {facts.state}."
        if facts.state == "started" and record.status in ("started", "running"):
            yield refutes("The row agrees with the machine.", "E14")
        elif stale:
            yield proves(text, "E14", *facts.seen_at[:1])
        else:
            yield favours(text, "E14", *facts.seen_at[:1])
        yield says(
            f"The row still says `{record.status}`, {lasting(age)} after it was written; the machine is {facts.state}.",
            f"only the caller's database still says `{record.status}`, {lasting(age)} after it was written",
        )
    elif facts.caller.error_text and not facts.known_here and not facts.other_apps:
        yield proves(f"{waits}, and the create call had been refused.", "E14", "E19")
        yield says(f"The row says `{record.status}`, although the create call was refused.")
    elif facts.state:
        yield favours(f"{waits}; the machine is {facts.state}.", "E14", *facts.seen_at[:1])


@cause(
    "create-error-swallowed",
    "The caller kept the API's refusal to itself",
    stage=Stage.TOLD,
    mechanism=True,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Hand the refusal on",
        "The API said no; the caller told its own client that all was well.",
    ),
    prevention=Remedy(
        "Fail when the create call fails",
        "Return the API's status and text, and write the row's error_message, before anything else is written.",
    ),
    next_test="Read the caller's own log around the create call.",
)
def create_error_swallowed(facts: Facts) -> Iterator[Point | Says]:
    """Mechanism: the caller's log holds the API's refusal, its answer or its row says success."""
    caller = facts.caller
    if not caller.error_text or (facts.known_here and caller.error_status is None):
        return
    told = f"HTTP {caller.error_status}, " if caller.error_status else ""
    if caller.ok:
        yield proves(
            f"The caller's log holds the refusal ({told}“{short(caller.error_text, 120)}”), its answer claims success.",
            "E19",
        )
    elif facts.record and facts.record.status in (*WAITING, "running") and not facts.known_here:
        yield proves(
            f"The API refused ({told}“{short(caller.error_text, 120)}”), and the row says `{facts.record.status}`.",
            "E19",
            "E14",
        )
    yield says("The API refused the create call, and the caller reported success.")
