"""Weighs causes. A cause says what speaks for it, against it and what is missing; the status is computed here.

    decisive against                        refuted, whatever else there is
    decisive for, nothing against           confirmed, if at least one positive observation is cited
    decisive for, something against         likely
    strong for, nothing strong against      likely
    anything else                           open

A decisive point needs an observation that *saw* something of the subject: absence alone never confirms, and
neither does a pasted text that does not name the subject. A point that rests only
on looks that could not be made is weak, whatever its rule says. While the evidence contradicts itself,
nothing is better than likely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    CONTRADICTS,
    DECISIVE,
    MISSING,
    STRONG,
    SUPPORTS,
    WEAK,
    Conclusion,
    Kind,
    NextTest,
    Point,
    Weight,
    contradicts,
    supports,
)
from runbooks.diagnose.canaries import moves
from runbooks.diagnose.catalogue import CauseInfo, Stage, catalogue, general_forms
from runbooks.diagnose.commands import sentence
from runbooks.diagnose.contradictions import contradictions
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import DECIDED, HOLD, Claim, Confidence, Finding, Hypothesis, Status
from runbooks.diagnose.preconditions import Plan
from runbooks.evidence.models import AppFinding, Outcome

SEEN, ABSENT, _ = Outcome


class Entry(NamedTuple):
    """One cause as weighed: the hypothesis the reader sees, and what the remedy needs."""

    info: CauseInfo
    hypothesis: Hypothesis
    names: Mapping[str, str]
    short: str = ""

    @property
    def holds(self) -> bool:
        return self.hypothesis.status in HOLD


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was weighed: the cause, what ties for it, and what holds besides (`contributing`)."""

    entries: tuple[Entry, ...]
    top: Entry | None
    tied: tuple[Entry, ...]
    faults: tuple[str, ...]
    contradictions: tuple[Claim, ...] = ()
    contributing: tuple[Entry, ...] = ()


def weigh(facts: Facts, causes: Iterable[CauseInfo] | None = None) -> Ledger:
    """Hear every cause; a cause that breaks costs only itself and is named in `faults`."""
    entries, faults = [], []
    against_itself = contradictions(facts)
    plan = Plan(facts)
    for info in causes if causes is not None else catalogue().values():
        try:
            entry = _heard(info, facts, plan, bool(against_itself))
        except Exception as error:
            faults.append(f"the rule for {info.slug} failed ({type(error).__name__}: {error}); it was not weighed")
            continue
        if entry is not None:
            entries.append(entry)
    holding = [entry for entry in entries if entry.holds]
    top, tied = _first_to_fix(holding, facts.events.runs or _told_active(facts) or _idle(facts))
    # The general form of something that holds is not repeated.
    special = {entry.info.is_a for entry in holding}
    besides = tuple(e for e in holding if e is not top and e.info.slug not in special and e not in tied)
    return Ledger(tuple(entries), top, tied, tuple(faults), against_itself, besides)


def _told_active(facts: Facts) -> bool:
    """Does something tell, where no view shows a state, that what bars the way to a machine may be the cause?

    A check is only made of a machine that runs, and so is flyctl's list of its sockets; flyctl counts only active
    machines as unmanaged; who says where a machine is has it, a certificate needs none, flyctl names the address of an
    app only after its machines started, and who does not know a session is up. An app without machines or addresses is
    not served, whatever became of a machine.
    """
    return not facts.events.state and bool(
        facts.machine.critical_checks
        or facts.log.matches(
            "unmanaged", "certificate-waits", "certificate-pending", "expected-socket", "deployed", "session-lost"
        )
        or facts.log.refused("machine-elsewhere", "certificate-refused", "certificate-name")
        or facts.caller.refused_upgrade
        or any(facts.caller.told_of_app(one) for one in AppFinding if one is not AppFinding.RELEASE_FAILED)
    )


def status_of(
    points: Iterable[Point],
    outcome: Callable[[str], Outcome | None],
    contradicted: bool = False,
    indirect: AbstractSet[str] = frozenset(),
) -> Status:
    """The table at the top of this file. A point that rests on nothing that was looked at is weak.

    Args:
        points: the arguments
        outcome: the outcome of an observation, by its number
        contradicted: whether the evidence contradicts itself
        indirect: numbers of observations that may be about something else: an argument that needs one confirms nothing
    """

    against: Weight | None = None
    strong = decisive = False
    for point in points:
        outcomes = [outcome(number) for number in point.evidence]
        looked = SEEN in outcomes or ABSENT in outcomes
        if point.kind is CONTRADICTS:
            against = max(against or WEAK, point.weight if looked else WEAK)
        elif point.kind is SUPPORTS and looked:
            strong = strong or point.weight >= STRONG
            direct = SEEN in outcomes and indirect.isdisjoint(point.evidence)
            decisive = decisive or (direct and point.weight is DECISIVE)
    if against is DECISIVE:
        return Status.REFUTED
    if decisive:
        return Status.CONFIRMED if against is None and not contradicted else Status.LIKELY
    if strong and (against is None or against is WEAK):
        return Status.LIKELY
    return Status.OPEN


