"""The packet for Fly's support: every id, in the platform's terms, nothing secret, nothing dangerous."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from report_samples import API, LOOKED, MACHINE, at, demo, empty, exchange, hostile, observation
from writeup_samples import SCENARIOS, everything, played, very_long

from runbooks.diagnose.ledger import catalogue
from runbooks.diagnose.model import Owner
from runbooks.evidence.models import Caller, CallerError, Event, Exit, ImageRef, Machine, Outcome
from runbooks.report import fly_support
from runbooks.report.document import Report


def part(packet: str, title: str) -> str:
    return packet.partition(f"{title}\n")[2].partition("\n\n")[0]


def incident() -> Report:
    """The demo, with a machine as the API describes it and a refusal that the caller logged."""
    report = demo()
    events = tuple(
        Event(f"e{n}", "exit", "stopped", "flyd", at(n), Exit(exit_code=1, oom_killed=n == 39)) for n in range(40)
    )
    machine = Machine(
        id=MACHINE,
        name="vyx-63eea370",
        state="stopped",
        region="sin",
        instance_id="01K6HYFQ2X9E3S0V6T8BWJ7M4C",
        created_at=at(0),
        config={"image": "registry.fly.io/vyx-app:7", "env": {"KEY": "<secret:supabase-key#1>"}, "auto_destroy": True},
        image_ref=ImageRef("registry.fly.io", "vyx-app", "7", "sha256:" + "ab" * 32),
        host_status="ok",
        events=events,
    )
    caller = Caller(
        text="POST 503", errors=(CallerError(503, "upstream connect error", at(2), "01K6HYZZZZ0000000000000000-sin"),)
    )
    failed = exchange("machine", f"{API}/machines/{MACHINE}", 503, "", 1.0, request_id="01K6HZ9VVKFAILED000000000-sin")
    seen = report.evidence.observations["E03"]
    observations = {
        **report.evidence.observations,
        "E03": replace(seen, answer=machine, exchanges=(*seen.exchanges, failed)),
        "E19": observation("caller", Outcome.SEEN, "The caller's log was read.", answer=caller),
    }
    return replace(report, evidence=replace(report.evidence, observations=observations, source="live"))


@pytest.mark.parametrize("sample", [demo, empty, hostile, everything, very_long, incident])
def test_it_is_plain_text_and_always_the_same(sample: Callable[[], Report]) -> None:
    report = sample()
    packet = fly_support.packet(report)
    assert fly_support.packet(report) == packet
    assert not set(packet) & set("\x1b\x00\x07\r\t\u202e\u2066\x9b")
    assert len(packet) < 30_000
    for title in ("PROBLEM", "QUESTIONS", "IDS", "TIMES (UTC)", "EVENTS"):
        assert part(packet, title)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "healthy"])
def test_a_scenario_gives_a_packet_with_the_ids_that_are_known(name: str) -> None:
    report = played(name)
    packet = fly_support.packet(report)
    subject = report.evidence.subject
    assert re.search(rf"app +{subject.app}$", part(packet, "IDS"), re.MULTILINE)
    assert (subject.machine_id or "machine id    not known") in part(packet, "IDS")
    assert "SIMULATED" in packet.partition("\n\n")[0] or report.evidence.source == "live"
    if report.diagnosis.cause:
        assert f"Our analysis: {report.diagnosis.cause.slug} ({report.diagnosis.cause.confidence})" in packet
    else:
        assert "The cause is not established." in packet
    for listed in report.evidence.observations["E05"].exchanges[:1]:
        assert f"{listed.request_id}  HTTP 200" in part(packet, "REQUEST IDS (fly-request-id)")


def test_it_holds_what_support_asks_for() -> None:
    packet = fly_support.packet(incident())
    assert (
        f"Machine {MACHINE} of app vyx-app in sin has been in state stopped since 2025-10-02 14:02:50 UTC."
        in " ".join(packet.split())
    )
    ids = part(packet, "IDS")
    for label, value in (
        ("organisation", "vyx"),
        ("machine id", MACHINE),
        ("instance id", "01K6HYFQ2X9E3S0V6T8BWJ7M4C"),
        ("region", "sin"),
        ("image", "registry.fly.io/vyx-app:7"),
        ("image digest", "sha256:" + "ab" * 32),
        ("host", "ok"),
    ):
        assert f"  {label.ljust(12)}  {value}" in ids
    when = part(packet, "TIMES (UTC)")
    assert "  created       2025-10-02T14:02:11Z" in when
    assert "  last event    2025-10-02T14:02:50Z exit -> stopped by flyd [E03]" in when
    assert f"  checked       {LOOKED:%Y-%m-%dT%H:%M:%SZ}" in when


def test_request_ids_come_with_what_was_asked_the_callers_own_first() -> None:
    told = part(fly_support.packet(incident()), "REQUEST IDS (fly-request-id)").split("\n- ")
    assert told[0].startswith("- 01K6HYZZZZ0000000000000000-sin  HTTP 503  2025-10-02T14:02:13Z  from our caller's log")
    assert told[0].endswith("upstream connect error")
    assert told[1] == (
        f"01K6HZ9VVKJ7HZFMJWJB3M3RYN-sin  HTTP 200  2025-10-02T17:40:01.200Z\n    GET {API}/machines/{MACHINE}"
    )
    assert told[2].startswith("01K6HZ9VVKFAILED000000000-sin  HTTP 503"), "a second answer only where it failed"
    assert "01K6HZ9YD8Q1TX5MZ9H8N4E2KF-sin" not in "".join(told), "the list's second answer was like the first"
    assert "of the call that made the machine: not known" in fly_support.packet(demo())


def test_events_are_short_and_the_last_are_kept() -> None:
    told = part(fly_support.packet(incident()), "EVENTS").split("\n")
    assert told[0] == "- … [cut: 10 earlier events]"
    assert told[-1].startswith("- 2025-10-02T14:02:50Z  exit -> stopped by flyd, exit code 1, oom_killed [E03]")
    assert len(told) == 31
    assert part(fly_support.packet(demo()), "EVENTS").startswith("- none seen: ")


def test_the_config_is_json_as_the_machine_was_described_with_its_secrets_replaced() -> None:
    told = part(fly_support.packet(incident()), "CONFIG, secrets masked")
    first, _, text = told.partition("\n")
    assert first == "as E03 shows it:"
    assert json.loads(text)["env"] == {"KEY": "<secret:supabase-key#1>"}
    large = incident()
    machine = large.evidence.observations["E03"].answer
    wide = replace(machine, config={"env": {f"N{n}": "x" * 5_000 for n in range(500)}})
    observations = {**large.evidence.observations, "E03": replace(large.evidence.observations["E03"], answer=wide)}
    told = part(
        fly_support.packet(replace(large, evidence=replace(large.evidence, observations=observations))),
        "CONFIG, secrets masked",
    )
    assert "more characters]" in told
    assert told.endswith("… [cut: 384 more lines]")


def test_siblings_stand_side_by_side_and_what_is_alike_is_told_once() -> None:
    told = part(fly_support.packet(everything()), "COMPARISON WITH OTHER MACHINES OF THE APP")
    assert (
        "state, differs\n  * 91850296bd4738 vyx-63eea370  destroyed\n    5683d920b1618e a             started" in told
    )
    assert "image, same on all: a:1" in told
    assert "COMPARISON" not in fly_support.packet(demo())


def test_what_was_ruled_out_and_what_is_not_known_is_said() -> None:
    packet = fly_support.packet(everything())
    assert "- Docker image missing" in part(packet, "RULED OUT")
    assert "Fly reports no incident" in packet
    assert "RUNBOOKS_STATUS_URL is off" in part(packet, "NOT CHECKED")


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("stuck-in-transition", "What do the records of its host show for e4086b4a1174be"),
        ("vyx-image-missing", "Probably none: the owner of the cause is our team."),
        ("gone-without-trace", "What do your records show for 87088ee2c8491b"),
    ],
)
def test_it_asks_for_what_only_the_platform_can_tell(name: str, ask: str) -> None:
    assert ask in " ".join(part(fly_support.packet(played(name)), "QUESTIONS").split())


def test_what_only_the_platform_can_mend_is_said_to_be_on_its_side() -> None:
    sides = {slug: info.owner for slug, info in catalogue().items()}
    assert sides["platform-incident"] is sides["host-unreachable"] is Owner.FLY
    assert sides["missing-environment"] is sides["image-tag-missing"] is Owner.YOU
    assert sides["stuck-in-transition"] is Owner.UNDECIDED


def test_no_line_is_longer_than_a_mail_bears_but_for_what_must_stay_whole() -> None:
    for line in fly_support.packet(played("vyx-missing-environment")).split("\n"):
        assert len(line) <= 100 or re.search(r"\S{60}", line), line
