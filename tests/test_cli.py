"""The command line: what a person types, what he reads, and what the shell gets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from runbooks import cli, definitions
from runbooks.cli import terminal
from runbooks.execution import ending, notify, runner
from runbooks.execution.steps import Step
from runbooks.simulator.scenario import scenario_names


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Invoke = Callable[..., Ended]

SUMMARY = {
    "verdict": "incident",
    "headline": "The program exited with code 1.",
    "cause": {
        "slug": "missing-environment",
        "confidence": "confirmed",
        "statement": "It lacks SUPABASE_KEY.",
    },
    "remedies": [
        {"title": "Set it", "why": "It wants it.", "commands": ["fly secrets set A=1"]},
        {"title": "x"},
    ],
    "not_checked": [{"what": "a", "why": "b"}, {"what": "c", "why": "d"}],
}


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Invoke:
    """Call `runbooks` as the shell would, writing below `tmp_path/out`."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "out"))
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["runbooks", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        read = capsys.readouterr()
        return Ended(int(ended.value.code or 0), read.out, read.err)

    return call


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Replace the run by a note of what it was given; `result` in it changes what it returns."""
    seen: dict[str, Any] = {"summary": SUMMARY}

    def fake(runbook: str, given: Mapping[str, Any], **options: Any) -> ending.Result:
        seen.update(runbook=runbook, given=dict(given), options=options)
        summary = seen["summary"]
        return ending.Result("completed", ending.exit_code_of(summary), "", tmp_path, (), summary, json.dumps(summary))

    monkeypatch.setattr(runner, "run", fake)
    return seen


@pytest.mark.parametrize("machine", ["9185029e602738", "01234567890123", "91850296602738"])
def test_ids_survive_on_the_command_line_and_in_a_file(
    machine: str, invoke: Invoke, given: dict[str, Any], tmp_path: Path
) -> None:
    invoke("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", machine)
    assert given["given"] == {"app_name": "vyx", "machine_id": machine}
    file = tmp_path / "p.yaml"
    file.write_text(
        f"app_name: vyx\nmachine_id: {machine}\nincident_time: 2025-10-02T03:00:00Z\n"
        "allow_writes: true\nconfirm_app: vyx\n"
    )
    invoke("run", "machine_not_visible", "-f", str(file))
    assert given["given"]["machine_id"] == machine
    assert given["given"]["incident_time"] == "2025-10-02T03:00:00Z"
    assert given["given"]["allow_writes"] is True


def test_an_option_wins_over_the_file(invoke: Invoke, given: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("app_name: other\nmachine_id: 01234567890123\nimage:\n")
    invoke("run", "machine_not_visible", "-f", str(file), "-p", "app_name", "vyx", "--deadline", "60")
    assert given["given"] == {"app_name": "vyx", "machine_id": "01234567890123"}
    assert given["options"]["deadline"] == 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("-p", "app_nam", "vyx", "-p", "machine_id", "9185029e602738"),
            ("app_nam", "Did you mean app_name?"),
        ),
        (("-p", "machine_id", "9185029e602738"), ("app_name is missing", "-p app_name NAME")),
        (("-p", "app_name", "vyx"), ("Nothing to look for", "machine_id")),
        (
            ("-p", "app_name", "vyx", "-p", "machine_id", "x1", "-p", "incident_time", "yesterday"),
            ("incident_time", "yesterday", "2025-10-02T03:00:00Z"),
        ),
        (
            ("-p", "app_name", "vyx", "-p", "machine_id", "x1", "-p", "allow_writes", "yes"),
            ("true or false",),
        ),
        (("-p", "app_name", "vyx", "-p", "app_name", "vyx2"), ("app_name is given more than once",)),
        (("--source", "simulator:no-such-scenario"), ("no-such-scenario",)),
        (("--source", "nowhere"), ("nowhere", "simulator:SCENARIO")),
        (("-f", "missing.yaml"), ("missing.yaml cannot be read",)),
        (("-p", "app_name"), ("requires 2 arguments",)),
        (("--deadline", "0"), ("--deadline",)),
    ],
)
def test_a_wrong_parameter_is_one_paragraph_exit_2_and_nothing_written(
    arguments: tuple[str, ...], words: tuple[str, ...], invoke: Invoke, tmp_path: Path
) -> None:
    ended = invoke("run", "machine_not_visible", *arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert all(word in ended.err for word in words), ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["- a\n- b\n", "app_name: [a]\n", "app_name: {a: 1}\n", "a: 'b", "just words"])
def test_a_parameter_file_of_another_shape_is_refused(text: str, invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    ended = invoke("run", "machine_not_visible", "-f", str(file))
    assert ended.code == 2
    assert "name: value" in ended.err


def test_an_unknown_runbook_or_cause_is_met_with_the_nearest(invoke: Invoke) -> None:
    ended = invoke("run", "machine_not_visibel")
    assert ended.code == 2
    assert "Did you mean machine_not_visible?" in ended.err
    ended = invoke("explain", "missing-enviroment")
    assert ended.code == 2
    assert "Did you mean missing-environment" in ended.err


@pytest.mark.parametrize(
    ("summary", "code"),
    [({"verdict": "healthy", "cause": None}, 0), (SUMMARY, 3), ({"verdict": "incident", "cause": None}, 4)],
)
def test_exit_codes_tell_what_was_found(
    summary: dict[str, Any], code: int, invoke: Invoke, given: dict[str, Any]
) -> None:
    given["summary"] = summary
    arguments = ("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "x1")
    assert invoke(*arguments).code == code
    assert invoke(*arguments, "--exit-zero").code == 0


def test_the_end_of_a_run_says_what_why_what_to_do_and_where(
    invoke: Invoke, given: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "report.html").touch()
    ended = invoke("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "x1")
    assert ended.out.strip().splitlines() == [
        "The program exited with code 1.",
        "● ROOT CAUSE IDENTIFIED: the cause is confirmed by evidence",
        "Cause: missing-environment (confirmed)",
        "It lacks SUPABASE_KEY.",
        "",
        "What to do: Set it",
        "It wants it.",
        "Effect: `fly secrets set` restarts the machines that `fly deploy` manages.",
        "    fly secrets set A=1",
        "Then: x",
        "Not checked: 2 items; the report lists each with its reason.",
        "",
        f"Report: {tmp_path}/report.html",
    ]


@pytest.mark.parametrize("cause", [SUMMARY["cause"], None])
def test_the_end_of_a_run_says_what_is_open_and_what_only_looked_like_it(
    cause: object, invoke: Invoke, given: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "report.html").touch()
    (tmp_path / "report.md").touch()
    why = [{"text": "The registry has no such tag.", "evidence": ["E09"]}]
    but = [{"text": "It ran another image.", "evidence": ["E03"]}]
    given["summary"] = SUMMARY | {
        "cause": cause,
        "hypotheses": [
            {"title": "It ran out of memory", "status": "open", "for": [], "against": []},
            {"title": "The tag is missing", "status": "refuted", "for": why, "against": but},
            {"title": "Another app", "status": "refuted", "for": [], "against": but},
        ],
    }
    lines = invoke("run", "machine_not_visible", "-p", "app_name", "v", "-p", "machine_id", "x1").out.splitlines()
    assert ("Still possible: It ran out of memory." in lines) is (cause is None)
    assert "Ruled out: The tag is missing. It ran another image." in lines
    assert not [line for line in lines if "Another app" in line]
    assert lines[-1] == f"As text, for an issue or a chat: {tmp_path}/report.md"


def test_json_prints_the_summary_and_nothing_else(invoke: Invoke, given: dict[str, Any]) -> None:
    ended = invoke("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "x1", "--json")
    assert json.loads(ended.out) == SUMMARY
    assert "Report: " in ended.err


def test_a_live_run_without_a_token_is_told_so_first(invoke: Invoke, given: dict[str, Any]) -> None:
    ended = invoke(
        *("run", "machine_not_visible", "-p", "app_name", "v", "-p", "machine_id", "x1", "-p", "org_slug", "o"),
        *("-p", "caller_log", "the call timed out"),
    )
    first = ended.err.splitlines()[0]
    assert first.startswith("No token is set")
    assert 'export FLY_API_TOKEN="$(fly tokens create readonly -o o -x 24h)"' in first
    assert "No token" not in invoke("demo").err


def test_the_scenarios_are_listed_with_what_they_play(invoke: Invoke) -> None:
    told = invoke("list", "--scenarios")
    assert told.code == 0
    for name in scenario_names():
        assert name in told.out
    assert "runbooks list --scenarios" in invoke("simulate", "vyx-fixd").err


def test_the_usual_mistake_with_p_is_answered_with_the_right_form(invoke: Invoke) -> None:
    ended = invoke("run", "machine_not_visible", "-p", "app_name=my-app")
    assert ended.code == 2
    assert "-p app_name my-app" in ended.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("sweep --org my-org", "-p org_slug VALUE"),
        ("sweep --organization my-org", "-p org_slug VALUE"),
        ("sweep --app my-app", "-p apps VALUE"),
        ("run machine_not_visible --app my-app", "-p app_name VALUE"),
        ("run machine_not_visible --machine-id 91850296bd4738", "-p machine_id VALUE"),
        ("run machine_not_visible --machine 91850296bd4738", "-p machine_id VALUE or -p machine_name VALUE"),
        ("run fleet --sources live", "Did you mean '--source'?"),
        ("sweep --deadlin 50", "Did you mean '--deadline'?"),
        ("sweep --deadline 50x", "Write seconds, or 50m or 1h."),
        ("prune --keep 30 days", "Write a number and its unit as one word: 30days."),
        ("sweeep", "Did you mean sweep?"),
    ],
)
def test_a_mistyped_option_or_command_is_answered_with_the_right_form(words: str, hint: str, invoke: Invoke) -> None:
    ended = invoke(*words.split())
    assert (ended.code, ended.out) == (2, "")
    assert hint in " ".join(ended.err.split())


def test_a_broken_runbook_of_somebody_else_spoils_no_hint(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = definitions.Discovered("brokn", "no_such_package:RUNBOOK", "somebody")
    every = {"brokn": broken, **definitions.discovered()}
    monkeypatch.setattr(definitions, "discovered", lambda: every)
    for words in ("run brokn --org x", "run --org x"):
        ended = invoke(*words.split())
        assert ended.code == 2
        assert "--org" in ended.err
        assert "fault of the tool" not in ended.err


@pytest.mark.parametrize("text", ["500ms", "5ss", "5s s"])
def test_a_unit_that_is_none_is_refused(text: str, invoke: Invoke) -> None:
    ended = invoke("sweep", "--deadline", text)
    assert ended.code == 2
    assert "Write seconds, or 50m or 1h." in " ".join(ended.err.split())


@pytest.mark.parametrize(("text", "seconds"), [("50m", 3_000), ("0.5h", 1_800), ("90 seconds", 90), ("60", 60)])
def test_a_deadline_can_have_a_unit(text: str, seconds: int, invoke: Invoke, given: dict[str, Any]) -> None:
    words = ("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "91850296bd4738")
    invoke(*words, "--deadline", text)
    assert given["options"]["deadline"] == seconds


def test_a_run_says_whether_it_sent_a_message(
    invoke: Invoke, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNBOOKS_NOTIFY", "json://127.0.0.1:9099/corrected")
    monkeypatch.setattr(notify, "deliver", lambda address, title, body: True)
    (tmp_path / "out").mkdir()
    given["summary"] = SUMMARY | {"runbook": "machine_not_visible", "subject": {"app": "vyx"}}
    words = ("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "91850296bd4738")
    assert "A message about 1 change was sent: JSON to 127.0.0.1:9099." in invoke(*words).err
    assert "No message was needed: nothing changed" in invoke(*words).err
    assert "essage" not in invoke(*words, "--quiet").err


def test_a_demo_ends_well_and_says_what_a_real_run_would(invoke: Invoke, given: dict[str, Any]) -> None:
    ended = invoke("demo")
    assert ended.code == 0
    assert "A real run with this result ends with 3." in ended.out
    assert given["given"] == {"source": "simulator:vyx-missing-environment"}


def test_a_fault_of_the_tool_is_one_paragraph_that_says_where_the_details_are(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(runner, "run", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("FLY_API_TOKEN", "fo1_made-up")
    ended = invoke("run", "machine_not_visible", "-p", "app_name", "vyx", "-p", "machine_id", "x1")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    (details,) = tmp_path.glob("runbooks-error-*.txt")
    assert str(details) in ended.err
    assert "ZeroDivisionError: inside" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0


def test_nothing_from_outside_reaches_the_terminal_as_a_control_character(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "a\x1b[2J\x1b]0;title\x07b\r\x9bc\u202ed"
    assert terminal.plain(evil) == r"a\x1b[2J\x1b]0;title\x07b\x0d\x9bc\x202ed"
    summary = {
        "verdict": "incident",
        "headline": evil,
        "cause": None,
        "remedies": [{"title": evil, "commands": [evil]}],
    }
    terminal.show_result(Console(), ending.Result("completed", 4, evil, None, (), summary))
    with terminal.Progress(Console(stderr=True)) as progress:
        progress.step(Step(1, evil, 0, "done", 0.1), 1)
    read = capsys.readouterr()
    assert not set(read.out + read.err) & set("\x1b\x07\r\x9b\u202e")


def test_list_names_every_parameter(invoke: Invoke) -> None:
    from runbooks.base.parameters import describe
    from runbooks.definitions import discovered, find

    ended = invoke("list")
    for runbook in discovered():
        assert runbook in ended.out
        assert all(name in ended.out for name, *_ in describe(find(runbook).parameters))


def test_explain_tells_every_cause_of_the_catalogue(invoke: Invoke) -> None:
    from runbooks.diagnose.catalogue import catalogue

    for slug, info in catalogue().items():
        ended = invoke("explain", slug)
        assert ended.code == 0
        assert f"{slug}: {info.title}" in " ".join(ended.out.split())


def test_index_wants_a_folder(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("index").code == 2
    (tmp_path / "out").mkdir()
    assert invoke("index").code == 0
    assert (tmp_path / "out" / "index.html").is_file()


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "runbooks", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("runbooks, version ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_simulate_serves_what_it_prints_until_it_is_stopped(number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-m", "runbooks", "simulate", "vyx-missing-environment"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        exports, first_try = "", ""
        while not first_try.startswith("curl "):
            first_try = server.stdout.readline()
            assert first_try, "the server ended before it printed a command"
            exports += first_try if first_try.startswith("export ") else ""
        done = subprocess.run(["sh", "-c", exports + first_try], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["name"] == "vyx-app"
        server.send_signal(number)
        _, errors = server.communicate()
    assert (server.returncode, errors) == (0, "Stopped.\n")
