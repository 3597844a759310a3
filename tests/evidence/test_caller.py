"""What people paste: answers, logs, both, and whatever else was in the clipboard."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.evidence.caller import objects_in, read_caller

ANSWER = """{
  "machineId": "vyx-63eea370",
  "websocketUrl": "wss://vyx-63eea370.fly.dev",
  "status": "starting",
  "flyMachineId": "91850296bd4738",
  "wasReused": false,
  "message": "The machine was provisioned successfully"
}"""
LITERAL = """[2025-10-02T03:00:11.702Z] [Execution] the answer: {
  machineId: 'vyx-63eea370',
  websocketUrl: 'wss://vyx-63eea370.fly.dev',
  status: 'starting',
  flyMachineId: '91850296bd4738',
  wasReused: false,
  message: 'The machine was provisioned successfully',
}"""
LOG = f"""[2025-10-02T03:00:09.884Z] [Execution] asking with: {{
  userId: '<user-id#1>',
  region: 'sin',
  cpuPriority: 'normal'
}}
{LITERAL}"""


@pytest.mark.parametrize(
    "text", [ANSWER, LITERAL, f"{ANSWER}\n\n{LOG}", f"```json\n{ANSWER}\n```\nIt didn't do.\n{LOG}"]
)
def test_the_answer_is_read_in_each_form(text: str) -> None:
    caller = read_caller(text)
    assert caller.machine_id == "91850296bd4738"
    assert caller.machine_name == "vyx-63eea370"
    assert caller.websocket_url == "wss://vyx-63eea370.fly.dev"
    assert caller.status == "starting"
    assert caller.reused is False
    assert caller.ok is True
    assert caller.error_status is None
    assert caller.error_text == ""
    assert caller.text == text


def test_the_log_dates_the_answer_and_names_the_region() -> None:
    caller = read_caller(f"{ANSWER}\n{LOG}")
    assert caller.at == datetime(2025, 10, 2, 3, 0, 9, 884000, UTC)
    assert caller.region == "sin"


def test_an_error_that_the_caller_kept_to_itself_does_not_deny_its_success() -> None:
    refusal = '{"error":"failed to get manifest registry.fly.io/vyx-app:latest: MANIFEST_UNKNOWN"}'
    text = f'[2025-10-02T03:00:11Z] Fly API error (400): {refusal}\n{{"status": "starting", "machineId": "vyx-1"}}'
    caller = read_caller(text)
    assert caller.error_status == 400
    assert caller.error_text.startswith("failed to get manifest registry.fly.io/vyx-app:latest")
    assert caller.ok is True
    assert caller.message == ""
    assert "error" not in caller.fields


def test_an_answer_that_is_an_error_is_no_success() -> None:
    assert read_caller('{"error": "no capacity"}').ok is False
    assert read_caller('{"success": false, "status": "starting"}').ok is False
    assert read_caller('{"status": "error"}').ok is False
    assert read_caller("nothing").ok is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"machine_id": 9185029602738}', "9185029602738"),
        ('{"machine_id": 9185029e602738}', "9185029e602738"),
        ('{"machine_id": 01234567890123}', "01234567890123"),
        ("{ flyMachineId: 9185029e602738, ok: true }", "9185029e602738"),
        ('{"data": {"machine": {"id": "91850296bd4738"}}}', "91850296bd4738"),
        ('{"id": 1.5}', ""),
        ('{"id": null}', ""),
        ('{"id": ["91850296bd4738"]}', ""),
    ],
)
def test_ids_also_where_json_takes_them_for_numbers(text: str, expected: str) -> None:
    caller = read_caller(text)
    assert caller.machine_id == expected
    assert "inf" not in caller.machine_name


def test_strings_keep_what_looks_like_syntax() -> None:
    (found,) = objects_in("""x { message: 'started, status: fine {ok} it\\'s "good"', "it's": 'a', l: [1, 'b',], }""")
    assert found == {"message": 'started, status: fine {ok} it\'s "good"', "it's": "a", "l": [1, "b"]}


def test_what_consoles_and_other_languages_print() -> None:
    (found,) = objects_in(
        "{ inner: [Object], run: [Function: run], at: 2025-10-02T03:00:11.702Z, none: undefined, error: null, "
        "headers: Headers { a: 'b' }, n: -1.5, w: starting }"
    )
    assert found == {
        "inner": None,
        "run": None,
        "at": "2025-10-02T03:00:11.702Z",
        "none": None,
        "error": None,
        "headers": {"a": "b"},
        "n": -1.5,
        "w": "starting",
    }
    (python,) = objects_in("{'machine_id': 'vyx-1', 'reused': True, 'error': None, 'ok': False}")
    assert python == {"machine_id": "vyx-1", "reused": True, "error": None, "ok": False}


