"""What the steps add up to, as sections: verdict so far, visibility, hypotheses, cause, remedies, limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.diagnose.checks import Review
from runbooks.diagnose.effects import effects
from runbooks.diagnose.facts import Facts, format_duration
from runbooks.diagnose.model import Answer, Claim, Diagnosis, Hypothesis, Remedy, Status, Verdict
from runbooks.diagnose.verification import AT_ONCE
from runbooks.evidence import tables
from runbooks.evidence.models import Evidence, Outcome, Token, TokenInside
from runbooks.evidence.retention import overdue
from runbooks.report import charts, status, times
from runbooks.report.facts import CHECKS_AT_ONCE, closing_rule, counted
from runbooks.report.facts import views as grouped
from runbooks.report.section import Item, Mark, Section, asked, footnotes

_SIGNS = {"confirmed": "● confirmed", "likely": "◐ likely", "open": "○ open", "refuted": "✗ refuted"}
_RESULTS = (
    "so_far",
    "root_cause",
    "what_to_do",
    "verification",
    "prevention",
    "hypotheses",
    "visibility",
    "not_checked",
    "since_last_time",
    "for_fly_support",
)
"""The sections of every case besides its runbook's own."""


def so_far(evidence: Evidence, diagnosis: Diagnosis) -> Section:
    """The first thing a notebook shows: verdict, token scope, how much was seen."""
    outcomes = [observation.outcome for observation in evidence.observations.values()]
    seen, absent = (outcomes.count(o) for o in (Outcome.SEEN, Outcome.ABSENT))
    blind = sum(one.gap for one in diagnosis.not_checked) + len(diagnosis.faults)
    cause = (
        f"Cause: `{diagnosis.cause.slug}`, {diagnosis.cause.confidence}. {footnotes(diagnosis.cause.evidence)}"
        if diagnosis.cause
        else ("" if diagnosis.verdict is Verdict.HEALTHY else "No cause is established so far.")
    )
    asked = f"{seen + absent} questions answered, {absent} of them “absent”; {blind} not checked."
    scenario = status.simulated(evidence)
    simulated = f"Simulated: a reconstruction, scenario {scenario}." if scenario else ""
    lost = overdue(evidence)
    old = (
        f"The incident is {format_duration(evidence.looked_at - evidence.subject.incident_time)} old: "
        f"{', '.join(f.slug for f in lost)} of that time are no longer kept by the platform "
        f"({', '.join(f.lives_for for f in lost)}). Lists, registry, database and your own logs can still be checked."
        if lost and evidence.subject.incident_time
        else ""
    )
    against_itself = [
        f"The evidence contradicts itself: {c.text} {footnotes(c.evidence)}" for c in diagnosis.contradictions
    ]
    return Section(
        "so-far",
        f"Verdict so far: {status.of(diagnosis).words}",
        "",
        diagnosis.headline,
        notes=tuple(
            filter(None, (token_scope(evidence), cause, *against_itself, old, asked, simulated, *diagnosis.faults))
        ),
        items=_first(diagnosis.remedies),
    )


def contents(opening: Section, diagnosis: Diagnosis, sections: Sequence[str]) -> Section:
    """What a case is and what can be called on it, in one screen: status, headline, what to do first, the calls.

    Args:
        opening: the verdict so far
        sections: the names of the sections of the runbook
    """
    rows = (
        ("result", [name for name in _RESULTS if name not in sections]),
        ("evidence", sections),
        ("actions", ('note("…")', "refresh()", "publish()")),
        ("data", ("frames", 'browse("…")', "evidence", "diagnosis", "report")),
    )
    calls = ((kind, " ".join(f"`case.{_called(name, kind)}`" for name in names)) for kind, names in rows)
    return Section(
        "case",
        opening.title,
        "",
        diagnosis.headline,
        items=opening.items,
        table=tables.frame(("", "calls; `help(case.so_far)` says what one shows"), calls),
    )


def _called(name: str, kind: str) -> str:
    return f"{name}()" if kind in ("result", "evidence") else name


