"""`fleet` on a world in which everything is planted: classes, what is shared, suspects, replay, and what it asks."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbooks.base.errors import ParameterError
from runbooks.base.facets import Facet
from runbooks.base.settings import load_settings
from runbooks.case import Case, open_case
from runbooks.collect.fleet import MachineTable, _Joiner, _page, _Stream
from runbooks.collect.source import Source
from runbooks.definitions import find, validate
from runbooks.definitions.fleet import FleetParameters
from runbooks.diagnose.fleet import FleetReview, review
from runbooks.diagnose.fleet_findings import investigate
from runbooks.diagnose.fleet_pairs import FAILING, PairClass
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence import fleet as model
from runbooks.evidence.fleet import Fleet, Folder, MachineCount
from runbooks.evidence.models import Evidence, Observation, Outcome, Subject
from runbooks.evidence.redaction import Redactor
from runbooks.execution import runner
from runbooks.execution.ending import exit_code_of
from runbooks.report import summary
from runbooks.simulator.fleet import APPS, LOOK_AT, fleet_scenario
from runbooks.simulator.scenario import Scenario
from runbooks.simulator.server import Endpoints, Simulator
from runbooks.source import collect

PLANTED = fleet_scenario("fleet-planted")
LONG = (Facet.LIST, Facet.LIST_AGAIN, Facet.LIST_DELETED, Facet.ORGANISATION, Facet.EDGE_APP, Facet.EDGE_BELIEVED)
"""Facets of a single machine that take long in a world of two thousand, and that the planted causes do not need."""
THRESHOLDS = FleetParameters(org_slug="harvest").thresholds


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    with Simulator(PLANTED, tmp_path_factory.mktemp("fleet")) as simulator:
        yield simulator.start()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def opened(root: Path) -> Case:
    """The planted world over HTTP, looked at once."""
    before = os.environ["RUNBOOKS_OUTPUT_ROOT"]
    os.environ["RUNBOOKS_OUTPUT_ROOT"] = str(root)
    try:
        case = open_case(None, "fleet", source="simulator:fleet-planted")
        case.publish()
    finally:
        os.environ["RUNBOOKS_OUTPUT_ROOT"] = before
    return case


def _review(case: Case) -> FleetReview:
    assert case.diagnosis.fleet is not None
    return case.diagnosis.fleet


def _folder(root: Path) -> Path:
    (folder,) = root.glob("*/fleet--harvest--all--*")
    return folder


# What is found


def test_every_class_is_exactly_right(opened: Case) -> None:
    found = _review(opened)
    assert (found.machines, found.rows) == (2_000, 2_000)
    assert {one.value: number for one, number in found.classes.items()} == PLANTED.expect["classes"]
    missing = {one.value for one in PairClass} - set(PLANTED.expect["classes"])
    assert not missing, "the world plants every class"


def test_the_shared_attribute_is_found(opened: Case) -> None:
    first = _review(opened).telling[0]
    assert (first.attribute, first.value) == PLANTED.expect["shared"]
    assert (first.failing_with, first.failing) == (30, 60)


def test_the_planted_causes_are_the_first_suspects(opened: Case) -> None:
    ranked = [one.machine_id for one in _review(opened).suspects if one.reason in FAILING[:3]]
    assert set(ranked) == set(PLANTED.expect["causes"])
    assert [one.machine_id for one in _review(opened).suspects[:30]] == ranked
    assert not {one.reason for one in _review(opened).suspects} & {PairClass.AGREE, PairClass.UNKNOWN}


def test_each_suspect_is_one_of_its_class(opened: Case) -> None:
    found = _review(opened)
    for one in PairClass:
        if one not in (PairClass.AGREE, PairClass.IN_PROGRESS, PairClass.UNKNOWN):
            assert sum(suspect.reason is one for suspect in found.suspects) == found.classes[one], one


def _pairs(scenario: Scenario) -> Fleet:
    """The pairs of a world as its author tells them, without playing it."""
    table, gone = MachineTable(), set()
    for entry in scenario.world.history:
        if entry.create:
            body = entry.create.body
            told = {"id": entry.create.id, "name": body["name"], "region": body["region"], "config": body["config"]}
            table.add(told | {"state": "started", "created_at": entry.at.isoformat()}, entry.create.app)
        elif entry.destroy:
            gone.add(entry.destroy.machine)
        elif entry.stop:
            gone.add(str(entry.stop))
    table.by_id.update({i: m._replace(state="destroyed") for i, m in table.by_id.items() if i in gone})
    folder = Folder(THRESHOLDS.row_phases)
    joiner = _Joiner(table, folder)
    for row in scenario.world.records.machines:
        names = ("id", "machine_id", "", "status", "region", "fly_app_name", "websocket_url")
        joiner.row((*(row.get(name) for name in names), row["created_at"], row["updated_at"]))
    joiner.rest()
    words, lines = folder.lines(str)
    at = int(LOOK_AT.timestamp())
    return Fleet("cloud_machines", joiner.rows, True, True, at, words, lines)


def test_chance_alone_shows_nothing_in_nineteen_of_twenty_worlds() -> None:
    found = [review(_pairs(fleet_scenario(f"fleet-chance-{seed}")), None, THRESHOLDS) for seed in range(1, 21)]
    assert {sum(one.classes[c] for c in FAILING if c in one.classes) for one in found} == {80}
    assert sum(not one.telling for one in found) >= 19


def test_pairs_that_are_only_counted_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _pairs(PLANTED)
    monkeypatch.setattr(model, "MOST_WHOLE", 10)
    few = _pairs(PLANTED)
    assert len(few.words) < len(whole.words)
    kept, counted = (review(one, None, THRESHOLDS) for one in (whole, few))
    assert (kept.classes, kept.states, kept.unknown) == (counted.classes, counted.states, counted.unknown)
    assert [(one.value, one.p) for one in kept.shared] == [(one.value, one.p) for one in counted.shared]


# What is left


def test_the_summary_has_its_own_schema_and_exit_code(opened: Case, root: Path) -> None:
    told = json.loads((_folder(root) / "summary.json").read_text())
    assert told["schema"] == "fly-runbooks/summary-fleet/1"
    jsonschema.Draft202012Validator(summary.schema(told["schema"])).validate(told)
    assert exit_code_of(told) == 3
    assert told["fleet"]["classes"] == PLANTED.expect["classes"]
    assert len(told["fleet"]["suspects"]) == told["fleet"]["disagree"]
    assert {one["machine_id"] for one in told["fleet"]["suspects"][:30]} == set(PLANTED.expect["causes"])


def test_a_replay_gives_the_same_bytes(
    opened: Case, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    folder = _folder(root)
    open_case(None, "fleet", source=f"bundle:{folder}").publish()
    for name in ("report.html", "report.md", "summary.json", "evidence/E35-fleet-machines.json"):
        assert (_folder(tmp_path) / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_tables_are_frames(opened: Case) -> None:
    frames = opened.frames
    assert int(frames["classes"].pairs.sum()) == _review(opened).total
    assert len(frames["pairs"]) == 158
    assert frames["shared"][frames["shared"].telling].attribute.iloc[0] == "version"
    assert len(frames["suspects"]) == 140


def test_the_page_names_what_is_shared_and_asks_for_no_support(opened: Case, root: Path) -> None:
    page = (_folder(root) / "report.html").read_text()
    assert "What the failing machines share" in page
    assert 'id="support"' not in page
    assert 'id="hypotheses"' not in page
    assert "row-waits-machine-gone" in (_folder(root) / "report.md").read_text()


def test_the_executed_notebook_keeps_every_picture(tmp_path: Path) -> None:
    done = runner.run("fleet", {"source": "simulator:fleet-planted"}, output_root=tmp_path)
    assert done.warnings == ()
    assert done.folder is not None
    cells = json.loads((done.folder / "report.ipynb").read_text())["cells"]
    shown = [out.get("data", {}) for cell in cells for out in cell.get("outputs", ())]
    pictures = [data["image/png"] for data in shown if "image/png" in data]
    assert len(pictures) == 2
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)


# How it asks


def _collected(served: Endpoints, monkeypatch: pytest.MonkeyPatch, runbook: str = "fleet", /, **given: str) -> Evidence:
    """A live look at the served world, at its own time."""
    monkeypatch.setattr(Source, "now", staticmethod(lambda: LOOK_AT))
    monkeypatch.setenv("FLY_API_TOKEN", PLANTED.token)
    monkeypatch.setenv("FLY_API_HOSTNAME", served.base_url)
    monkeypatch.setenv("RUNBOOKS_STATUS_URL", "off")
    monkeypatch.setenv("FLY_API_BASE_URL", served.base_url)
    monkeypatch.setenv("RUNBOOKS_REGISTRIES", ",".join(f"{host}={base}" for host, base in served.registries.items()))
    monkeypatch.setenv("RUNBOOKS_CONNECT_TO", served.connect_to)
    monkeypatch.setenv("RUNBOOKS_RECORDS_URL", given.pop("records", served.records_url))
    parameters = validate(runbook, given)
    facets = [facet for facet in find(runbook).facets if facet not in LONG]
    seen = collect(parameters, load_settings(), facets=facets, seconds=60)
    return seen.evidence


def _judged(evidence: Evidence, **given: str) -> FleetReview:
    found: FleetReview = find("fleet").judge(evidence, validate("fleet", given), {}).fleet
    return found


def test_an_organisation_is_read_in_pages_and_no_machine_by_itself(opened: Case) -> None:
    exchanges = opened.evidence.observations[Facet.FLEET_MACHINES].exchanges
    assert [x.url.partition("?")[0] for x in exchanges] == ["https://api.machines.dev/v1/orgs/harvest/machines"] * 2
    assert all("include_deleted=true" in x.url for x in exchanges)
    assert all(len(x.body) < 200 for x in exchanges), "of a page only its size is recorded"
    assert opened.report.requests.count <= 5


def test_apps_are_read_one_list_each(served: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token reads all apps; one that does not exist costs no other."""
    apps = ",".join((*APPS, "harvest-none"))
    evidence = _collected(served, monkeypatch, apps=apps)
    assert len(evidence.observations[Facet.FLEET_MACHINES].exchanges) == 4
    found = _judged(evidence, apps=apps)
    assert found.machines == 2_000
    # Rows whose machine is nowhere are not known: it may be in the app that could not be read.
    assert PairClass.ROW_WITHOUT_MACHINE not in found.classes
    assert found.classes[PairClass.UNKNOWN] == 30
    assert found.exit_code == 3