def test_apostrophes_and_lonely_braces_in_prose_hide_nothing() -> None:
    text = f"It doesn't work {{ at all, don't\nreally }} }} and {{ then:\n{ANSWER}\nthat's }} it"
    assert read_caller(text).machine_id == "91850296bd4738"


def test_an_object_inside_of_one_that_does_not_read_is_found() -> None:
    assert list(objects_in('Error { what went wrong: {"error": "x"} }')) == [{"error": "x"}]


def test_names_that_are_none() -> None:
    caller = read_caller(
        'context {"name": "FunctionsHttpError"} {"machine_id": "d3b1c4a2-7f5e-4c1b-8a60-51f0de7b9c34"} '
        '{"url": "https://ref.supabase.co/functions/v1/provision-machine"}'
    )
    assert caller.machine_name == ""
    assert caller.websocket_url == ""
    assert read_caller('{"url": "wss://vyx.example/"}').websocket_url == "wss://vyx.example/"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "{" * 1_000_000,
        "}" * 1_000_000,
        "{}" * 200_000,
        "{" * 300_000 + "}" * 300_000,
        "{'" * 400_000,
        '{"a":' * 200_000,
        "{" + "\\'" * 400_000 + "}",
        "{" + "`" * 999_999 + "}",
        "{" + ",     " * 150_000 + "}",
        "error (404): {" * 70_000,
        "error: " * 140_000,
        "status" + " " * 1_000_000,
        '{"data":' * 5_000 + "1" + "}" * 5_000,
        '{"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        "no capacity" * 90_000,
        "no capacity\n" * 80_000,
        "HTTP 422 {}\n" * 80_000,
        'error (404): {\\"error\\": ' * 40_000,
        '{"error":"HTTP 422 {' * 50_000,
        "\n│ " * 300_000 + "no capacity",
        ("app[91850296" + "\n") * 70_000 + "no capacity",
        "GET /" * 200_000 + " error 404",
        "Error: 01K4AS19K057WY04RHM2N58YBV-yyz " * 25_000,
        "2026-05-14T10:41:09Z " * 45_000 + "no capacity",
    ],
    ids=lambda text: f"{text[:8]}-{len(text)}",
)
def test_a_megabyte_of_nonsense_ends(text: str) -> None:
    """Nothing is measured: what is quadratic in these would not come back."""
    assert read_caller(text).machine_id == ""


def test_half_a_character_can_be_written_afterwards() -> None:
    caller = read_caller('{"message": "a\\ud800b", "\\udfff": "x"}')
    json.dumps(dict(caller.fields), ensure_ascii=False).encode()
    assert caller.message == "a\ufffdb"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "x"]), inner, max_size=3),
    max_leaves=8,
)
answers = st.dictionaries(
    st.sampled_from(
        [
            "flyMachineId",
            "machineId",
            "id",
            "name",
            "url",
            "websocketUrl",
            "status",
            "message",
            "error",
            "success",
            "image",
        ]
    ),
    values,
)


@given(answers, st.text(max_size=30), st.booleans())
def test_hostile_values_never_raise(answer: dict[str, object], around: str, pretty: bool) -> None:
    caller = read_caller(around + json.dumps(answer, indent=2 if pretty else None) + around)
    for text in (caller.machine_id, caller.machine_name, caller.websocket_url, caller.status, caller.message):
        assert isinstance(text, str)


@given(st.text(alphabet="{}[]'\"`,: \n\\abc0error (404):$", max_size=200))
def test_any_text_reads(text: str) -> None:
    assert read_caller(text).text == text


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=10) | st.integers(0, 10**9), min_size=1))
def test_json_is_found_inside_of_prose(answer: dict[str, object]) -> None:
    assert answer in list(objects_in(f"It didn't say:\n{json.dumps(answer)}\nand that's all"))


def test_a_log_of_go_tells_its_time_and_the_id_of_the_machine_that_it_made() -> None:
    told = read_caller(
        "2025/11/25 06:10:02 pool: launching runner-17\n"
        "2025/11/25 06:10:03 pool: launched runner-17 id=e4086b4a1174be state=created\n"
        "2025/11/25 06:11:03 pool: destroyed machine id=91850296bd4738\n"
    )
    assert told.at == datetime(2025, 11, 25, 6, 10, 2, tzinfo=UTC)
    assert told.machine_id == "e4086b4a1174be", "and not that of the machine that was destroyed"
