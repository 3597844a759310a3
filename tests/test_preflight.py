"""`preflight`: what it says before a create call, compared with what the incident says after it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbooks.base.errors import ParameterError
from runbooks.base.settings import load_settings
from runbooks.case import open_case
from runbooks.definitions import validate
from runbooks.definitions.preflight import FACETS, RUNBOOK, Preflight
from runbooks.diagnose.checks import BLIND, NO, YES, Check
from runbooks.diagnose.model import Diagnosis, ReportStatus, Verdict
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


def test_a_healthy_config_passes_with_every_check_made() -> None:
    seen, diagnosis = _made({"source": "simulator:healthy", "required": "SUPABASE_URL,SUPABASE_SERVICE_KEY,USER_ID"})
    checks = _checks(diagnosis)
    assert {check.holds for check in checks} == {YES}
    assert not [check for check in checks if check.skipped]
    assert (diagnosis.status, diagnosis.exit_code) == (ReportStatus.HEALTHY, 0)
    assert {one.why for one in diagnosis.not_checked} == {later.why for later in NOT_BEFORE}
    assert seen.requests.count == 9


TOML = """\
app = "vyx-app"
primary_region = "sin"
[build]
  image = "registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD"
[env]
  PORT = 8080
  DEBUG = false
[http_service]
  internal_port = 8080
  auto_stop_machines = "stop"
  auto_start_machines = true
[[vm]]
  size = "shared-cpu-2x"
  memory = "1gb"
"""
BODY = {
    "name": "vyx-new",
    "region": "sin,fra",
    "config": {
        "image": "registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD",
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512},
        "services": [{"protocol": "tcp", "internal_port": 8080, "ports": [{"port": 443, "handlers": ["tls", "http"]}]}],
    },
}


@pytest.mark.parametrize("form", ["toml", "toml-path", "json", "json-path", "config", "machine"])
def test_every_form_of_a_config_is_read(form: str, tmp_path: Path) -> None:
    text = {"toml": TOML, "json": json.dumps(BODY), "config": json.dumps(BODY["config"])}.get(
        form.partition("-")[0], ""
    )
    if form.endswith("-path"):
        path = tmp_path / "what.ever"
        path.write_text(text)
        text = str(path)
    _, diagnosis = _made({"source": "simulator:healthy", "config": text, "region": "sin"})
    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis.headline


CHANGES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a number in env": ({"env": {"PORT": 8080}}, "config", "request-invalid"),
    "no image": ({"image": None}, "config", "request-invalid"),
    "two volumes": ({"mounts": [{"volume": "vol_a"}, {"volume": "vol_b"}]}, "config", "request-invalid"),
    "too much memory": ({"guest": {"cpus": 1, "memory_mb": 4096}}, "guest", "request-invalid"),
    "odd memory": ({"guest": {"cpus": 1, "memory_mb": 300}}, "guest", "request-invalid"),
    "an unknown CPU": ({"guest": {"cpu_kind": "fast", "cpus": 1, "memory_mb": 512}}, "guest", "request-invalid"),
    "a volume nobody has": ({"mounts": [{"volume": "vol_0000000000000000"}]}, "volumes", "volume-placement"),
    "services as text": ({"services": "all"}, "config", "request-invalid"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_the_api_would_refuse_is_told_before(name: str) -> None:
    change, check, cause = CHANGES[name]
    body = {**BODY, "config": {**BODY["config"], **change}}  # type: ignore[dict-item]
    _, diagnosis = _made({"source": "simulator:healthy", "config": json.dumps(body)})
    assert [(one.slug, one.cause) for one in _checks(diagnosis) if one.holds is NO][:1] == [(check, cause)]
    assert diagnosis.verdict is Verdict.INCIDENT


def test_no_preflight_sends_more_than_twelve_requests(tmp_path: Path) -> None:
    """An index, a volume and a hostname of one's own; every question answers with 429 once."""
    told = yaml.safe_load((FOLDER / "healthy.yaml").read_text())
    told["world"]["images"][0]["index"] = True
    told["world"]["faults"] = [{"path": "/v1/*", "status": 429, "body": {"error": "rate limit"}, "times": 3}]
    path = tmp_path / "busy.yaml"
    path.write_text(yaml.safe_dump(told))
    body = {**BODY, "config": {**BODY["config"], "mounts": [{"volume": "vol_1"}]}}  # type: ignore[dict-item]
    values = {"config": json.dumps(body), "websocket_url": "live.vyx.example"}
    seen, diagnosis = _made({"source": f"simulator:{path}", **values})
    assert 10 < seen.requests.count <= MOST_REQUESTS
    assert diagnosis.verdict is not Verdict.HEALTHY


def test_without_a_token_nothing_passes_that_needs_one(tmp_path: Path) -> None:
    told = yaml.safe_load((FOLDER / "healthy.yaml").read_text())
    path = tmp_path / "no-token.yaml"
    path.write_text(yaml.safe_dump({**told, "token": ""}))
    _, diagnosis = _made({"source": f"simulator:{path}", "config": json.dumps(BODY)})
    blind = {check.slug for check in _checks(diagnosis) if check.holds is BLIND}
    assert {"token", "app", "name", "region", "image", "address"} <= blind
    assert diagnosis.verdict is Verdict.INCONCLUSIVE
    assert (diagnosis.status, diagnosis.exit_code) == (ReportStatus.LOOK_BLOCKED, 5)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"config": "nonsense = = x"}, "neither JSON nor TOML"),
        ({"config": '{"image": '}, "JSON"),
        ({"config": "[1, 2]"}, "no object"),
        ({"config": '{"a":' * 5000}, "nested|JSON"),
        ({"config": "x = " + "[" * 5000}, "neither JSON nor TOML"),
        ({"config": "/nowhere/fly.toml"}, "no such file"),
        ({"config": "/dev/zero"}, "regular file"),
        ({}, "neither config nor machine_id"),
        ({"config": TOML, "region": "sin; rm -rf"}, "region"),
        ({"config": TOML, "required": "A B=C"}, "required"),
        ({"config": TOML, "caller_log": "x"}, "no parameter"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_paragraph(values: dict[str, str], word: str) -> None:
    with pytest.raises(ParameterError, match=word) as refused:
        validate("preflight", {"app_name": "vyx-app", **values})
    assert len(str(refused.value)) < 1500


def test_a_replay_gives_the_same_bytes_and_no_secret_of_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sb_secret_Zx81kQ7wLm2Vn4Rt6Yp9Bc3Df5Gh7Jk"
    config = TOML + f'[experimental]\nkey = "{secret}"\n'
    config = config.replace("[env]", f'[env]\n  SUPABASE_SERVICE_KEY = "{secret}"')

    def published(root: str, **values: Any) -> Path:
        monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / root))
        open_case({}, "preflight", **values).publish()
        return next((tmp_path / root).glob("2*/preflight--*"))

    first = published("first", source="simulator:healthy", config=config, required="SUPABASE_SERVICE_KEY")
    second = published("second", source=f"bundle:{first}")
    for name in ("summary.json", "report.md", "report.html"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert secret not in "".join(path.read_text() for path in first.rglob("*") if path.is_file())
