"""From evidence to a diagnosis: the ledger's top, the verdict, the headline, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache

from runbooks.base.facets import Facet, FacetEnum
from runbooks.diagnose import caller_claims, comparison, config_audit, source_lines, timeline, unexplained, visibility
from runbooks.diagnose.blocked import closed, is_blocked
from runbooks.diagnose.caller_state import put_right
from runbooks.diagnose.catalogue import CauseInfo
from runbooks.diagnose.commands import MAKE_TOKEN, filled, lines
from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.ledger import Entry, Ledger, finding_of, told_first, weigh
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import (
    HOLD,
    Answer,
    Claim,
    Diagnosis,
    Hypothesis,
    Owner,
    Remedy,
    Symptom,
    Unchecked,
    Verdict,
    View,
    ViewKey,
)
from runbooks.diagnose.preconditions import NEW, Plan, follow
from runbooks.diagnose.shared_evidence import READ_AGAIN, SAME_AGAIN, create_refused
from runbooks.diagnose.states import row_agrees
from runbooks.diagnose.verification import verification
from runbooks.evidence.models import Evidence, Outcome, Reason
from runbooks.evidence.retention import overdue

_STATE_WORDS = {
    "destroyed": " is destroyed",
    "destroying": " is being destroyed",
    "started": " runs",
    "created": " never started",
}
# Views without which nothing is healthy: what could not be looked at may hold the fault.
_NEEDED = (
    Facet.MACHINE,
    Facet.EVENTS,
    Facet.LIST,
    Facet.LOGS,
    Facet.RECORD,
    Facet.CALLER,
    Facet.EDGE_BELIEVED,
    Facet.EDGE_APP,
)
_BAD_STATES = (*GONE, "failed", "launch_failed", "stopped", "suspended")

_KEEP = Remedy(
    "Keep what Fly keeps only for days, and look sooner",
    "Fly serves logs for about 7 days and metrics for about 15, and a destroyed machine's events only for a time. Send "
    "the app's log lines to a store of your own; log each create call with its answer and its fly-request-id; and let "
    "`runbooks sweep` compare your table with Fly every night.",
)
_HAND_OVER = Remedy(
    "Send Fly's support the text under “For Fly's support” now",
    "They can see the host, and they need the machine as it is: destroy it, with --force, only after their answer. The "
    "text has a blank for the result of action 1.",
)


def diagnose(
    evidence: Evidence, causes: Iterable[CauseInfo] | None = None, facets: Iterable[FacetEnum] = tuple(Facet)
) -> Diagnosis:
    """Judge the evidence. Equal evidence gives an equal diagnosis, whatever order it came in.

    Args:
        evidence: what was observed
        causes: the causes to weigh; all that are registered, if it is None
        facets: what the runbook asks; those without an observation are listed as not checked
    """
    facts = Facts(evidence)
    ledger = weigh(facts, causes)
    views = visibility.matrix(facts)
    symptoms = _symptoms(facts, views)
    unsolved = unexplained.unexplained(facts, ledger)
    verdict = _verdict(facts, ledger, views, unsolved)
    strange = unexplained.hypothesis(facts)
    quotes = [claim.text for entry in (ledger.top,) if entry for claim in entry.hypothesis.supports]
    habits = config_audit.audit(facts)
    diagnosis = Diagnosis(
        verdict=verdict,
        headline=_headline(facts, ledger, verdict, unsolved) + _about_another(facts),
        cause=source_lines.place(finding_of(ledger.top), facts) if ledger.top else None,
        contributing=(
            *(source_lines.place(finding_of(entry), facts) for entry in ledger.contributing),
            *(source_lines.place(habit.finding, facts) for habit in habits),
        ),
        hypotheses=_hypotheses(ledger, strange),
        visibility=views,
        timeline=timeline.moments(facts, quotes),
        life=timeline.life(facts),
        symptoms=symptoms,
        remedies=_remedies(facts, ledger, verdict),
        prevention=_prevention(facts, ledger, habits),
        verification=verification(facts, ledger),
        not_checked=_not_checked(evidence, facets),
        faults=ledger.faults,
        reading=visibility.reading(facts),
        contradictions=ledger.contradictions,
        untrue=caller_claims.untrue(facts),
        comparison=comparison.compare(facts),
        assumptions=timeline.assumptions(facts),
        untraced=facts.untraced,
    )
    return closed(diagnosis, facts) if is_blocked(evidence) else diagnosis


def _hypotheses(ledger: Ledger, strange: Hypothesis | None) -> tuple[Hypothesis, ...]:
    """In reading order; a refusal that no table knows stands before everything that is only open."""
    told = [entry.hypothesis for entry in sorted(ledger.entries, key=_reading_order(ledger))]
    place = sum(h.status in HOLD for h in told)
    return (*told[:place], *((strange,) if strange else ()), *told[place:])


def _verdict(facts: Facts, ledger: Ledger, views: tuple[View, ...], unsolved: tuple[Claim, ...]) -> Verdict:
    if ledger.top or ledger.tied:
        return Verdict.INCIDENT
    if facts.siblings.unsure_which:
        return Verdict.INCONCLUSIVE
    if facts.events.state in _BAD_STATES or (facts.log.refusals and not facts.machine.views):
        return Verdict.INCIDENT
    if facts.caller.answer.machine_id and facts.outcome(Facet.MACHINE) is Outcome.ABSENT and not facts.machine.views:
        return Verdict.INCIDENT
    if _told_missing(facts):
        return Verdict.INCIDENT
    probe = facts.observations.probe(Facet.EDGE_BELIEVED) or facts.observations.probe(Facet.EDGE_APP)
    if probe and probe.reached != "open" and facts.machine.views:
        return Verdict.INCIDENT
    return Verdict.HEALTHY if _all_well(facts) and not unsolved else Verdict.INCONCLUSIVE


def _told_missing(facts: Facts) -> bool:
    """Was the caller told that there is no such machine, and nobody else has seen it?"""
    seen_elsewhere = facts.events.state_evidence not in ((), (Facet.CALLER,))
    return bool(facts.log.refused("machine-missing")) and not seen_elsewhere


def _all_well(facts: Facts) -> bool:
    """Started by its own description, in the list, at the end of its URL, in the row: asked, not assumed."""
    described = any(
        s.evidence in (Facet.MACHINE, Facet.MACHINE_AGAIN) and s.machine.config for s in facts.machine.views
    )
    listed = any(n in facts.machine.seen_evidence for n in (Facet.LIST, Facet.LIST_AGAIN))
    record = facts.caller.record
    row = record is None or not record.status or row_agrees(record.status, facts.events.state) is True
    asked = not any(facts.failed(n) for n in _NEEDED)
    return facts.events.state == "started" and described and listed and row and asked


def _headline(facts: Facts, ledger: Ledger, verdict: Verdict, unsolved: tuple[Claim, ...]) -> str:
    who = facts.subject.machine_id or facts.subject.machine_name or "the machine"
    what = f"Machine {who}" if who != "the machine" else "The machine"
    if verdict is Verdict.HEALTHY:
        return f"{what} is running in {facts.subject.app} and every view that could be queried agrees."
    if ledger.top:
        statement = ledger.top.hypothesis.statement
        state = _state_words(facts)
        if ledger.top.info.stage <= 1 or not facts.machine.views:
            return statement
        if not state:
            return statement
        short = ledger.top.short or f"{statement[:1].lower()}{statement[1:]}".rstrip(".")
        return f"{what}{state}: {short}."
    if facts.siblings.unsure_which:
        name, ids = facts.subject.machine_name, ", ".join(m.id for m, _ in facts.siblings.namesakes[:3])
        own = facts.subject.machine_id
        return f"Which machine {name} is meant is not established: {own} has the name, {ids} had it."
    if ledger.tied:
        titles = " or ".join(entry.info.title[:1].lower() + entry.info.title[1:] for entry in ledger.tied)
        return f"{what}: either {titles}; the evidence allows both."
    if (no := unexplained.strange(facts)) and not facts.events.runs:
        return f"{what}: the platform refused {no.call} for a reason that is not in the catalogue: {no.told}."
    if unsolved and facts.events.runs:
        state = _state_words(facts) or " is running"
        return f"{what}{state}, but this is not explained: {unsolved[0].text}"
    no = next(iter(facts.log.last_refusals[-1:]), None)
    if no and not facts.events.state and facts.outcome(Facet.MACHINE) is Outcome.COULD_NOT_LOOK:
        return f"What happened to {who} is not established. The caller's last error: {no.told}."
    if verdict is Verdict.INCIDENT:
        return _unexplained(facts, who, what)
    if facts.events.runs and (pasted := facts.events.pasted_at):
        when = f"{pasted:%Y-%m-%d %H:%M} UTC"
        return f"{what} was running at {when}, as the pasted text shows. Fly's own views could not be queried."
    if facts.events.runs:
        return f"{what} runs, but not every view could be queried, or not every view agrees."
    return f"What happened to {who} is not established: {_blind(facts)}."


def _unexplained(facts: Facts, who: str, what: str) -> str:
    """Something is wrong, and no cause is known: only what was looked for and not there is not found."""
    state = "" if _told_missing(facts) else facts.events.state
    if state or facts.outcome(Facet.MACHINE) is Outcome.ABSENT or facts.log.refused("machine-missing"):
        return f"{what} is {state or 'not found'}, and the evidence does not establish why."
    refusals = facts.log.last_refusals
    failed = f"a call failed ({refusals[-1].quoted(120)}), and " if refusals else ""
    blind = any(observation.outcome is Outcome.COULD_NOT_LOOK for observation in facts.evidence.observations.values())
    return f"What became of {who} is not established: {failed}{_blind(facts) if blind else 'no view shows it'}."


def _blind(facts: Facts) -> str:
    blind = sum(observation.outcome is Outcome.COULD_NOT_LOOK for observation in facts.evidence.observations.values())
    return f"{blind} of {len(facts.evidence.observations)} questions could not be asked or were not answered"


def _about_another(facts: Facts) -> str:
    """The sentence that says whom a pasted text is about, where that is not the subject."""
    return f" The pasted text is about {facts.caller.foreign}." if facts.caller.foreign else ""


def _state_words(facts: Facts) -> str:
    """How the machine is, as a clause; how it was, where only a pasted text tells it."""
    state, pasted = facts.events.state, facts.events.pasted_at
    if pasted and (state or facts.events.runs):
        return f" was {'running' if state in ('started', '') else state} at {pasted:%Y-%m-%d %H:%M} UTC"
    return _STATE_WORDS.get(state, f" is {state}" if state else "")


def _symptoms(facts: Facts, views: tuple[View, ...]) -> tuple[Symptom, ...]:
    """The five symptoms, each derived and none assumed."""
    caller = facts.caller.answer
    told = facts.outcome(Facet.CALLER) is Outcome.SEEN
    probe = facts.observations.probe(Facet.EDGE_BELIEVED)
    invisible = {view.key: view for view in views}[ViewKey.FLY_MACHINE_LIST]
    unseen = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(invisible.sees, invisible.sees)
    row_looked = facts.outcome(Facet.RECORD) in (Outcome.SEEN, Outcome.ABSENT)
    row = facts.caller.record
    status = f", status {row.status}" if row else ""
    claim = facts.caller.answer.error_text or facts.caller.answer.message
    refusals = facts.log.last_refusals
    of_another_call = bool(refusals) and not any(no.operation.makes_a_machine for no in refusals)
    waited = bool(facts.log.refused("wait-timeout"))
    other = "The caller's wait for the machine failed" if waited else "Another call of the caller failed"
    failed = other if of_another_call else "The call reported a failure"
    said = {True: "The call reported success", False: f"{failed}: {short(claim)}"}
    seen = f"id {caller.machine_id}" if caller.machine_id else ""
    reached = f"The WebSocket connection fails at {probe.stage}" if probe else ""
    return (
        Symptom(
            "The create call reports success",
            Answer.of(caller.ok if told and not (of_another_call and caller.ok is False) else None),
            facts.made(Facet.CALLER),
            said.get(caller.ok, "") if told and caller.ok is not None else "",
            felt=told and caller.ok is False,
        ),
        Symptom(
            f"A Fly machine id was returned{f': {caller.machine_id}' if caller.machine_id else ''}",
            Answer.of(bool(caller.machine_id) if told and caller.is_answer and (seen or not of_another_call) else None),
            facts.made(Facet.CALLER),
            f"The caller received the {seen}" if seen else "The API's answer to the caller contained no machine id",
        ),
        Symptom(
            f"A database row exists{status}",
            Answer.of(bool(row) if row_looked else None),
            facts.made(Facet.RECORD),
            f"The database row says {row.status or 'no status'}" if row else _no_row(facts),
        ),
        Symptom(
            "The machine is not in the app's list (the dashboard's own rules are not documented)",
            unseen,
            invisible.evidence,
            "The app's list does not show the machine" if unseen is Answer.YES else "The app's list shows the machine",
            # Nobody expects it of a machine that is destroyed, or was not made.
            felt=unseen is Answer.YES and not facts.events.destroyed and create_refused(facts) is None,
        ),
        Symptom(
            "The WebSocket connection fails",
            Answer.of(probe.reached != "open" if probe else None),
            facts.made(Facet.EDGE_BELIEVED),
            "The WebSocket URL in use opens" if probe and probe.reached == "open" else reached,
            felt=bool(probe and probe.reached != "open"),
        ),
    )


def _no_row(facts: Facts) -> str:
    """That a database was asked, and has none; a caller that keeps no rows is not known by that."""
    observation = facts.observation(Facet.RECORD)
    told = observation.reason if observation else "no row"
    return f"The database that was asked has {told}; whether the caller keeps one of each machine is not known"


def _remedies(facts: Facts, ledger: Ledger, verdict: Verdict) -> tuple[Remedy, ...]:
    """The cause's remedy first, then those of what contributed; for an open case, the cheapest next tests."""
    steps = [source_lines.placed_step(entry, facts) for entry in told_first(ledger)]
    remedies = follow(Plan(facts), steps)
    if ledger.top is None and verdict is not Verdict.HEALTHY:
        remedies = [*_make_it_visible(facts), *_ask_fly(facts), *_tests(facts, ledger), *remedies]
    if top := ledger.top:
        hand_over = (_HAND_OVER,) if top.info.owner is Owner.UNDECIDED and facts.events.overdue else ()
        after = [(top.info.afterwards, top.names, top.info.needs, None)] if top.info.afterwards else []
        remedies = [*remedies[:1], *hand_over, *(follow(Plan(facts), after) if after else ()), *remedies[1:]]
    last = put_right(facts, ledger, remedies) if verdict is Verdict.INCIDENT else None
    return (*remedies, *((last,) if last else ()))


