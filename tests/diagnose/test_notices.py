"""What Fly tells an owner about a host, and how often a program ended where the log shows only the last of it."""

from __future__ import annotations

import pytest

from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of


def _diagnosed(*lines: str, machine: str = "") -> Diagnosis:
    shown = {"logs": list(lines), "machine": {"id": machine, "state": "stopped"} if machine else None}
    return diagnose(evidence_of({"evidence": shown, "date": "2026-03-09"}))


@pytest.mark.parametrize(
    "notice",
    [
        "We are performing emergency maintenance on a host some of your apps instances are running on in IAD.",
        "A host some of your app's machines are running on in FRA is currently offline.",
        "We are scheduling maintenance of the host that your machine 148e2900a00948 uses for Tuesday.",
        "A host where one of your machines runs lost its network; we are working on it.",
    ],
)
def test_a_notice_about_a_host_is_a_likely_cause_and_no_refusal(notice: str) -> None:
    found = _diagnosed("$ fly incidents hosts list", notice)
    assert found.cause is not None
    assert (found.cause.slug, found.cause.confidence) == ("host-unreachable", "likely")
    assert "refused" not in found.headline
    assert not any("create call" in remedy.title for remedy in found.remedies)


@pytest.mark.parametrize(
    "line",
    [
        "We are performing scheduled maintenance on the documentation site.",
        "Scheduled maintenance of the database host begins at noon",
        "WARN pick a host some of your services can reach",
    ],
)
def test_other_maintenance_is_no_notice(line: str) -> None:
    found = _diagnosed(line)
    assert found.cause is None or found.cause.slug != "host-unreachable"


def test_a_program_whose_restarts_are_used_up_did_not_end_once() -> None:
    end = "2026-03-20T09:12:05Z app[3d8d9301b20d89] fra [info] INFO Main child exited normally with code: 1"
    limit = "2026-03-20T09:12:06Z runner[3d8d9301b20d89] fra [info]machine has reached its max restart count of 10"
    found = _diagnosed(end, limit, machine="3d8d9301b20d89")
    assert "seen once (its restarts are used up)" in found.headline
    assert ", once" in _diagnosed(end, machine="3d8d9301b20d89").headline
