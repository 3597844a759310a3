"""npm's fly-admin, a client that nobody here wrote, against the simulator: it is answered as Fly answers it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator

HERE = Path(__file__).parent / "fly_admin"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walk, beside the modules that npm installs by the lock file."""
    folder = tmp_path_factory.mktemp("fly-admin")
    for name in ("package.json", "package-lock.json", "walk.js"):
        shutil.copy(HERE / name, folder)
    install = [BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "walk.js"


def walk(program: Path, folder: Path, actions: str = "") -> tuple[dict[str, Any], str, list[str]]:
    """Answers by step, what it complained of, and the states that its machine went through."""
    scenario = load_scenario("canary-both-run")
    (told,) = scenario.world.tokens
    scenario = replace(
        scenario,
        settings=scenario.settings.model_copy(update={"rate_limits": False}),
        world=scenario.world.model_copy(
            update={"tokens": [told.model_copy(update={"actions": actions or told.actions})]}
        ),
    )
    with Simulator(scenario, folder) as simulator:
        served = simulator.start()
        command = [BIN / "node", program, served.base_url, scenario.token.removeprefix("FlyV1 "), "heron-batch"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        made = [m for m in simulator.world.ever() if m.name == "by-fly-admin"]
        states = [f"{e['type']}/{e['status']}" for m in made for e in m.events]
    return {x["step"]: x["answer"] for x in map(json.loads, done.stdout.splitlines())}, done.stderr, states


def test_create_wait_update_lease_stop_start_delete(program: Path, tmp_path: Path) -> None:
    answers, complaint, states = walk(program, tmp_path)
    assert complaint == ""
    assert answers["create"]["state"] == "created"
    assert answers["update"]["id"] == answers["create"]["id"]
    assert answers["update"]["instance_id"] != answers["create"]["instance_id"]
    assert answers["acquire lease"]["data"]["nonce"]
    assert [answers[f"wait{rest}"]["state"] for rest in ("", " again", " for the stop", " for the start")] == [
        "started",
        "started",
        "stopped",
        "started",
    ]
    assert answers["delete"] == {"ok": True}
    assert answers["get"]["state"] in ("destroying", "destroyed")
    assert len(answers["versions"]) == 2
    assert [state for state in states if state.startswith(("update", "destroy"))][:3] == [
        "update/replacing",
        "update/replaced",
        "destroy/destroying",
    ]


def test_a_token_that_may_only_read_changes_nothing(program: Path, tmp_path: Path) -> None:
    answers, complaint, states = walk(program, tmp_path, actions="r")
    assert (answers, states) == ({}, [])
    assert "403" in complaint
