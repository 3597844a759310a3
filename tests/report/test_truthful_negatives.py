"""What was asked and has nothing left, an id that was received, and a row that nobody may expect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from played import judged, played

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Answer, ViewKey
from runbooks.diagnose.visibility import matrix
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Evidence, Outcome, Reason
from runbooks.report import facts, paste, status, writeup


def with_caller(evidence: Evidence, text: str) -> Evidence:
    look = replace(evidence.observations["E19"], outcome=Outcome.SEEN, answer=read_caller(text))
    return replace(evidence, observations={**evidence.observations, "E19": look})


def test_what_fly_has_deleted_was_asked() -> None:
    report = played("gone-without-trace", False)
    lost = [view for view in report.diagnosis.visibility if not view.kept]
    assert [view.key for view in lost] == [ViewKey.LOG]
    assert {status.of_view(view) for view in lost} == {"– nothing left"}
    groups = {words: views for _, words, views in facts.views(report.diagnosis)}
    assert set(lost) == set(groups["asked, nothing left"])
    assert not set(lost) & set(groups.get("not checked", ()))
    text = writeup.render(report)
    assert "**What did this machine print? (E07)**: asked, and no line of machine" in text
    assert "**What did this machine print?** asked, nothing left: no line" in text
    assert "**Not checked, or no longer kept by Fly:**" in text
    assert "not checked, or no longer kept (" in paste.block(report)


@pytest.mark.parametrize("code", [Reason.UNREACHABLE, Reason.INTERRUPTED, Reason.NO_TOKEN])
def test_what_could_not_be_asked_is_no_such_view(code: Reason) -> None:
    evidence = played("gone-without-trace", False).evidence
    look = replace(evidence.observations["E07"], code=code)
    views = matrix(Facts(replace(evidence, observations={**evidence.observations, "E07": look})))
    assert status.of_view(next(view for view in views if view.key is ViewKey.LOG)) == "? not checked"


@pytest.mark.parametrize(
    ("text", "sees", "state"),
    [
        ("", "", ""),
        ('{"id":"e4086b4a1174be","state":"created"}\nwait: HTTP 408 deadline_exceeded', Answer.YES, "status created"),
        (
            "pool: launched runner-arm-17 id=e4086b4a1174be\nwait: HTTP 408 deadline_exceeded",
            Answer.YES,
            "the id; later",
        ),
        ('{"success":false,"flyMachineId":"e4086b4a1174be","error":"not ready"}', Answer.YES, "the id; later"),
        ('{"error":"could not find a candidate host"}', Answer.NO, "could not find"),
    ],
)
def test_a_caller_that_received_an_id_was_answered(text: str, sees: Answer, state: str) -> None:
    evidence = played("stuck-in-transition", False).evidence
    views = matrix(Facts(with_caller(evidence, text) if text else evidence))
    view = next(view for view in views if view.key is ViewKey.CALLER)
    if text:
        assert view.sees is sees
        assert view.indirect is (sees is Answer.YES)
        assert state in view.state
    else:
        assert status.of_view(view) == "– indirect"
        assert view.state.startswith("received the id; later: deadline_exceeded")


def test_no_row_is_said_with_what_was_asked() -> None:
    told = [claim.text for claim in facts.impact(played("stuck-in-transition", False))]
    (row,) = [text for text in told if "database" in text]
    assert row.startswith("The database that was asked has no row (cloud_machines searched for e4086b4a1174be")
    assert row.endswith("whether the caller keeps one of each machine is not known")


def test_a_database_that_is_not_connected_is_not_said_to_hold_no_row() -> None:
    evidence = played("stuck-in-transition", False).evidence
    look = replace(
        evidence.observations["E14"],
        outcome=Outcome.COULD_NOT_LOOK,
        code=Reason.NOT_CONFIGURED,
        reason="no database is configured",
        answer=None,
    )
    report = judged(replace(evidence, observations={**evidence.observations, "E14": look}), False)
    told = [claim.text for claim in facts.impact(report)]
    assert "Not checked: whether a database row exists (no database is configured)" in told
    assert not any("no row" in text for text in told)
