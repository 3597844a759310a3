"""Every scenario can be loaded and played, and says of itself only what exists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runbooks.base.errors import SourceError
from runbooks.diagnose.catalogue import catalogue
from runbooks.simulator.scenario import DEFAULT, FOLDER, load_scenario, scenario_names
from runbooks.simulator.world import World

PARAMETERS = {
    "app_name",
    "machine_id",
    "machine_name",
    "org_slug",
    "image",
    "websocket_url",
    "caller_log",
    "record_key",
    "records_table",
    "incident_time",
    "title",
}
SLUGS = set(catalogue())
HYGIENE = {
    "secrets-in-env",
    "mutable-tag",
    "no-checks",
    "no-guest",
    "auto-destroy-with-restarts",
    "no-metadata",
    "broken-record",
    "url-from-machine-name",
    "status-before-observed",
    "unverified-200",
    "several-rows",
    "large-image",
}


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_loads_and_plays(name: str) -> None:
    scenario = load_scenario(name)
    world = World(scenario)
    assert scenario.title
    assert scenario.truth
    assert world.now == scenario.look_at
    assert scenario.look_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", scenario_names())
def test_parameters_are_those_of_the_runbook(name: str) -> None:
    parameters = load_scenario(name).parameters
    assert set(parameters) <= PARAMETERS
    assert parameters["app_name"]
    assert {"machine_id", "machine_name", "caller_log"} & set(parameters)
    assert all(isinstance(value, str) for value in parameters.values())


@pytest.mark.parametrize("name", scenario_names())
def test_expectations_use_known_slugs(name: str) -> None:
    expect = load_scenario(name).expect
    slugs = {*expect["contributing"], *expect["refuted"], *expect["open"]}
    assert slugs | ({expect["cause"]} - {None}) <= SLUGS
    assert set(expect["hygiene"]) <= HYGIENE
    assert expect["cause"] not in expect["refuted"]
    assert not set(expect["contributing"]) & set(expect["refuted"])
    assert not set(expect["open"]) & {expect["cause"], *expect["refuted"]}
    # A cause makes an incident; readings can only be open side by side where none is established.
    # A refused token is what to mend where it keeps everything else from being looked at.
    blocked = (expect["verdict"], expect["cause"]) == ("inconclusive", "token-invalid")
    assert expect["cause"] is None or blocked or (expect["verdict"] == "incident" and not expect["open"])
    assert len(expect["open"]) != 1


def test_every_hygiene_finding_is_expected_somewhere() -> None:
    assert {slug for name in scenario_names() for slug in load_scenario(name).expect["hygiene"]} == HYGIENE


def test_machine_ids_differ_and_some_look_like_numbers() -> None:
    ids = [load_scenario(name).parameters.get("machine_id", "") for name in scenario_names()]
    given = [machine_id for machine_id in ids if machine_id]
    assert len(given) == len(set(given))
    assert {"91850296bd4738", "9185029e602738", "01234567890123", "32874591028465"} <= set(given)


def test_the_default_comes_first() -> None:
    names = scenario_names()
    assert names[0] == DEFAULT
    assert names[1:] == sorted(names[1:])
    assert len(names) >= 20


def test_an_unknown_name_is_answered_with_the_close_ones() -> None:
    with pytest.raises(SourceError) as caught:
        load_scenario("vyx-missing-enviroment")
    assert "Did you mean vyx-missing-environment" in str(caught.value)
    assert "runbooks list --scenarios" in str(caught.value)


def test_a_file_of_ones_own_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((FOLDER / "healthy.yaml").read_text())
    assert load_scenario(str(path)).name == "mine"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("title:", "titel:"), "titel"),
        (("org: vyx\n", "org: vyks\n"), "vyks"),
        (("program: scanner", "program: scaner"), "scaner"),
        (("        app: vyx-app\n", "        app: vyx-apq\n"), "vyx-apq"),
        (("look_at: 2025-10-02T11:20:00Z", "look_at: 2025-10-02T11:20:00"), "time zone"),
        (("title:", "title: [\n"), "not YAML"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((FOLDER / "healthy.yaml").read_text().replace(*change))
    with pytest.raises(SourceError, match=said):
        load_scenario(str(path))


def test_a_missing_file_is_an_error_of_the_source() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        load_scenario("nowhere.yaml")


def test_a_history_that_goes_otherwise_than_told_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((FOLDER / "vyx-image-missing.yaml").read_text().replace("refused: 400", "refused: 422"))
    with pytest.raises(SourceError, match="is refused"):
        World(load_scenario(str(path)))