def _tests(facts: Facts, ledger: Ledger) -> list[Remedy]:
    """The tests that would decide more: of what ties, and of what nothing contradicts."""
    decides: dict[str, list[str]] = {}
    # Nothing that is done now can show what happened to a machine that has left no trace.
    what = "Shows whether this is so today" if facts.lost and not facts.log.lines else "Confirms or rules out"
    for entry in (*ledger.tied, *(e for e in ledger.entries if not e.hypothesis.against)):
        if test := entry.hypothesis.next_test:
            decides.setdefault(test.rstrip("."), []).append(entry.hypothesis.title)
    names = {**facts.names, "live_id": NEW}
    return [
        Remedy(
            test,
            f"{what}: {'; '.join(dict.fromkeys(titles))}.",
            lines(READ_AGAIN, names) if test == SAME_AGAIN.rstrip(".") else (),
        )
        for test, titles in list(decides.items())[:3]
    ]


def _ask_fly(facts: Facts) -> list[Remedy]:
    """An id was returned, and no view that can be queried shows it: then only Fly's own records can."""
    if not facts.only_fly_knows:
        return []
    return [
        Remedy(
            "Check in your own systems whether the machine did its work",
            "A machine that ended as intended and was destroyed leaves as little as one that failed. What it should "
            "have written, sent or stored tells the two apart. If it is there, only the last action is left: close "
            "the job in the caller.",
        ),
        Remedy(
            "Ask Fly's support what happened to this machine",
            "Fly's own records may go further back than the views that you can query. Send the text under “For Fly's "
            "support”: it has the ids and times, and a blank for the result of action 1.",
        ),
    ]


