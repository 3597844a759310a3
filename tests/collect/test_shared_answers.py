"""What the runs of a sweep share: asked once, masked for each, told with its time, and replayed to the byte."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbooks.base.facets import Facet
from runbooks.case import Case, open_case
from runbooks.collect import shared_answers
from runbooks.collect.shared_answers import SharedAnswer, SharedAnswers, sharing
from runbooks.evidence.redaction import Redactor

pytestmark = pytest.mark.usefixtures("undrawn")

SAME = ("summary.json", "report.md", "report.html")
SOURCE = "simulator:vyx-missing-environment"
SHARED = {Facet.APP, Facet.LIST, Facet.LIST_DELETED, Facet.ORGANISATION, Facet.ADDRESSES, Facet.SECRETS, Facet.STATUS}
WORD = "SUPABASE_SERVICE_ROLE_KEY"
"""Harmless by its looks, and in the answers that are shared."""
ANSWER = SharedAnswer(200, {}, "[]", None, "2026-05-04T09:00:00+00:00", ("a",), ())


@pytest.fixture
def memory() -> Iterator[str]:
    with sharing({"91850296bd4738"}) as place:
        yield place


@pytest.fixture
def shared(memory: str) -> Iterator[SharedAnswers]:
    opened = SharedAnswers.opened(memory)
    assert opened is not None
    yield opened
    opened.close()


def summary(root: Path) -> dict[str, Any]:
    (path,) = root.glob("*/*--*/summary.json")
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def played(root: Path, monkeypatch: pytest.MonkeyPatch, source: str = SOURCE) -> tuple[Case, Path]:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(root))
    case = open_case(source=source)
    case.publish()
    (folder,) = root.glob("*/*--*")
    return case, folder


def test_the_second_run_takes_what_the_first_was_answered(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _ = played(tmp_path / "alone", monkeypatch)
    monkeypatch.setenv("RUNBOOKS_SHARED_ANSWERS", memory)
    first, _ = played(tmp_path / "first", monkeypatch)
    second, folder = played(tmp_path / "second", monkeypatch)

    def answers(case: Case) -> dict[str, Any]:
        return {number: (one.outcome, one.answer) for number, one in case.evidence.observations.items()}

    told = {name: summary(tmp_path / name) for name in ("alone", "first", "second")}
    count = {name: one["requests"]["count"] for name, one in told.items()}
    assert answers(second) == answers(first) == answers(alone)
    assert (count["first"], count["second"]) == (count["alone"], count["alone"] - len(SHARED))
    assert told["second"]["cause"] == told["alone"]["cause"]
    taken = {one.facet for one in second.evidence.observations.values() if any(e.handed_on for e in one.exchanges)}
    assert taken == SHARED
    listed, before = (case.evidence.observations[Facet.LIST] for case in (second, first))
    assert listed.at == before.exchanges[0].at
    assert listed.reason == f"{before.reason} (answered at {listed.at:%H:%M:%S} UTC, to another run of the same sweep)"

    monkeypatch.delenv("RUNBOOKS_SHARED_ANSWERS")
    _, again = played(tmp_path / "again", monkeypatch, f"bundle:{folder}")
    for name in SAME:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_secret_has_a_placeholder_of_the_run_that_takes_the_answer() -> None:
    one, other = Redactor(), Redactor()
    own = other.value({"env": {"OWN_KEY": "first-0wn-Secret", "PASSWORD": "short"}})
    body = {"env": {"API_KEY": "s3cret-Of-a-sibling", "OWN_KEY": "first-0wn-Secret", "PASSWORD": "short"}}
    masked = json.dumps(one.value(body))
    behind = one.behind(masked)
    assert [value for _, value, _ in behind] == ["s3cret-Of-a-sibling", "first-0wn-Secret", "short"]
    taken = json.loads(other.adopt(masked, behind, "list"))["env"]
    assert {name: taken[name] for name in own["env"]} == own["env"]
    assert taken["API_KEY"] not in own["env"].values()
    assert other.text("sent s3cret-Of-a-sibling") == f"sent {taken['API_KEY']}"
    assert sum(hit.count for hit in other.hits if hit.place == "list") == 3


def test_a_secret_that_only_the_second_run_knows_is_masked_in_the_answer(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bodies(folder: Path) -> list[str]:
        entries = json.loads((folder / "evidence" / "http.har").read_text())["log"]["entries"]
        return [one["response"]["content"]["text"] for one in entries if one["_facet"] in SHARED]

    monkeypatch.setenv("RUNBOOKS_SHARED_ANSWERS", memory)
    _, first = played(tmp_path / "first", monkeypatch)
    assert any(WORD in body for body in bodies(first))
    monkeypatch.setenv("RUNBOOKS_RECORDS_KEY", WORD)
    _, second = played(tmp_path / "second", monkeypatch)
    assert len(bodies(second)) == len(SHARED)
    assert not any(WORD in body for body in bodies(second))


def test_whoever_asks_the_same_waits_for_the_answer(memory: str) -> None:
    """In another process: its locks are its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        opened = SharedAnswers.opened(memory)
        assert opened is not None
        with opened.alone("E04", "url", 10):
            os.write(writer, b".")
            time.sleep(0.5)
            opened.leave("E04", "url", ANSWER)
        os._exit(0)
    os.read(reader, 1)
    opened = SharedAnswers.opened(memory)
    assert opened is not None
    assert opened.find("E04", "url", frozenset()) is None
    with opened.alone("E04", "url", 10):
        assert opened.find("E04", "url", frozenset()) == ANSWER
    os.waitpid(child, 0)
    opened.close()


