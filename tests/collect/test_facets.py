"""What each question makes of each answer: seen, proved absent, or could not look; never the wrong one of these."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.conftest import answer, bench
from runbooks.collect import logs, machines, metrics, resources, status
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult
from runbooks.evidence.models import Outcome, StatusFeed
from runbooks.evidence.parsers import listing_of

ID = "91850296bd4738"
AT = datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)
MACHINE = {"id": ID, "name": "vyx-63eea370", "state": "destroyed", "region": "sin"}
STEPS: dict[str, Callable[[Client], FacetResult]] = {
    "token": machines.token,
    "app": lambda client: machines.app(client, "vyx-app"),
    "machine": lambda client: machines.machine(client, "vyx-app", ID),
    "events": lambda client: machines.events(client, "vyx-app", ID),
    "list": lambda client: machines.listing(client, "vyx-app", deleted=False),
    "list-deleted": lambda client: machines.listing(client, "vyx-app", deleted=True),
    "organisation": lambda client: machines.organisation(client, "vyx"),
    "addresses": lambda client: machines.addresses(client, "vyx-app"),
    "certificates": lambda client: resources.certificates(client, "vyx-app"),
    "processes": lambda client: resources.processes(client, "vyx-app", ID),
    "secrets": lambda client: resources.secrets(client, "vyx-app"),
    "versions": lambda client: resources.versions(client, "vyx-app", ID),
    "volumes": lambda client: resources.volumes(client, "vyx-app"),
    "metrics": lambda client: metrics.metrics(client, "vyx", "vyx-app", ID, AT, AT + timedelta(hours=1)),
    "logs": lambda client: logs.logs(client, "vyx-app", ID, None),
    "status": lambda client: status.status(client, True, AT, AT),
}
GOOD: dict[str, Any] = {
    "token": {"tokens": [{"organization": "Vyx", "org_slug": "vyx", "apps": []}]},
    "app": {"id": "x", "name": "vyx-app", "status": "deployed", "organization": {"slug": "vyx"}},
    "machine": MACHINE,
    "events": [{"type": "launch", "timestamp": 1759374011000}],
    "list": [MACHINE],
    "list-deleted": [MACHINE],
    "organisation": {"machines": [{**MACHINE, "app_name": "vyx-app"}]},
    "addresses": {"ips": [{"ip": "66.241.125.88", "shared": True}]},
    "certificates": {"certificates": [{"hostname": "rooms.example", "status": "active", "configured": True}]},
    "processes": [{"pid": 9, "command": "node", "listen_sockets": [{"proto": "tcp", "address": "[::]:8080"}]}],
    "secrets": {"secrets": [{"name": "A_KEY", "digest": "c0ffee", "created_at": "2025-10-02T02:00:00Z"}]},
    "versions": [{"version": "01K6J0W0000000000000000000", "user_config": {"image": "registry.fly.io/vyx-app:1"}}],
    "volumes": [{"id": "vol_1", "region": "sin", "attached_machine_id": None}],
    "metrics": {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [
                {"metric": {"__name__": "fly_instance_up", "instance": ID}, "values": [[1759374060, "1"]]},
            ],
        },
    },
    "logs": {"data": [{"attributes": {"timestamp": "2025-10-02T03:00:12Z", "message": "m", "instance": ID}}]},
    "status": {"incidents": [{"name": "API errors", "status": "open", "started_at": "2025-10-02T02:00:00Z"}]},
}


def ask(name: str, *script: Any) -> FacetResult:
    stand = bench(list(script))
    stand.client.allowed_urls = frozenset({status.LOGICAL})
    return STEPS[name](stand.client)


@pytest.mark.parametrize("name", STEPS)
def test_the_documented_answer_is_seen(name: str) -> None:
    found = ask(name, answer(GOOD[name]))
    assert found.outcome is Outcome.SEEN
    assert found.answer is not None
    assert found.reason


def test_what_the_good_answers_say() -> None:
    said = {name: ask(name, answer(GOOD[name])).reason for name in STEPS}
    assert said["token"] == "a token of kind macaroon that reads organisation vyx, all its apps"
    assert said["app"] == "the app vyx-app exists in organisation vyx, status deployed"
    assert said["machine"] == f"machine {ID} (vyx-63eea370) is destroyed in sin"
    assert said["events"] == "1 events"
    assert said["list"] == "the machines of vyx-app: 1 machine"
    assert said["list-deleted"] == "the machines of vyx-app, destroyed ones included: 1 machine"
    assert said["addresses"] == "addresses of vyx-app: 66.241.125.88 (shared)"
    assert said["certificates"] == "the certificates of vyx-app: rooms.example (active)"
    assert said["processes"] == f"the processes of {ID}: 1 process, listening on tcp [::]:8080"
    assert said["secrets"] == "the secrets of vyx-app: A_KEY"
    assert said["versions"] == (f"the versions of {ID}: 01K6J0W0000000000000000000 (registry.fly.io/vyx-app:1)")
    assert said["volumes"] == "the volumes of vyx-app: vol_1 in sin (not attached)"
    assert said["metrics"] == (
        f"1 series of machine {ID}, 2025-10-02 03:01 to 2025-10-02 03:01 UTC, one value every 60 s; the "
        "last one is repeated for up to 5 minutes, also after the machine has ended"
    )
    assert said["status"] == "API errors (open)"


ABSENT_WITH_404 = {"app", "machine", "events", "logs"}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("status_", [400, 401, 403, 404, 408, 429, 500, 502])
def test_refusals_are_absences_only_where_a_404_in_json_says_so(name: str, status_: int) -> None:
    found = ask(name, answer({"error": "because"}, status_))
    if status_ == 404 and name in ABSENT_WITH_404:
        assert found.outcome is Outcome.ABSENT
    elif status_ == 401 and name == "token":
        assert (found.outcome, found.answer.valid) == (Outcome.SEEN, False)
    else:
        assert found.outcome is Outcome.COULD_NOT_LOOK
        assert f"HTTP {status_}" in found.reason
    assert "because" in found.reason


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("body", ["404 page not found\n", "<html>nginx</html>", ""])
def test_a_404_that_is_no_json_proves_nothing(name: str, body: str) -> None:
    assert ask(name, answer(body.encode(), 404)).outcome is Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "null",
        "3",
        "true",
        '"text"',
        "[1]",
        "{}",
        '{"machines": 1, "tokens": {}, "data": "x", "ips": null, "incidents": 0, "certificates": 1, "secrets": 2}',
    ],
)
def test_a_success_of_another_shape_is_not_read_as_something(name: str, body: str) -> None:
    found = ask(name, answer(body))
    if body == "[1]" and name in ("events", "list", "list-deleted"):
        # A list it is: its odd entry is shown, or makes the list incomplete.
        assert found.outcome is Outcome.SEEN
        assert name == "events" or not found.answer.complete
    else:
        assert found.outcome is Outcome.COULD_NOT_LOOK
        assert "not the documented JSON" in found.reason


def test_another_resource_is_not_taken_for_the_machine() -> None:
    for body in ({"id": "vol_9vw681egy1jj5xm4", "state": "created"}, {"certificates": []}, {"ok": True}):
        assert ask("machine", answer(body)).outcome is Outcome.COULD_NOT_LOOK


def test_regions_that_did_not_answer_and_pages_that_were_not_read_are_said() -> None:
    found = ask("organisation", answer({"machines": [], "error_regions": ["gru", "sin"], "next_cursor": "x"}))
    assert "no answer from gru, sin" in found.reason
    assert "which was not read" in found.reason
    assert not found.answer.complete


def test_fifty_events_may_not_be_all() -> None:
    assert "older ones may exist" in ask("events", answer([{"type": "start"}] * 50)).reason


def test_a_machine_is_found_by_its_id_or_as_the_latest_of_its_name() -> None:
    listing = listing_of(
        [
            {"id": "1", "name": "n", "created_at": "2025-10-01T00:00:00Z"},
            {"id": "2", "name": "n", "created_at": "2025-10-02T00:00:00Z"},
            {"id": "3", "name": "n"},
        ]
    )
    by_name = machines.by_id_or_name(listing, "", "n")
    assert by_name is not None
    assert by_name.id == "2"
    by_id = machines.by_id_or_name(listing, "1", "n")
    assert by_id is not None
    assert by_id.id == "1"
    assert machines.by_id_or_name(listing, "4", "n") is None
    assert machines.by_id_or_name(listing, "", "") is None


# Logs.


def lines(first: int, count: int, instance: str = ID) -> dict[str, Any]:
    rows = [
        {"attributes": {"timestamp": f"2025-10-02T03:00:{n % 60:02d}Z", "message": f"line {n}", "instance": instance}}
        for n in range(first, first + count)
    ]
    return {"data": rows, "meta": {"next_token": f"175937401100000{first + count:04d}"}}


def test_log_pages_are_followed_by_an_opaque_cursor() -> None:
    stand = bench([answer(lines(0, 100)), answer(lines(99, 100)), answer(lines(199, 3))])
    found = logs.logs(stand.client, "vyx-app", ID, AT)
    assert len(found.answer.lines) == 202
    assert not found.answer.cut
    first, second, _ = stand.transport.urls
    assert first == f"https://api.fly.io/api/v1/apps/vyx-app/logs?instance={ID}&next_token=1759374011000000000"
    assert second.endswith("next_token=1759374011000000100")
    assert [x.url for x in stand.client.take("x")] == stand.transport.urls


def test_three_pages_are_the_most() -> None:
    stand = bench([answer(lines(n, 100)) for n in (0, 100, 200, 300)])
    found = logs.logs(stand.client, "vyx-app", ID, None)
    assert (len(found.answer.lines), found.answer.cut, len(stand.transport.sent)) == (300, True, 3)
    assert "more exist" in found.reason


def test_a_cursor_that_does_not_move_ends_the_reading() -> None:
    stand = bench([answer(lines(0, 100))])
    found = logs.logs(stand.client, "vyx-app", ID, None)
    assert len(stand.transport.sent) == 2
    assert len(found.answer.lines) == 100


def test_lines_of_other_instances_are_counted_and_left_out() -> None:
    both = lines(0, 2)
    both["data"] += lines(2, 3, "22222222222222")["data"]
    found = ask("logs", answer(both))
    assert (len(found.answer.lines), found.answer.foreign) == (2, 3)
    foreign = ask("logs", answer(lines(0, 3, "22222222222222")))
    assert (foreign.outcome, foreign.answer.foreign) == (Outcome.ABSENT, 3)
    assert ask("logs", answer({"data": []})).outcome is Outcome.ABSENT


def test_equal_lines_of_one_page_are_all_kept() -> None:
    same = lines(0, 1)
    same["data"] *= 3
    assert len(ask("logs", answer(same)).answer.lines) == 3


@pytest.mark.slow
def test_a_server_that_sends_a_thousand_times_what_was_asked_for() -> None:
    """Comparing each line with each would not end."""
    stand = bench([answer(lines(n, 5_000)) for n in (0, 5_000, 10_000)])
    assert len(logs.logs(stand.client, "vyx-app", ID, None).answer.lines) == 15_000


# The status feed.


@pytest.mark.parametrize(
    ("started", "resolved", "near"),
    [
        (-60, None, True),
        (-60, -30, True),
        (-300, -130, False),
        (-300, -110, True),
        (110, None, True),
        (130, None, False),
        (None, None, True),
    ],
)
def test_incidents_within_two_hours_count(started: int | None, resolved: int | None, near: bool) -> None:
    def at(minutes: int | None) -> str | None:
        return None if minutes is None else (AT + timedelta(minutes=minutes)).isoformat()

    found = ask(
        "status", answer({"incidents": [{"name": "n", "started_at": at(started), "resolved_at": at(resolved)}]})
    )
    assert found.outcome is (Outcome.SEEN if near else Outcome.ABSENT)
    assert len(found.answer.incidents) == near


def test_the_feed_may_be_switched_off_or_empty() -> None:
    stand = bench([answer({"incidents": []})])
    assert status.status(stand.client, False, AT, AT).outcome is Outcome.COULD_NOT_LOOK
    assert stand.transport.sent == []
    assert ask("status", answer({"incidents": []})).answer == StatusFeed()


def test_a_feed_that_may_not_reach_back_does_not_say_that_there_was_nothing() -> None:
    later = {"name": "n", "started_at": (AT + timedelta(days=15)).isoformat(), "resolved_at": None}
    long_over = {name: (AT - timedelta(days=2)).isoformat() for name in ("started_at", "resolved_at")}
    blind, no = Outcome.COULD_NOT_LOOK, Outcome.ABSENT
    for incidents, outcome in (([], blind), ([later], blind), ([later, {"name": "n", **long_over}], no)):
        stand = bench([answer({"incidents": incidents})])
        stand.client.allowed_urls = frozenset({status.LOGICAL})
        found = status.status(stand.client, True, AT, AT + timedelta(days=21))
        assert found.outcome is outcome, incidents


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "machines", "tokens", "data", "attributes", "ips", "incidents", "error", "errors"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(STEPS)), st.sampled_from([200, 201, 204, 302, 400, 404, 500]), bodies)
def test_no_answer_raises(name: str, status_: int, body: Any) -> None:
    found = ask(name, answer(body, status_))
    assert found.reason
    assert status_ < 400 or found.outcome is not Outcome.SEEN
