"""The packet for Fly's support: every id, in the platform's terms, nothing secret, nothing dangerous."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from played import SCENARIOS, demo, judged, played
from report_samples import at, empty, everything, hostile, seeing, very_long

from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.model import Owner, Verdict
from runbooks.evidence.models import CallerError, Event, Exit
from runbooks.report import facts, fly_support
from runbooks.report.document import Report
from tools.generate_docs import without


def part(packet: str, title: str) -> str:
    return packet.partition(f"{title}\n")[2].partition("\n\n")[0]


def asking(report: Report) -> Report:
    """The same, if Fly had caused it, and about a machine that can be named."""
    found, evidence = report.diagnosis, report.evidence
    cause = found.cause._replace(owner=Owner.FLY) if found.cause else None
    changed = replace(found, cause=cause, verdict=Verdict.INCIDENT, blocked=False, review=None)
    if not (evidence.subject.machine_id or evidence.subject.machine_name):
        evidence = replace(evidence, subject=replace(evidence.subject, machine_id="91850296bd4738"))
    return replace(report, diagnosis=changed, evidence=evidence)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kind of evidence is left out for want of room."""
    monkeypatch.setattr(fly_support, "MOST_LINES", 1_000)


def incident() -> Report:
    """A stopped machine, asked for twice, in vain the second time; it exited on and on, and its caller was refused."""
    report = played("startup-crash")
    seen, events, listed, caller = (report.evidence.observations[number] for number in ("E03", "E04", "E05", "E19"))
    (got,), (asked,) = seen.exchanges, listed.exchanges
    again = (seen.answer.updated_at + timedelta(seconds=n) for n in range(1, 41))
    exits = tuple(
        Event(f"e{n}", "exit", "stopped", "flyd", when, Exit(exit_code=1, oom_killed=n == 39))
        for n, when in enumerate(again)
    )
    refusal = CallerError(503, "upstream connect error", at(2), "01K6HYZZZZ0000000000000000-ams")
    report = seeing(
        report,
        replace(seen, exchanges=(got, replace(got, status=503, request_id="01K6KCEG1FAILED-ams"))),
        replace(events, answer=(*events.answer, *exits)),
        replace(listed, exchanges=(asked, replace(asked, request_id="01K6KCEG1AGAIN-ams"))),
        replace(caller, answer=replace(caller.answer, errors=(refusal,))),
    )
    return asking(replace(report, evidence=replace(report.evidence, source="live")))


@pytest.mark.parametrize("sample", [demo, empty, hostile, everything, very_long, incident])
def test_it_is_plain_text_and_always_the_same(sample: Callable[[], Report]) -> None:
    report = asking(sample())
    packet = fly_support.packet(report)
    assert fly_support.packet(report) == packet
    assert not set(packet) & set("\x1b\x00\x07\r\t\u202e\u2066\x9b")
    assert len(packet.split("\n")) <= fly_support.MOST_LINES
    for title in ("QUESTIONS", "PROBLEM", "IDS", "TIMES (UTC)"):
        assert part(packet, title)
    assert packet.index("QUESTIONS\n") < packet.index("PROBLEM\n")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "healthy"])
def test_a_scenario_gives_a_packet_with_the_ids_that_are_known(name: str) -> None:
    report = asking(played(name))
    packet = fly_support.packet(report)
    assert len(packet.split("\n")) <= fly_support.MOST_LINES
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
    report = incident()
    packet = fly_support.packet(report)
    assert (
        "Machine 32874591028465 of app lumen-render in ams has been in state stopped since 2025-10-02 21:05:57 UTC."
        in " ".join(packet.split())
    )
    ids = part(packet, "IDS")
    for label, value in (
        ("organisation", "lumen-desk"),
        ("machine id", "32874591028465"),
        ("instance id", "01K6KBW5ZW1E21VN4AA2CGDKNA"),
        ("region", "ams"),
        ("image", "registry.fly.io/lumen-render:night"),
        ("image digest", "sha256:4c11e60bcfb20955877496225798343d7673862dbf94d1baf86d4397c19bc583"),
        ("host", "ok"),
    ):
        assert f"  {label.ljust(12)}  {value}" in ids
    when = part(packet, "TIMES (UTC)")
    assert "  created       2025-10-02T21:04:59.900Z" in when
    assert "  last event    2025-10-02T21:05:57.680Z exit -> stopped by flyd [E04]" in when
    assert f"  checked       {report.evidence.looked_at:%Y-%m-%dT%H:%M:%SZ}" in when


def test_request_ids_come_with_what_was_asked_the_callers_own_first() -> None:
    told = part(fly_support.packet(incident()), "REQUEST IDS (fly-request-id)").split("\n- ")
    assert told[0].startswith("- 01K6HYZZZZ0000000000000000-ams  HTTP 503  2025-10-02T03:00:13Z  from our caller's log")
    assert told[0].endswith("upstream connect error")
    assert told[1].startswith("01K6KCEG1FAILED-ams  HTTP 503"), "those that failed before the others"
    assert told[2] == (
        "01K6KCEG10X5XAWFR96T6XDA4E-sin  HTTP 200  2025-10-02T21:15:00Z\n"
        "    GET https://api.machines.dev/v1/apps/lumen-render/machines/32874591028465"
    )
    assert "01K6KCEG1AGAIN-ams" not in "".join(told), "the list's second answer was like the first"
    assert "of the call that made the machine: not known" in fly_support.packet(asking(demo()))


