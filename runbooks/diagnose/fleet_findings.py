"""What a fleet's review comes to: headline, actions, and what could not be checked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.base.settings import RECORDS_TABLE
from runbooks.diagnose.fleet import FleetReview, Suspect
from runbooks.diagnose.fleet_pairs import FAILING, NotKnown, PairClass
from runbooks.diagnose.fleet_shared import Shared
from runbooks.diagnose.model import Diagnosis, Remedy, Unchecked, Verdict
from runbooks.evidence.fleet import MachineCount
from runbooks.evidence.models import Evidence, Outcome

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")
_MOST = 3
"""Commands of one kind that an action shows."""


def conclude(evidence: Evidence, found: FleetReview) -> Diagnosis:
    """The diagnosis of a fleet: it has no single cause, and every class has its action."""
    return Diagnosis(
        verdict=found.verdict,
        headline=_headline(evidence, found),
        cause=None,
        contributing=(),
        hypotheses=(),
        visibility=(),
        timeline=(),
        life=(),
        symptoms=(),
        remedies=tuple(_remedies(found)),
        prevention=(),
        verification=(),
        not_checked=tuple(_not_checked(evidence, found)),
        fleet=found,
        established=found.verdict is Verdict.INCIDENT,
    )


def _headline(evidence: Evidence, found: FleetReview) -> str:
    machines, rows = (_was_read(evidence, facet) for facet in (Facet.FLEET_MACHINES, Facet.FLEET_ROWS))
    if not (found.machines or found.rows):
        if machines and rows:
            return "There is no machine and no row, so nothing was compared."
        if machines or rows:
            one, other = ("machine", "row") if machines else ("row", "machine")
            return f"There is no {one}, and no {other} could be read."
        return "Neither a machine nor a row could be read."
    if found.unknown.get(NotKnown.NOTHING_JOINS):
        return _strangers(found)
    if not found.disagree and not (machines and rows):
        unread, read, number = ("row", "machines", found.machines) if machines else ("machine", "rows", found.rows)
        return f"No {unread} could be read, so {found.not_known:,} of {number:,} {read} could not be judged."
    looked = f"{amount(found.machines, 'machine')} and {amount(found.rows, 'row')}"
    unknown = f"{amount(found.not_known, 'pair')} could not be judged"
    if not found.disagree:
        return f"No disagreement among {looked}; {unknown}." if found.not_known else f"{looked} agree."
    failing = sum(n for one, n in found.classes.items() if one in FAILING)
    verb = "disagrees" if found.disagree == 1 else "disagree"
    told = [f"{found.disagree:,} of {found.total:,} pairs of machine and row {verb}"]
    if failing:
        shared = next(iter(found.telling), None)
        what = f", and {share(shared)} of them share {shared.attribute} {shared.value}" if shared else ""
        told.append(f"{failing:,} of these machines {'fails' if failing == 1 else 'fail'}{what}")
    return "; ".join([*told, *([unknown] if found.not_known else [])]) + "."


def _strangers(found: FleetReview) -> str:
    """That not one machine has a row says something of the question, and nothing of the machines."""
    machines, rows = amount(found.machines, "machine"), amount(found.rows, "row")
    if not found.rows:
        return f"{found.table} has no row, and there are {machines}: no machine could be matched with a row."
    if not found.machines:
        return f"There is no machine, and {found.table} has {rows}: no row could be matched with a machine."
    return f"None of {rows} of {found.table} names any of {machines}: no machine could be matched with a row."


def _was_read(evidence: Evidence, facet: Facet) -> bool:
    observation = evidence.observations.get(facet)
    return observation is not None and observation.outcome is Outcome.SEEN


def share(one: Shared) -> str:
    """How many of the failing ones have it: all, or a number."""
    return "all" if one.failing_with == one.failing else f"{one.failing_with:,}"


def _remedies(found: FleetReview) -> Iterator[Remedy]:
    by_class = {one: [s for s in found.suspects if s.reason is one] for one in found.classes}
    failing = [one for one in found.suspects if one.reason in FAILING]
    shared = next(iter(found.telling), None)
    if failing:
        why = f"{amount(len(failing), 'pair fails', 'pairs fail')}."
        if shared:
            why += f" {shared.failing_with:,} of {shared.failing:,} share {shared.attribute} {shared.value}."
        yield Remedy("Investigate the first suspects, one after the other", why, _commands(failing, found.table))
    for one, title, why in _ACTIONS:
        if suspects := by_class.get(one):
            commands = _looks(suspects) if one in _COSTLY else _commands(suspects, found.table)
            yield Remedy(f"{title} ({len(suspects):,})", why, commands)
    if found.unknown.get(NotKnown.NOTHING_JOINS):
        machine = next((pair for _, pair in found.pairs if pair.machine_id), None)
        row = next((pair.row_machine for _, pair in found.pairs if pair.row_machine), "")
        yield Remedy(
            "Check that machines and rows belong together",
            "Is it the right organisation, the right database, and the right table (records_table)? Does "
            "RUNBOOKS_RECORDS_COLUMNS name the column with the machine's id or name?"
            + (f" A machine here is {machine.machine_id}, named {machine.name or 'nothing'}." if machine else "")
            + (f" A row here speaks of {row}." if row else ""),
        )
    if found.unknown.get(NotKnown.ROWS_NOT_READ) or found.unknown.get(NotKnown.MACHINES_NOT_READ):
        yield Remedy("Make everything readable, and run this again", "Not checked says what could not be read.")
    if found.unknown.get(NotKnown.STATUS_WORD):
        yield Remedy(
            "Name the words of your rows' status",
            "The parameters waiting_statuses, running_statuses and ended_statuses say what a word means.",
        )


_COSTLY = (PairClass.MACHINE_WITHOUT_ROW, PairClass.ROW_ENDED_MACHINE_RUNS)
_ACTIONS = (
    (
        PairClass.ROW_WITHOUT_MACHINE,
        "Find out why rows have no machine",
        "Not even the list with destroyed machines shows one: the create call failed, or it went to another app.",
    ),
    (
        PairClass.MACHINE_WITHOUT_ROW,
        "Decide about machines without a row",
        "They cost money, and no row leads to them. Destroy those that nobody uses, or add their rows.",
    ),
    (
        PairClass.ROW_ENDED_MACHINE_RUNS,
        "Decide about machines whose row has ended",
        "They run and cost money, and their rows say that they do not.",
    ),
    (
        PairClass.SEVERAL_MACHINES,
        "Write the machine's id into its row",
        "The name in the row is that of several machines. Only the id that the create call returned is unique.",
    ),
    (
        PairClass.WRONG_PLACE,
        "Correct app or region in the rows, or in the create call",
        "The machine is in another app or region than its row says.",
    ),
    (
        PairClass.URL_CANNOT_WORK,
        "Build URLs from the app's name",
        "Below fly.dev only APP.fly.dev leads to a machine; the name or id of a machine has no hostname there.",
    ),
)


def _commands(suspects: list[Suspect], table: str) -> tuple[str, ...]:
    return tuple(investigate(one, table) for one in suspects if can_be_investigated(one))[:_MOST]


def _looks(suspects: list[Suspect]) -> tuple[str, ...]:
    """How to look at a machine before anybody decides about it."""
    plain = [one for one in suspects if can_be_investigated(one) and one.machine_id]
    return tuple(f"fly machine status {one.machine_id} -a {one.app}" for one in plain[:_MOST])


def can_be_investigated(one: Suspect) -> bool:
    """Is it known well enough to be asked for by itself?"""
    named = one.machine_id or one.machine_name
    return bool(_PLAIN.fullmatch(one.app) and _PLAIN.fullmatch(named))


def investigate(one: Suspect, table: str) -> str:
    """The command that investigates one machine, and looks for its row where the fleet found it."""
    machine = ("machine_id", one.machine_id) if one.machine_id else ("machine_name", one.machine_name)
    where = ("-p", "records_table", table) if table != RECORDS_TABLE else ()
    return shlex.join(("runbooks", "run", "machine_not_visible", "-p", "app_name", one.app, "-p", *machine, *where))


def _not_checked(evidence: Evidence, found: FleetReview) -> Iterator[Unchecked]:
    for facet in (Facet.FLEET_MACHINES, Facet.FLEET_ROWS):
        observation = evidence.observations.get(facet)
        if observation is None:
            yield Unchecked(f"{facet.question} ({facet})", "the run ended before")
        elif observation.outcome is Outcome.COULD_NOT_LOOK:
            yield Unchecked(f"{facet.question} ({facet})", observation.reason)
    count = getattr(evidence.observations.get(Facet.FLEET_MACHINES), "answer", None)
    if isinstance(count, MachineCount) and count.total:
        for part in count.unread:
            yield Unchecked(f"Machines: {part}", "not read, so a machine that is missing may be there")
        for region in count.silent_regions:
            yield Unchecked(f"Machines in region {region}", "the region did not answer the list")
    rows = evidence.observations.get(Facet.FLEET_ROWS)
    if rows and rows.outcome is Outcome.SEEN and found.unknown.get(NotKnown.ROWS_NOT_READ):
        yield Unchecked("Rows that were not read", rows.reason)
    if number := found.unknown.get(NotKnown.NOTHING_JOINS):
        yield Unchecked(f"{number:,} machines and rows", "no row names any of the machines")
    if number := found.unknown.get(NotKnown.STATUS_WORD):
        words = sorted({row for row, _ in found.states if row and row not in found.thresholds.row_phases})
        yield Unchecked(amount(number, "row"), f"no parameter explains their status: {', '.join(words[:10])}")
    if number := found.unknown.get(NotKnown.STATE_WORD):
        yield Unchecked(amount(number, "machine"), "this version does not know their state")
