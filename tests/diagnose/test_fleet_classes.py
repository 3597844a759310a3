"""The judgement of a pair, and the test of what failing pairs share."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runbooks.diagnose.fleet import STRANGERS, review
from runbooks.diagnose.fleet_pairs import NotKnown, PairClass, Thresholds, classify
from runbooks.diagnose.fleet_shared import shared_values, tail
from runbooks.evidence.fleet import Fleet, Folder, Pair, Phase, plain

PHASES = {"starting": Phase.WAITS, "running": Phase.RUNS, "stopped": Phase.STOPPED}
THRESHOLDS = Thresholds(row_phases=PHASES)
NOW = 1_779_000_000
FLEET = Fleet("t", 1, machines_known=True, rows_known=True, looked_at=NOW)
ROW = Pair("91850296bd4738", "n", "app", "started", "fra", row_status="running", row_app="app", row_region="fra")
ROW = ROW._replace(fits="id", has_row=1, made_at=NOW - 9_000, row_at=NOW - 9_000, row_key="k", row_machine="n")
ALONE = Pair("91850296bd4738", "n", "app", "started", "fra", made_at=NOW - 9_000)
LOST = Pair(row_key="k", row_machine="n", row_status="running", row_region="fra", has_row=1, row_at=NOW - 9_000)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (ROW, PairClass.AGREE),
        (ROW._replace(row_status="starting"), PairClass.ROW_WAITS_MACHINE_RUNS),
        (ROW._replace(row_status="starting", state="destroyed"), PairClass.ROW_WAITS_MACHINE_GONE),
        (ROW._replace(row_status="starting", state="failed"), PairClass.ROW_WAITS_MACHINE_STOPPED),
        (ROW._replace(row_status="starting", state="created"), PairClass.BOTH_WAIT),
        (ROW._replace(row_status="starting", row_at=NOW - 299), PairClass.IN_PROGRESS),
        (ROW._replace(row_status="starting", row_at=NOW - 300), PairClass.ROW_WAITS_MACHINE_RUNS),
        (ROW._replace(row_status="starting", row_at=0), PairClass.ROW_WAITS_MACHINE_RUNS),
        (ROW._replace(state="stopped"), PairClass.ROW_RUNS_MACHINE_DOES_NOT),
        (ROW._replace(row_status="stopped"), PairClass.ROW_ENDED_MACHINE_RUNS),
        (ROW._replace(row_status="stopped", state="destroyed"), PairClass.AGREE),
        (ROW._replace(row_app="other"), PairClass.WRONG_PLACE),
        (ROW._replace(row_region="ams"), PairClass.WRONG_PLACE),
        (ROW._replace(row_region=""), PairClass.AGREE),
        (ROW._replace(row_url="wss://n.fly.dev"), PairClass.URL_CANNOT_WORK),
        (ROW._replace(row_url="ftp://app.fly.dev"), PairClass.URL_CANNOT_WORK),
        (ROW._replace(row_url="wss://app.fly.dev"), PairClass.AGREE),
        (ROW._replace(row_url="wss://ws.example.com"), PairClass.AGREE),
        (ROW._replace(fits="several"), PairClass.SEVERAL_MACHINES),
        (ROW._replace(row_status="mystery"), PairClass.UNKNOWN),
        (ROW._replace(state="mystery"), PairClass.UNKNOWN),
        (ALONE, PairClass.MACHINE_WITHOUT_ROW),
        (ALONE._replace(state="stopped"), PairClass.MACHINE_WITHOUT_ROW),
        (ALONE._replace(state="destroyed"), PairClass.AGREE),
        (ALONE._replace(made_at=NOW - 60), PairClass.IN_PROGRESS),
        (LOST, PairClass.ROW_WITHOUT_MACHINE),
        (LOST._replace(row_status="stopped"), PairClass.AGREE),
        (LOST._replace(row_at=NOW - 60), PairClass.IN_PROGRESS),
    ],
)
def test_a_pair_falls_into_its_class(pair: Pair, expected: PairClass) -> None:
    assert classify(pair, FLEET, THRESHOLDS)[0] is expected


@pytest.mark.parametrize(
    ("pair", "fleet", "why"),
    [
        (ALONE, replace(FLEET, rows_known=False), NotKnown.ROWS_NOT_READ),
        (LOST, replace(FLEET, machines_known=False), NotKnown.MACHINES_NOT_READ),
        (LOST, replace(FLEET, silent_regions=("fra",)), NotKnown.REGION_SILENT),
        (LOST._replace(row_region=""), replace(FLEET, silent_regions=("ams",)), NotKnown.REGION_SILENT),
    ],
)
def test_what_was_not_looked_at_is_never_absent(pair: Pair, fleet: Fleet, why: NotKnown) -> None:
    assert classify(pair, fleet, THRESHOLDS) == (PairClass.UNKNOWN, why)


def test_a_region_that_answered_is_known() -> None:
    assert classify(LOST, replace(FLEET, silent_regions=("ams",)), THRESHOLDS)[0] is PairClass.ROW_WITHOUT_MACHINE


GONE = ALONE._replace(state="destroyed")


def _reviewed(*pairs: Pair) -> tuple[dict[PairClass, int], dict[NotKnown, int], int]:
    folder = Folder(PHASES)
    for pair in pairs:
        folder.add(pair)
    words, lines = folder.lines(lambda text: text)
    found = review(replace(FLEET, words=words, lines=lines), None, THRESHOLDS)
    return dict(found.classes), dict(found.unknown), len(found.suspects)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param((ALONE,) * STRANGERS, id="an empty table"),
        pytest.param((LOST,) * STRANGERS, id="an organisation without machines"),
        pytest.param((*(ALONE,) * 7, *(LOST,) * 7), id="another table"),
        pytest.param((*(ALONE,) * STRANGERS, GONE, LOST._replace(row_status="stopped")), id="some are over"),
    ],
)
def test_where_nothing_joins_no_machine_is_called_orphaned(pairs: tuple[Pair, ...]) -> None:
    """The wrong table, database, column or organisation would have thousands of machines destroyed."""
    classes, unknown, suspects = _reviewed(*pairs)
    assert {PairClass.MACHINE_WITHOUT_ROW, PairClass.ROW_WITHOUT_MACHINE}.isdisjoint(classes)
    assert unknown == {NotKnown.NOTHING_JOINS: classes[PairClass.UNKNOWN]}
    assert (sum(classes.values()), suspects) == (len(pairs), 0)


def test_one_that_joins_shows_that_the_table_is_the_right_one() -> None:
    alone, few = (ALONE,) * STRANGERS, (ALONE,) * (STRANGERS - 1)
    for joined in (ROW, ROW._replace(state="destroyed", row_status="stopped")):
        assert _reviewed(*alone, joined)[0][PairClass.MACHINE_WITHOUT_ROW] == STRANGERS
    assert _reviewed(*few)[0] == {PairClass.MACHINE_WITHOUT_ROW: STRANGERS - 1}


_EVERY = {
    "state": ("", "started", "stopped", "destroyed", "created", "odd"),
    "app": ("", "app"),
    "region": ("", "fra"),
    "row_status": (*PHASES, "odd"),
    "row_app": ("", "app", "other"),
    "row_region": ("", "fra", "ams"),
    "row_url": ("", "wss://app.fly.dev", "wss://n.fly.dev", "http://["),
    "fits": ("id", "name", "several", ""),
    "has_row": (0, 1),
    "made_at": (0, NOW - 9_000, NOW - 60),
}


def test_whatever_is_only_counted_agrees() -> None:
    pairs = [Pair(**dict(zip(_EVERY, values, strict=True))) for values in product(*_EVERY.values())]  # type: ignore[arg-type]
    counted = [pair for pair in pairs if plain(pair, PHASES)]
    assert len(counted) > 100
    assert {classify(pair, FLEET, THRESHOLDS)[0] for pair in counted} == {PairClass.AGREE}


@given(some.integers(0, 12), some.integers(0, 12), some.integers(0, 30), some.integers(0, 30))
def test_the_tail_is_that_of_fishers_exact_test(a: int, b: int, c: int, d: int) -> None:
    drawn, marked, total = a + b, a + c, a + b + c + d
    exact = sum(
        Fraction(comb(marked, k) * comb(total - marked, drawn - k), comb(total, drawn))
        for k in range(a, min(drawn, marked) + 1)
        if drawn - k <= total - marked
    )
    assert tail(a, drawn, marked, total) == pytest.approx(float(exact), abs=1e-9)


def test_a_value_that_all_have_tells_nothing_and_is_no_test() -> None:
    pairs = [(n < 10, 1, ROW._replace(region="fra", image="i" if n < 12 else "j")) for n in range(200)]
    found, tested = shared_values(pairs)
    assert tested == 2, "both images; app, region and hour are the same for all"
    assert [(one.attribute, one.value, one.telling) for one in found] == [("image", "i", True)]
    assert found[0].adjusted == pytest.approx(2 * found[0].p)
