"""Test machines over real HTTP: what is created, what is refused, and that nothing is left whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbooks.base.consent import Consent
from runbooks.base.errors import DiskError
from runbooks.base.facets import Facet
from runbooks.base.leftovers import Leftovers
from runbooks.collect.canary.plan import COPIED, NotPlanned, known_good, same_config
from runbooks.collect.canary.trial import REMOVALS
from runbooks.collect.collector import Collector
from runbooks.collect.transport import HttpTransport, RawAnswer
from runbooks.evidence.canary import (
    LIFETIME,
    PREFIX,
    CanaryEnd,
    CanaryKind,
    CanaryMark,
    CanarySweep,
    CanaryTest,
    mark_of,
)
from runbooks.evidence.journal import Journal, read
from runbooks.evidence.models import Machine, Observation, Outcome
from runbooks.simulator import spec
from runbooks.simulator.faults import Faults
from runbooks.simulator.refused import Refusals
from tests.real import mint

from .conftest import Play, Stage

APP = "heron-batch"
TESTS = (Facet.CANARIES_LEFT, Facet.CANARY_IMAGE, Facet.CANARY_CONFIG)
FACETS = (Facet.CALLER, Facet.TOKEN, Facet.TOKEN_INSIDE, Facet.MACHINE, Facet.EVENTS, Facet.LIST_DELETED, *TESTS)
AGREED = Consent(writes=True, app=APP, image="flyio/hellofly", config=True)
RUN = datetime(2026, 6, 24, 9, 0, 0, 123456, UTC)
WRITES = ("POST", "DELETE")


def collector(stage: Stage, root: Path, consent: Consent = AGREED, **more: Any) -> Collector:
    """One run against the served world; its clock stands where the world's does when it begins."""
    at = stage.simulator.world.now
    source = replace(stage.source, now=lambda: at)
    told = {"facets": FACETS, "consent": consent, "leftovers": Leftovers(root), "sleep": lambda seconds: None, **more}
    return Collector(stage.given, source, **told)


def run(stage: Stage, root: Path, consent: Consent = AGREED, **more: Any) -> dict[str, Observation]:
    return dict(collector(stage, root, consent, **more).run().observations)


def written(stage: Stage) -> list[str]:
    return [f"{r['method']} {r['path']}" for r in stage.simulator.requests if r["method"] in WRITES]


def alive(stage: Stage) -> list[str]:
    """Names of test machines that exist."""
    found = stage.simulator.world.machines(APP)
    return [m.name for m in found if m.name.startswith(PREFIX) and m.state != "destroying"]


def of(observations: dict[str, Observation], facet: Facet) -> CanaryTest:
    found = observations[facet].answer
    assert isinstance(found, CanaryTest)
    return found


def bend(stage: Stage, *faults: spec.Fault) -> None:
    application = stage.simulator._application
    application.faults = Faults(list(faults), application.lines, lambda: stage.simulator.world.now)


# The plan.


def test_only_what_decides_whether_a_program_starts_is_copied() -> None:
    config = {
        "env": {"A": "1"},
        "guest": {"cpus": 2, "memory_mb": 1024},
        "init": {"cmd": ["x"]},
        "image": "registry.fly.io/a:b",
        "services": [{"internal_port": 80}],
        "mounts": [{"volume": "vol_1"}],
        "metadata": {"fly_process_group": "app", "fly_release_id": "x"},
        "schedule": "hourly",
        "standbys": ["3d8d7e5f1b0289"],
        "checks": {"up": {}},
        "metrics": {"port": 9091},
        "restart": {"policy": "always"},
        "auto_destroy": True,
        "something_new": {"may": "harm"},
    }
    mark = CanaryMark.of_run(RUN)
    body = same_config("a", mark, region="fra", image="r/a@sha256:00", config=config).body
    sent = body["config"]
    assert set(sent) <= {*COPIED, "image", "restart", "auto_destroy", "metadata"}
    assert (sent["restart"], sent["auto_destroy"], sent["image"]) == ({"policy": "no"}, False, "r/a@sha256:00")
    assert sent["metadata"] == {
        "fly_runbooks_canary": "2026-06-24T09:00:00.123456Z",
        "expires": "2026-06-24T09:20:00.123456Z",
    }
    assert body["skip_service_registration"] is True
    assert body["name"] == "runbooks-canary-20260624-090000-123456-config"
    good = known_good("a", mark, region="fra", image="r/h@sha256:00", guest=config["guest"]).body
    assert good["skip_secrets"] is True
    assert "env" not in good["config"]
    assert good["config"]["guest"] == config["guest"]


