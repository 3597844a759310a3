"""The evidence as files: everything that was asked, failures included, and nothing that was sent along."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from runbooks.base.facets import Facet
from runbooks.evidence import bundle, tables
from runbooks.evidence.models import (
    Evidence,
    Exchange,
    Exit,
    Image,
    LogLine,
    Machine,
    Observation,
    Outcome,
    Reason,
    Record,
    Refusal,
    Resolution,
    Subject,
)
from runbooks.evidence.parsers import events_of
from runbooks.evidence.redaction import Hit

AT = datetime(2025, 10, 2, 3, 0, 11, 250_000, UTC)
CIRCUMSTANCES = bundle.ReplayContext((AT,), "macaroon", ("registry.fly.io",), True, {"jwt": 2})
URL = "https://api.machines.dev/v1/apps/vyx-app/machines?include_deleted=true"


def exchange(**more: object) -> Exchange:
    told: dict[str, object] = {
        "facet": "E05",
        "method": "GET",
        "url": URL,
        "at": AT,
        "status": 200,
        "body": "[]",
        "sha256": "0" * 64,
        "headers": (("content-type", "application/json"),),
    }
    return Exchange(**{**told, **more})  # type: ignore[arg-type]


def evidence() -> Evidence:
    failed = exchange(status=None, body="", error="no answer within 10 s", headers=(), attempt=1)
    observations = {
        "E05": Observation(Facet.LIST, Outcome.SEEN, "none", AT, None, (failed, exchange(attempt=2))),
        "E12": Observation(Facet.DNS_APP, Outcome.SEEN, "resolves", AT, Resolution("a.fly.dev", "NOERROR")),
        "E13": Observation(Facet.DNS_BELIEVED, Outcome.COULD_NOT_LOOK, "no URL", AT),
    }
    return Evidence(Subject("vyx-app"), AT, observations)


def test_one_file_of_exchanges_and_one_for_each_other_look() -> None:
    hits, parameters = [Hit("jwt", "E03 body", 2)], {"app_name": "vyx-app"}
    files = bundle.files(evidence(), CIRCUMSTANCES, hits, parameters, "machine_not_visible", "1.2")
    assert set(files) == {"http.har", "E12-dns-app.json", "redactions.json", "index.json"}
    assert json.loads(files["E12-dns-app.json"])["answer"]["host"] == "a.fly.dev"
    assert json.loads(files["redactions.json"]) == {"masked": [{"rule": "jwt", "place": "E03 body", "count": 2}]}
    index = json.loads(files["index.json"])
    assert index["format"] == bundle.FORMAT
    assert index["looked_at"] == "2025-10-02T03:00:11.250000Z"
    assert [(observation["number"], observation["outcome"], observation["file"]) for observation in index["looks"]] == [
        ("E05", "seen", "http.har"),
        ("E12", "seen", "E12-dns-app.json"),
        ("E13", "could-not-look", None),
    ]
    for name, digest in index["sha256"].items():
        assert hashlib.sha256(files[name].encode()).hexdigest() == digest


def test_every_attempt_is_an_entry_and_a_failure_has_status_0() -> None:
    har = json.loads(bundle.files(evidence(), CIRCUMSTANCES, [], {}, "r", "1.2")["http.har"])["log"]
    assert har["version"] == "1.2"
    failed, answered = har["entries"]
    assert failed["response"]["status"] == 0
    assert failed["_error"] == "no answer within 10 s"
    assert answered["response"]["status"] == 200
    assert answered["response"]["statusText"] == "OK"
    assert "_error" not in answered
    assert answered["_attempt"] == 2
    assert answered["request"]["queryString"] == [{"name": "include_deleted", "value": "true"}]
    assert answered["request"]["headers"] == answered["request"]["cookies"] == []
    assert answered["response"]["content"]["text"] == "[]"


def test_catalogue_numbers_are_fixed() -> None:
    assert [facet.value for facet in Facet if not facet.is_repeat] == [f"E{n:02d}" for n in range(1, 37)]
    assert (Facet.TOKEN, Facet.MACHINE, Facet.CALLER) == ("E01", "E03", "E19")


def test_tables_hold_text_and_never_none() -> None:
    events = events_of(
        [{"type": "exit", "timestamp": 1759374011250, "request": {"exit_event": {"exit_code": 1}}}, "unreadable"]
    )
    frames = [
        tables.machines([Machine("1"), Machine("2", "n", created_at=AT)], "2"),
        tables.events([(event, "E04") for event in events]),
        tables.log([LogLine(AT, "m"), LogLine(None, "undated")]),
        tables.image(
            [("believed", Image("r", False)), ("ran", Image("r", None, refusal=Refusal(401, ""))), ("x", None)]
        ),
        tables.record(Record("t", row={"b": None, "a": 1})),
        tables.observations(evidence()),
    ]
    for frame in frames:
        assert len(frame) > 0
        assert all(isinstance(cell, str) and cell not in ("None", "nan") for row in frame.to_numpy() for cell in row)
    assert tables.clock(AT) == "03:00:11.250"
    assert list(frames[0][""]) == ["", "→"]
    assert list(frames[3]["exists"]) == ["no", "could not tell", "could not tell"]
    assert Exit().exit_code is None


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"code": "not-given", "reason": "said otherwise one day"}, Reason.NOT_GIVEN),
        ({"code": "of-a-newer-release", "reason": "no token: set FLY_API_TOKEN"}, Reason.NONE),
        ({"reason": "no URL of the caller is known (parameter websocket_url)"}, Reason.NOT_GIVEN),
        ({"reason": "no database is configured: set RUNBOOKS_RECORDS_URL"}, Reason.NOT_CONFIGURED),
        ({"reason": "no token: set FLY_API_TOKEN, for example"}, Reason.NO_TOKEN),
        ({"reason": "Fly did not answer within 10 s"}, Reason.NONE),
    ],
)
def test_why_one_could_not_look_is_kept_as_a_code(row: dict[str, str], code: Reason) -> None:
    """A bundle that has no codes is read by its sentences, and no later part reads a sentence."""
    whole = {"facet": "dns-app", "outcome": "could-not-look", "file": None, **row}
    assert bundle._recorded(whole, lambda _: "").code is code
