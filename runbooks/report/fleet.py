"""The sections of a fleet: classes of disagreement, states, time, what the failing machines share, suspects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fleet import FleetReview
from runbooks.diagnose.fleet_findings import can_be_investigated, investigate
from runbooks.diagnose.fleet_pairs import AGREEING, FAILING, NotKnown, PairClass
from runbooks.diagnose.fleet_shared import LEVEL, Shared
from runbooks.diagnose.model import Diagnosis
from runbooks.evidence import tables
from runbooks.report import charts, times
from runbooks.report.section import Section, asked

CLASS_WORDS: Mapping[PairClass, str] = {
    PairClass.AGREE: "machine and row agree, or neither is needed",
    PairClass.IN_PROGRESS: "in progress: younger than the thresholds",
    PairClass.ROW_WAITS_MACHINE_GONE: "the row waits, the machine is destroyed",
    PairClass.ROW_WAITS_MACHINE_STOPPED: "the row waits, the machine is stopped or failed",
    PairClass.ROW_WAITS_MACHINE_RUNS: "the row waits, the machine is started",
    PairClass.BOTH_WAIT: "row and machine both wait for too long",
    PairClass.ROW_RUNS_MACHINE_DOES_NOT: "the row says running, the machine is not started",
    PairClass.ROW_WITHOUT_MACHINE: "a row without a machine",
    PairClass.MACHINE_WITHOUT_ROW: "a machine without a row: it costs money",
    PairClass.ROW_ENDED_MACHINE_RUNS: "the row has ended, the machine runs: it costs money",
    PairClass.SEVERAL_MACHINES: "one name, several machines",
    PairClass.WRONG_PLACE: "app or region differ",
    PairClass.URL_CANNOT_WORK: "the row's URL cannot work: its host is not that of the app",
    PairClass.UNKNOWN: "not known",
}
UNKNOWN_WORDS: Mapping[NotKnown, str] = {
    NotKnown.MACHINES_NOT_READ: "not all machines could be listed",
    NotKnown.ROWS_NOT_READ: "not all rows could be read",
    NotKnown.NOTHING_JOINS: "no row names any of the machines, so they are probably not of one fleet",
    NotKnown.REGION_SILENT: "the region of the machine did not answer",
    NotKnown.STATUS_WORD: "the status in the row is a word that no parameter explains",
    NotKnown.STATE_WORD: "the state of the machine is a word that this version does not know",
}
_BOTH = (Facet.FLEET_MACHINES, Facet.FLEET_ROWS)


def _of(diagnosis: Diagnosis) -> FleetReview:
    if diagnosis.fleet is None:
        raise ValueError("only the runbook of a fleet has these sections")
    return diagnosis.fleet


def classes(facts: Facts, diagnosis: Diagnosis) -> Section:
    """How many pairs are in each class."""
    found = _of(diagnosis)
    why = [f"Not known, {amount(n, 'pair')}: {UNKNOWN_WORDS[one]}." for one, n in found.unknown.items()]
    return Section(
        "classes",
        "Machines and rows",
        "Do machines and rows agree?",
        f"{amount(found.total, 'pair')}: {found.agree:,} agree, {found.disagree:,} disagree, "
        f"{found.not_known:,} are not known.",
        notes=(
            f"{amount(found.machines, 'machine')} and {amount(found.rows, 'row')} of {found.table} were read and "
            "joined by id, then by name.",
            f"A row may wait for {times.length(found.thresholds.waiting)}; the other side of a machine or a row may be "
            f"missing for {times.length(found.thresholds.orphaned)}.",
            *why,
        ),
        table=tables.frame(("", "pairs", "class", "code"), class_rows(found)),
        evidence=asked(facts, *_BOTH),
    )


def class_rows(found: FleetReview) -> Iterable[Sequence[str]]:
    """Sign, number, words and code of each class, the most pairs first, those that agree last."""
    order = sorted(found.classes.items(), key=lambda item: (item[0] in AGREEING, -item[1], item[0]))
    for one, number in order:
        sign = "✓" if one in AGREEING else "?" if one is PairClass.UNKNOWN else "✗"
        yield sign, f"{number:,}", CLASS_WORDS[one], one.value


def states(facts: Facts, diagnosis: Diagnosis) -> Section:
    """What rows say against what machines do."""
    found = _of(diagnosis)
    rows = sorted(found.states.items(), key=lambda item: (-item[1], item[0]))
    return Section(
        "states",
        "Row status and machine state",
        "What do the rows say, and in which state are their machines?",
        f"{len({row for row, _ in found.states if row})} words in the rows' status, "
        f"{len({state for _, state in found.states if state})} states of machines.",
        figure=charts.states(found.states) if found.states else None,
        table=tables.frame(
            ("row status", "machine state", "pairs"),
            ((row or "no row", state or "no machine", f"{number:,}") for (row, state), number in rows),
        ),
        evidence=asked(facts, *_BOTH),
    )


def over_time(facts: Facts, diagnosis: Diagnosis) -> Section:
    """Creations and failures by the time of creation."""
    found = _of(diagnosis)
    failing, created = (sum(getattr(one, what) for one in found.buckets) for what in ("failing", "created"))
    return Section(
        "over-time",
        "Creations and failures over time",
        "When were the machines created, and when those that fail?",
        f"{failing:,} of {amount(created, 'machine')} {'fails' if failing == 1 else 'fail'}, by the time of creation."
        if found.buckets
        else "No time of creation is known.",
        notes=(f"Failing are the classes {', '.join(FAILING)}.",),
        figure=charts.over_time(found.buckets, found.step) if found.buckets else None,
        table=tables.frame(
            (f"from (UTC), {times.length(found.step)} each", "created", "of them failing"),
            (
                (f"{one.at:%Y-%m-%d %H:%M}", f"{one.created:,}", f"{one.failing:,}")
                for one in found.buckets
                if one.failing
            ),
        )
        if failing
        else None,
        evidence=asked(facts, *_BOTH),
    )


def shared(facts: Facts, diagnosis: Diagnosis) -> Section:
    """What sets the failing machines apart, where chance does not explain it."""
    found = _of(diagnosis)
    failing = sum(n for one, n in found.classes.items() if one in FAILING)
    if found.telling:
        first = found.telling[0]
        answer = f"{first.attribute.capitalize()} {first.value}: {shares(first)}."
    elif failing:
        failed = amount(failing, "pair fails", "pairs fail")
        answer = f"Nothing that chance does not explain: {failed}, and no tested value sets them apart."
    else:
        answer = "No machine fails."
    return Section(
        "shared",
        "What the failing machines share",
        "Which attribute do failing machines share more often than healthy ones?",
        answer,
        notes=(
            f"Fisher's exact test, one-sided, for each of {found.tested:,} values of app, region, image, guest, "
            f"version, hour of creation and host status. Holm's correction keeps the probability of any false entry "
            f"below {LEVEL:g}. Values that always occur together cannot be told apart.",
        ),
        table=tables.frame(
            ("attribute", "value", "failing", "healthy", "p, corrected"),
            (
                (
                    one.attribute,
                    one.value,
                    share(one.failing_with, one.failing),
                    share(one.healthy_with, one.healthy),
                    f"{one.adjusted:.2g}",
                )
                for one in found.telling
            ),
        )
        if found.telling
        else None,
        evidence=asked(facts, *_BOTH),
    )


def shares(one: Shared) -> str:
    """How many of the failing and of the healthy pairs have it, in words."""
    return (
        f"{share(one.failing_with, one.failing)} of the failing machines have it, "
        f"{share(one.healthy_with, one.healthy)} of the healthy ones"
    )


def share(part: int, whole: int) -> str:
    """29 of 30 (97 %)."""
    return f"{part:,} of {whole:,} ({part / whole:.0%})".replace("%", " %")


def suspects(facts: Facts, diagnosis: Diagnosis) -> Section:
    """The pairs to look into, the worst first."""
    found = _of(diagnosis).suspects
    first = found[0] if found else None
    return Section(
        "suspects",
        "Suspects",
        "Which machines and rows should be investigated first?",
        f"{amount(len(found), 'pair')}, the worst first." if found else "No pair needs to be investigated.",
        table=tables.frame(
            ("#", "class", "machine", "app", "state", "row says", "row", "since (UTC)"),
            (
                (
                    str(number),
                    one.reason.value,
                    one.machine_id or one.machine_name,
                    one.app,
                    one.state,
                    one.row_status,
                    one.row_key,
                    f"{one.since:%Y-%m-%d %H:%M}" if one.since else "",
                )
                for number, one in enumerate(found, start=1)
            ),
        )
        if found
        else None,
        commands=(investigate(first, _of(diagnosis).table),) if first and can_be_investigated(first) else (),
        evidence=asked(facts, *_BOTH),
    )