def token_scope(evidence: Evidence) -> str:
    """Token scope: what the token reads, and when it expires. Without a token, what that leaves unseen."""
    observation = evidence.observations.get(Facet.TOKEN)
    if observation is None:
        return ""
    token, inside = observation.answer, getattr(evidence.observations.get(Facet.TOKEN_INSIDE), "answer", None)
    if observation.outcome is not Outcome.SEEN or not isinstance(token, Token) or not token.valid:
        return f"Token scope: none. {observation.reason[:1].upper()}{observation.reason[1:]}. [E01]"
    reach = "; ".join(
        f"organisation {scope.org_slug or scope.organization or 'unnamed'}, "
        + (f"apps {', '.join(scope.apps)}" if scope.apps else "all its apps")
        for scope in token.scopes
    )
    ends = [part.not_after for part in inside.permissions if part.not_after] if isinstance(inside, TokenInside) else []
    until = f"; expires {times.minute(min(ends))} [E22]" if ends else "; expiry not known"
    return f"Token scope: {reach} [E01]{until}."


def visibility(diagnosis: Diagnosis) -> Section:
    views = diagnosis.visibility
    amounts = ", ".join(f"{len(those)} {words}" for _, words, those in grouped(diagnosis))
    return Section(
        "visibility",
        "Visibility",
        "Which views show the machine, which do not, and which could not be checked?",
        f"Of {len(views)} views: {amounts or 'none'}. {diagnosis.reading.text}".rstrip(),
        table=tables.frame(
            ("view", "shows it", "as", "evidence"),
            ((v.view, status.of_view(v), v.state, footnotes(v.evidence)) for v in views),
        ),
    )


def hypotheses(diagnosis: Diagnosis) -> Section:
    found = diagnosis.hypotheses
    return Section(
        "hypotheses",
        "Hypotheses",
        "Which evidence supports or contradicts each hypothesis, the initial hypotheses included?",
        f"{len(found)} hypotheses evaluated: {counted(found)}.",
        figure=charts.matrix(diagnosis),
        table=tables.frame(
            ("status", "hypothesis", "supports", "contradicts", "missing, next test"),
            (
                (
                    _SIGNS[h.status.value] + _role(h, diagnosis),
                    f"{h.title} (`{h.slug}`)" + ("; initial hypothesis" if h.always_listed else ""),
                    _claims(h.supports),
                    _claims(h.against),
                    " ".join(filter(None, (_claims(h.missing), h.next_test))),
                )
                for h in found
            ),
        ),
    )


def _role(one: Hypothesis, diagnosis: Diagnosis) -> str:
    """What a hypothesis that holds is to the incident: only one is the root cause."""
    if one.status not in (Status.CONFIRMED, Status.LIKELY) or diagnosis.cause is None:
        return ""
    if one.slug == diagnosis.cause.slug:
        return ": root cause"
    contributes = any(factor.slug == one.slug for factor in diagnosis.chain)
    return ": contributing" if contributes else ": follows from the root cause"


def root_cause(diagnosis: Diagnosis) -> Section:
    cause = diagnosis.cause
    proof = next((h.supports for h in diagnosis.hypotheses if cause and h.slug == cause.slug), ())
    return Section(
        "root-cause",
        "Root cause",
        "What must be fixed first, and which factors contributed?",
        f"{cause.statement}" if cause else "The evidence does not establish a cause.",
        items=_cited(proof),
        table=tables.frame(
            ("contributing factor", "how", "evidence"),
            ((f.slug, f.statement, footnotes(f.evidence)) for f in diagnosis.chain),
        )
        if diagnosis.chain
        else None,
        evidence=cause.evidence if cause else (),
    )


def config_audit(facts: Facts, diagnosis: Diagnosis) -> Section:
    return Section(
        "config-audit",
        "Config audit",
        "Which settings should change, independent of this incident?",
        f"{amount(len(diagnosis.audit), 'finding')}."
        if diagnosis.audit
        else "No findings, or no config could be read.",
        items=_cited(diagnosis.audit),
        evidence=tuple(dict.fromkeys(n for claim in diagnosis.audit for n in claim.evidence))
        or asked(facts, Facet.MACHINE, Facet.LIST, Facet.LIST_DELETED),
    )


def what_to_do(diagnosis: Diagnosis) -> Section:
    first = diagnosis.remedies[0] if diagnosis.remedies else None
    return Section(
        "what-to-do",
        "What to do",
        "Which actions are needed, in which order?",
        f"{first.title}." if first else "No action is needed.",
        items=_actions(diagnosis.remedies),
        mark=Mark.NUMBER,
    )


def verification(diagnosis: Diagnosis) -> Section:
    return Section(
        "verification",
        "Verify the fix",
        "Which checks close the incident?",
        closing_rule(diagnosis),
        notes=(CHECKS_AT_ONCE, f"`{AT_ONCE}`"),
        items=_actions(diagnosis.verification),
        mark=Mark.BOX,
    )


