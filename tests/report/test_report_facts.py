"""What the first screen says in one line, and what is said once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from played import SCENARIOS, demo, judged, played
from report_samples import empty

from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.config_audit import audit
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Unchecked
from runbooks.diagnose.visibility import reading
from runbooks.evidence.models import Outcome
from runbooks.report import facts


@pytest.mark.parametrize(
    ("scenario", "impact", "proof"),
    [
        (
            "vyx-missing-environment",
            "Machine destroyed since 03:00:28 UTC; the WebSocket connection fails at DNS; no other machine of the app ",
            "2025-10-02 03:00:17 UTC, program log: “[Main] Missing required environment variables: ",
        ),
        (
            "stuck-in-transition",
            "Machine in state created since 06:10:02 UTC; the caller's wait for the machine failed: deadline_exceeded",
            "It has been in ",
        ),
        (
            "bad-command",
            "Machine destroyed since 12:10:15 UTC; the WebSocket connection fails at upgrade; the app has",
            "",
        ),
        ("destroyed-by-deploy", "Machine destroyed since 15:02:41 UTC; 2 other machines of the app run", ""),
        ("stuck-in-replacing", "Machine replacing since 16:04:29 UTC; ", ""),
        ("canary-both-fail", "Machine destroyed since 2026-06-02 06:31:00 UTC; the app has no other machine", ""),
        ("gone-eight-days", "The app's list does not show the machine; the app has no other machine", ""),
        ("wrong-hostname", "Machine started since 20:00:06 UTC; the WebSocket connection fails at DNS", ""),
        ("healthy", "None found", "The machine exists, and every list that could be read shows it"),
    ],
)
def test_impact_and_proof_in_one_line(scenario: str, impact: str, proof: str) -> None:
    report = played(scenario)
    assert facts.impact_in_brief(report).startswith(impact)
    told = facts.proof(report)
    assert told is not None
    assert told.text.startswith(proof)
    assert told.evidence


def test_an_impact_that_nobody_saw_is_not_known() -> None:
    assert facts.impact_in_brief(empty()) == "Not known"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_prevention_says_nothing_twice(scenario: str) -> None:
    diagnosis = played(scenario).diagnosis
    titles = [remedy.title for remedy in diagnosis.prevention]
    assert len(titles) == len(set(titles))
    found = {diagnosis.cause.slug} if diagnosis.cause else set()
    found |= {finding.slug for finding in diagnosis.chain}
    for habit in audit(Facts(played(scenario).evidence)):
        assert set(habit.said_by) <= catalogue().keys()
        assert not (habit.remedy in diagnosis.prevention and found & set(habit.said_by)), habit.remedy.title


def test_a_reason_is_given_once() -> None:
    diagnosis = replace(
        demo().diagnosis,
        not_checked=(Unchecked("a", "x"), Unchecked("b", "y"), Unchecked("c", "x"), Unchecked("d", "x", gap=False)),
    )
    assert facts.unchecked(diagnosis, gap=True) == [("x", ["a", "c"]), ("y", ["b"])]
    assert facts.unchecked(diagnosis, gap=False) == [("x", ["d"])]


def test_the_views_are_counted_in_one_way() -> None:
    diagnosis = played("vyx-missing-environment").diagnosis
    assert [(len(views), words) for _, words, views in facts.views(diagnosis)] == [
        (4, "show it"), (3, "indirect (no proof)"), (5, "do not show it"), (4, "derived from these"),
            (2, "not applicable"),
    ]  # fmt: skip


def test_lists_that_were_not_read_show_nothing() -> None:
    report = played("stuck-in-transition")
    assert any("the list shows no other machine" in claim.text for claim in facts.impact(report))
    kept = {n: o for n, o in report.evidence.observations.items() if n not in ("E05", "E05b", "E06", "E08")}
    blind = replace(report.evidence, observations=kept)
    assert "every list" not in reading(Facts(blind)).text
    told = [claim.text for claim in facts.impact(replace(report, evidence=blind))]
    assert not any("no other machine" in text for text in told)
    assert any(text.startswith("Not known: whether other machines") for text in told)


@pytest.mark.parametrize("number", ["E03", "E06"])
def test_only_a_machine_that_was_looked_for_may_have_ended_as_intended(number: str) -> None:
    report = played("gone-without-trace")
    assert facts.still_possible(report)[0] == "It ended as intended"
    evidence = report.evidence
    unasked = replace(evidence.observations[number], outcome=Outcome.COULD_NOT_LOOK, reason="not asked", answer=None)
    blind = judged(replace(evidence, observations={**evidence.observations, number: unasked}), drawn=False)
    assert "It ended as intended" not in facts.still_possible(blind)
    assert facts.closing_rule(blind.diagnosis) != facts.closing_rule(report.diagnosis)
    assert not [one for one in blind.diagnosis.prevention if "look sooner" in one.title]


@pytest.mark.parametrize(("state", "runs"), [("started", True), ("", True), ("stopped", False)])
def test_that_no_other_machine_runs_is_said_only_where_each_state_is_known(state: str, runs: bool) -> None:
    report = played("vyx-missing-environment")
    assert any(claim.text.endswith("No other machine of the app runs") for claim in facts.impact(report))
    alike = "2 ended alike (code 1)"
    assert facts.impact_in_brief(report).endswith(f"no other machine of the app runs, {alike}")
    looks = dict(report.evidence.observations)
    for number in ("E05", "E06"):
        machines = looks[number].answer.machines
        changed = tuple(replace(one, state=state) if one.id == "5683d920b1618e" else one for one in machines)
        looks[number] = replace(looks[number], answer=replace(looks[number].answer, machines=changed))
    told = facts.impact(replace(report, evidence=replace(report.evidence, observations=looks)))
    assert any(
        "2 of them last ended with the same code 1, the first at 2025-10-02 02:31 UTC" in claim.text for claim in told
    )
    assert any("No other machine of the app runs" in claim.text for claim in told) is not runs
    brief = facts.impact_in_brief(replace(report, evidence=replace(report.evidence, observations=looks)))
    assert ("1 other machine of the app runs" in brief) is (state == "started")
    assert ("no other machine of the app runs" in brief) is not runs
    assert (alike in brief) is (state != "")


def test_a_list_that_is_not_whole_says_nothing_of_other_machines() -> None:
    report = played("vyx-missing-environment", False)
    looks = dict(report.evidence.observations)
    looks["E05"] = replace(looks["E05"], answer=replace(looks["E05"].answer, complete=False))
    told = facts.impact_in_brief(replace(report, evidence=replace(report.evidence, observations=looks)))
    assert "other machine" not in told