def test_events_are_short_and_the_last_are_kept() -> None:
    packet = fly_support.packet(incident())
    told = part(packet, "EVENTS").split("\n")
    assert told[-1].startswith("- 2025-10-02T21:05:57.680Z  exit -> stopped by flyd, exit code 1, oom_killed [E04]")
    assert len(told) == 6
    assert f"events ({12 + 40 - 6})" in packet
    assert part(fly_support.packet(played("gone-without-trace")), "EVENTS").startswith("- none seen: ")


def test_of_the_config_it_has_what_the_platform_acts_on_and_nothing_of_the_program() -> None:
    packet = fly_support.packet(played("stuck-in-transition"))
    told, _, evidence = part(packet, "CONFIG, what the platform acts on").rpartition(" ")
    assert json.loads(told) == {
        "guest": {"cpu_kind": "performance", "cpus": 4, "memory_mb": 8192},
        "restart": {"policy": "no"},
    }
    assert evidence == "[E03]"
    assert "keys of the config (3)" in packet
    seen = incident().evidence.observations["E03"]
    wide = replace(seen.answer, config={"env": {f"N{n}": "x" * 5_000 for n in range(500)}, "mounts": ["y" * 5_000]})
    packet = fly_support.packet(seeing(incident(), replace(seen, answer=wide)))
    assert "xx" not in packet
    assert len(packet.split("\n")) <= fly_support.MOST_LINES


@pytest.mark.usefixtures("whole")
def test_what_is_different_on_other_machines_is_told_and_what_is_alike_is_not() -> None:
    title = "DIFFERENT ON OTHER MACHINES OF THE APP"
    told = part(fly_support.packet(asking(demo())), title)
    assert re.search(
        r"^- state: destroyed; on [2-9] others: .*stopped|^- state: destroyed; on 1 other: .*stopped",
        told,
        re.MULTILINE,
    )
    assert "- host:" not in told
    assert title not in fly_support.packet(incident())


@pytest.mark.usefixtures("whole")
def test_what_was_ruled_out_and_what_is_not_known_is_said() -> None:
    packet = fly_support.packet(asking(judged(without(demo().evidence, "E14"))))
    assert "- The image tag is missing" in part(packet, "RULED OUT")
    assert "Fly reports no incident" in packet
    assert "(E14): taken away" in part(packet, "NOT CHECKED")


def test_what_finds_no_room_is_counted_and_where_it_is_is_told() -> None:
    packet = fly_support.packet(asking(demo()))
    assert "RULED OUT" not in packet
    cut, _, place = " ".join(packet.partition("\nCut: ")[2].split()).partition(". ")
    assert f"hypotheses that are ruled out ({len(facts.ruled_out(demo()))})" in cut.split(", ")
    assert place.startswith("The whole is in our report (report.html)")


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("stuck-in-transition", "What do the records of its host show for e4086b4a1174be"),
        ("gone-without-trace", "What do your records show for 87088ee2c8491b"),
        ("quota-or-billing", "Why was the call about agent-7f20 refused?"),
        ("host-unreachable", "Please check 1428384c084860, its host and its region."),
    ],
)
def test_it_asks_for_what_only_the_platform_can_tell(name: str, ask: str) -> None:
    assert ask in " ".join(part(fly_support.packet(played(name)), "QUESTIONS").split())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vyx-image-missing", "the owner of image-tag-missing is your team"),
        ("two-machines-one-name", "the machine runs, and no problem of the platform was found"),
        ("healthy", "no problem was found"),
    ],
)
def test_it_is_one_line_where_fly_has_nothing_to_answer(name: str, why: str) -> None:
    report = played(name)
    assert fly_support.packet(report) == f"Nothing to ask Fly: {why}."
    section = fly_support.section(report)
    assert (section.answer, section.notes, section.quote) == (fly_support.packet(report), (), "")


@pytest.mark.parametrize(
    ("name", "blank"),
    [
        ("gone-without-trace", "- Whether the machine did its work, by our own systems (action 1 of our report): ____"),
        ("stuck-in-transition", "- Its state and the last line of its log, read again (action 1 of our report): ____"),
        ("stuck-in-replacing", "- Its state and the last line of its log, read again (action 1 of our report): ____"),
        ("vyx-missing-environment", ""),
        ("host-unreachable", ""),
    ],
)
def test_what_the_reader_finds_out_first_has_a_blank(name: str, blank: str) -> None:
    report = played(name, False)
    packet = " ".join(fly_support.packet(report).split())
    assert blank in packet
    assert ("____" in packet) is bool(blank)
    assert any("blank for the result of action 1" in one.why for one in report.diagnosis.remedies) is bool(blank)


def test_what_only_the_platform_can_mend_is_said_to_be_on_its_side() -> None:
    sides = {slug: info.owner for slug, info in catalogue().items()}
    assert sides["platform-incident"] is sides["host-unreachable"] is Owner.FLY
    assert sides["missing-environment"] is sides["image-tag-missing"] is Owner.YOU
    assert sides["stuck-in-transition"] is Owner.UNDECIDED


def test_no_line_is_longer_than_a_mail_bears_but_for_what_must_stay_whole() -> None:
    for line in fly_support.packet(asking(demo())).split("\n"):
        assert len(line) <= 100 or re.search(r"\S{60}", line), line


def test_what_the_caller_was_told_stands_there_once() -> None:
    told = part(fly_support.packet(played("stuck-in-transition")), "WHAT OUR CALLER WAS TOLD [E19]")
    assert " ".join(told.split()).count("failed to reach desired state, started, currently created") == 1
