"""Each form of text that people paste is read, whatever it looks like, and tells whom it is about."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.evidence.caller import read_caller
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.pasted import read_pasted, unwrapped
from runbooks.evidence.pasted.clock import placed
from runbooks.evidence.pasted.stack_trace import program_output
from tests.evidence.paste_forms import (
    APPS,
    CHECKS,
    DEPLOYS,
    EXPORTS,
    FAILED_RELEASE,
    GROUPED,
    ID,
    JOBS,
    JSONS,
    LIST_BARS,
    LIST_TABS,
    LISTS,
    OTHER,
    PASTES,
    STATUS_OF_APP,
    STATUS_TABS,
    STATUSES,
    TRACES,
    ULID,
    stamped,
)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize("text", STATUSES.values(), ids=STATUSES)
def test_fly_machine_status(text: str) -> None:
    found = read_pasted(text)
    (one,) = found.machines
    machine = one.machine
    assert (found.forms, found.machine_id, found.machine_name) == (("fly machine status",), ID, "bold-frost-77")
    assert (found.app, one.whole, one.at) == ("harbor-web", False, machine.events[-1].at)
    assert (machine.state, machine.region, machine.host_status) == ("stopped", "cdg", "ok")
    assert machine.image == "registry.fly.io/harbor-web:deployment-01K4GYX"
    assert machine.config is not None
    assert machine.config["guest"] == {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512}
    assert [(e.type, e.status, e.source) for e in machine.events] == [
        ("launch", "created", "user"),
        ("start", "started", "flyd"),
        ("exit", "stopped", "flyd"),
    ]
    ended = machine.events[-1]
    assert ended.at == datetime(2026, 1, 3, 3, 4, 5, 123000, tzinfo=UTC)
    assert ended.exit is not None
    assert (ended.exit.exit_code, ended.exit.oom_killed, ended.exit.requested_stop) == (1, False, False)


def test_what_a_check_prints_is_no_answer_of_the_api() -> None:
    caller = read_caller(STATUS_TABS)
    assert not caller.errors
    assert caller.pasted.machines[0].fails
    assert caller.is_answer is False


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_fly_machine_list(text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id) == ("harbor-web", ID)  # the one that is not well
    shown = [(m.machine.id, m.machine.name, m.machine.state, m.machine.region) for m in found.machines]
    assert shown == [(OTHER, "quiet-sun-12", "started", "cdg"), (ID, "bold-frost-77", "stopped", "cdg")]
    assert found.machines[1].at == at(2026, 1, 4, 3, 4, 5)
    assert found.machines[1].machine.image == "registry.fly.io/harbor-web:deployment-01K4GYX"


def test_of_two_machines_alike_none_is_the_subject() -> None:
    assert read_pasted(LIST_TABS.replace("stopped", "started")).machine_id == ""


def test_a_host_that_does_not_answer() -> None:
    found = read_pasted(LIST_TABS.replace(f"{ID}\t", f"{ID}*\t"))
    assert (found.machines[1].machine.id, found.machines[1].machine.host_status) == (ID, "unreachable")


@pytest.mark.parametrize("text", APPS.values(), ids=APPS)
def test_fly_status(text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id, found.forms) == ("harbor-web", ID, ("fly status",))
    one, two = found.machines
    assert (one.machine.state, one.machine.region, one.fails) == ("stopped", "cdg", True)
    assert (two.machine.state, two.machine.region, two.fails) == ("started", "ams", False)
    assert one.at == at(2026, 1, 3, 3, 4, 5)


@pytest.mark.parametrize(("form", "text"), CHECKS.items(), ids=CHECKS)
def test_fly_checks_list(form: str, text: str) -> None:
    found = read_pasted(text)
    assert (found.app, found.machine_id) == ("" if form == "json" else "harbor-web", ID)
    (check,) = found.machines[0].machine.raw["checks"]
    assert (check["name"], check["status"]) == ("servicecheck-00-http-3000", "critical")
    assert check["output"] == "context deadline exceeded"
    assert found.machines[0].fails
    assert not read_caller(text).errors


@pytest.mark.parametrize("text", JSONS.values(), ids=JSONS)
def test_json_of_a_machine(text: str) -> None:
    found = read_pasted(text)
    (one,) = found.machines
    assert (found.app, found.machine_id, found.machine_name) == ("relay-api", "286542eb100198", "wild-sound-1")
    assert (one.machine.state, one.whole, one.at) == ("stopped", True, at(2026, 4, 30, 10, 0, 2))
    ended = one.machine.events[-1].exit
    assert ended is not None
    assert (ended.exit_code, ended.oom_killed) == (137, True)
    assert read_caller(text).status != "deployed"


@pytest.mark.parametrize("text", JOBS.values(), ids=JOBS)
def test_a_release_command_in_a_ci_job(text: str) -> None:
    """The machine of a release command exists for one command: it is not what the text is about."""
    found, lines = read_pasted(text), log_lines(unwrapped(text))
    assert (found.app, found.machine_id) == ("harbor-web", "")
    assert any("Main child exited normally" in line.message for line in lines)
    assert "##[" not in unwrapped(text)


def test_the_settings_of_a_step_are_no_lines_of_a_machine() -> None:
    text = stamped(
        "##[group]Run flyctl deploy -a harbor-web\nshell: /usr/bin/bash -e {0}\nenv:\n  NODE_ENV: production\n"
        f"##[endgroup]\n{FAILED_RELEASE}##[group]Run echo\necho done\n##[endgroup]\n"
    )
    plain = unwrapped(text)
    assert plain.startswith("$ flyctl deploy -a harbor-web\n")
    assert "NODE_ENV" not in plain
    assert "Main child exited normally" in plain
    assert "$ echo" in plain


def test_a_table_in_a_ci_job() -> None:
    found = read_pasted(stamped(STATUS_TABS, "deploy\tfly machine status\t"))
    assert [e.type for e in found.machines[0].machine.events] == ["launch", "start", "exit"]


@pytest.mark.parametrize(("form", "text"), DEPLOYS.items(), ids=DEPLOYS)
def test_fly_deploy(form: str, text: str) -> None:
    found = read_pasted(text)
    assert (found.forms, found.app) == (("fly deploy",), "harbor-web")
    assert found.machine_id == ("" if form == "release command" else ID)
    assert [m.machine.state for m in found.machines] == (["replacing"] if form == "states" else [])


# `docker compose logs` and `docker logs -t`: docker docs; supabase/supabase#32978 shows the first.
def test_names_of_containers_are_taken_off() -> None:
    inner = 'POST /machines failed: 422 {"error":"could not find a candidate host"}\nretrying'
    for prefix in ("api-1  | ", "supabase-edge_1    | ", "web  | "):
        text = "\n".join(prefix + line for line in inner.splitlines())
        assert unwrapped(text) == inner
        assert read_caller(text).error_status == 422


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
def test_supabase_exports(text: str) -> None:
    first, second = unwrapped(text).splitlines()
    assert first.startswith("2026-01-03T03:04:05.000000Z Fly API error: 422")
    assert second.startswith("2026-01-03T03:04:07.000000Z listening")
    caller = read_caller(text)
    assert (caller.error_status, caller.error_text) == (422, "could not find a candidate host")
    assert caller.errors[0].at == at(2026, 1, 3, 3, 4, 5)


# Dashboards: a time on its own row, newest first, clocks without a date; superfly/flyctl#708 (bars).
def test_a_clock_takes_the_day_of_the_incident_and_says_so() -> None:
    text = "23:59:58 Starting init (commit: 1df1d0a0)...\n00:00:01 INFO Main child exited normally with code: 1\n"
    found = placed(log_lines(text), date(2026, 1, 3))
    assert [when for _, when in found.lines] == [at(2026, 1, 3, 23, 59, 58), at(2026, 1, 4, 0, 0, 1)]
    assert (found.day_assumed, found.zone_assumed) == (date(2026, 1, 3), True)


def test_without_any_day_a_clock_is_no_time() -> None:
    text = "23:59:58 Starting init (commit: 1df1d0a0)...\n00:00:01 INFO Main child exited normally with code: 1\n"
    assert [when for _, when in placed(log_lines(text), None).lines] == [None, None]


def test_a_line_that_shows_utc_tells_the_zone_and_the_day() -> None:
    text = (
        f"01:59:58 Starting init (commit: 1df1d0a0)...\n"
        f"02:00:01 2026-01-04T00:00:01.123456789 [{ULID}:main] Running Firecracker v1.14.4\n"
        "02:00:03 INFO Main child exited normally with code: 1\n"
    )
    found = placed(log_lines(text), date(2020, 1, 1))
    assert [when for _, when in found.lines] == [
        at(2026, 1, 3, 23, 59, 58),
        at(2026, 1, 4, 0, 0, 1),
        at(2026, 1, 4, 0, 0, 3),
    ]
    assert (found.day_assumed, found.zone_assumed) == (None, False)


def test_newest_first_with_the_time_on_its_own_row() -> None:
    lines = log_lines((PASTES / "dashboard-slow-start-python-newest-first.txt").read_text())
    found = placed(lines, None)
    times = [when for _, when in found.lines if when]
    assert len(times) == 11
    assert times == sorted(times)
    assert found.zone_assumed


def test_a_head_without_its_time_is_a_head() -> None:
    text = f"proxy[{ID}] ams [error] could not find a good candidate\nrunner[{ID}] ams [info] Starting machine"
    assert [(line.provider, line.instance, line.region, line.message) for line in log_lines(text)] == [
        ("proxy", ID, "ams", "could not find a good candidate"),
        ("runner", ID, "ams", "Starting machine"),
    ]


def test_lines_above_a_bare_end_are_the_programs_and_a_callers_are_not() -> None:
    end = "INFO Main child exited normally with code: 1"
    assert [line.message for line in log_lines(f"FATAL: KEY is missing\n{end}")] == ["FATAL: KEY is missing", end]
    assert [line.message for line in log_lines(f"$ fly logs\n{end}")] == [end]


def test_bars_of_a_deploy_are_taken_off() -> None:
    text = (
        "--> release\n  | Starting init (commit: 7943db6)...\n  | boom\n  | Main child exited normally with code: 1\n"
    )
    assert [line.message for line in log_lines(unwrapped(text))] == [
        "Starting init (commit: 7943db6)...",
        "boom",
        "Main child exited normally with code: 1",
    ]


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES)
def test_a_stack_trace_alone_is_the_programs(text: str) -> None:
    assert [line.message for line in program_output(read_caller(text))] == [
        row for row in text.splitlines() if row.strip()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "the deploy was slow today",
        TRACES["python"].replace("QUEUE_URL", "FLY_API_TOKEN"),
        TRACES["node"].replace("QUEUE_URL is not set", "could not create machine"),
        'Error: HTTP 422 {"error":"could not find a candidate host"}\n    at create (/srv/provision.js:3:9)\n',
        '{"success": true}\n' + TRACES["go"],
        STATUS_TABS + TRACES["go"],
    ],
)
def test_the_callers_own_trace_is_not_the_programs(text: str) -> None:
    assert program_output(read_caller(text)) == ()


# Whom a text is about.
@pytest.mark.parametrize(
    ("text", "apps", "ids"),
    [
        ("$ fly logs -a harbor-web", ("harbor-web",), ()),
        ("flyctl machine status --app=harbor-web " + ID, ("harbor-web",), (ID,)),
        (f"GET https://api.machines.dev/v1/apps/harbor-web/machines/{ID}", ("harbor-web",), (ID,)),
        (f"Downscaling app harbor-web in region cdg. Automatically stopping machine {ID}", ("harbor-web",), (ID,)),
        (f"App harbor-web has excess capacity, autostopping machine {ID}.", ("harbor-web",), (ID,)),
        ("2026-01-03T03:04:05Z app[91850296047385] cdg [info]boom", (), ("91850296047385",)),
        ('{"fly":{"app":{"instance":"' + ID + '","name":"harbor-web"}}}', ("harbor-web",), (ID,)),
        (f"dial tcp: lookup {ID}.vm.harbor-web.internal", ("harbor-web",), (ID,)),
        ("commit 1df1d0a0, build 20260103030405, sha256:" + "ab12" * 16, (), ()),
        ("Visit your newly deployed app at https://harbor-web.fly.dev/", ("harbor-web",), ()),
        ("New app created: harbor-web", ("harbor-web",), ()),
        ("Created app 'harbor-web' in organization 'personal'", ("harbor-web",), ()),
        ("fly logs -a NAME", (), ()),
    ],
)
def test_identity(text: str, apps: tuple[str, ...], ids: tuple[str, ...]) -> None:
    found = read_pasted(text).identity
    assert (found.apps, found.machine_ids) == (apps, ids)


# Every text of the folder.
WANTED = {
    "dashboard-slow-start-python-newest-first.txt": ("", ""),
    "fly-checks-list.txt": ("harbor-school", "148e2d5b7e0689"),
    "fly-deploy-output.txt": ("sync-service", "683d607a7e4398"),
    "fly-logs-coloured.log": ("harbor-web", "5683210cd5e908"),
    "fly-logs-slow-start-spring.log": ("api-rosy-cloud-4618", ""),
    "fly-machine-status.txt": ("ledger-api", "d896099a33e228"),
    "fly-status.json": ("relay-api", "286542eb100198"),
}


@pytest.mark.parametrize("path", sorted(PASTES.iterdir()), ids=lambda path: path.name)
def test_the_subject_of_a_paste(path: Path) -> None:
    found = read_pasted(path.read_text())
    assert (found.app, found.machine_id) == WANTED[path.name]


# Hostile texts.
LONG = 300_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "Machine ID: " * (LONG // 12),
        f"Machine ID: {ID}\n" * (LONG // 30),
        "NAME | STATUS | MACHINE | OUTPUT\n" * (LONG // 33),
        "STATE\tEVENT\tSOURCE\tTIMESTAMP\n" + "a\tb\tc\n" * (LONG // 6),
        "  a = b\n" * (LONG // 8),
        "|" * LONG,
        "\t" * LONG,
        "[" * LONG,
        '{"id":' * (LONG // 6),
        '"event_message",' * (LONG // 16),
        "event_message,timestamp\n" + '"' * LONG,
        "2026-01-03T03:04:05.1234567Z " * (LONG // 29),
        "fly -a " * (LONG // 7),
        "a-1 | " * (LONG // 6),
        " | x\n" * (LONG // 5),
        "\x1b[" * (LONG // 2),
        "00:00:01 Starting init (commit\n" * (LONG // 31),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begun = time.process_time()
    found = read_pasted(text)
    placed(log_lines(unwrapped(text)), date(2026, 1, 3))
    assert len(found.machines) <= 200
    assert time.process_time() - begun < 3


WHOLE = (STATUS_TABS, LIST_BARS, GROUPED, STATUS_OF_APP, EXPORTS["csv"])
PIECES = st.sampled_from([*(row for text in WHOLE for row in text.splitlines(True)), '{"Machines": [', "]}", "\0", "│"])


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_any_mixture_is_read(pieces: list[str]) -> None:
    found = read_caller("".join(pieces))
    assert all(one.machine.id or one.form == "fly machine status" for one in found.pasted.machines)


_HEAD = "2026-05-01T10:00:00Z app[1111aaaa222233] fra [info] "


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{_HEAD}failed to spawn command: /app/bin/run-\nserver: No such file\n{_HEAD}Starting clean up.", 2),
        ('Fly API error (400): {"error": "failed to get manifest registry.fly.io/one-app:\nv1: not found"}', 1),
        ("Error: cannot connect to the database at one.example.org, retrying in five\nseconds", 1),
        ("Error: cannot connect to the database at one.example.org.\nsee the log", 2),
        (f"{_HEAD}INFO Main child exited normally with code: 1\nINFO Starting clean up.", 2),
        (
            "ID             NAME        STATE    REGION  IMAGE\n1111aaaa222233 quiet-plum  started  fra     one-app:v1",
            2,
        ),
        ("TypeError: cannot read the value of something that is not there\n    at run (/app/a.js:1:2)", 2),
    ],
)
def test_broken_lines_are_put_together(text: str, lines: int) -> None:
    assert len(unwrapped(text).splitlines()) == lines
    assert "".join(unwrapped(text).split()) == "".join(text.split())


def test_a_quotation_with_words_of_whoever_quotes_is_read() -> None:
    lines = [f"{_HEAD}INFO Starting init (commit:", "350f2667)...", f"{_HEAD}Main child exited normally with code: 1"]
    text = "This is what I see:\n\n" + "\n".join(f"> {line}" for line in lines) + "\n\nAny ideas?"
    assert [line.message for line in log_lines(unwrapped(text))] == [
        "INFO Starting init (commit: 350f2667)...",
        "Main child exited normally with code: 1",
    ]
