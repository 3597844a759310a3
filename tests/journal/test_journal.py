"""The journal as a file: complete lines only, each with its hash, also when the disk is full or fails."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbooks.base.errors import DiskError, SourceError
from runbooks.case import Case, open_case
from runbooks.evidence import journal
from runbooks.evidence.bundle import open_bundle
from runbooks.evidence.models import Exchange
from tests.evidence.test_bundle import AT, exchange

pytestmark = pytest.mark.usefixtures("undrawn")

HEAD: dict[str, Any] = {
    "runbook": "machine_not_visible",
    "version": "1",
    "source": "live",
    "parameters": {"app_name": "vyx-app", "machine_id": "91850296bd4738"},
    "questions": ["E19", "E01", "E05"],
    "circumstances": {"asked_as": "oauth", "registries": [], "status_feed": False, "project": {}, "told": {}},
}


def begun(folder: Path) -> journal.Journal:
    opened = journal.Journal(folder / "evidence")
    opened.read_clock(AT)
    opened.begin(HEAD)
    return opened


def written(folder: Path) -> bytes:
    return (folder / "evidence" / journal.NAME).read_bytes()


def one(number: int) -> Exchange:
    return exchange(body=f'["answer {number}"]')


def test_a_line_is_on_disk_when_the_exchange_is_complete(tmp_path: Path) -> None:
    opened = begun(tmp_path)
    for number in range(3):
        opened.exchange(one(number))
        found = journal.read(written(tmp_path))
        assert [entry["response"]["content"]["text"] for entry in found.entries][-1] == f'["answer {number}"]'
    assert found.clock == ("2025-10-02T03:00:11.250000Z",)
    assert not found.incomplete
    assert oct((tmp_path / "evidence" / journal.NAME).stat().st_mode)[-3:] == "600"
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == [journal.NAME]


def test_what_was_cut_off_while_it_was_written_is_left_out(tmp_path: Path) -> None:
    opened = begun(tmp_path)
    opened.exchange(one(1))
    whole = written(tmp_path)
    opened.exchange(one(2))
    data = written(tmp_path)
    for end in range(len(whole), len(data)):
        found = journal.read(data[:end])
        assert len(found.entries) == 1
        assert found.incomplete is (end > len(whole))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_is_named(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "evidence" / journal.NAME
    if not path.exists():
        opened = begun(tmp_path)
        for number in range(3):
            opened.exchange(one(number))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    with pytest.raises(journal.Changed, match=r"line [1-4]"):
        journal.read(whole[:place] + bytes([other]) + whole[place + 1 :])


def test_a_missing_and_a_foreign_line_are_named(tmp_path: Path) -> None:
    opened = begun(tmp_path)
    for number in range(3):
        opened.exchange(one(number))
    lines = written(tmp_path).splitlines(keepends=True)
    for changed in (lines[:1] + lines[2:], [*lines[:2], lines[1], *lines[2:]], [lines[0], lines[2], lines[1]]):
        with pytest.raises(journal.Changed):
            journal.read(b"".join(changed))
    assert journal.resealed(b"".join(lines).decode()) == b"".join(lines).decode()


def test_a_second_look_leaves_the_first_one_alone(tmp_path: Path) -> None:
    first, second = begun(tmp_path), begun(tmp_path)
    assert (first.path.name, second.path.name) == ("journal.jsonl", "journal-2.jsonl")


@contextmanager
def failing(call: str, code: int, nth: int, lasting: bool) -> Iterator[list[int]]:
    """`os.write` or `os.fsync` fails the nth time, or from then on; a write leaves half of its bytes behind first."""
    real: Callable[..., Any] = getattr(os, call)
    calls = [0]

    def fail(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth or (lasting and calls[0] > nth):
            if call == "write":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            raise OSError(code, os.strerror(code))
        return real(*arguments)

    with patch(f"runbooks.evidence.journal.os.{call}", fail):
        yield calls


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fails_in_the_middle(call: str, code: int, lasting: bool, tmp_path: Path) -> None:
    """What was kept before stays readable; a single failure loses nothing, and is said."""
    for nth in range(3, 7):
        folder = tmp_path / f"{nth}"
        with failing(call, code, nth, lasting):
            opened = begun(folder)
            kept = 0
            for number in range(6):
                try:
                    opened.exchange(one(number))
                except DiskError:
                    break
                kept += 1
        found = journal.read(written(folder))
        assert opened.failure
        assert len(found.entries) == kept + (0 if lasting and call == "write" else 1)
        assert found.incomplete is False


@pytest.mark.parametrize(("call", "code"), [("write", errno.ENOSPC), ("write", errno.EIO), ("fsync", errno.EIO)])
@pytest.mark.parametrize("nth", [1, 4, 9, 20])
def test_a_case_on_a_disk_that_fails(
    call: str, code: int, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case stops asking, says why, and still publishes what it has; the bundle holds every exchange."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    with failing(call, code, nth, lasting=True):
        case = open_case(source="simulator:healthy")
    reasons = [one.reason for one in case.evidence.observations.values() if one.outcome.value == "could-not-look"]
    assert any("the disk" in reason for reason in reasons)
    assert case.diagnosis.verdict != "healthy" or nth > 15
    case.publish()
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    assert len(open_bundle(folder).entries) == case.report.requests.count


def test_a_report_that_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is what a replay reads then, and the message names it."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    case = open_case(source="simulator:healthy")
    full = OSError(errno.ENOSPC, "No space left on device")
    for target in ("report.html", "evidence/index.json", "evidence/http.har", "summary.json"):
        with (
            patch("runbooks.base.folders.Path.replace", refusing(target.rpartition("/")[2], full)),
            pytest.raises(DiskError, match="answers were kept in") as raised,
        ):
            case.publish()
        assert "No space left" in raised.value.cause
        (folder,) = (tmp_path / ".staging").glob("*/")
        saved = open_bundle(folder)
        assert len(saved.entries) == case.report.requests.count
        assert not list(folder.rglob("*.part"))
    case.publish()
    (done,) = tmp_path.glob("*/machine_not_visible--*")
    assert open_bundle(done).cut == ""


def refusing(name: str, error: OSError) -> Callable[[Path, Path], Path]:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise error
        return real(self, target)

    return replace


def died(case: Case) -> Path:
    return case._publication.folder


def test_a_run_that_died_says_what_it_did_not_come_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off after each line of its journal, it replays, and nothing that was not asked is called absent."""
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    folder = died(open_case(source="simulator:vyx-missing-environment"))
    lines = (folder / "evidence" / journal.NAME).read_bytes().splitlines(keepends=True)
    half = tmp_path / "half" / "evidence"
    half.mkdir(parents=True)
    for count in range(1, len(lines), 7):
        (half / journal.NAME).write_bytes(b"".join(lines[:count]) + lines[count][:20])
        saved = open_bundle(half.parent)
        assert saved.cut.startswith("died at question ")
        again = open_case(source=f"bundle:{half.parent}")
        recorded = {json.loads(line).get("number") for line in lines[:count]}
        started = {entry["_facet"] for entry in saved.entries}
        for number, seen in again.evidence.observations.items():
            if number not in recorded | started | {"E19"}:
                assert seen.outcome.value == "could-not-look"
                assert "died at question" in seen.reason
    (half / journal.NAME).write_bytes(b"".join([*lines[:3], *lines[4:]]))
    with pytest.raises(SourceError, match="damaged"):
        open_bundle(half.parent)
