"""A machine that is meant to end: what verifies its fix is its output and exit code 0, and not that it stays up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from shared_evidence import play

from runbooks.diagnose.checks import Review
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fix_checks import checks, closing
from runbooks.diagnose.model import Answer, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.diagnose.verification import is_a_job
from runbooks.evidence.models import Evidence

Config = dict[str, Any]


def configured(evidence: Evidence, change: Callable[[Config], Config]) -> Evidence:
    """The same evidence, each config changed, and no URL known."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            done = {key: walk(one) for key, one in value.items()}
            return change(done) if "image" in done and "guest" in done else done
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(walk(one) for one in value)
        if is_dataclass(value) and not isinstance(value, type):
            return type(value)(**{f.name: walk(getattr(value, f.name)) for f in fields(value) if f.init})
        return value

    found: Evidence = walk(evidence)
    return replace(found, subject=replace(found.subject, websocket_url=""))


def without(*names: str, **more: Any) -> Callable[[Config], Config]:
    return lambda config: {key: one for key, one in config.items() if key not in names} | more


@pytest.mark.parametrize(
    ("change", "job"),
    [
        (without("services"), True),
        (without("services", "auto_destroy", restart={"policy": "no"}), True),
        (without("services", "auto_destroy", schedule="daily"), True),
        (without("services", "auto_destroy", "restart"), None),
        (without("services", restart={"policy": "always"}), False),
        (without(), False),
    ],
)
def test_what_is_a_job(change: Callable[[Config], Config], job: bool | None) -> None:
    evidence = configured(play("exited-normally"), change)
    assert is_a_job(Facts(evidence)) is job
    titles = [one.title for one in diagnose(evidence).verification]
    wanted = {
        True: "The job starts, ends with exit code 0, and its output is there",
        None: "The machine stays up, or its job ends with exit code 0",
        False: "The machine stays up",
    }
    assert wanted[job] in titles


def test_a_job_that_has_ended_well_closes_the_incident() -> None:
    """`verify_fix` asks of it what the report asks for."""
    evidence = configured(play("exited-normally"), without("services"))
    review = Review(checks(evidence, skip=("endpoint", "row")))
    held = {check.slug: check.holds for check in review.made}
    assert held["running"] is held["listed"] is Answer.YES
    assert closing(diagnose(evidence), review, "").verdict is Verdict.HEALTHY


@pytest.mark.parametrize("name", ["bad-command", "exited-normally"])
def test_no_other_end_does(name: str) -> None:
    """Code 127 of a job, and code 0 of a server."""
    change = without("services") if name == "bad-command" else without()
    evidence = configured(play(name), change)
    review = Review(checks(evidence, skip=("endpoint", "row")))
    assert "running" in {check.slug for check in review.failed}
    assert closing(diagnose(evidence), review, "").verdict is Verdict.INCIDENT
