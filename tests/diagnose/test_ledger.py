"""The ledger's arithmetic: the status follows from the points, and a rule cannot set it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.catalogue import CauseInfo, Stage, catalogue
from runbooks.diagnose.commands import filled
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import status_of, weigh
from runbooks.diagnose.model import Remedy, Status
from runbooks.evidence.models import Evidence, Observation, Outcome, Subject

NOW = datetime(2025, 10, 2, 3, 9, 40, tzinfo=UTC)
FOR, STRONG_AGAINST = supports("f", "E03"), contradicts("d", "E03")


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], Status.OPEN),
        ([missing("m")], Status.OPEN),
        ([FOR], Status.LIKELY),
        ([supports("w", "E03", weight=Weight.WEAK)], Status.OPEN),
        ([FOR, STRONG_AGAINST], Status.OPEN),
        ([FOR, contradicts("w", "E03", weight=Weight.WEAK)], Status.LIKELY),
        ([confirms("p", "E03")], Status.CONFIRMED),
        ([confirms("p", "E05")], Status.LIKELY),  # E05 saw nothing: absence alone never confirms
        ([confirms("p")], Status.OPEN),
        ([supports("f", "E04")], Status.OPEN),  # E04 could not be looked at
        ([refutes("r", "E04")], Status.OPEN),
        ([confirms("p", "E03"), STRONG_AGAINST], Status.LIKELY),
        ([confirms("p", "E03"), missing("m")], Status.CONFIRMED),
        ([confirms("p", "E03"), refutes("r", "E03")], Status.REFUTED),
        ([refutes("r", "E05")], Status.REFUTED),
        ([STRONG_AGAINST], Status.OPEN),
    ],
)
def test_status(points: list[Point], expected: Status) -> None:
    outcomes = {"E03": Outcome.SEEN, "E04": Outcome.COULD_NOT_LOOK, "E05": Outcome.ABSENT}
    assert status_of(points, outcomes.get) is expected
    assert status_of(reversed(points), outcomes.get) is expected


def facts() -> Facts:
    observation = Observation(Facet.MACHINE, Outcome.SEEN, "seen", NOW)
    return Facts(Evidence(Subject("vyx-app", "91850296bd4738"), NOW, {"E03": observation}))


def made(slug: str, *points: Point | Conclusion, stage: Stage = Stage.START, **more: object) -> CauseInfo:
    def rule(_: Facts) -> Iterator[Point | Conclusion]:
        yield from points

    return CauseInfo(slug, slug, "test", stage, rule, Remedy("t", "w"), "test {app}", **more)  # type: ignore[arg-type]


def test_the_top_of_the_graph_is_the_cause_and_the_rest_contributes() -> None:
    deep = made("deep", confirms("p", "E03"), explains=("gone",))
    gone = made("gone", confirms("p", "E03"), stage=Stage.SCOPE)
    general = made("general", confirms("p", "E03"))
    special = made("special", confirms("p", "E03"), is_a="general", stage=Stage.LIFE)
    ledger = weigh(facts(), [gone, deep, special, general])
    assert ledger.top is not None
    assert ledger.top.info.slug == "deep"
    assert [e.info.slug for e in ledger.contributing] == ["gone", "special"]


def test_a_guess_that_bites_earlier_goes_before_a_proof_that_bites_later() -> None:
    ledger = weigh(facts(), [made("late", confirms("p", "E03"), stage=Stage.LIFE), made("early", FOR)])
    assert ledger.top is not None
    assert (ledger.top.info.slug, ledger.top.hypothesis.status) == ("early", Status.LIKELY)


def test_two_equal_guesses_stay_open_and_name_their_tests() -> None:
    ledger = weigh(facts(), [made("one", FOR), made("two", FOR)])
    assert ledger.top is None
    assert [e.hypothesis.next_test for e in ledger.tied] == ["test vyx-app", "test vyx-app"]
    assert ledger.contributing == ()


def test_what_bars_the_way_is_no_cause_while_the_machine_is_not_known_to_run() -> None:
    ledger = weigh(facts(), [made("way", confirms("p", "E03"), stage=Stage.REACH)])
    assert ledger.top is None
    assert [e.info.slug for e in ledger.contributing] == ["way"]


def test_a_broken_rule_costs_only_itself_and_is_named() -> None:
    def broken(_: Facts) -> Iterator[Point]:
        raise KeyError("nonsense")

    fault = CauseInfo("broken", "b", "test", Stage.START, broken, Remedy("t", "w"), "")
    ledger = weigh(facts(), [fault, made("good", confirms("p", "E03"))])
    assert ledger.top is not None
    assert ledger.top.info.slug == "good"
    assert "broken" in ledger.faults[0]


def test_a_refuted_cause_is_told_by_its_title_not_by_its_statement() -> None:
    ledger = weigh(facts(), [made("no", refutes("r", "E03"), concludes("It was so."))])
    assert ledger.entries[0].hypothesis.statement == "no"


def test_unknown_names_stand_in_capitals_and_known_ones_are_quoted_for_the_shell() -> None:
    remedy = filled(Remedy("t {app}", "w", ("fly x {image} -a {app} -r {region}",)), {"app": "a", "image": "i; rm -rf"})
    assert remedy.commands == ("fly x 'i; rm -rf' -a a -r REGION",)
    assert remedy.title == "t a"


def test_the_catalogue_is_sound() -> None:
    known = catalogue()
    for info in known.values():
        assert info.doc
        assert info.title
        assert info.remedy.title
        assert info.next_test
        assert {*info.explains, *filter(None, (info.is_a,))} <= set(known), info.slug
        assert info.slug not in info.explains
