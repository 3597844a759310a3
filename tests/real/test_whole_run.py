"""A live run whose records are at Supabase, and its replay: the same bytes, without key, token or socket."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from runbooks.case import Case, open_case
from runbooks.evidence.models import FunctionSecrets, Outcome, Records, TokenInside
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator

from .mint import READ, action, macaroon, organisation, third_party
from .serving import served
from .supabase_double import ANON, REF, SERVICE, TOKEN, URL, Supabase

SCENARIO = "vyx-missing-environment"
SAME = ("summary.json", "report.md", "report.html")


def published(root: Path, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> tuple[Case, Path]:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(root))
    case = open_case(**parameters)
    case.publish()
    (folder,) = root.glob("*/machine_not_visible--*")
    return case, folder


@pytest.mark.parametrize("key", [SERVICE, ANON], ids=["service", "anonymous"])
def test_a_run_over_the_web_and_its_replay(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, scenario = Supabase(), load_scenario(SCENARIO)
    extra = macaroon(*organisation(812345), *action(READ), *third_party())
    simulator = Simulator(scenario, tmp_path)
    fly = simulator.start()
    try:
        with served(told.app()) as base:
            registries = {**fly.registries, f"{REF}.supabase.co": base}
            settings = {
                "FLY_API_TOKEN": f"{scenario.token},{extra}",
                "FLY_API_HOSTNAME": fly.base_url,
                "FLY_API_BASE_URL": fly.base_url,
                "RUNBOOKS_REGISTRIES": ",".join(f"{host}={url}" for host, url in registries.items()),
                "RUNBOOKS_CONNECT_TO": fly.connect_to,
                "RUNBOOKS_STATUS_URL": "off",
                "RUNBOOKS_RECORDS_URL": URL,
                "RUNBOOKS_RECORDS_KEY": key,
                "RUNBOOKS_SUPABASE_TOKEN": TOKEN,
                "RUNBOOKS_SUPABASE_API": base,
                "SSL_CERT_FILE": str(fly.ca_pem),
            }
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            first, run = published(tmp_path / "first", monkeypatch, source="live", **scenario.parameters)
    finally:
        simulator.stop()
    observations = first.evidence.observations
    if key == SERVICE:
        assert isinstance(observations["E14"].answer, Records)
        assert observations["E14"].answer.rows[0].status == "starting"
    else:
        assert (observations["E14"].outcome, observations["E15"].outcome) == (
            Outcome.COULD_NOT_LOOK,
            Outcome.COULD_NOT_LOOK,
        )
        assert "row-level security" in observations["E14"].reason
    assert isinstance(observations["E20"].answer, FunctionSecrets), observations["E20"].reason
    assert observations["E21"].outcome is Outcome.SEEN, observations["E21"].reason
    inside = observations["E22"].answer
    assert isinstance(inside, TokenInside)
    assert inside.permissions[0].undischarged == ("https://api.fly.io/aaa/v1",)

    for name in settings:
        monkeypatch.delenv(name)

    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("a replay opened a socket or asked for a name")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    second, again = published(tmp_path / "second", monkeypatch, source=f"bundle:{run}")
    assert second.evidence.observations.keys() == observations.keys()
    for name in SAME:
        assert (again / name).read_bytes() == (run / name).read_bytes()
    everything = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    for secret in (key, TOKEN, extra, scenario.token.removeprefix("FlyV1 ")):
        assert secret.encode() not in everything