@pytest.mark.parametrize(
    ("more", "why"),
    [({"region": ""}, "region"), ({"image": "r/a:latest"}, "digest"), ({"config": {"containers": [{}]}}, "containers")],
)
def test_what_cannot_be_copied_is_not_planned(more: dict[str, Any], why: str) -> None:
    told: dict[str, Any] = {"region": "fra", "image": "r/a@sha256:00", "config": {}, **more}
    with pytest.raises(NotPlanned, match=why):
        same_config("a", CanaryMark.of_run(RUN), **told)


def test_a_machine_is_marked_by_metadata_name_and_time_together() -> None:
    mark = CanaryMark.of_run(RUN)
    own = Machine(
        id="1",
        name=mark.name(CanaryKind.IMAGE),
        created_at=RUN + timedelta(minutes=1),
        config={"metadata": mark.metadata},
    )
    assert mark_of(own) == mark
    assert mark_of(replace(own, name="clone-of-it")) is None
    assert mark_of(replace(own, created_at=RUN + LIFETIME + timedelta(hours=1))) is None
    assert mark_of(replace(own, config={"metadata": {}})) is None
    far = {**mark.metadata, "expires": "2036-06-24T09:00:00.000000Z"}
    assert mark_of(replace(own, config={"metadata": far})) is None


# A run.


def test_both_are_created_announced_journalled_and_destroyed(play: Play, tmp_path: Path) -> None:
    stage, said = play("canary-config-fails"), []
    journal = Journal(tmp_path / "evidence")
    seen = run(stage, tmp_path, announce=said.append, journal=journal)
    journal.close()
    image, config = of(seen, Facet.CANARY_IMAGE), of(seen, Facet.CANARY_CONFIG)
    assert (image.end, config.end) == (CanaryEnd.RUNS, CanaryEnd.EXITED)
    assert config.exit is not None
    assert config.exit.exit_code == 3
    machines = f"/v1/apps/{APP}/machines"
    assert written(stage) == [
        f"POST {machines}",
        f"DELETE {machines}/{image.machine_id}",
        f"POST {machines}",
        f"DELETE {machines}/{config.machine_id}",
    ]
    assert len(said) == 4
    assert alive(stage) == []
    assert list((tmp_path / ".canaries").iterdir()) == []
    text = journal.path.read_text()
    kinds = [line for line in text.splitlines() if '"kind": "write"' in line]
    assert len(kinds) == 4
    assert text.index('"kind": "write"') < text.index('"method": "POST", "url": "https://api.machines.dev', 0) + 200
    assert "QUEUE" in kinds[2]
    assert "pa55word" not in text
    assert read(journal.path.read_bytes()).finished
    others = [r for r in stage.simulator.requests if r["method"] not in (*WRITES, "GET", "HEAD")]
    assert others == []


def test_the_owners_values_reach_fly_and_nothing_else(play: Play, tmp_path: Path) -> None:
    """The test with the same config carries the real environment; no observation shows a value of it."""
    stage = play("canary-config-fails")
    seen = run(stage, tmp_path)
    (made,) = [m for m in stage.simulator.world.ever() if m.name.endswith("-config")]
    assert made.config["env"]["SMTP_PASSWORD"] == "mAdeUp-5mtp-pa55word-f0r-tests"
    (good,) = [m for m in stage.simulator.world.ever() if m.name.endswith("-image")]
    assert "env" not in good.config
    assert stage.simulator.world._secrets_of(made) == ["DATABASE_URL"]
    assert stage.simulator.world._secrets_of(good) == [], "a foreign image is given no secret of the app"
    assert "pa55word" not in repr(seen)


