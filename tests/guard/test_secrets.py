"""No planted secret stands in any capsule, of either guard; with the masking off the same search finds many."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from runbooks.guard import guard
from runbooks.simulator.scenario import load_scenario
from tests.canaries.plant import APP, plan, spiked
from tests.canaries.search import found
from tests.guard.forgotten import at_the_time
from tests.guard.test_guards import COMMANDS, TYPESCRIPT, Driver, Run, python, tool
from tests.guard.worlds import served


def made(run: Run, folder: Path) -> tuple[Mapping[str, str], str]:
    """Where each part of a secret was planted, and the capsule of the machine that carries them."""
    planted, told, added, _, secret = plan()
    told["world"]["tokens"][0]["actions"] = "rwcdC"
    path = folder / "canaries.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    then, call = at_the_time(load_scenario(str(path)))
    with served(then, folder / "world", lambda application: spiked(application, added)) as at:
        body: dict[str, Any] = call.body
        options = {**at.options, "app": APP, "token": secret["FLY_API_TOKEN"], "name": body["name"]}
        result, _ = run(at, {**options, "region": body["region"], "config": body["config"]})
    assert result["outcome"] == "failed"
    assert result["capsule"]["log"]
    return {part: canary.place for canary in planted.canaries for part in canary.parts}, json.dumps(result["capsule"])


@pytest.mark.parametrize("language", ["python", *COMMANDS])
def test_none_is_seen_in_a_capsule(language: str, tmp_path: Path) -> None:
    driver = None
    if language != "python":
        driver = Driver([tool(language), *COMMANDS[language]], TYPESCRIPT, tmp_path / "deno")
    parts, capsule = made(driver or python, tmp_path)
    if driver:
        driver.end()
    seen = found(parts, [("capsule", capsule.encode())])
    assert {f"{parts[part]}: {part[:6]}…" for part in seen} == set()
    assert "[Main] Missing required environment variables: SUPABASE_SERVICE_KEY" in capsule
    assert "machine has reached its max restart count of 3" in capsule


def test_with_the_masking_off_the_same_search_finds_them(tmp_path: Path) -> None:
    with (
        patch.object(guard._Mask, "value", lambda self, value: value),
        patch.object(guard._Mask, "text", lambda self, text: text),
    ):
        parts, capsule = made(python, tmp_path)
    assert len(found(parts, [("capsule", capsule.encode())])) > 100