def told_first(ledger: Ledger) -> tuple[Entry, ...]:
    """What holds, in the order of doing: the cause, what removed its traces, what stays broken, the rest."""
    top = (ledger.top,) if ledger.top else ledger.tied
    explained = {slug for entry in top for slug in (*entry.info.explains, entry.info.is_a)}
    return top + tuple(
        sorted(
            ledger.contributing,
            key=lambda e: (
                not (e.info.mechanism and e.info.slug in explained),
                e.info.stage is not Stage.REACH,
                e.info.stage,
            ),
        )
    )


def finding_of(entry: Entry) -> Finding:
    hypothesis = entry.hypothesis
    return Finding(
        hypothesis.slug,
        hypothesis.title,
        hypothesis.statement,
        hypothesis.evidence,
        Confidence(hypothesis.status.value),
        owner=entry.info.owner,
    )


def _heard(info: CauseInfo, facts: Facts, plan: Plan, contradicted: bool) -> Entry | None:
    told = tuple(info.rule(facts))
    if not told and not info.always_listed:
        return None
    points: list[Point] = []
    statements: list[Conclusion] = []
    listed, test = info.always_listed, info.next_test
    for item in told:
        if isinstance(item, Conclusion):
            statements.append(item)
        elif isinstance(item, NextTest):
            test = item.text
        # What no look was made for is no argument; a missing look may well be missing because nobody looked.
        elif (made := facts.observations.made(*item.evidence)) or item.kind is MISSING:
            # A look that a run did not come to is no footnote.
            points.append(item if made == item.evidence else item._replace(evidence=made))
            listed = listed or item.kind is SUPPORTS or item.decides_against
    if not listed:
        return None
    argued = [p.weight for p in points if p.kind is SUPPORTS]
    if info.is_a and DECISIVE not in argued:
        points += [p for p in _moved(info, facts) if argued or p.kind is CONTRADICTS]
    indirect = frozenset() if facts.caller.names_subject else frozenset({Facet.CALLER.value})
    status = status_of(points, facts.outcomes.get, contradicted, indirect)
    last = statements[-1] if statements else Conclusion(info.title)
    names = facts.names
    for statement in statements:
        if statement.names:
            names = {**names, **statement.names}
    hypothesis = Hypothesis(
        slug=info.slug,
        title=info.title,
        status=status,
        statement=last.text if status in HOLD else info.title,
        supports=_claims(points, SUPPORTS),
        against=_claims(points, CONTRADICTS),
        missing=_claims(points, MISSING),
        next_test="" if status in DECIDED else plan.test(sentence(test, names), info.needs),
        always_listed=info.always_listed,
    )
    return Entry(info, hypothesis, names, last.short)


def _claims(points: Iterable[Point], kind: Kind) -> tuple[Claim, ...]:
    return tuple([Claim(point.text, point.evidence) for point in points if point.kind is kind])


def _moved(info: CauseInfo, facts: Facts) -> Iterator[Point]:
    """What the test machines say about the cause, a guess until now; their support alone makes none likely."""
    for favour, text, number in moves(general_forms(info), info.family, facts):
        yield supports(text, number, weight=WEAK) if favour else contradicts(text, number)


def _idle(facts: Facts) -> bool:
    """Whether the machine is stopped and the next request starts it: that is its normal operation."""
    return facts.events.state in ("stopped", "suspended") and any(s.autostart for s in facts.machine.services or ())


def _first_to_fix(holding: list[Entry], runs: bool) -> tuple[Entry | None, tuple[Entry, ...]]:
    """The top of the `explains` graph; among several, what bites first. Equal guesses stay open.

    What only hides a machine or bars the way to it cannot be the cause while nobody knows it to run:
    it may be true, and yet the machine be gone for another reason that was not seen.
    """
    explained = {slug for entry in holding for slug in _reached(entry, holding)}
    tops = [e for e in holding if e.info.slug not in explained and (runs or e.info.stage < Stage.SEEN)]
    if not tops:
        return None, ()
    rank = min(_rank(entry) for entry in tops)
    first = [entry for entry in tops if _rank(entry) == rank]
    if len(first) > 1 and first[0].hypothesis.status is Status.LIKELY:
        return None, tuple(first)
    return first[0], ()


def _reached(entry: Entry, holding: Iterable[Entry]) -> Iterator[str]:
    """What this entry explains, its general form included. A guess does not explain away a proof of its own kind."""
    slugs = {*entry.info.explains, entry.info.is_a}
    for other in holding:
        if other.info.slug in slugs and other is not entry:
            yield other.info.slug


def _rank(entry: Entry) -> tuple[bool, int, bool]:
    return entry.info.mechanism, int(entry.info.stage), entry.hypothesis.status is not Status.CONFIRMED
