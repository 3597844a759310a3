"""Causes over time: every run has its mark in the right place, whatever the dates are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from runbooks.report import cause_history
from runbooks.report.cause_history import MOST_COLUMNS, Strip
from runbooks.report.runs import Run

LAST = date(2025, 10, 2)
RUN = Run("2025-10-02/x", "2025-10-02T17:40:00Z", verdict="incident", cause="wrong-app", origins=("live",))


def built(runs: Iterable[Run]) -> Strip:
    found = list(runs)
    made = cause_history.build(found, [f"n{n}" for n in range(len(found))])
    assert made is not None
    marks = [mark for lane in made.lanes for _, column in lane.columns for mark in column] + list(made.apart)
    assert sorted(mark.split()[1] for mark in marks) == sorted(f"n{n}" for n in range(len(found)))
    assert all(1 <= column <= made.width for lane in made.lanes for column, _ in lane.columns)
    return made


def on(day: date | None, run: Run = RUN) -> Run:
    return replace(run, at=day.isoformat() if day else "")


def test_one_run_is_no_course() -> None:
    assert cause_history.build([RUN], [""]) is None


@pytest.mark.parametrize(
    ("apart", "unit", "width", "first"),
    [
        (0, "day", 1, "2025-10-02"),
        (MOST_COLUMNS - 1, "day", MOST_COLUMNS, "2025-08-22"),
        (MOST_COLUMNS, "week", 7, "2025-08-18"),
        (400, "month", 15, "2024-08"),
        (4000, "year", 12, "2014"),
    ],
)
def test_the_finest_unit_that_fits(apart: int, unit: str, width: int, first: str) -> None:
    made = built([on(LAST), on(LAST - timedelta(days=apart))])
    assert (made.unit, made.width, made.first, made.older) == (unit, width, first, False)
    (lane,) = made.lanes
    assert {column for column, _ in lane.columns} == {1, width}


def test_one_old_run_does_not_blur_the_many() -> None:
    made = built([on(LAST - timedelta(days=n)) for n in range(20)] + [on(date(1, 1, 1))])
    assert (made.unit, made.width, made.older) == ("day", MOST_COLUMNS, True)
    assert made.lanes[0].alt.startswith("1 on 2025-08-22 or before, 1 on 2025-09-13, ")


def test_dates_at_both_ends_of_the_calendar() -> None:
    made = built([on(date(9999, 12, 31)), on(date(1, 1, 1)), on(None)])
    assert (made.unit, made.width, made.last, made.undated) == ("year", MOST_COLUMNS + 1, "9999", True)
    assert made.lanes[0].alt == "1 in 9958 or before, 1 in 9999, 1 without a date"


def test_runs_without_any_date() -> None:
    made = built([on(None), on(None)])
    assert (made.width, made.first, made.lanes[0].alt) == (1, "", "2 without a date")


def test_the_most_frequent_causes_have_lanes_and_the_others_share_one() -> None:
    many = [replace(RUN, cause=f"cause-{n}") for n in range(9) for _ in range(n + 1)]
    none = [
        replace(RUN, cause="", verdict="healthy"),
        replace(RUN, cause="", verdict="inconclusive"),
        replace(RUN, cause="", trouble="gone"),
    ]
    made = built(many + none)
    assert [(lane.label, lane.count) for lane in made.lanes] == [
        *((f"cause-{n}", n + 1) for n in (8, 7, 6, 5, 4)),
        ("other causes", 10),
        ("no cause named", 1),
        ("no problem found", 1),
        ("no report", 1),
    ]
    assert [lane.slug for lane in made.lanes] == [True] * 5 + [False] * 4
    assert made.highest == 10


def test_a_single_cause_more_has_its_own_lane() -> None:
    made = built(replace(RUN, cause=f"cause-{n}") for n in range(6))
    assert [lane.label for lane in made.lanes] == [f"cause-{n}" for n in range(6)]


def test_what_was_not_looked_at_live_is_set_apart_and_stands_above() -> None:
    simulated = replace(RUN, origins=("simulated",))
    made = built([RUN, simulated, RUN])
    assert made.mixed
    assert made.lanes[0].columns == ((1, ("r n2", "r n0", "r n1 p")),)
    assert not built([simulated, simulated]).mixed
    assert not built([RUN, RUN]).mixed


def test_the_example_is_counted_and_bends_no_axis() -> None:
    example = on(date(2020, 1, 1), replace(RUN, origins=("example", "simulated")))
    made = built([RUN, RUN, example])
    assert (made.width, made.mixed, made.lanes[0].count, made.apart) == (1, False, 2, ("r n2",))
    assert built([example, example]).lanes == ()


def test_the_words_state_every_number() -> None:
    made = built([on(LAST), on(LAST), on(LAST - timedelta(days=3))])
    assert made.lanes[0].alt == "1 on 2025-09-29, 2 on 2025-10-02"