def _make_it_visible(facts: Facts) -> list[Remedy]:
    """When the platform could not be queried, that is what to fix first."""
    blind = [
        observation
        for n in (Facet.TOKEN, Facet.APP, Facet.LIST, *(() if overdue(facts.evidence) else (Facet.LOGS,)))
        if (observation := facts.observation(n)) and observation.outcome is Outcome.COULD_NOT_LOOK
    ]
    if not blind:
        return []
    reason = blind[0].reason
    commands = (MAKE_TOKEN,) if blind[0].code in (Reason.NO_TOKEN, Reason.BAD_TOKEN) else ()
    why = f"{reason[:1].upper()}{reason[1:]}" if reason.split(" ")[0].isalpha() else reason
    return [
        filled(
            Remedy("Enable the queries, then run again", "{why}.", commands),
            {**facts.names, "why": why.rstrip(".")},
        )
    ]


def _prevention(facts: Facts, ledger: Ledger, habits: Iterable[config_audit.AuditFinding]) -> tuple[Remedy, ...]:
    """Of each cause and each habit; what a cause says already, its habit does not say again."""
    entries = {entry.info.slug: entry for entry in (ledger.top, *ledger.contributing) if entry}
    # It is about the next machine, whatever became of this one.
    own = [filled(e.info.prevention, {**e.names, "live_id": NEW}) for e in entries.values() if e.info.prevention]
    told = (habit for habit in habits if not entries.keys() & set(habit.said_by))
    more = [
        source_lines.place_remedy(habit.remedy, habit.finding.slug, facts)._replace(general=habit.general)
        for habit in told
    ]
    more.sort(key=lambda remedy: remedy.general)
    return (*((_KEEP,) if facts.untraced else ()), *own, *more)


