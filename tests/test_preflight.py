"""`preflight`: what it says before a create call, compared with what the incident says after it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbooks.base.settings import load_settings
from runbooks.definitions import validate
from runbooks.definitions.preflight import FACETS, RUNBOOK, Preflight
from runbooks.diagnose.checks import BLIND, YES, Check
from runbooks.diagnose.model import Diagnosis, Verdict
from runbooks.diagnose.preflight import MOST_REQUESTS, NOT_BEFORE
from runbooks.simulator import spec
from runbooks.simulator.scenario import FOLDER, load_scenario, scenario_names
from runbooks.source import Collected, collect

BEFORE = {
    "app-not-found": "fails",
    "certificate-missing": "fails",
    "hidden-from-launch-tools": "warns",
    "image-tag-missing": "fails",
    "image-too-large": "warns",
    "image-unauthorized": "fails",
    "image-wrong-architecture": "fails",
    "missing-environment": "fails",
    "name-conflict": "fails",
    "no-machine-behind-app": "fails",
    "no-public-ip": "fails",
    "private-network-mismatch": "warns",
    "region-unavailable": "fails",
    "request-invalid": "fails",
    "token-invalid": "fails",
    "token-out-of-scope": "fails",
    "websocket-port-or-scheme": "fails",
    "wrong-app": "fails",
    "wrong-hostname": "fails",
    "wrong-organization": "fails",
}
"""The causes that can be known before, and whether they forbid the create call or warn of it."""
LATER = {
    "app-recreated": "somebody deletes the app after the create call",
    "image-not-as-believed": "the config names the image; what its caller believes besides is not in it",
    "image-pull-failed": "the host pulls after the answer",
    "wrong-region": "without a region in the request, Fly chooses: the check warns",
    "autostart-disabled": "whether autostart is missed depends on what the owner wants: the check warns",
    "not-listening": "the port that the program opens; a port that the image does not expose warns",
    "volume-placement": "room on the volume's host; another region, or another machine that has it, fails",
    **{cause: later.why for later in NOT_BEFORE for cause in later.causes if cause not in BEFORE},
}
"""Causes of image, token, name, region and config that a preflight cannot know for certain, and why."""
SUBJECTS = (
    "image",
    "token",
    "app",
    "organization",
    "name-",
    "region",
    "request-inv",
    "volume",
    "address",
    "certificate",
)
"""Words in causes that are about what a preflight looks at."""


CAUSES = {name: load_scenario(name).expect["cause"] for name in scenario_names()}


def _before(name: str, folder: Path) -> dict[str, str]:
    """The parameters of a preflight at the moment before the scenario's create call; the world is as it was then."""
    scenario = load_scenario(name)
    told = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    given = scenario.parameters
    history = scenario.world.history
    calls = [(n, h) for n, h in enumerate(history) if h.create and _is_subject(h.create, given)]
    values = {"app_name": given.get("app_name", ""), "org_slug": given.get("org_slug", "")}
    values["websocket_url"] = given.get("websocket_url", "")
    if calls:
        number, call = calls[-1]
        assert call.create is not None
        told["world"]["history"] = told["world"].get("history", [])[:number]
        told["look_at"] = call.at - timedelta(seconds=1)
        if name == "token-invalid":
            told["look_at"] = scenario.look_at  # what ended was the token of the investigation
        values["config"] = json.dumps({**call.create.body, "app": call.create.app}, default=str)
        values["required"] = ",".join(_needs(scenario.world, call.create.body["config"]["image"]))
    else:
        values["config"] = json.dumps({"image": "registry.fly.io/x:1"})
    told["parameters"] = {}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(told))
    return {"source": f"simulator:{path}", **{key: value for key, value in values.items() if value}}


def _is_subject(call: spec.Create, given: dict[str, str]) -> bool:
    return call.id == given.get("machine_id", "-") or call.body.get("name") == given.get("machine_name", "-")


def _needs(world: spec.World, reference: str) -> list[str]:
    """What the owner of the program knows of it: the variables that it requires."""
    program = next((image.program for image in world.images if image.ref == reference), "")
    found = world.programs.get(program, spec.Program())
    return [*found.requires, *(["PAYOUT_API_KEY"] if any("PAYOUT_API_KEY" in p.text for p in found.prints) else [])]


def _made(values: dict[str, Any]) -> tuple[Collected, Diagnosis]:
    given = validate("preflight", values)
    assert isinstance(given, Preflight)
    seen = collect(given, load_settings(), facets=FACETS, most_requests=RUNBOOK.most_requests)
    assert seen.requests.count <= MOST_REQUESTS
    return seen, RUNBOOK.judge(seen.evidence, given, {})


def _checks(diagnosis: Diagnosis) -> tuple[Check, ...]:
    assert diagnosis.review
    for check in diagnosis.review.checks:
        assert check.text
        assert check.holds is BLIND or check.evidence, "what holds or does not rests on a look"
    return diagnosis.review.checks


@pytest.mark.parametrize("name", [name for name, cause in CAUSES.items() if cause in BEFORE])
def test_it_says_before_what_the_incident_says_after(name: str, tmp_path: Path) -> None:
    cause = CAUSES[name]
    _, diagnosis = _made(_before(name, tmp_path))
    named = [check for check in _checks(diagnosis) if check.cause == cause]
    if BEFORE[cause] == "fails":
        assert diagnosis.verdict is Verdict.INCIDENT
        assert diagnosis.cause is not None, diagnosis.headline
        assert diagnosis.cause.slug == cause, diagnosis.headline
        assert diagnosis.remedies
    else:
        assert [check for check in named if check.warns and check.holds is YES], diagnosis.headline


def test_every_cause_about_its_subjects_is_known_before_or_said_why_not() -> None:
    about = {cause for cause in CAUSES.values() if cause and any(word in f"{cause}" for word in SUBJECTS)}
    assert about - BEFORE.keys() - LATER.keys() == set()
    assert not BEFORE.keys() & LATER.keys()
