"""What Fly tells an owner about a host, and sentences that say no more than was seen."""

from __future__ import annotations

import pytest

from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.verdict import diagnose
from tests.incidents.converting import evidence_of


def _diagnosed(*lines: str, machine: str = "", state: str = "stopped") -> Diagnosis:
    shown = {"logs": list(lines), "machine": {"id": machine, "state": state} if machine else None}
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


REPEAT = "Have the caller repeat the create call"


@pytest.mark.parametrize(
    ("line", "repeats"),
    [
        ("Error: failed to launch VM: aborted: no capacity in iad", True),
        ("Error Release command failed, deployment aborted", False),
        ("Error: failed to update VM 148e2900a00948: aborted: no capacity", False),
        ('[PM01] machines API returned an error: "machine ID 148e2900a00948 lease currently held by x@y.z"', False),
        ("Error: failed to start VM 148e2900a00948: machine getting replaced, refusing to start", False),
    ],
)
def test_only_a_call_that_makes_a_machine_is_to_be_repeated(line: str, repeats: bool) -> None:
    assert (REPEAT in [remedy.title for remedy in _diagnosed(line).remedies]) is repeats


def test_the_machine_of_a_release_command_runs_no_old_release() -> None:
    found = _diagnosed(
        "\t Starting instance",
        "\t Preparing to run: `launcher bundle exec rails db:migrate` as heroku",
        "\t LoadError: sqlite3 is not part of the bundle. Add it to your Gemfile.",
        "Error Release command failed, deployment aborted",
    )
    assert found.headline == "The release failed: The release command failed."


def test_a_hostname_is_told_to_resolve_only_where_that_was_seen() -> None:
    line = "could not find a good candidate within 90 attempts at load balancing"
    found = _diagnosed(line, machine="148e9993a0e1d8", state="started")
    assert found.cause is not None
    assert "resolves" not in found.cause.statement