def test_without_rows_nothing_is_absent(served: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = _collected(served, monkeypatch, org_slug="harvest", records="sqlite:////nonexistent/none.sqlite")
    assert evidence.observations[Facet.FLEET_ROWS].outcome is Outcome.COULD_NOT_LOOK
    found = _judged(evidence, org_slug="harvest")
    assert PairClass.MACHINE_WITHOUT_ROW not in found.classes
    assert found.not_known == 1_975
    assert found.exit_code == 4


def test_a_suspect_is_looked_for_in_the_table_of_the_fleet() -> None:
    found = review(_pairs(PLANTED), None, THRESHOLDS)
    own = investigate(found.suspects[0], found.table)
    assert own.startswith("runbooks run machine_not_visible -p app_name harvest-")
    assert investigate(found.suspects[0], "fleet.workers") == f"{own} -p records_table fleet.workers"


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        ((), "t has no row, and there are 2,000 machines: no machine could be matched with a row."),
        (("other",), "None of 1 row of t names any of 2,000 machines: no machine could be matched with a row."),
    ],
)
def test_a_table_of_something_else_is_told_as_that(
    served: Endpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: tuple[str, ...], headline: str
) -> None:
    table = sqlite3.connect(tmp_path / "t.sqlite")
    table.execute("CREATE TABLE t (machine_id TEXT, status TEXT)")
    table.executemany("INSERT INTO t VALUES (?, 'running')", [(row,) for row in rows])
    table.commit()
    table.close()
    given = {"org_slug": "harvest", "records_table": "t"}
    evidence = _collected(served, monkeypatch, records=f"sqlite:///{tmp_path}/t.sqlite", **given)
    found = find("fleet").judge(evidence, validate("fleet", given), {})
    assert (found.headline, found.exit_code) == (headline, 4)
    (advice,) = found.remedies
    assert ("A row here speaks of other." in advice.why) == bool(rows)
    assert not advice.commands, "nothing is to be done to any machine"