def test_what_a_killed_run_wrote_in_part_is_no_answer(shared: SharedAnswers) -> None:
    shared.leave("E04", "one", ANSWER)
    end = os.fstat(shared._descriptor).st_size
    for torn in (b'{"key": ["E04", "two"], "left_at": 0, "size": 100}\n{"stat', b'{"key": ["E04"'):
        os.pwrite(shared._descriptor, torn, end)
        assert shared.find("E04", "two", frozenset()) is None
        assert shared.find("E04", "one", frozenset()) == ANSWER
    shared.leave("E04", "two", replace(ANSWER, body="{}"))
    assert shared.find("E04", "two", frozenset()) == replace(ANSWER, body="{}")


def test_a_long_list_is_taken_only_if_it_was_searched_for_the_same_machines(shared: SharedAnswers) -> None:
    long = replace(ANSWER, listed=9_000)
    shared.leave("E04", "url", long)
    assert shared.find("E04", "url", frozenset({"a"})) == long
    assert shared.find("E04", "url", frozenset({"a", "b"})) is None


def test_an_old_answer_is_asked_for_again(shared: SharedAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.leave("E04", "url", ANSWER)
    monkeypatch.setattr(shared_answers, "FRESH_SECONDS", -1)
    assert shared.find("E04", "url", frozenset()) is None


def test_what_has_no_room_is_not_left(shared: SharedAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "MOST_BYTES", 100)
    shared.leave("E04", "url", ANSWER)
    assert shared.find("E04", "url", frozenset()) is None


@pytest.mark.parametrize("name", ["", "/proc/1/fd/0#ab", "/etc/passwd#ab", "nowhere", "{}"])
def test_a_memory_that_is_not_there_is_done_without(name: str, memory: str) -> None:
    assert SharedAnswers.opened(name) is None
    assert SharedAnswers.opened(memory.partition("#")[0]) is None
    assert SharedAnswers.opened(memory[:-1] + ("0" if memory[-1] != "0" else "1")) is None


def test_it_ends_with_the_process_that_opened_it() -> None:
    with sharing(()) as place:
        pass
    assert SharedAnswers.opened(place) is None


def test_elsewhere_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with sharing({"a"}) as place:
        assert place == ""
