"""The last action: how the state that the caller keeps is put right, once the machine is gone, refused or replaced.

Whoever asked for the machine still waits for it: a row, a job, an entry of a pool. What mends the cause mends none of
these, and a second creation may do harm: so what to check stands before what to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbooks.diagnose.catalogue import Stage
from runbooks.diagnose.commands import filled
from runbooks.diagnose.facts import GONE, UNKNOWN, Facts
from runbooks.diagnose.ledger import Ledger
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.operations import Operation
from runbooks.diagnose.preconditions import Standing, standing_of
from runbooks.diagnose.shared_evidence import create_refused

_CHECK = "Check first that a second run does no harm, and that no other machine of the app does the work."
_MADE = "If a step before has made one for the work, give the caller the id of that one instead."
_LIST = ("fly machine list -a {app}",)
# Such a refusal speaks of a machine that there is, or of no call at all.
_OF_A_MACHINE = frozenset(
    {
        *("lease", "state-rejects", "concurrent-update", "version-mismatch", "machine-elsewhere", "config-invalid"),
        *("smoke-failed", "health-timeout", "wait-timeout"),
    }
)

_AGAIN = Remedy(
    "Have the caller create the machine again",
    "What waits for {machine_id} waits in vain: end that wait, or mark the job as failed. "
    f"{_CHECK} Then let the caller repeat its create call, and keep the new id in the place of the old one. {_MADE}",
    _LIST,
)
_REFUSED = Remedy(
    "Have the caller repeat the create call",
    f"The refused call made no machine, and whoever asked for one still waits for it. {_CHECK} {_MADE}",
    _LIST,
)
_MAYBE_DONE = Remedy(
    "Close the job in the caller if its work is done; if not, have it create the machine again",
    "What waits for {machine_id} waits in vain. Look first for what the machine should have written, sent or stored. "
    "Run it again only where that is missing and a second run does no harm. A test machine made before may have done "
    "the work.",
    _LIST,
)
_SUCCESSOR = Remedy(
    "Give the caller the id of its successor, {right_id}",
    "The caller keeps {machine_id}, which is gone. Check first that the successor does the same work; then put its id "
    "into the caller's row, job or pool. The caller need not create another one.",
    ("fly machine status {right_id} -a {app}",),
)
_REPLACED = Remedy(
    "Give the caller the id of the machine that does the work",
    "The caller knows only {machine_id}. Check first which of the two runs. If it is the replacement, put its id into "
    "the caller's row, job or pool, and end the wait for {machine_id}: else the caller may create a third one. If it "
    "is {machine_id} after all, have the caller look at its state again.",
    _LIST,
)
_THEN = ", then have the caller create the machine again"


def put_right(facts: Facts, ledger: Ledger, remedies: Iterable[Remedy]) -> Remedy | None:
    """What is left to do in the caller after these remedies; None where nothing is, or where one of them says it."""
    told = [entry.info for entry in (ledger.top, *ledger.tied, *ledger.contributing) if entry]
    keeps = bool(facts.caller.answer.text or facts.caller.record)
    if not keeps or any(info.settles for info in told) or (told and told[0].stage <= Stage.SCOPE):
        return None
    found = _for_state(facts, [command for one in remedies for command in one.commands], caused=bool(told))
    return filled(*found) if found else None


def after_the_row(facts: Facts, told: str) -> dict[str, str]:
    """The names of a remedy that corrects the row: what follows once it is corrected, where the machine is gone.

    Args:
        facts: how the machine stands
        told: what the row should say
    """
    if standing_of(facts) not in (Standing.GONE, Standing.NONE) or _successor(facts):
        return {"seen": told}
    return {"seen": f"{told} Then let the caller repeat its create call. {_CHECK}", "then": _THEN}


def _successor(facts: Facts) -> str:
    """The id of the machine that took the place of one that is gone: of the next release, or of the same name."""
    destroy = facts.events.event_of("destroy")
    newer = facts.siblings.newer_release(destroy[0].at if destroy else facts.events.since)
    alive = [machine for machine, _ in facts.siblings.namesakes if machine.state not in GONE]
    return newer[0].id if newer and newer[0].state not in GONE else alive[-1].id if alive else ""


def _for_state(facts: Facts, commands: Iterable[str], *, caused: bool) -> tuple[Remedy, dict[str, str]] | None:
    standing, names = standing_of(facts), dict(facts.names)
    if standing is Standing.GONE and facts.subject.machine_id:
        if successor := _successor(facts):
            return _SUCCESSOR, names | {"right_id": successor}
        codes = [e.exit_code for _, e, _ in facts.events.exits if not e.requested_stop]
        codes += [end.number for end, asked in facts.events.log_ends if end.number is not None and not asked]
        done = not facts.events.crash_codes and (not caused or 0 in codes)
        return _MAYBE_DONE if done else _AGAIN, names
    no = create_refused(facts)
    named = no and (no.kind != UNKNOWN or no.operation is Operation.CREATE)
    if no and named and no.operation.makes_a_machine and no.kind not in _OF_A_MACHINE:
        return _REFUSED, names
    cut_off = facts.machine.description is not None and facts.machine.description.host_status not in ("", "ok")
    cloned = any(command.startswith("fly machine clone ") for command in commands)
    if cloned and (cut_off or standing not in (Standing.RUNS, Standing.GONE)):
        return _REPLACED, names
    return None
