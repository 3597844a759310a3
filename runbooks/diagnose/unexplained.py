"""What no cause explains. While there is any of it nothing is healthy, and the first of it is quoted.

A refusal that is in no table is a hypothesis of its own, and is in the headline.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.base.facets import Facet
from runbooks.diagnose.broken_record import broken_record
from runbooks.diagnose.facts import UNKNOWN, VAGUE, ApiRefusal, Facts
from runbooks.diagnose.ledger import Ledger
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Claim, Hypothesis, Status
from runbooks.diagnose.shared_evidence import crash, crash_evidence
from runbooks.diagnose.states import row_agrees

SLUG = "unknown-refusal"
TITLE = "The platform refused a call for a reason that is not in the catalogue"
# Log lines that report that something failed, whoever prints them.
_FAILURES = (
    "refused",
    "no-candidate",
    "proxy-wake-failed",
    "worker-unreachable",
    "no-such-machine",
    "replay-refused",
    "cross-network",
    "concurrency",
    "tls-failed",
    "health-failed",
    "smoke-failed",
    "not-expected-address",
    "release-command",
    "push-failed",
    "deploy-failed",
    "abrupt",
    "restarts-used-up",
)
_SAME_CALL = timedelta(seconds=60)


def unexplained(facts: Facts, ledger: Ledger) -> tuple[Claim, ...]:
    """Everything that was seen to fail, is not over, and follows from no cause that holds.

    Args:
        facts: what the evidence adds up to
        ledger: the causes as weighed
    """
    if ledger.top or ledger.tied:
        return ()
    return tuple(_found(facts, ledger))


def strange(facts: Facts) -> ApiRefusal | None:
    """The last refusal that no table knows, unless a later machine shows that the call was repeated with success."""
    last = [no for no in facts.log.last_refusals if no.kind in (UNKNOWN, "launch-failed") and not _is_over(no, facts)]
    return last[-1] if last else None


def hypothesis(facts: Facts) -> Hypothesis | None:
    """The refusal that no table knows, as a hypothesis that only its text can decide."""
    no = strange(facts)
    if no is None:
        return None
    return Hypothesis(
        SLUG,
        TITLE,
        Status.OPEN,
        f"The platform refused {no.call}: {no.told}.",
        supports=(Claim(f"The platform refused {no.call}: {no.told}.", facts.made(no.evidence)),),
        next_test="Search Fly's community forum and the issues of flyctl for the quoted text.",
    )


def _found(facts: Facts, ledger: Ledger) -> Iterator[Claim]:
    for no in facts.log.last_refusals:
        if not _is_over(no, facts):
            yield Claim(f"The platform refused {no.call}: {no.told}.", (no.evidence,))
    for name, pattern in facts.log.flapping.items():
        if where := facts.log.where("health-failed"):
            yield Claim(f"The health check {name or 'in the log'} {pattern.rate}.", where)
    for reading in facts.log.matches(*_FAILURES)[-1:]:
        yield Claim(f"The log says: “{short(reading.line.message, 200)}”.", facts.log.where(reading.fact))
    if failing := facts.log.failing_requests:
        yield Claim(f"Requests {failing.rate}, as the log shows.", facts.log.evidence)
    if failing := facts.caller.failing_visits:
        yield Claim(f"Visits to the endpoint {failing.rate}, as the caller's log shows.", (Facet.CALLER,))
    if facts.metrics.edge_fails:
        edge = facts.metrics.edge
        yield Claim(f"The edge answered {edge.failed} of {edge.total} requests to the app with 5xx.", (Facet.METRICS,))
    for name, output, evidence in facts.machine.critical_checks[:1]:
        yield Claim(f"The check {name} is critical{': ' + short(output, 100) if output else ''}.", (evidence,))
    record, state = facts.caller.record, facts.events.state
    if record and row_agrees(record.status, state) is False:
        yield Claim(f"The row says `{record.status}`, and the machine is {state}.", (Facet.RECORD,))
    if facts.events.crash_codes:
        yield Claim(f"The program exited with {crash(facts)}.", crash_evidence(facts))
    if claim := broken_record(facts):
        yield claim
    yield from ledger.contradictions


def _is_over(no: ApiRefusal, facts: Facts) -> bool:
    """Whether the machine was created after the refused create call, so that a later call succeeded.

    Vague words of a client, such as a time-out, are over as soon as the machine runs.
    """
    born = facts.events.created_at
    if no.operation.makes_a_machine and no.at and born and born >= no.at - _SAME_CALL:
        return True
    return no.kind in VAGUE - {UNKNOWN, "launch-failed"} and no.at is not None and facts.events.runs
