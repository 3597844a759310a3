"""A parameter is read as it was meant, or refused with words that help."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.base.errors import ParameterError
from runbooks.base.parameters import caller_text, describe
from runbooks.definitions import find, validate
from runbooks.definitions.machine_not_visible import MachineNotVisible

LEAST = {"app_name": "vyx-app", "machine_id": "91850296bd4738"}
RUNBOOK = "machine_not_visible"


def refused(**values: Any) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        validate(RUNBOOK, {**LEAST, **values})
    assert caught.value.exit_code == 2
    return caught.value


def test_the_least_that_is_needed() -> None:
    given_ = validate(RUNBOOK, LEAST)
    assert (given_.app_name, given_.machine_id, given_.source) == ("vyx-app", "91850296bd4738", "live")
    assert given_.records_table == "cloud_machines"
    assert given_.incident_at is None


@pytest.mark.parametrize("text", ["91850296bd4738", "9185029e602738", "01234567890123", "91850296024738"])
def test_ids_that_look_like_numbers_survive_as_text(text: str) -> None:
    assert validate(RUNBOOK, {**LEAST, "machine_id": text}).machine_id == text


@pytest.mark.parametrize("value", [91850296024738, 9185029e60, 0, float("nan")])
@pytest.mark.parametrize("name", ["machine_id", "machine_name", "record_key"])
def test_an_id_that_arrives_as_a_number_is_refused_and_told_how_to_come_as_text(name: str, value: float) -> None:
    error = refused(**{name: value})
    assert error.name == name
    assert repr(value) in error.cause
    assert f"`-r {name} ID`" in error.cause


def test_a_name_is_accepted_where_an_id_is_expected() -> None:
    assert validate(RUNBOOK, {**LEAST, "machine_id": "vyx-63eea370"}).machine_id == "vyx-63eea370"


def test_blanks_around_what_was_pasted_do_not_count() -> None:
    given_ = validate(RUNBOOK, {"app_name": " vyx-app\n", "machine_id": "\t91850296bd4738 ", "source": "live "})
    assert (given_.app_name, given_.machine_id, given_.source) == ("vyx-app", "91850296bd4738", "live")


def test_an_unknown_name_is_answered_with_the_close_one() -> None:
    error = refused(machine_ids="x")
    assert error.name == "machine_ids"
    assert "Did you mean machine_id?" in error.remedy
    assert "Known are: app_name," in refused(zzz="x").remedy


def test_without_an_app_or_anything_to_look_for() -> None:
    with pytest.raises(ParameterError, match="app_name is missing"):
        validate(RUNBOOK, {"machine_id": "91850296bd4738"})
    with pytest.raises(ParameterError, match="Nothing to look for"):
        validate(RUNBOOK, {"app_name": "vyx-app", "machine_id": "  ", "machine_name": None, "caller_log": ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app_name", "Vyx App"),
        ("app_name", "vyx/../app"),
        ("app_name", "vyx-app\nx"),
        ("app_name", "a" * 64),
        ("org_slug", "Ürg"),
        ("machine_id", "../../x"),
        ("machine_id", "a b"),
        ("machine_name", "-x"),
        ("source", "somewhere"),
        ("source", "simulator:"),
    ],
)
def test_bad_names_are_refused_with_the_value(name: str, value: str) -> None:
    error = refused(**{name: value})
    assert error.name == name
    assert name in error.cause
    assert repr(value[:80]) in error.cause


def test_a_token_in_the_wrong_place_is_not_repeated() -> None:
    token = "FlyV1 fm2_bWFkZS11cCB0b2tlbg==,fm2_c2Vjb25k"
    for name in ("machine_id", "app_name", "incident_time", "source", "allow_writes"):
        assert "bWFkZS11" not in str(refused(**{name: token}))
    assert "bWFkZS11" not in str(refused(caller_log="fm2_bWFkZS11cC/90b2tlbg"))


@pytest.mark.parametrize(
    "value", ["yesterday", "03:00", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1969-01-01"]
)
def test_a_date_that_cannot_be_read_is_refused_with_an_example(value: str) -> None:
    error = refused(incident_time=value)
    assert error.name == "incident_time"
    assert "2025-10-02T03:00:00Z" in error.cause


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2025-10-02T03:00:11Z", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        (" 2025-10-02 05:00:11+02:00 ", datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)),
        ("2025-10-02T03:00", datetime(2025, 10, 2, 3, 0, tzinfo=UTC)),
        ("2025-10-02", datetime(2025, 10, 2, tzinfo=UTC)),
    ],
)
def test_dates_are_utc_unless_they_say_otherwise(value: str, at: datetime) -> None:
    assert validate(RUNBOOK, {**LEAST, "incident_time": value}).incident_at == at


def test_booleans_are_true_or_false_and_nothing_else() -> None:
    agreed = {"confirm_app": LEAST["app_name"]}
    assert validate(RUNBOOK, {**LEAST, **agreed, "allow_writes": "true"}).allow_writes is True
    assert validate(RUNBOOK, {**LEAST, "allow_writes": False}).allow_writes is False
    for value in ("True", "yes", "1", "on", " true"):
        error = refused(allow_writes=value)
        assert "true or false, nothing else" in error.cause
    for number in (1, 0, 1.0):
        assert refused(allow_writes=number).name == "allow_writes"
    assert refused(app_name=True).name == "app_name"
    assert refused(title=["a"]).name == "title"


def test_the_callers_log_may_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(b'{"status": "starting"}\xff')
    assert caller_text(str(path)) == '{"status": "starting"}\ufffd'
    monkeypatch.chdir(tmp_path)
    assert caller_text(" answer.json\t").startswith("{")
    assert validate(RUNBOOK, {"app_name": "vyx-app", "caller_log": "answer.json"}).caller_log == "answer.json"


@pytest.mark.parametrize(
    "value", ["missing.json", "logs/nothing", "~nobody-at-all/answer.json", "/", "x" * 300 + ".log"]
)
def test_a_path_that_does_not_exist_is_said(value: str) -> None:
    error = refused(caller_log=value)
    assert error.name == "caller_log"
    assert "there is no such file" in error.cause


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answer.json"
    path.write_text("{}")

    def locked(*args: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", locked)
    assert "Permission denied" in refused(caller_log=str(path)).cause


@pytest.mark.parametrize(
    "text",
    [
        "Error: failed to launch VM",
        "Error: " + "failed to launch VM, " * 20,
        "see https://fly.io/docs for/more.md",
        "~nobody-at-all said so",
        "x\0y",
        '{"path": "/tmp/x.json"}',
        "line/one\nline/two",
        "/" * 1001 + " x",
    ],
)
def test_what_is_no_path_is_the_log_itself(text: str) -> None:
    assert validate(RUNBOOK, {**LEAST, "caller_log": text}).caller_log == text
    assert caller_text(text) == text


def test_a_megabyte_of_slashes_is_no_path() -> None:
    text = "/" * 1_000_000 + " "
    assert caller_text(validate(RUNBOOK, {**LEAST, "caller_log": text}).caller_log) == text


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    with path.open("w") as file:
        file.truncate(20_000_000)
    with pytest.raises(ParameterError, match="longer than 5,000,000 bytes"):
        caller_text(str(path))


def test_a_scenario_supplies_what_was_not_given() -> None:
    given_ = validate(RUNBOOK, {"source": "simulator:vyx-missing-environment", "machine_id": "11111111111111"})
    assert given_.app_name == "vyx-app"
    assert given_.machine_id == "11111111111111"
    assert "flyMachineId" in given_.caller_log


def test_every_parameter_is_described() -> None:
    rows = describe(find(RUNBOOK).parameters)
    names = [name for name, *_ in rows]
    assert names[0] == "app_name"
    assert sorted(names) == sorted(MachineNotVisible.model_fields)
    assert all(text for *_, text in rows)
    assert {"allow_writes": "true/false", "title": "text"}.items() <= {name: kind for name, kind, *_ in rows}.items()


@given(
    st.dictionaries(
        st.sampled_from(list(MachineNotVisible.model_fields)),
        st.text() | st.integers() | st.floats() | st.none() | st.booleans(),
    )
)
def test_any_values_are_accepted_or_refused_in_words(values: dict[str, Any]) -> None:
    values.pop("source", None)
    error = None
    try:
        validate(RUNBOOK, values)
    except ParameterError as refusal:
        error = refusal
    assert error is None or (error.name in MachineNotVisible.model_fields and error.cause)
