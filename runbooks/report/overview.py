"""The steps over all sources at once: the timeline, and what every "no" rests on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence import tables
from runbooks.evidence.models import Listing, Outcome, Reason
from runbooks.report import charts, collapse_repeats
from runbooks.report.section import Section, asked, footnotes


def timeline(facts: Facts, diagnosis: Diagnosis) -> Section:
    moments = diagnosis.timeline
    decisive = next((m for m in moments if m.decisive), None)
    sources = len({m.source for m in moments})
    answer = f"{amount(len(moments), 'moment')} from {amount(sources, 'source')}" + (
        f"; the decisive one is at {tables.clock(decisive.at)}: “{short(decisive.text)}”." if decisive else "."
    )
    routine = len(facts.log.logs.lines) - sum(m.evidence == Facet.LOGS for m in moments) if facts.log.logs else 0
    left_out = f" {routine} routine lines of the platform's log are omitted." if routine else ""
    days = sorted({f"{m.at:%Y-%m-%d}" for m in moments})
    return Section(
        "timeline",
        "Timeline",
        "What happened when, across all sources?",
        answer,
        notes=(
            f"All times are UTC, {f'on {days[0]}' if len(days) == 1 else f'{days[0]} to {days[-1]}'}.{left_out}",
            *diagnosis.assumptions,
        ),
        figure=charts.timeline(diagnosis),
        table=tables.frame(
            ("#", "", "time (UTC)", "source", "what", "evidence"),
            (
                _moments(row, tables.clock if len(days) == 1 else tables.day)
                for _, rows in collapse_repeats.by_day(moments, len(moments))
                for row in rows
            ),
        ),
        evidence=asked(facts, *(m.evidence for m in moments)),
    )


def _moments(row: collapse_repeats.Row, written: Callable[[datetime], str]) -> tuple[str, ...]:
    """One moment, or the rounds of a loop that say the same again."""
    first, last = row.lines[0].moment, row.lines[-1].moment
    sources = ", ".join(dict.fromkeys(line.moment.source for line in row.lines))
    evidence = footnotes(row.evidence)
    numbers = collapse_repeats.spans(row.numbers)
    if row.rounds:
        return numbers, "", f"{written(first.at)} – {written(last.at)}", sources, row.again, evidence
    return numbers, "►" if first.decisive else "", written(first.at), sources, first.text, evidence


def siblings(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The control group: other machines of the same app, attribute by attribute, and what sets this one apart."""
    found = diagnosis.comparison
    question = "How does this machine differ from other machines of the app?"
    if found is None:
        reason = (
            "the machine itself was not seen"
            if facts.machine.description is None
            else "the lists show no other machine"
        )
        return Section(
            "siblings",
            "Comparison with other machines of the app",
            question,
            f"No comparison is possible: {reason}.",
            evidence=asked(facts, Facet.MACHINE, Facet.LIST, Facet.LIST_DELETED, Facet.ORGANISATION),
        )
    others = len(found.machines) - 1
    answer = f"It differs in {', '.join(found.differs)}." if found.differs else "No known attribute differs."
    elsewhere = [
        f"{len(facts.siblings.others)} other machines are known; the {others} nearest in region and time are shown."
    ]
    told = "None of the other machines runs: what this one shares with them proves little."
    up = (told,) if facts.siblings.none_runs else ()
    named = [
        f"{m.id} has the same name; it is {m.state}, created {m.created_at:%Y-%m-%d %H:%M}. [{at}]"
        for m, at in facts.siblings.namesakes[:5]
        if m.created_at
    ]
    return Section(
        "siblings",
        "Comparison with other machines of the app",
        question,
        answer,
        notes=(*(elsewhere if len(facts.siblings.others) > others else ()), *up, *named),
        figure=charts.siblings(found),
        table=tables.frame(
            ("", "this machine", *(name.partition(" ")[0] for name in found.machines[1:])),
            (
                (f"► {row.attribute}" if row.attribute in found.differs else row.attribute, *row.values)
                for row in found.rows
            ),
        ),
        evidence=asked(facts, *found.evidence),
    )


def searched(facts: Facts, _: Diagnosis) -> Section:
    """Every question with its address, its time and the number of attempts: the basis of each "absent"."""
    observations = facts.evidence.observations.values()
    put = [x for x in observations if x.code is not Reason.NOT_APPLICABLE]
    absent = [x for x in observations if x.outcome is Outcome.ABSENT]
    notes = [_second_views(facts)] if facts.subject.machine_id or facts.subject.machine_name else []
    scopes = facts.observations.token.scopes if facts.observations.token else ()
    narrow = sorted({name for scope in scopes for name in scope.apps})
    if narrow:
        notes.append(f"The token reads only {', '.join(narrow)}. Other apps could not be checked. [E01]")
    elif scopes:
        notes.append(
            "The token reads every app of its organisation, so its scope does not explain a missing entry. [E01]"
        )
    listing = getattr(facts.observation(Facet.ORGANISATION), "answer", None)
    if isinstance(listing, Listing) and listing.error_regions:
        notes.append(f"Regions that did not answer the organisation's list: {', '.join(listing.error_regions)}. [E08]")
    return Section(
        "searched",
        "Queries",
        "What was queried, when and how often, and which queries returned nothing?",
        f"{len(put)} questions were asked. {len(absent)} had the answer “absent”; only those count as absent.",
        notes=tuple(notes),
        table=tables.observations(facts.evidence),
        evidence=asked(facts, *(x.number for x in observations)),
    )


def _second_views(facts: Facts) -> str:
    """One sentence on which views agree that the machine is (not) there."""
    views = (Facet.MACHINE, Facet.MACHINE_AGAIN, Facet.LIST, Facet.LIST_AGAIN, Facet.LIST_DELETED, Facet.ORGANISATION)
    looked = [n for n in views if facts.looked(n)]
    sees = [n for n in looked if n in facts.machine.seen_evidence]
    misses = [n for n in looked if n not in facts.machine.seen_evidence]
    told = f"{len(sees)} of {len(looked)} views of the platform show the machine"
    return f"{told} ({footnotes(sees) or 'none'}), {len(misses)} do not ({footnotes(misses) or 'none'})."