def test_with_nothing_read_the_exit_code_is_five(served: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = _collected(served, monkeypatch, org_slug="nobody", records="sqlite:////nonexistent/none.sqlite")
    found = _judged(evidence, org_slug="nobody")
    assert (found.exit_code, found.total) == (5, 0)


def test_an_organisation_that_is_not_known_is_not_told_as_agreement(
    served: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = _collected(served, monkeypatch, org_slug="nobody")
    found = find("fleet").judge(evidence, validate("fleet", {"org_slug": "nobody"}), {})
    assert found.headline == "No machine could be read, so 1,809 of 2,000 rows could not be judged."
    assert found.exit_code == 4
    why = evidence.observations[Facet.FLEET_MACHINES].reason
    assert "organisation nobody: not found" in why
    assert why.endswith("the token reads harvest")


@pytest.mark.parametrize(
    ("machines", "rows", "headline", "code"),
    [
        (True, True, "There is no machine and no row, so nothing was compared.", 4),
        (True, False, "There is no machine, and no row could be read.", 4),
        (False, True, "There is no row, and no machine could be read.", 4),
        (False, False, "Neither a machine nor a row could be read.", 5),
    ],
)
def test_nothing_there_and_nothing_read_are_told_apart(machines: bool, rows: bool, headline: str, code: int) -> None:
    fleet = Fleet("t", 0, machines_known=machines, rows_known=rows, looked_at=int(LOOK_AT.timestamp()))
    observed = {
        facet: Observation(facet, Outcome.SEEN if read else Outcome.COULD_NOT_LOOK, "", LOOK_AT, answer)
        for facet, read, answer in (
            (Facet.FLEET_MACHINES, machines, MachineCount(0)),
            (Facet.FLEET_ROWS, rows, fleet),
        )
    }
    evidence = Evidence(Subject(""), LOOK_AT, {facet.value: one for facet, one in observed.items()})
    found = find("fleet").judge(evidence, validate("fleet", {"org_slug": "harvest"}), {})
    assert (found.headline, found.fleet.exit_code) == (headline, code)


def test_each_planted_cause_is_found_for_its_machine(served: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sweep relies on: the first machine of each cause, investigated by itself."""
    apps = {entry.create.id: entry.create.app for entry in PLANTED.world.history if entry.create}
    first = {cause: machine_id for machine_id, cause in reversed(PLANTED.expect["causes"].items())}
    assert len(first) == 3
    for cause, machine_id in first.items():
        given = {"app_name": apps[machine_id], "machine_id": machine_id}
        found = diagnose(_collected(served, monkeypatch, "machine_not_visible", **given))
        assert found.cause is not None, cause
        assert found.cause.slug == cause


# What comes from outside


def test_odd_entries_are_counted_and_hostile_texts_are_masked() -> None:
    table = MachineTable()
    token = "fm2_" + "lJPECAAAAAAAAAAAAAB" * 4
    good: dict[str, Any] = {"id": "90000000000001", "name": f"a\n{token}", "state": "started", "config": {"guest": []}}
    odd: list[Any] = [
        None,
        [],
        {"id": 7, "state": {}},
        {"id": ""},
        {"name": "x"},
        {"id": "b", "config": {"guest": {"cpus": []}}},
    ]
    assert _page(table, {"machines": [good, *odd], "next_cursor": 3})["machines"] == 7
    assert table.unreadable == 4
    assert set(table.by_id) == {"90000000000001", "7", "b"}
    folder = Folder({})
    _Joiner(table, folder).rest()
    words, _ = folder.lines(lambda text: Redactor().text(text))
    assert not [word for word in words if token in word or "\n" in word]


def test_a_list_that_is_longer_than_any_answer_is_read_entry_by_entry() -> None:
    table = MachineTable()
    stream = _Stream(table, "app")
    body = json.dumps([{"id": f"{n:014x}", "name": f"m{n}", "state": "started"} for n in range(500)]).encode()
    for begin in range(0, len(body), 1_000):
        stream.feed(body[begin : begin + 1_000])
    assert not table.by_id, "an answer that ends too early leaves nothing"
    assert json.loads(stream.body()) == []
    assert (len(table.by_id), stream.total) == (500, 500)
    assert table.by_id[f"{1:014x}"].app == "app"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "org_slug"),
        ({"apps": "Good_App"}, "apps"),
        ({"org_slug": "o", "waiting_minutes": "soon"}, "waiting_minutes"),
        ({"org_slug": "o", "machine_id": "91850296bd4738"}, "machine_id"),
        ({"apps": ",".join(f"a{n}" for n in range(101))}, "apps"),
    ],
)
def test_a_bad_parameter_is_named(given: Mapping[str, str], name: str) -> None:
    with pytest.raises(ParameterError) as refused:
        validate("fleet", given)
    assert refused.value.name == name