def _not_checked(evidence: Evidence, facets: Iterable[FacetEnum]) -> tuple[Unchecked, ...]:
    """Every facet that could not be looked at, and what no facet covers."""
    unanswered = Outcome.COULD_NOT_LOOK
    found = [
        _unanswered(observation.facet, observation.number, observation.code, observation.reason)
        for observation in evidence.observations.values()
        if observation.outcome is unanswered
    ]
    asked = {observation.facet for observation in evidence.observations.values()}
    left = [facet for facet in _first_looks(tuple(facets)) if facet not in asked]
    ended_early = not all(facet.optional for facet in left)
    found += [_unasked(facet, ended_early) for facet in left]
    dashboard = "its rules are not documented, and it has no interface to query"
    return (*found, Unchecked("What the dashboard shows", dashboard, gap=False))


@lru_cache(maxsize=1_000)
def _unanswered(facet: FacetEnum, number: str, code: Reason | None, reason: str) -> Unchecked:
    kept = code is not Reason.NOT_KEPT
    why = reason if kept else f"asked, and {reason}"
    return Unchecked(f"{facet.question} ({number})", why, gap=code is not Reason.NOT_APPLICABLE, kept=kept)


@cache
def _unasked(facet: FacetEnum, ended_early: bool) -> Unchecked:
    why = "it was not asked before the run ended" if ended_early else facet.unasked
    return Unchecked(f"{facet.question} ({facet.value})", why, gap=ended_early)


@cache
def _first_looks(facets: tuple[FacetEnum, ...]) -> tuple[FacetEnum, ...]:
    """Those that are no second look at another, in their order."""
    return tuple(sorted(facet for facet in facets if not facet.is_repeat))


def _reading_order(ledger: Ledger) -> Callable[[Entry], tuple[int, int, str]]:
    """The cause first, then what holds, what is open, what is refuted; within each by lifecycle phase."""
    rank = {"confirmed": 1, "likely": 2, "open": 3, "refuted": 4}

    def key(entry: Entry) -> tuple[int, int, str]:
        return (0 if entry is ledger.top else rank[entry.hypothesis.status], int(entry.info.stage), entry.info.slug)

    return key
