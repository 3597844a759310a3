"""Each part of the facts, built alone from the parts it needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbooks.base.facets import Facet
from runbooks.diagnose.caller_state import put_right
from runbooks.diagnose.facts import (
    CallerFacts,
    CertificateFacts,
    Facts,
    LifecycleFacts,
    LogFacts,
    MachineFacts,
    MetricsFacts,
    ObservationFacts,
    ProcessFacts,
    SiblingFacts,
)
from runbooks.diagnose.ledger import Ledger
from runbooks.evidence.metrics import Metrics, Series
from runbooks.evidence.models import (
    Caller,
    Event,
    Evidence,
    Exit,
    Listing,
    LogLine,
    Logs,
    Machine,
    Observation,
    Outcome,
    Record,
    Records,
    Subject,
)
from runbooks.evidence.resources import Certificate, Certificates, Process, Processes, Socket

NOW = datetime(2025, 10, 2, 3, 9, 40, tzinfo=UTC)
ID = "91850296bd4738"
OTHER = "3d8dd00dc33189"


def observed(**answers: object) -> ObservationFacts:
    """Access to evidence that holds one seen observation for each keyword, a member of `Facet` by name."""
    found = {}
    for name, answer in answers.items():
        facet = Facet[name]
        found[facet.value] = Observation(facet, Outcome.SEEN, "seen", NOW, answer)
    return ObservationFacts(Evidence(Subject("vyx-app", ID), NOW, found))


def machine(state: str, number: str = ID, **more: object) -> Machine:
    return Machine(number, "vyx", state, "iad", created_at=NOW - timedelta(minutes=5), **more)  # type: ignore[arg-type]


def test_observations_tell_seen_from_absent_from_not_asked() -> None:
    absent = Observation(Facet.LIST, Outcome.ABSENT, "not among 3", NOW)
    blind = Observation(Facet.APP, Outcome.COULD_NOT_LOOK, "timed out", NOW)
    facts = ObservationFacts(Evidence(Subject("vyx-app", ID), NOW, {o.number: o for o in (absent, blind)}))
    assert facts.looked(Facet.LIST)
    assert not facts.looked(Facet.APP)
    assert not facts.looked(Facet.LOGS)
    assert facts.made(Facet.LIST, Facet.LOGS, Facet.APP) == (Facet.LIST, Facet.APP)
    assert facts.failed(Facet.APP)
    assert facts.failed(Facet.LOGS)
    assert not facts.failed(Facet.LIST)


def test_the_view_by_id_tells_the_state() -> None:
    listed = Listing((machine("started"), machine("started", OTHER)))
    facts = MachineFacts(observed(LIST=listed, MACHINE=machine("stopped", config={"guest": {}})))
    assert facts.seen_state == "stopped"
    assert [view.machine.id for view in facts.views] == [ID, ID]
    assert facts.description is not None
    assert facts.description.config == {"guest": {}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, None),
        ({}, 10),
        ({"restart": {"policy": "on-failure", "max_retries": 3}}, 3),
        ({"restart": {"policy": "no"}}, None),
    ],
)
def test_retries_follow_the_restart_policy(config: dict[str, object] | None, expected: int | None) -> None:
    assert MachineFacts(observed(MACHINE=machine("started", config=config))).retries == expected


def test_the_caller_keeps_a_url_and_the_latest_row() -> None:
    rows = (
        Record("machines", "1", status="old", updated_at=NOW - timedelta(hours=1)),
        Record("machines", "2", status="new", updated_at=NOW, websocket_url="wss://vyx.fly.dev:8443/ws"),
    )
    facts = CallerFacts(observed(RECORD=Records("machines", (ID,), rows)))
    assert facts.record is not None
    assert facts.record.status == "new"
    assert (facts.believed_host, facts.believed_port) == ("vyx.fly.dev", 8443)
    assert facts.answer == Caller("")


def test_log_lines_of_another_machine_are_set_apart() -> None:
    lines = (
        LogLine(NOW, "Main child exited normally with code: 1", instance=ID),
        LogLine(NOW, "Main child exited normally with code: 2", instance=OTHER),
    )
    facts = observed(LOGS=Logs(lines))
    log = LogFacts(facts, CallerFacts(facts))
    assert log.lines == lines[:1]
    assert log.foreign_lines == lines[1:]
    assert [match.number for match in log.matches("exited")] == [1]
    assert log.where("exited") == (Facet.LOGS,)


def test_events_tell_the_ends_that_nobody_asked_for() -> None:
    events = (
        Event("1", "launch", "created", "user", NOW - timedelta(minutes=4)),
        Event("2", "exit", "stopped", "flyd", NOW - timedelta(minutes=3), Exit(exit_code=1, restarting=True)),
        Event("3", "exit", "stopped", "flyd", NOW - timedelta(minutes=2), Exit(signal=15, requested_stop=True)),
    )
    facts = observed(EVENTS=events)
    life = LifecycleFacts(facts, MachineFacts(facts), LogFacts(facts, CallerFacts(facts)))
    assert life.whole_life
    assert life.state == "stopped"
    assert life.crash_codes == ((1, Facet.EVENTS),)
    assert life.asked_to_stop is not None
    assert life.asked_to_stop[0].signal == 15


def test_siblings_leave_the_subject_out() -> None:
    listed = Listing((machine("started"), machine("started", OTHER), machine("destroyed", "148ed193b95e08")))
    facts = observed(LIST=listed)
    views, caller = MachineFacts(facts), CallerFacts(facts)
    siblings = SiblingFacts(facts, views, caller, LifecycleFacts(facts, views, LogFacts(facts, caller)))
    assert [m.id for m, _ in siblings.others] == ["148ed193b95e08", OTHER]
    assert [m.id for m, _ in siblings.living] == [OTHER]
    assert len(siblings.namesakes) == 2
    assert not siblings.unsure_which


@pytest.mark.parametrize(
    ("states", "heir"),
    [(("destroyed", "started"), 1), (("started", "destroyed"), 0), (("destroyed", "destroying"), None)],
)
def test_a_machine_that_is_gone_is_no_successor(states: tuple[str, str], heir: int | None) -> None:
    ids = (OTHER, "148ed193b95e08")
    release = {"metadata": {"fly_release_version": "2"}}
    others = [machine(state, number, config=release) for state, number in zip(states, ids, strict=True)]
    own = machine("destroyed", config={"metadata": {"fly_release_version": "1"}})
    removed = Event("1", "destroy", "destroyed", "user", NOW)
    listed = Listing((own, *others))
    facts = Facts(observed(MACHINE=own, LIST_DELETED=listed, EVENTS=(removed,), CALLER=Caller(ID)).evidence)
    assert facts.siblings.newer_release(NOW) is not None
    told = put_right(facts, Ledger((), None, (), ()), ())
    successor = told is not None and told.title.startswith("Give the caller the id of its successor")
    assert successor is (heir is not None)
    assert heir is None or ids[heir] in str(told)


@pytest.mark.parametrize(
    ("hostname", "configured"),
    [("rooms.example", True), ("other.example", None), ("*.example", True), ("*.rooms.example", None)],
)
def test_a_certificate_covers_its_hostname_and_a_wildcard_one_label(hostname: str, configured: bool | None) -> None:
    listed = Certificates((Certificate(hostname, "active", True),))
    facts = observed(CERTIFICATES=listed, CALLER=Caller("", websocket_url="wss://rooms.example/"))
    told = replace(facts.evidence.subject, websocket_url="wss://rooms.example/")
    facts = ObservationFacts(replace(facts.evidence, subject=told))
    own = CertificateFacts(facts, CallerFacts(facts)).own
    assert (own.configured if own else None) is configured


def series(name: str, *values: float, instance: str = ID) -> Series:
    told = tuple((NOW - timedelta(minutes=len(values) - n), value) for n, value in enumerate(values))
    return Series(name, {"instance": instance}, told)


def test_metrics_tell_of_the_subject_only_and_survive_odd_values() -> None:
    found = (
        series("fly_instance_up", 1, 1, 0),
        series("fly_instance_up", 1, instance=OTHER),
        series("fly_instance_exit_code", 0, 0, 137, 137),
        series("fly_instance_exit_oom", 0, 1),
        series("fly_instance_exit_oom", 1, 1, 1, 1, 1, 1, instance=OTHER),
        series("fly_instance_memory_mem_total", 0, 256, 256, 256),
        series("fly_instance_memory_mem_available", 0, -1, 300, 64),
    )
    facts = MetricsFacts(observed(METRICS=Metrics(found, NOW - timedelta(hours=1), NOW, timedelta(minutes=1))))
    assert facts.up == (NOW - timedelta(minutes=3), NOW - timedelta(minutes=2))
    assert facts.exit_codes == (0, 137)
    assert facts.killed_at == NOW - timedelta(minutes=1)
    assert [used for _, used, _ in facts.memory] == [192]
    assert MetricsFacts(observed()).memory == ()


@pytest.mark.parametrize(
    ("address", "port", "reachable"),
    [
        ("0.0.0.0", 8080, True),
        ("::", 8080, True),
        ("127.0.0.1", 8080, False),
        ("::1", 8080, False),
        ("0.0.0.0", 1, False),
    ],
)
def test_a_socket_is_reachable_on_the_port_of_a_service_and_not_on_loopback(
    address: str, port: int, reachable: bool
) -> None:
    config = {"image": "registry.fly.io/vyx-app:1", "services": [{"internal_port": 8080, "ports": []}]}
    listed = Processes((Process(1, "app", (Socket("tcp", address, port),)),))
    told = observed(MACHINE=machine("started", config=config), PROCESSES=listed)
    facts = ProcessFacts(told, MachineFacts(told))
    assert bool(facts.reachable) is reachable
    assert bool(facts.elsewhere) is not reachable


def test_the_whole_shares_its_parts() -> None:
    facts = Facts(observed(MACHINE=machine("started")).evidence)
    assert facts.events is facts.events
    assert facts.events.state == facts.machine.seen_state == "started"
    assert facts.names["machine_id"] == ID
    assert facts.app_host == "vyx-app.fly.dev"
