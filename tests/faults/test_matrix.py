"""A slice of the fault matrix, and proof that the matrix would notice. `make faults` plays all of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from faults.cells import SCENARIOS, Cell, Row, cells, kinds_of, rows
from faults.endpoints import DNS_SERVERS
from faults.play import play, undisturbed
from faults.runner import through_the_runner
from faults.spoiling import run
from runbooks.collect import machines, registry
from runbooks.collect.answer import Answer
from runbooks.collect.result import FacetResult, absent, seen
from runbooks.collect.transport import HttpTransport, NoAnswer
from runbooks.definitions.machine_not_visible import FACETS
from runbooks.evidence.models import Machine, Token
from runbooks.simulator import spec
from runbooks.simulator.faults import KINDS

MISSING = "vyx-missing-environment"


def slice_of_the_matrix() -> list[tuple[str, str, str]]:
    """Every fault once, each at another endpoint and in another scenario than the one before."""
    http = ("E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08", "E09", "E10", "E11", "E16")
    asked = {"vyx-image-missing": ("E01", "E02", "E05", "E06", "E08", "E09", "E11", "E16")}
    told = []
    for position, kind in enumerate([*KINDS, "refused", "429-after once", "reset once", "silent once"]):
        name = SCENARIOS[position % 3]
        numbers = asked.get(name, http)
        number = "E11" if kind in ("10-mb", "bomb") else numbers[(position * 5) % len(numbers)]
        told.append((name, number, kind))
    other = {number: Row(f"{number} {facet}", (number,), http=False) for number, facet in _OTHER}
    for position, row in enumerate(other.values()):
        for step, kind in enumerate(kinds_of(row)):
            told.append((SCENARIOS[(position + step) % 3], row.number, kind))
    return told


_OTHER = (
    ("E12", "dns-app"),
    ("E13", "dns-believed"),
    ("E14", "record"),
    ("E15", "record-events"),
    ("E17", "edge-believed"),
)


def cell_of(name: str, number: str, kind: str) -> Cell:
    return Cell(name, next(row for row in rows(name) if row.number == number), kind)


@pytest.mark.parametrize(("name", "number", "kind"), slice_of_the_matrix())
def test_a_fault_costs_its_question_and_proves_nothing(name: str, number: str, kind: str) -> None:
    done = run(cell_of(name, number, kind))
    assert done.problems == ()
    assert done.sign in "?=n~ce"


def test_every_question_that_goes_over_http_is_in_the_matrix() -> None:
    labels = {row.label.split(" ")[1] for name in SCENARIOS for row in rows(name)}
    from runbooks.base.facets import known_facets

    always = {facet.slug for facet in known_facets() if not facet.optional} - {"caller"}
    asked = {facet.slug for facet in FACETS}
    always = {
        slug for slug in always if slug in asked
    }  # those of other runbooks: tests/test_fleet.py, test_preflight.py
    assert always | {"secrets", "metrics"} == labels
    assert len(cells()) > 1500


# The matrix can fail.


def _as_absent(answer: Answer, what: str) -> FacetResult:
    return absent(f"{what}: not there")


def _as_seen(answer: Answer, what: str) -> FacetResult:
    return seen(f"{what}: fine", Token("macaroon"))


def _broken(answer: Answer, what: str) -> FacetResult:
    raise KeyError("surprise")


def _leaky(answer: Answer, what: str) -> FacetResult:
    return absent("x" * 10) if answer.status == 404 else seen("", Machine("91850296bd4738", state="started"))


@pytest.mark.parametrize(
    ("bug", "number", "kind", "said"),
    [
        (_as_absent, "E03", "500", "E03 is absent"),
        (_as_absent, "E05", "503", "E05 is absent"),
        (_as_seen, "E01", "403", "E01 is seen"),
        (_broken, "E02", "502-html", "the runbook itself failed"),
        (_leaky, "E03", "422", "E03 is seen"),
    ],
)
def test_a_reader_that_misreads_errors_is_caught(
    bug: Callable[[Answer, str], FacetResult], number: str, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = cell_of(MISSING, number, kind)
    monkeypatch.setattr(machines, "refused", bug)
    done = run(cell)
    assert done.sign == "!"
    assert said in " ".join(done.problems)


def test_a_registry_reader_that_takes_an_error_for_a_missing_tag_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of("healthy", "E09", "500")
    monkeypatch.setattr(registry, "refused", _as_absent)
    assert run(cell).sign == "!"


def test_a_body_of_another_shape_that_is_believed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of(MISSING, "E08", "other-shape")
    monkeypatch.setattr(machines, "unreadable", lambda answer, what: seen("none", machines.listing_of([])))
    assert run(cell).sign == "!"


def test_a_wire_without_patience_s_end_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of(MISSING, "E11", "drip-head")
    monkeypatch.setattr("faults.play.DEADLINE", 3.0)
    monkeypatch.setattr("faults.judge.DEADLINE", 3.0)
    monkeypatch.setattr("faults.judge.PUBLISHING", 0.0)
    monkeypatch.setattr("runbooks.simulator.faults._PAUSE", 0.01)
    monkeypatch.setattr(HttpTransport, "_hang_up", lambda self, late: None)
    assert "it took" in " ".join(run(cell).problems)


def test_a_fault_that_meets_nothing_is_caught() -> None:
    row = Row("E02 app", ("E02",), path="/v1/apps/another", query="")
    assert "met no request" in " ".join(run(Cell("healthy", row, "500")).problems)


# What the matrix rests on.


def test_the_undisturbed_run_is_the_same_twice() -> None:
    for name in SCENARIOS:
        first, second = undisturbed(name), play(name)
        assert first.summary["hypotheses"] == second.summary["hypotheses"]
        assert {n: (x.outcome, x.answer) for n, x in first.observations.items()} == {
            n: (x.outcome, x.answer) for n, x in second.observations.items()
        }


def test_an_answer_that_drips_ends_when_its_time_is_up() -> None:
    """One read is never long; only the whole is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        import threading

        def drip(head: bytes) -> None:
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(head)
                for _ in range(200):
                    try:
                        client.sendall(b"x")
                    except OSError:
                        return
                    time.sleep(0.05)

        for head in (
            b"",
            b"HTTP/1.1 200 OK\r\nx: ",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n",
        ):
            thread = threading.Thread(target=drip, args=(head,), daemon=True)
            thread.start()
            wire, begun = HttpTransport({}, {}), time.monotonic()
            with pytest.raises(NoAnswer, match=r"the answer was not complete after 0\.5 s"):
                wire.send("GET", address, {}, 0.5)
            assert time.monotonic() - begun < 3
            wire.close()
            thread.join(5)


