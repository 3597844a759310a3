"""What the caller and its row said, compared with what is known: the first untrue statement, dated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.model import Claim, FalseClaim
from runbooks.evidence.caller_errors import STAMP
from runbooks.evidence.parsers import time_of

_UP = ("running", "started", "active", "ready", "healthy")
_ON_ITS_WAY = ("starting", "provisioning", "creating", "created", "pending")


def untrue(facts: Facts) -> tuple[FalseClaim, ...]:
    """Every statement that the evidence refutes, the earliest first; undated ones stand last."""
    found = tuple(_found(facts))
    return tuple(sorted(found, key=lambda u: (u.at is None, u.at or facts.now, u.claim.text)))


def _found(facts: Facts) -> Iterator[FalseClaim]:
    caller, at = facts.caller.answer, facts.caller.answer.at
    refusal = facts.log.last_refusals[-1] if facts.log.last_refusals else None
    if caller.ok and refusal and not facts.machine.exists:
        yield _said(
            at,
            f"The caller reported success; the platform had refused the call: {refusal.told}.",
            Facet.CALLER,
            refusal.evidence,
        )
    if caller.status in _UP and at and (start := _first_start(facts)) and facts.events.whole_life and start > at:
        yield _said(
            at,
            f"The caller said `{caller.status}`; the machine started at {start:%H:%M:%S}.",
            Facet.CALLER,
            *facts.events.evidence[:1],
        )
    if caller.status in _UP and facts.events.state in GONE and (ended := facts.events.since) and at and ended < at:
        yield _said(
            at,
            f"The caller said `{caller.status}`; the machine had been destroyed at {ended:%Y-%m-%d %H:%M:%S}.",
            Facet.CALLER,
            *facts.events.state_evidence,
        )
    url = caller.websocket_url
    if url and facts.caller.believed_host.endswith(".fly.dev") and facts.caller.believed_host != facts.app_host:
        at_url = _dated(caller.plain, url) or at
        yield _said(at_url, f"The caller returned {url}, which is not an address of {facts.subject.app}.", Facet.CALLER)
    machine = facts.machine.description
    if machine and machine.region and caller.region and machine.region not in caller.region:
        yield _said(
            at,
            f"The caller named the region {caller.region}; it is {machine.region}.",
            Facet.CALLER,
            *facts.machine.seen_evidence[:1],
        )
    yield from _of_the_row(facts)


def _of_the_row(facts: Facts) -> Iterator[FalseClaim]:
    record = facts.caller.record
    if record is None:
        return
    start = _first_start(facts)
    if record.started_at and facts.events.whole_life and (start is None or start > record.started_at):
        when = f"started at {start:%H:%M:%S}" if start else "never started"
        yield _said(
            record.started_at,
            f"The row says that it started at {record.started_at:%H:%M:%S}; it {when}.",
            Facet.RECORD,
            *facts.events.evidence[:1],
        )
    if record.status in (*_ON_ITS_WAY, *_UP) and facts.events.state in (*GONE, "stopped", "failed"):
        yield _said(
            facts.events.since,
            f"Since then the row's `{record.status}` is untrue: the machine is {facts.events.state}.",
            Facet.RECORD,
            *facts.events.state_evidence,
        )


def _first_start(facts: Facts) -> datetime | None:
    return next((e.at for e in facts.events.all if (e.type, e.status) == ("start", "started")), None)


def _dated(text: str, words: str) -> datetime | None:
    """When the words were first said: the stamp before the first of them that has one."""
    start = text.find(words)
    while start >= 0:
        stamps = list(STAMP.finditer(text, 0, start))
        if stamps:
            return time_of(stamps[-1].group(0))
        start = text.find(words, start + 1)
    return None


def _said(at: datetime | None, text: str, *evidence: str) -> FalseClaim:
    return FalseClaim(at, Claim(text, tuple(dict.fromkeys(evidence))))