def test_without_consent_nothing_is_written_and_nothing_is_looked_at(play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    seen = run(stage, tmp_path, Consent())
    assert not set(TESTS) & set(seen)
    assert written(stage) == []


def test_the_second_test_needs_a_consent_of_its_own(play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    seen = run(stage, tmp_path, replace(AGREED, config=False))
    assert Facet.CANARY_CONFIG not in seen
    assert len(written(stage)) == 2


@pytest.mark.parametrize("typed", ["", "heron", "heron-batch2"])
def test_a_name_that_is_not_the_apps_allows_nothing(typed: str, play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    seen = run(stage, tmp_path, replace(AGREED, app=typed))
    assert all(seen[facet].outcome is Outcome.COULD_NOT_LOOK for facet in TESTS)
    assert written(stage) == []


def test_a_client_that_was_not_allowed_refuses_to_write(play: Play, tmp_path: Path) -> None:
    """Whatever asks it to: the list of reads does not hold these calls."""
    stage = play("canary-config-fails")
    made = collector(stage, tmp_path, Consent())
    made.run()
    transport = made._open()
    url = f"https://api.machines.dev/v1/apps/{APP}/machines"
    for method in WRITES:
        with pytest.raises(AssertionError, match="not on the list"):
            made.client.get(url, "x", "x", method=method)
        with pytest.raises(AssertionError, match="not on the list"):
            made.client.write(method, url, "x", "x", sentence="", description={}, body={})
    transport.close()
    assert written(stage) == []


@pytest.mark.parametrize("url", ["apps/a/machines/b/stop", "apps/a/volumes", "apps", "apps/a/machines/b/lease"])
def test_a_client_that_may_write_writes_nothing_else(url: str, play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    made = collector(stage, tmp_path)
    transport = made._open()
    with pytest.raises(AssertionError, match="not on the list"):
        made.client.write("POST", f"https://api.machines.dev/v1/{url}", "x", "x", sentence="", description={}, body={})
    transport.close()


@pytest.mark.parametrize("letters", [mint.READ, 1 | 2 | 4, 1 | 2 | 8])
def test_a_token_that_may_not_create_and_destroy_is_refused_before_anything_is_sent(
    letters: int, play: Play, tmp_path: Path
) -> None:
    stage = play("canary-config-fails")
    token = mint.macaroon(*mint.organisation(7, letters))
    held = spec.Token(token=f"FlyV1 {token}", org="heron")
    stage.simulator._application._desk.tokens._holders[token] = replace(
        next(iter(stage.simulator._application._desk.tokens._holders.values())), told=held
    )
    seen = run(replace(stage, source=replace(stage.source, token=f"FlyV1 {token}")), tmp_path)
    assert "the token may not" in seen[Facet.CANARY_IMAGE].reason
    assert written(stage) == []


def test_a_token_that_cannot_be_read_is_refused_by_fly(play: Play, tmp_path: Path) -> None:
    stage = play("gone-eight-days")
    seen = run(stage, tmp_path, replace(AGREED, app=stage.given.app_name, config=False))
    test = of(seen, Facet.CANARY_IMAGE)
    assert test.end is CanaryEnd.REFUSED
    assert test.refusal is not None
    assert test.refusal.status == 403
    assert test.removed is None


# What goes wrong on the way.


@pytest.mark.parametrize("kind", ["truncated", "reset", "empty"])
def test_a_create_call_without_an_answer_is_looked_for_by_name_and_never_repeated(
    kind: str, play: Play, tmp_path: Path
) -> None:
    stage = play("canary-both-run")
    bend(stage, spec.Fault(method="POST", path=f"/v1/apps/{APP}/machines", kind=kind, times=1))
    seen = run(stage, tmp_path, replace(AGREED, config=False))
    test = of(seen, Facet.CANARY_IMAGE)
    posts = [w for w in written(stage) if w.startswith("POST")]
    assert len(posts) == 1
    assert test.removed is not None
    assert alive(stage) == []


def test_a_removal_that_fails_is_tried_three_times_said_and_done_by_the_next_run(play: Play, tmp_path: Path) -> None:
    stage = play("canary-both-run")
    world = stage.simulator.world
    world._refusals = Refusals([spec.Refusal(action="destroy", status=500, body={"error": "internal"})])
    seen = run(stage, tmp_path)
    world._refusals = Refusals([])
    assert of(seen, Facet.CANARY_IMAGE).removed is False
    assert "NOT KNOWN" in seen[Facet.CANARY_IMAGE].reason
    assert seen[Facet.CANARY_CONFIG].reason.startswith("not made")
    assert len(written(stage)) == 1 + REMOVALS
    assert len(alive(stage)) == 1
    again = run(stage, tmp_path)
    assert again[Facet.CANARIES_LEFT].outcome is Outcome.SEEN
    assert of(again, Facet.CANARY_IMAGE).removed is True
    assert alive(stage) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, DiskError])
@pytest.mark.parametrize("word", ["/wait", "/events", "/logs"])
def test_it_is_destroyed_whatever_ends_the_run(
    error: type[BaseException], word: str, play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = play("canary-both-run")
    send = HttpTransport.send

    def broken(self: HttpTransport, method: str, url: str, *rest: Any, **more: Any) -> RawAnswer:
        if word in url and stage.simulator.world.touched:
            raise error("made up")
        return send(self, method, url, *rest, **more)

    monkeypatch.setattr(HttpTransport, "send", broken)
    seen = run(stage, tmp_path)
    assert seen[Facet.CANARY_IMAGE].outcome is Outcome.COULD_NOT_LOOK
    assert alive(stage) == []
    assert list((tmp_path / ".canaries").iterdir()) == []


def test_a_journal_that_cannot_be_written_stops_the_creation_and_not_the_removal(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, full = play("canary-both-run"), DiskError("the disk is full")
    journal = Journal(tmp_path / "evidence")

    def intention(description: Any) -> None:
        raise full

    monkeypatch.setattr(journal, "intention", intention)
    seen = run(stage, tmp_path, journal=journal)
    assert seen[Facet.CANARY_IMAGE].outcome is Outcome.COULD_NOT_LOOK
    assert written(stage) == []
    other = play("canary-both-run", step_after_write_ms=1_000)
    second = Journal(tmp_path / "second")
    keep = second.intention

    def once(description: Any) -> None:
        if description["method"] == "DELETE":
            raise full
        keep(description)

    monkeypatch.setattr(second, "intention", once)
    run(other, tmp_path, journal=second)
    assert alive(other) == []
    journal.close()
    second.close()


def test_one_that_does_not_settle_is_open_and_destroyed(play: Play, tmp_path: Path) -> None:
    stage = play("canary-not-settled")
    seen = run(stage, tmp_path)
    test = of(seen, Facet.CANARY_CONFIG)
    assert (test.end, test.removed) == (CanaryEnd.OPEN, True)
    assert "180 s" in test.open_because
    assert seen[Facet.CANARY_CONFIG].outcome is Outcome.COULD_NOT_LOOK


# kill -9.


def killed(stage: Stage, root: Path, at: int, after: bool) -> bool:
    """A process that runs the test creation and kills itself at this call of it; whether it came so far."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    try:
        send, calls = HttpTransport.send, 0

        def counted(self: HttpTransport, method: str, url: str, *rest: Any, **more: Any) -> RawAnswer:
            nonlocal calls
            calls += made.client.facet in TESTS
            die = calls == at and made.client.facet in TESTS
            if die and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = send(self, method, url, *rest, **more)
            if die:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        HttpTransport.send = counted  # type: ignore[method-assign]
        made = collector(stage, root, facets=(Facet.LIST_DELETED, *TESTS))
        made.run()
    finally:
        os._exit(0)


def moments(calls: int) -> Iterator[tuple[int, bool]]:
    """After each call of both tests, and before each write: the ones that create come third and eleventh."""
    yield from (
        (number, after) for number in range(1, calls) for after in ((False, True) if number in BEFORE else (True,))
    )


BEFORE = (3, 9, 12, 18)
"""The writes, by their place among the calls."""


@pytest.mark.slow
def test_kill_9_at_each_call_leaves_nothing_after_the_next_run(play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    swept = 0
    for number, after in moments(19):
        assert killed(stage, tmp_path, number, after), number
        left = alive(stage)
        assert len(left) <= 1
        seen = run(stage, tmp_path, facets=(Facet.CANARIES_LEFT,))
        assert seen[Facet.CANARIES_LEFT].outcome is (Outcome.SEEN if left else Outcome.ABSENT)
        assert alive(stage) == [], (number, after)
        swept += len(left)
    assert [r["method"] for r in stage.simulator.requests].count("POST") >= 2
    assert swept > 10
    assert not killed(stage, tmp_path, 19, after=True), "both tests were gone through"
    assert list((tmp_path / ".canaries").iterdir()) == []


def leave(stage: Stage, root: Path) -> str:
    """A run that dies with a test machine; its id."""
    assert killed(stage, root, 4, after=True)
    (machine,) = [m for m in stage.simulator.world.machines(APP) if m.name.startswith(PREFIX)]
    return machine.id


def test_one_of_a_dead_run_is_found_without_its_files_and_a_clone_is_left_alone(play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    own = leave(stage, tmp_path / "elsewhere")
    world = stage.simulator.world
    config = world.machine(APP, own).config
    clone = world.create(APP, {"region": "fra", "name": "my-own-copy", "config": config})
    seen = run(stage, tmp_path)
    assert "its run may still go on" in seen[Facet.CANARIES_LEFT].reason
    assert seen[Facet.CANARY_IMAGE].reason.startswith("not made: the app has a test machine already")
    assert not [w for w in written(stage) if w.startswith("DELETE")]
    stage.simulator.advance(LIFETIME.total_seconds())
    later = world.create(APP, {"region": "fra", "name": f"{world.machine(APP, own).name}-2", "config": config})
    seen = run(stage, tmp_path, replace(AGREED, config=False))
    assert f"removed {own}" in seen[Facet.CANARIES_LEFT].reason
    swept = seen[Facet.CANARIES_LEFT].answer
    assert isinstance(swept, CanarySweep)
    assert (swept.removed, set(swept.copies)) == ((own,), {clone.id, later.id})
    assert {m.id for m in world.machines(APP) if m.state != "destroying"} >= {clone.id, later.id}
    assert own not in {m.id for m in world.machines(APP) if m.state != "destroying"}


def test_one_of_a_run_that_still_goes_on_is_left_and_nothing_is_created(play: Play, tmp_path: Path) -> None:
    stage = play("canary-config-fails")
    at = stage.simulator.world.now
    mark = CanaryMark.of_run(at)
    holder = Leftovers(tmp_path)
    holder.hold(APP, mark.run)
    body = known_good(APP, mark, region="fra", image="flyio/hellofly@sha256:00", guest=None).body
    body["config"] = {**body["config"], "image": "flyio/hellofly"}
    stage.simulator.world.create(APP, body)
    stage.simulator.advance(5)
    seen = run(stage, tmp_path)
    assert "its run may still go on" in seen[Facet.CANARIES_LEFT].reason
    assert written(stage) == []
    holder.release()
    assert run(stage, tmp_path)[Facet.CANARIES_LEFT].outcome is Outcome.SEEN
    assert alive(stage) == []


def test_a_list_that_cannot_be_read_creates_nothing(play: Play, tmp_path: Path) -> None:
    stage = play("canary-both-run")
    bend(stage, spec.Fault(path=f"/v1/apps/{APP}/machines", kind="truncated", query=""))
    seen = run(stage, tmp_path)
    assert all(seen[facet].outcome is Outcome.COULD_NOT_LOOK for facet in TESTS)
    assert written(stage) == []
