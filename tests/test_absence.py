"""A "no" is repeated where the platform lags, has its scope said, and is never made of "could not look"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runbooks.collect.collector import Collector
from runbooks.collect.context import Target
from runbooks.collect.source import Source
from runbooks.collect.transport import RawAnswer
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Answer, Status
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Outcome
from runbooks.report.conclusions import so_far
from runbooks.report.overview import searched
from runbooks.report.steps import logs

NOW = datetime(2025, 10, 2, 3, 0, 30, tzinfo=UTC)
ID = "91850296bd4738"
LIVE = {
    "id": ID,
    "name": "vyx-63eea370",
    "state": "started",
    "region": "sin",
    "created_at": "2025-10-02T03:00:20Z",
    "config": {"image": "registry.fly.io/vyx-app:latest"},
}
GONE = (404, {"error": "machine not found"})
TOKEN = (200, {"tokens": [{"org_slug": "vyx", "organization": "o1", "apps": []}]})
NARROW = (200, {"tokens": [{"org_slug": "vyx", "organization": "o1", "apps": ["vyx-app"]}]})
APP = (200, {"id": "a1", "name": "vyx-app", "status": "deployed", "organization": {"slug": "vyx"}, "machine_count": 1})


class Told:
    """A transport that answers from a table: path → answers in turn, the last one for ever."""

    def __init__(self, table: Mapping[str, list[tuple[int, Any]]]) -> None:
        self.table = {path: list(answers) for path, answers in table.items()}
        self.asked: list[str] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], seconds: float) -> RawAnswer:
        path = url.split("/v1/")[-1] if "/v1/" in url else url.split("//")[-1]
        self.asked.append(path)
        answers = self.table.get(path, [(404, {"error": "not found"})])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return RawAnswer(status, {"content-type": "application/json"}, json.dumps(body).encode())

    def close(self) -> None: ...


def looked(
    table: Mapping[str, list[tuple[int, Any]]], given: Target | None = None, **more: Any
) -> tuple[Evidence, Told, list[float]]:
    source = Source("live", "fm2_dGVzdA", "", "", {}, {"*:*": "nxdomain"}, "", {}, "", "", now=lambda: NOW, **more)
    base = {"tokens/current": [TOKEN], "apps/vyx-app": [APP], "apps/vyx-app/ip_assignments": [(200, {"ips": []})]}
    told, pauses = Told({**base, **table}), []
    survey = Collector(given or Target("vyx-app", ID), source, transport=told, sleep=pauses.append)
    return survey.run(), told, pauses


def test_a_list_that_lags_is_read_again_and_both_reads_are_kept() -> None:
    evidence, _, pauses = looked(
        {
            f"apps/vyx-app/machines/{ID}": [(200, LIVE)],
            "apps/vyx-app/machines": [(200, []), (200, [LIVE])],
            "apps/vyx-app/machines?include_deleted=true": [(200, [LIVE])],
        }
    )
    assert pauses == [5.0]
    assert evidence.observations["E05"].answer.machines == ()
    assert [m.id for m in evidence.observations["E05b"].answer.machines] == [ID]
    view = next(v for v in diagnose(evidence).visibility if v.view.startswith("list of vyx-app"))
    assert (view.sees, view.evidence) == (Answer.YES, ("E05b",))


def test_where_time_stands_still_nobody_waits_for_a_list_to_follow() -> None:
    table = {f"apps/vyx-app/machines/{ID}": [(200, LIVE)], "apps/vyx-app/machines": [(200, []), (200, [LIVE])]}
    evidence, _, pauses = looked(table, still=True)
    assert pauses == []
    assert evidence.observations["E05b"].outcome is Outcome.SEEN


def test_a_404_is_asked_twice_before_nothing_shows_the_machine() -> None:
    evidence, told, _ = looked({f"apps/vyx-app/machines/{ID}": [GONE], "apps/vyx-app/machines": [(200, [])]})
    assert told.asked.count(f"apps/vyx-app/machines/{ID}") == 2
    assert evidence.observations["E03b"].outcome is Outcome.ABSENT
    diagnosis = diagnose(evidence)
    assert diagnosis.cause is None
    told_by = searched(Facts(evidence), diagnosis)
    assert "0 of" in " ".join(told_by.notes)
    assert "The token reads every app of its organisation" in " ".join(told_by.notes)
    row = told_by.table[told_by.table["evidence"] == "E03b"].iloc[0] if told_by.table is not None else {}
    assert row["where"].endswith(f"/machines/{ID}"), "one request"


def test_a_token_for_one_app_cannot_prove_that_no_other_app_has_it() -> None:
    evidence, _, _ = looked(
        {
            "tokens/current": [NARROW],
            f"apps/vyx-app/machines/{ID}": [GONE],
            "apps/vyx-app/machines": [(200, [])],
            "orgs/vyx/machines?include_deleted=true&limit=1000": [(200, {"machines": [], "error_regions": []})],
        }
    )
    wrong = next(h for h in diagnose(evidence).hypotheses if h.slug == "wrong-app")
    assert wrong.status is Status.OPEN
    assert not wrong.against
    assert "limited to single apps" in wrong.missing[0].text
    assert "reads only vyx-app" in " ".join(searched(Facts(evidence), diagnose(evidence)).notes)


def test_a_region_that_did_not_answer_is_no_absence() -> None:
    evidence, _, _ = looked(
        {
            f"apps/vyx-app/machines/{ID}": [GONE],
            "apps/vyx-app/machines": [(200, [])],
            "orgs/vyx/machines?include_deleted=true&limit=1000": [(200, {"machines": [], "error_regions": ["sin"]})],
        }
    )
    diagnosis = diagnose(evidence)
    view = next(v for v in diagnosis.visibility if v.view.startswith("organisation"))
    assert view.sees is Answer.COULD_NOT_LOOK
    assert "sin" in view.state
    assert not next(h for h in diagnosis.hypotheses if h.slug == "wrong-app").against


def test_a_missing_tag_is_looked_at_twice_when_no_machine_is_known() -> None:
    image = "registry.fly.io/vyx-app:latest"
    missing = (404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]})
    path = "registry.fly.io/v2/vyx-app/manifests/latest"
    given = Target("vyx-app", machine_name="vyx-63eea370", image=image)
    evidence, told, pauses = looked({"apps/vyx-app/machines": [(200, [])], path: [missing]}, given)
    # GET; then, after a pause, HEAD and, because the "no" of a HEAD carries no code, GET.
    assert told.asked.count(path) == 3
    assert 2.0 in pauses
    assert evidence.observations["E09b"].outcome is Outcome.ABSENT


def test_an_incident_older_than_the_logs_says_so_at_once() -> None:
    evidence, _, _ = looked({f"apps/vyx-app/machines/{ID}": [(200, LIVE)], "apps/vyx-app/machines": [(200, [LIVE])]})
    fresh = " ".join(so_far(evidence, diagnose(evidence)).notes)
    assert "no longer kept" not in fresh
    old = replace(evidence, looked_at=NOW + timedelta(days=8))
    diagnosis = diagnose(old)
    assert "logs of that time are no longer kept" in " ".join(so_far(old, diagnosis).notes)
    assert "An empty log proves nothing" in " ".join(logs(Facts(old), diagnosis).notes)
