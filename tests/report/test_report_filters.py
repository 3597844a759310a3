"""What the page of all runs offers to choose from: only what narrows the list, and it adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from runbooks.report import filters
from runbooks.report.runs import Run

RUN = Run("2025-10-02/x", "2025-10-02T17:40:00Z", runbook="machine_not_visible", app="vyx-app", verdict="incident")


def labels(one: filters.Filter) -> list[tuple[str, int]]:
    return [(choice.label, choice.count) for choice in one.choices]


def test_only_what_narrows_the_list_is_offered() -> None:
    assert filters.build([]) == ((), [])
    assert filters.build([RUN]) == ((), [""])
    assert filters.build([RUN, RUN]) == ((), ["", ""])
    (one,), classes = filters.build([RUN, replace(RUN, app="other")])
    assert (one.label, labels(one), classes) == ("App", [("other", 1), ("vyx-app", 1)], ["a2", "a1"])


def test_every_run_has_one_class_of_each_choice_that_keeps_it() -> None:
    broken = replace(RUN, app="", runbook="", at="", trouble="no summary.json", origins=("replay", "simulated"))
    found = [RUN, replace(RUN, cause="wrong-app", confidence="likely"), replace(RUN, verdict="healthy"), broken]
    offered, classes = filters.build(found)
    by_label = {one.label: one for one in offered}
    assert labels(by_label["App"]) == [("vyx-app", 3), ("no app named", 1)]
    assert labels(by_label["Cause"]) == [("wrong-app", 1), ("no cause named", 3)]
    assert labels(by_label["Status"]) == [("INVESTIGATING", 2), ("HEALTHY", 1), ("NO REPORT", 1)]
    assert labels(by_label["Date"]) == [("2025-10-02", 3), ("no date", 1)]
    assert labels(by_label["Runbook"]) == [("machine_not_visible", 3), ("no runbook named", 1)]
    assert labels(by_label["Source"]) == [("simulated", 1), ("replay", 1), ("unknown", 3)]
    for one in offered:
        for choice in one.choices:
            assert sum(choice.mark in marks.split() for marks in classes) == choice.count


def test_months_and_the_latest_days_can_be_chosen() -> None:
    days = [date(2025, 10, 20) - timedelta(days=n) for n in range(40)]
    found = [replace(RUN, at=day.isoformat()) for day in days]
    (one,), classes = filters.build(found)
    assert [title for title, _ in one.groups] == ["months", "the latest 31 days with runs"]
    months, latest = (choices for _, choices in one.groups)
    assert [(choice.label, choice.count) for choice in months] == [("2025-10", 20), ("2025-09", 20)]
    assert [choice.label for choice in latest] == [day.isoformat() for day in days[:31]]
    assert classes[0].split() == [months[0].mark, latest[0].mark]
    assert classes[-1].split() == [months[1].mark]


def test_every_status_that_a_run_can_have_can_be_chosen() -> None:
    found = [
        replace(RUN, verdict=verdict, confidence=confidence, trouble=trouble)
        for verdict in ("healthy", "incident", "inconclusive")
        for confidence in ("", "likely", "confirmed")
        for trouble in ("", "broken")
    ]
    (status,), classes = filters.build(found)
    assert sum(choice.count for choice in status.choices) == len(found)
    assert all(classes)