def prevention(diagnosis: Diagnosis) -> Section:
    general = sum(one.general for one in diagnosis.prevention)
    return Section(
        "prevention",
        "Prevention",
        "Which changes prevent a recurrence?",
        f"{len(diagnosis.prevention)} changes{f', the last {general} good whatever happened' if general else ''}. "
        "Assign an owner to each.",
        items=_actions(diagnosis.prevention),
    )


def not_checked(diagnosis: Diagnosis) -> Section:
    gaps, other = ([one for one in diagnosis.not_checked if one.gap is gap] for gap in (True, False))
    return Section(
        "not-checked",
        "Not checked",
        "What could not be checked, and why?",
        f"{len(gaps)} {'item' if len(gaps) == 1 else 'items'}. None of them counts as absent."
        if gaps
        else "Nothing: every question that was asked was answered.",
        notes=(f"{len(other)} further questions were not asked, because they do not apply here or were not wanted.",)
        if other
        else (),
        table=tables.frame(("what", "why"), ((u.what, u.why) for u in (*gaps, *other))),
    )


def five_checks(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The five checks of a fix, each with its result at the incident and now."""
    review, app = diagnosis.review or Review(()), facts.subject.app
    left = len(review.checks) - len(review.made)
    incident = review.incident
    notes = []
    if incident:
        cause = f"{incident.cause}, {incident.confidence}" if incident.cause else "cause not established"
        notes.append(f"The incident: {incident.headline} ({cause}; checked {incident.looked_at})")
        if incident.app != app:
            notes.append(f"The incident was in another app, {incident.app}: “then” and “now” are different apps.")
    else:
        notes.append("No incident to compare with. Set the parameter incident to the folder of its run.")
    if left:
        notes.append(f"{left} of the five checks {'is' if left == 1 else 'are'} skipped (parameter skip).")
    question = "Do all checks pass, so that the incident can be closed?"
    return _checks("five-checks", question, review, tuple(notes))


def checks(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The checks before a create call, in the order in which the call would fail."""
    review = diagnosis.review or Review(())
    warned, skipped = len(review.warned), len(review.checks) - len(review.made)
    notes = [f"{warned} {'has' if warned == 1 else 'have'} a warning." if warned else ""]
    notes.append(f"{skipped} {'does' if skipped == 1 else 'do'} not apply." if skipped else "")
    return _checks("checks", "Do all checks pass, so that the call can be made?", review, tuple(filter(None, notes)))


def _checks(slug: str, question: str, review: Review, notes: tuple[str, ...]) -> Section:
    held = sum(check.holds is Answer.YES for check in review.made)
    incident = review.incident
    columns = ("check", *(("at the incident",) if incident else ()), "now", "observation", "evidence")
    rows = []
    for check in review.checks:
        then = review.then(check)
        before = ((f"{status.of_check(then)}: {then.text}" if then else "not known"),) if incident else ()
        rows.append((check.title, *before, status.of_check(check), check.text, footnotes(check.evidence)))
    return Section(
        slug,
        review.title,
        question,
        f"{held} of {len(review.made)} checks pass"
        + (f", {len(review.failed)} {'fails' if len(review.failed) == 1 else 'fail'}" if review.failed else "")
        + (f", {len(review.blind)} could not be checked" if review.blind else "")
        + ".",
        notes=notes,
        table=tables.frame(columns, rows),
        evidence=tuple(dict.fromkeys(n for check in review.checks for n in check.evidence)),
        in_opening=True,
    )


def notes(said: Sequence[str]) -> Section:
    """The engineer's notes, as they will be in the report."""
    text = "\n\n".join(said)
    answer = (
        "These notes go into the report:" if text else "No notes yet. Write between the quotes and run the cell again."
    )
    return Section("notes", "Notes", "", answer, quote=text)


def _claims(claims: Iterable[Claim]) -> str:
    return " ".join(f"{claim.text} {footnotes(claim.evidence)}".strip() for claim in claims)


def _actions(remedies: Iterable[Remedy]) -> tuple[Item, ...]:
    return tuple(
        Item(" ".join(filter(None, (f"{one.title}.", one.why, *effects(one.commands)))), commands=one.commands)
        for one in remedies
    )


def _first(remedies: Sequence[Remedy]) -> tuple[Item, ...]:
    """The first action by itself; the reason for it stands under "What to do"."""
    return tuple(Item(f"Do first: {one.title}.", commands=one.commands[:1]) for one in remedies[:1])


def _cited(claims: Iterable[Claim]) -> tuple[Item, ...]:
    return tuple(Item(claim.text, claim.evidence) for claim in claims)
