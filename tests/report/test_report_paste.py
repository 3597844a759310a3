"""The block for a chat: twelve lines that answer what people ask there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from played import SCENARIOS, demo, judged, played
from report_samples import at, empty, everything, hostile, observation, seeing, unasked, very_long

from runbooks.diagnose.model import Moment, Remedy
from runbooks.evidence.models import Outcome
from runbooks.report import paste
from runbooks.report.document import Report
from tools.generate_docs import without

SAMPLES = [demo, empty, hostile, everything, very_long]


@pytest.mark.parametrize("sample", SAMPLES)
def test_it_is_short_and_plain(sample: Callable[[], Report]) -> None:
    block = paste.block(sample())
    lines = block.split("\n")
    assert len(lines) <= paste.MOST_LINES
    assert max(map(len, lines)) <= paste.WIDE
    assert not set(block) & set("\x1b\x00\x07\u202e\u2066\x9b")
    assert all(line.strip() for line in lines)
    assert "-sin" not in block, "request ids are for the vendor"


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_tells_a_chat_the_whole_answer(name: str) -> None:
    report = played(name)
    block, found = paste.block(report), report.diagnosis
    assert len(block.split("\n")) <= paste.MOST_LINES
    assert max(map(len, block.split("\n"))) <= paste.WIDE
    assert found.headline[:150] in block.split("\n")[0]
    assert f"app {report.evidence.subject.app}" in block
    assert f"checked {report.evidence.looked_at:%Y-%m-%d %H:%M:%S} UTC" in block
    gaps = [one for one in found.not_checked if one.gap]
    label = "not checked" if all(one.kept for one in gaps) else "not checked, or no longer kept"
    assert (f"{label} ({len(gaps)}): " in block) is bool(gaps)
    assert "ruled out" in block
    if found.cause:
        assert f"({found.cause.confidence})" in block.split("\n")[0]
        assert f"cause: {found.cause.slug}" in block
    if found.remedies:
        assert f"next: {SCENARIOS[name][0]}" in block


def test_the_demo_answers_those_who_believe_in_the_missing_tag() -> None:
    lines = paste.block(demo()).split("\n")
    for words in (
        "ROOT CAUSE IDENTIFIED (confirmed): Machine 91850296bd4738 is destroyed: the program exited because",
        "where: app vyx-app · org vyx · region sin · machine 91850296bd4738 · name vyx-63eea370",
        "decisive: 03:00:17.724 UTC, program log: [Main] Missing required environment variables: SUPABASE_SERVICE_KEY",
        "ruled out: The image tag is missing, so no machine was created – The machine ran registry.fly.io/vyx-app:depl",
        "impact: Machine destroyed since 03:00:28 UTC; the WebSocket connection fails at DNS; no other machine of the "
        "app runs, 2 ended alike (code 1)",
        "also ruled out: an incident that Fly reports (a single host's need not be); The token cannot read this app",
        "next: Set SUPABASE_SERVICE_KEY to a new key. Then: turn auto_destroy off in the create request, and test the ",
        '  fly secrets set SUPABASE_SERVICE_KEY="${SUPABASE_SERVICE_KEY:?}" -a vyx-app',
    ):
        assert any(line.startswith(words) for line in lines), words
    assert not any(line.startswith("not checked") for line in lines), "every question was answered"
    gaps = paste.block(judged(without(demo().evidence, "E16", "E10")))
    assert "not checked (2): What is the image the machine really ran?; Does Fly report an incident?" in gaps


def test_what_matters_least_is_left_out_first_and_the_next_step_never() -> None:
    lines = paste.block(everything()).split("\n")
    assert len(lines) == paste.MOST_LINES
    assert any(line.startswith("warning, contradictory evidence: ") for line in lines)
    assert any(line.startswith("checks: ✓ The image exists; ✗ The machine is in the app's list; ✗ ") for line in lines)
    assert not any(line.startswith(("also ruled out: ", "contributing: ")) for line in lines)
    command, gaps = lines[-2:]
    assert command == f"  {everything().diagnosis.remedies[0].commands[0]}"
    assert gaps.startswith("not checked (1): ")


def test_half_a_command_is_not_printed() -> None:
    report = demo()
    long = Remedy("Do it", "", ("fly machine run " + "x" * 300,))
    assert "fly machine run" not in paste.block(replace(report, diagnosis=replace(report.diagnosis, remedies=(long,))))
    program = Remedy("Do it", "", ("cat <<EOF\nEOF",))
    assert "cat" not in paste.block(replace(report, diagnosis=replace(report.diagnosis, remedies=(program,))))
    wrapped = Remedy("Do it", "", ("curl -sS \\\n  https://x.example/",))
    block = paste.block(replace(report, diagnosis=replace(report.diagnosis, remedies=(wrapped,))))
    assert "\n  curl -sS https://x.example/" in block
    assert "\\" not in block


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ('fly secrets set KEY="${KEY:?}" OTHER="${OTHER:?}" -a vyx-app', "KEY, OTHER"),
        ("fly machine list -a vyx-app", ""),
        ("cat <<EOF\n${KEY:?}\nEOF", ""),
    ],
)
def test_what_a_command_takes_from_the_shell_is_to_be_set_before(command: str, named: str) -> None:
    report = demo()
    changed = replace(report.diagnosis, remedies=(Remedy("Do it", "", (command,)),))
    lines = paste.block(replace(report, diagnosis=changed)).split("\n")
    told = [number for number, line in enumerate(lines) if line.startswith("  set in your shell before: ")]
    assert bool(told) is bool(named)
    if named:
        assert lines[told[0]] == f"  set in your shell before: {named}, for example with read -rs KEY"
        assert lines[told[0] + 1] == f"  {command}"


def test_a_cut_is_counted() -> None:
    report = demo()
    moment = Moment(at(1), "program log", "x" * 5_000, "E07", True)
    block = paste.block(replace(report, diagnosis=replace(report.diagnosis, timeline=(moment,))))
    (line,) = (line for line in block.split("\n") if line.startswith("decisive: "))
    shown = line.count("x")
    assert line.endswith(f" … [+{5_000 - shown:,}]")


def test_fly_is_only_said_to_be_well_when_it_was_asked() -> None:
    report = demo()
    assert "also ruled out: an incident that Fly reports (a single host's need not be); " in paste.block(report)
    assert "Fly incident" not in paste.block(unasked(report, "E16"))
    assert "Fly incident" not in paste.block(
        seeing(report, observation("status", Outcome.COULD_NOT_LOOK, "the feed is off"))
    )


@pytest.mark.parametrize(
    ("name", "told"), [("stopped-by-request", True), ("healthy", False), ("token-out-of-scope", False)]
)
def test_an_impact_is_told_where_one_is_known(name: str, told: bool) -> None:
    assert ("\nimpact: " in paste.block(played(name, False))) is told
