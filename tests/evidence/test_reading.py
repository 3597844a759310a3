"""Every shape that the platform is known to answer, and every other, reads without an exception and without loss."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbooks.evidence import parsers
from runbooks.evidence.models import Event, Exit, ImageRef

PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"docs-{name}.json").read_text(encoding="utf-8"))


MACHINES = {
    "2022-05-11-get-replacing-events": ("73d8d463c49891", "replacing", ["launch", "start", "update"]),
    "2022-05-12-get-started-events": ("d5683219b298e9", "started", ["launch", "start"]),
    "2022-05-18-get-with-services": ("24d899e0b99879", "replacing", ["launch", "start", "update"]),
    "2022-05-18-launch": ("24d899e0b99879", "starting", []),
    "2022-05-18-update": ("24d899e0b99879", "starting", []),
    "2022-05-20-get-exit-127": ("d5683212a7918e", "stopped", ["launch", "start", "update", "exit"]),
    "2023-01-11-get": ("73d8d46dbee589", "stopped", ["launch", "start", "update", "exit"]),
    "containers-machine": ("3d8d413b29d089", "created", []),
    "create-serv-misnested": ("73d8d46dbee589", "starting", []),
    "machine-create-auto-destroy": ("1857156b526dd8", "created", ["launch"]),
}
ERRORS = {
    "2022-05-18-error-delete": "unable to destroy machine, not currently stopped",
    "2022-05-18-error-start": "unable to start machine, not currently stopped",
    "2022-05-18-error-stop": "unable to stop machine, not currently started",
    "2022-10-20-lease-conflict": "machine ID 3d8d413b29d089 lease currently held by dov@fly.io",
    "2023-01-11-app-delete-error": 'Could not find App "user-functions"',
}
NO_MACHINES = (
    "2022-10-20-lease-created",
    "certificates-list",
    "containers-config-depends-on",
    "containers-config-files",
    "containers-config-wrapped",
    "lease-create-v2",
    "lease-release",
    "metadata-get",
    "restart-policy-config",
    "start-resp-migrated",
)
OTHERS = (
    "2022-05-11-list",
    "2022-05-18-list",
    "app-get",
    "app-list-item-2026",
    "apps-list",
    "volume-create-2024",
    "volumes-list-2024",
    "volumes-list-2025",
)


def test_every_payload_is_looked_at_here() -> None:
    names = {path.stem.removeprefix("docs-") for path in PAYLOADS.glob("*.json")}
    assert names == {*MACHINES, *ERRORS, *NO_MACHINES, *OTHERS}


@pytest.mark.parametrize("name", MACHINES)
def test_machines(name: str) -> None:
    machine_id, state, types = MACHINES[name]
    body = payload(name)
    machine = parsers.machine_of(body)
    assert (machine.id, machine.state) == (machine_id, state)
    assert [event.type for event in machine.events] == types
    assert [event.at for event in machine.events] == sorted(event.at for event in machine.events if event.at)
    assert machine.instance_id.startswith("01")
    assert machine.created_at is not None
    assert machine.created_at.tzinfo is UTC
    assert machine.raw == body
    assert machine.config is not None


@pytest.mark.parametrize("name", [name for name in MACHINES if name != "containers-machine"])
def test_the_image_that_runs_is_read_also_where_the_docs_misplaced_it(name: str) -> None:
    ref = parsers.machine_of(payload(name)).image_ref
    assert ref is not None
    assert ref.registry == "registry-1.docker.io"
    assert ref.tag == "latest"
    assert ref.digest.startswith("sha256:")


def test_a_flat_exit_with_its_time_in_milliseconds() -> None:
    *_, last = parsers.machine_of(payload("2022-05-20-get-exit-127")).events
    assert last.exit == Exit(
        exit_code=127,
        signal=-1,
        guest_exit_code=0,
        guest_signal=-1,
        exited_at=datetime(2022, 5, 19, 22, 3, 59, 639000, UTC),
    )
    assert last.restart_count == 0
    assert last.at == datetime(2022, 5, 19, 22, 4, 1, 53000, UTC)


def test_a_nested_exit_with_its_time_as_text() -> None:
    exit_event = {"exit_code": 1, "oom_killed": True, "restarting": True, "exited_at": "2025-10-02T03:00:14.123456789Z"}
    event = parsers.event_of(
        {
            "id": "01K6",
            "type": "exit",
            "status": "stopped",
            "source": "flyd",
            "timestamp": 1759374014500,
            "request": {"MonitorEvent": {"exit_event": exit_event}, "exit_event": {"exit_code": 9}, "restart_count": 2},
        }
    )
    assert event.exit is not None
    assert event.exit.exit_code == 1
    assert event.exit.oom_killed
    assert event.exit.restarting
    assert not event.exit.requested_stop
    assert event.exit.exited_at == datetime(2025, 10, 2, 3, 0, 14, 123456, UTC)
    assert event.restart_count == 2


def test_an_exit_without_a_code_says_zero_and_one_with_a_strange_code_says_nothing() -> None:
    def code(exit_event: dict[str, Any], kind: str = "exit") -> int | None:
        event = parsers.event_of({"type": kind, "request": {"exit_event": exit_event}})
        assert event.exit is not None
        return event.exit.exit_code

    assert code({"requested_stop": True}) == 0
    assert code({"exit_code": "137"}) == 137
    assert code({"exit_code": "a lot"}) is None
    assert code({"exit_code": None}) is None
    assert code({}, "start") is None


def test_a_host_that_cannot_be_reached_shows_an_incomplete_config() -> None:
    incomplete = {"image": "nginx", "guest": {"cpus": 1}}
    for config in (None, {}, "odd"):
        machine = parsers.machine_of({"id": "1", "config": config, "incomplete_config": incomplete, "host_status": "x"})
        assert machine.config == incomplete
        assert machine.image == "nginx"
    assert parsers.machine_of({"id": "1", "host_status": "unreachable"}).config is None
    assert parsers.machine_of({"id": "1", "config": {}}).config == {}


def test_containers_are_kept_in_the_config() -> None:
    machine = parsers.machine_of(payload("containers-machine"))
    assert machine.config is not None
    assert [container["name"] for container in machine.config["containers"]] == ["web", "worker"]
    assert machine.image == ""


def test_null_maps_are_empty_and_null_values_are_empty_text() -> None:
    machine = parsers.machine_of({"id": "1", "config": {"env": {"A": None, "B": 1}, "metadata": None}})
    assert machine.env == {"A": "", "B": "1"}
    assert machine.metadata == {}


@pytest.mark.parametrize("name", ERRORS)
def test_error_bodies_old_and_new(name: str) -> None:
    refusal = parsers.refusal_of(400, json.dumps(payload(name)))
    assert refusal.json
    assert refusal.text.startswith(ERRORS[name])


@pytest.mark.parametrize(
    ("body", "text", "is_json"),
    [
        ('{"error":"","message":"prefers message"}', "prefers message", True),
        ('{"error":"name taken","status":"name_taken"}', "name taken", True),
        ('{"details":"old"}', "old", True),
        ('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}', "MANIFEST_UNKNOWN: unknown", True),
        ('"just text"', "just text", True),
        ("404 page not found\n", "404 page not found", False),
        ("<html>\n<h1>502  Bad Gateway</h1></html>", "<html> <h1>502 Bad Gateway</h1></html>", False),
        ("", "", False),
        ("[" * 200_000, "[" * 500, False),
        ('{"odd": 1}', '{"odd": 1}', True),
    ],
)
def test_forms_of_refusals(body: str, text: str, is_json: bool) -> None:
    refusal = parsers.refusal_of(404, body)
    assert (refusal.text, refusal.json, refusal.status) == (text, is_json, 404)


def test_a_refusal_is_never_longer_than_anybody_reads() -> None:
    assert len(parsers.refusal_of(400, json.dumps({"error": "x" * 1_000_000})).text) == 500


@pytest.mark.parametrize("name", NO_MACHINES)
def test_other_resources_are_not_taken_for_machines(name: str) -> None:
    body = payload(name)
    assert parsers.machine_of(body).id == ""
    assert parsers.listing_of(body).machines == ()


def test_lists() -> None:
    for name in ("2022-05-11-list", "2022-05-18-list"):
        listing = parsers.listing_of(payload(name))
        assert [machine.name for machine in listing.machines] == ["quirky-machine"]
        assert listing.complete
        assert str(listing.machines[0].image_ref) == "registry-1.docker.io/library/nginx:latest"
    organisation = parsers.listing_of(
        {"machines": payload("2022-05-11-list"), "error_regions": ["gru"], "next_cursor": "x"}
    )
    assert organisation.error_regions == ("gru",)
    assert not organisation.complete


def test_a_list_with_an_unreadable_entry_is_not_complete() -> None:
    for odd in ("what is this", None, [], {}, {"id": None}, {"id": {"was": "text"}, "state": "started"}):
        rows = [*payload("2022-05-11-list"), odd]
        assert not parsers.listing_of(rows).complete
        assert not parsers.listing_of({"machines": rows}).complete
        assert len(parsers.listing_of(rows).machines) == 1


def test_apps() -> None:
    app = parsers.app_of(payload("app-get"))
    assert (app.name, app.status, app.org_slug, app.machine_count) == ("my-app-name", "deployed", "personal", None)
    assert parsers.app_of(payload("app-list-item-2026")).machine_count == 3
    assert parsers.app_of({"organization": "odd"}).org_slug == ""
    told = parsers.app_of({"network": "tenant-17", "created_at": "2026-01-20T10:15:26Z"})
    assert (told.network, told.created_at) == ("tenant-17", datetime(2026, 1, 20, 10, 15, 26, tzinfo=UTC))
    assert parsers.app_of({"network": 7, "created_at": "long ago"}).created_at is None


def test_tokens_logs_addresses_and_incidents() -> None:
    (scope,) = parsers.token_scopes_of(
        {"tokens": [{"org_slug": "vyx", "apps": [{"name": "a"}, "b", 3], "user": "u"}, 5]}
    )
    assert scope.apps == ("a", "b", "3")
    (line,) = parsers.log_lines_of(
        {
            "data": [
                {"attributes": {"timestamp": 1759374012, "message": "m", "meta": {"event": {"provider": "app"}}}},
                {"attributes": None},
                None,
            ]
        }
    )
    assert (line.message, line.provider, line.instance) == ("m", "app", "")
    assert parsers.addresses_of({"ips": [{"ip": "1.2.3.4", "shared": True}, {}]}).ips == (
        ("1.2.3.4", True),
        ("", False),
    )
    (incident,) = parsers.status_of({"incidents": [{"name": "n", "created_at": "2025-10-01T00:00:00Z"}]}).incidents
    assert incident.started_at == datetime(2025, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2025-10-02T03:00:11Z", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("2025-10-02T05:00:11+02:00", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("2025-10-02 03:00:11", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("2025-10-02T03:00:11.1234567890Z", datetime(2025, 10, 2, 3, 0, 11, 123456, tzinfo=UTC)),
        (1759374011, datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        (1759374011000, datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("1759374011000", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("1712011000000", datetime(2024, 4, 1, 22, 36, 40, tzinfo=UTC)),
        (1759374011 * 10**9, datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        (datetime(2025, 10, 2, 5, tzinfo=timezone(timedelta(hours=2))), datetime(2025, 10, 2, 3, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("soon", None),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_times(value: Any, at: datetime | None) -> None:
    assert parsers.time_of(value) == at


def test_events_are_sorted_by_time_and_then_by_id_and_the_undated_come_last() -> None:
    rows = [
        {"id": "01C", "type": "odd"},
        {"id": "01B", "type": "start", "timestamp": 1759374011000},
        {"id": "01A", "type": "launch", "timestamp": 1759374011000},
        {"id": "01D", "type": "never heard of", "timestamp": 1759374010000},
    ]
    assert [event.id for event in parsers.events_of(rows)] == ["01D", "01A", "01B", "01C"]


def test_an_event_that_is_no_object_is_shown_as_it_is() -> None:
    assert parsers.events_of(["text", None]) == (
        Event("", "unreadable", "", "", None, raw={"unreadable": None}),
        Event("", "unreadable", "text", "", None, raw={"unreadable": "text"}),
    )


def test_image_references_as_text() -> None:
    assert str(ImageRef("r.example", "a/b", "t", "sha256:0")) == "r.example/a/b:t"
    assert str(ImageRef("r.example", "a/b", "", "sha256:0")) == "r.example/a/b@sha256:0"
    assert str(ImageRef("", "a")) == "a"


# Anything at all, with the names that the readers look for.

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 0, 2**63, 1759374011000]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["2025-10-02T03:00:11Z", "9999-12-31T23:59:59-01:00", "exit", "started", "-1", "", "x" * 10_000]),
)
NAMES = """
id name state region version created_at updated_at config incomplete_config image_ref events request
exit_event MonitorEvent exit_code exited_at restart_count timestamp type status source env metadata image
services registry machines error_regions next_cursor organization slug tokens apps data attributes meta event
provider message ips shared ip incidents components error errors details
"""
names = st.sampled_from(NAMES.split())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=25,
)
objects = st.dictionaries(names, anything, max_size=8)


@given(objects)
@example({"config": {"env": {"A": float("nan")}, "image_ref": 3}, "created_at": 10**400})
def test_any_machine_reads(body: dict[str, Any]) -> None:
    machine = parsers.machine_of(body)
    assert machine.raw == body or body != body
    for text in (machine.id, machine.name, machine.state, machine.region, machine.instance_id, machine.image):
        assert isinstance(text, str)
    assert all(isinstance(value, str) for value in (*machine.env.values(), *machine.metadata.values()))
    given_events = body.get("events")
    assert len(machine.events) == (len(given_events) if isinstance(given_events, list) else 0)


@given(st.lists(objects | scalars, max_size=6))
def test_no_event_is_ever_dropped(rows: list[Any]) -> None:
    events = parsers.events_of(rows)
    assert len(events) == len(rows)
    dated = [event.at for event in events if event.at]
    assert dated == sorted(dated)
    assert all(event.at is None or event.at.tzinfo is UTC for event in events)


@given(anything)
def test_anything_reads_as_anything(body: Any) -> None:
    for read in (
        parsers.listing_of,
        parsers.events_of,
        parsers.token_scopes_of,
        parsers.log_lines_of,
        parsers.addresses_of,
        parsers.status_of,
        parsers.image_ref_of,
        parsers.exit_of,
        parsers.time_of,
        parsers.text_of,
    ):
        read(body)
    parsers.refusal_of(500, json.dumps(body))


@given(objects)
def test_any_app_reads(body: dict[str, Any]) -> None:
    assert isinstance(parsers.app_of(body).name, str)


@given(st.text(max_size=200))
def test_any_text_reads_as_a_refusal(body: str) -> None:
    assert len(parsers.refusal_of(500, body).text) <= 500
