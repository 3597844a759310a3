"""Every line of the tables in tests/diagnose/lines/ means what stands beside it, and nothing more."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slices import read_yaml

from runbooks.diagnose.log_classifier import TABLE, is_program, last_output, read_lines
from runbooks.evidence.models import LogLine

FOLDER = Path(__file__).with_name("lines")


def rows() -> Iterator[tuple[LogLine, Mapping[str, list[Any]]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for group in read_yaml(path):
            for row in group["lines"]:
                provider = next(key for key in row if key != "means")
                line = LogLine(None, row[provider], "" if provider == "pasted" else provider)
                yield line, row.get("means", {})


ROWS = list(rows())


@pytest.mark.parametrize(("line", "means"), ROWS, ids=[f"{x.provider or 'pasted'}: {x.message[:70]}" for x, _ in ROWS])
def test_a_line_means_what_stands_beside_it(line: LogLine, means: Mapping[str, list[Any]]) -> None:
    found: dict[str, list[Any]] = {}
    for reading in read_lines([line]):
        said = [*reading.names, *([] if reading.number is None else [reading.number]), *filter(None, [reading.thing])]
        found.setdefault(reading.fact, []).extend(said)
    assert set(found) == set(means)
    for fact, expected in means.items():
        assert len(found[fact]) == len(expected), fact
        for value, wanted in zip(found[fact], expected, strict=True):
            if isinstance(wanted, str) and wanted.endswith("…"):
                assert value.startswith(wanted[:-1])
            else:
                assert value == wanted


def test_the_table_is_worth_its_name() -> None:
    assert len(ROWS) >= 250
    assert sum(not means for _, means in ROWS) >= 80
    shown = {fact for _, means in ROWS for fact in means}
    never_seen = {"migrated", "volume-failed", "runner-exit"}  # in a real log
    assert {fact for fact, _ in TABLE} - shown <= never_seen


def test_what_the_platform_says_is_not_the_programs() -> None:
    for line, means in ROWS:
        if set(means) & {"booting", "exited", "killed", "command", "restarting", "signalled", "volume-mounted"}:
            assert not is_program(line), line.message
        if set(means) & {"listens", "missing-variable", "uncaught"}:
            assert is_program(line), line.message


LISTS = {
    "a heading and its list": (
        ["❌ Missing required environment variables:", "  - DATABASE_URL", "  - JWT_SECRET", "Exiting"],
        ["DATABASE_URL", "JWT_SECRET"],
    ),
    "a list with explanations": (
        ["Missing environment variables:", "    API_KEY: undefined", "    DATABASE_URL (e.g. postgres://…)"],
        ["API_KEY", "DATABASE_URL"],
    ),
    "pydantic": (
        ["ValidationError: 1 validation error for Settings", "database_url", "  Field required [type=missing]"],
        ["DATABASE_URL"],
    ),
    "zod": (
        ['    "received": "undefined",', '    "path": [', '      "AUTH_SECRET"', "    ],", '    "message": "Required"'],
        ["AUTH_SECRET"],
    ),
    "a list of what may be missing": (["⚠️ Missing optional environment variables:", "  - SENTRY_DSN"], []),
    "a heading without a list": (["Missing environment variables: none", "  - DATABASE_URL"], []),
    "a list that ended": (["Missing env variables:", "  - API_KEY", "Server started", "- WORKER_1"], ["API_KEY"]),
}


@pytest.mark.parametrize("case", LISTS)
def test_names_that_stand_on_lines_of_their_own(case: str) -> None:
    texts, names = LISTS[case]
    readings = read_lines(LogLine(None, text, "app", instance="a") for text in texts)
    assert [name for r in readings if r.fact == "missing-variable" for name in r.names] == names


def log(*texts: str) -> list[LogLine]:
    """`provider|text` lines, a second apart."""
    start = datetime(2025, 10, 2, 3, 0, tzinfo=UTC)
    pairs = [text.partition("|") for text in texts]
    return [LogLine(start + timedelta(seconds=i), text, who) for i, (who, _, text) in enumerate(pairs)]


def test_the_last_words_end_with_the_message_of_the_exception() -> None:
    said = last_output(
        log(
            "app| INFO Preparing to run: `node index.js` as root",
            "app|> api@1.0.0 start",
            "app|node:internal/modules/cjs/loader:1210",
            "app|  throw err;",
            "app|  ^",
            "app|",
            "app|Error: Cannot find module '/app/index.js'",
            "app|    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)",
            "app|  code: 'MODULE_NOT_FOUND',",
            "app|  requireStack: []",
            "app|}",
            "app|Node.js v20.11.1",
            "app| INFO Main child exited normally with code: 1",
            "app| INFO Starting clean up.",
            "runner|machine has reached its max restart count of 3",
        )
    )
    assert said[-1].message == "Error: Cannot find module '/app/index.js'"
    assert not any(line.message.startswith("    at") for line in said)


def test_the_last_words_are_those_before_the_last_end() -> None:
    lines = log(
        "app|ValueError: first",
        "app| INFO Main child exited normally with code: 1",
        "app|ValueError: second",
        "app|INFO:     Shutting down",
        "app| INFO Main child exited normally with code: 1",
        "app| INFO Starting init (commit: 3040ac0)...",
        "app|INFO:     Application startup complete.",
    )
    assert [line.message for line in last_output(lines)] == ["ValueError: second"]
    assert [line.message for line in last_output(lines, before=lines[0].at)] == ["ValueError: first"]


@pytest.mark.parametrize("echo", ["[#] ip link delete dev wg0", "+ exit 4", "++ cleanup", "> node index.js", "$ bun x"])
def test_a_command_that_a_shell_shows_is_no_last_word_where_anything_was_said(echo: str) -> None:
    end = "app| INFO Main child exited normally with code: 4"
    assert last_output(log("app|rule failed", f"app|{echo}", end))[-1].message == "rule failed"
    assert last_output(log(f"app|{echo}", end))[-1].message == echo


def test_the_last_words_of_a_program_that_runs_are_its_last_lines() -> None:
    said = last_output(log(*(f"app|line {i}" for i in range(9))))
    assert [line.message for line in said] == [f"line {i}" for i in range(4, 9)]
    assert last_output([]) == ()


@given(st.text(max_size=400), st.sampled_from(["app", "runner", "proxy", "health", "", "x"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str, provider: str) -> None:
    check(LogLine(None, text, provider))


# fmt: off
PIECES = [
    "pull", "image", "error", "missing", "env", ":", "A_B", "AB_CD ", "is ", "not set", "/", "'", "\"", "(",
    "[", " ", "listening on ", "http://", "0.0.0.0", "::", "8080", "database", "connection refused", "open ",
    "\\", "=", ".", ",", "no such file", "permission denied", "already in use", "KeyError: ", "** (", "panic: ",
    "Error", "\x00", "é", "P1001", "ECONNREFUSED", "health check", "fatal", "machine ", "volume", "{",
]
# fmt: on


@given(st.lists(st.sampled_from(PIECES), max_size=60), st.sampled_from(["app", "runner", "proxy", ""]))
@settings(max_examples=400, deadline=None)
def test_text_made_of_the_tables_own_words_is_read(pieces: list[str], provider: str) -> None:
    check(LogLine(None, "".join(pieces), provider))


def check(line: LogLine) -> None:
    for reading in read_lines([line]):
        assert len(reading.names) <= 100
        assert all(0 < len(name) <= 64 for name in reading.names)
        assert len(reading.thing) <= 600
        assert reading.number is None or 0 <= reading.number < 10**9
    assert is_program(line) in (True, False)
    last_output([line, line])


@pytest.mark.slow
def test_no_line_takes_long() -> None:
    """Patterns that backtrack would take seconds for lines made of their own beginnings."""
    dice = random.Random(7)
    hostile = ["".join(dice.choice(PIECES) for _ in range(900)) for _ in range(60)]
    hostile += [piece * 900 for piece in PIECES]
    hostile += [(a + b) * 400 for a in PIECES for b in PIECES[:12]]
    for text in hostile:
        for provider in ("app", ""):
            begun = time.process_time()
            list(read_lines([LogLine(None, text, provider)]))
            assert time.process_time() - begun < 0.25, text[:80]


@pytest.mark.parametrize(
    ("error", "properties"),
    [
        (
            "DiscordAPIError[40060]: Interaction has already been acknowledged.",
            [
                "code: 40060,",
                "status: 400,",
                "method: 'POST',",
                "url: 'https://discord.com/api/v10/interactions/1/callback'",
                "}",
            ],
        ),
        (
            "AxiosError: Request failed with status code 401",
            ["  config: {", "  headers: [Object],", "  response: undefined,", "}"],
        ),
        (
            "PrismaClientInitializationError: Error querying the database",
            ["  clientVersion: '5.7.0',", "  meta: {", "}"],
        ),
        (
            'error: column "a" does not exist',
            [
                "  length: 112,",
                "  severity: 'ERROR',",
                "  file: 'parse_relation.c',",
                "  routine: 'errorMissingColumn'",
                "}",
            ],
        ),
    ],
)
def test_the_properties_of_an_error_are_not_the_last_output(error: str, properties: list[str]) -> None:
    lines = [LogLine(None, text, "app") for text in (error, *properties, "Main child exited normally with code: 1")]
    assert last_output(lines)[-1].message == error


@pytest.mark.parametrize("said", ["status: not ready", "url: https://demo.fly.dev", "file: missing"])
def test_a_line_that_only_begins_like_a_property_is(said: str) -> None:
    lines = [LogLine(None, text, "app") for text in (said, "Main child exited normally with code: 1")]
    assert last_output(lines)[-1].message == said