def test_a_fault_strikes_only_what_it_names_and_as_often_as_it_says() -> None:
    fault = spec.Fault(path="/v1/apps/vyx-app/machines", query="", kind="500", times=2)
    played = play(MISSING, [fault])
    assert played.met == 2
    assert played.summary["requests"]["retries"] == 2
    assert played.observations["E05"].outcome.value == "seen"


@pytest.mark.parametrize("broken", [{"path": "/", "kind": "500", "status": 500, "body": ""}, {"path": "/"}])
def test_a_fault_is_either_of_a_kind_or_canned(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either a kind, or a status and a body"):
        spec.Fault(**broken)


def test_resolvers_have_answers() -> None:
    assert set(DNS_SERVERS) == {"dns-servfail", "dns-nxdomain-all", "dns-nodata-all", "dns-silent"}


def test_the_production_runner_ends_as_documented() -> None:
    assert through_the_runner(MISSING, "*", "502-html").problems == ()


def test_of_a_body_that_was_cut_only_the_beginning_is_kept() -> None:
    played = play("healthy", [spec.Fault(path="*", kind="10-mb")])
    bodies = [
        exchange.body
        for observation in played.observations.values()
        for exchange in observation.exchanges
        if exchange.cut
    ]
    assert len(bodies) > 8
    assert {len(body) for body in bodies} == {50_000}
