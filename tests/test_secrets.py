"""Planted secrets appear in no file of a run and not on the terminal, wherever they came in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from runbooks.simulator.scenario import FOLDER

TOKEN = "fm2_cGxhbnRlZC10b2tlbi1uby1vbmUtbWF5LXNlZQ"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoicGxhbnRlZCJ9.c2lnbmF0dXJlLXBsYW50ZWQ"
VALUE = "hunter2-planted-value"
E_MAIL = "planted.person@example.com"
OWN = "fm2_dGhlLWludmVzdGlnYXRvcnMtb3duLXRva2Vu"
SECRETS = (TOKEN, JWT, VALUE, E_MAIL, OWN)


def planted(folder: Path) -> Path:
    """The demo's incident with secrets in config.env, in a log line, in the row and in the caller's log."""
    told = yaml.safe_load((FOLDER / "vyx-missing-environment.yaml").read_text())
    told["parameters"]["caller_log"] += f"\nsent {TOKEN} and apikey {JWT} for {E_MAIL}\nDB_PASSWORD={VALUE}\n"
    world = told["world"]
    for entry in world["history"]:
        body = entry.get("create", {}).get("body", {})
        if body.get("name") == "vyx-63eea370":
            body["config"]["env"] |= {"EXTRA_TOKEN": TOKEN, "PLAIN_NAME": JWT, "DB_PASSWORD": VALUE}
    for program in world["programs"].values():
        program["prints"].append(
            {"at_ms": 700, "text": f"connecting as {E_MAIL} with {TOKEN} {JWT} DB_PASSWORD={VALUE}"}
        )
    path = folder / "planted.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return path


def test_planted_secrets_stay_inside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible"]
    command += ["--source", f"simulator:{planted(tmp_path)}", "--output-root", str(out), "-p", "title", f"for {E_MAIL}"]
    environment = {**os.environ, "FLY_API_TOKEN": f"FlyV1 {OWN}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3, done.stderr
    files = [p for p in out.rglob("*") if p.is_file()]
    assert len(files) > 10
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
        assert not [p for p in files if secret in p.read_text(errors="replace")], secret
        assert not [p for p in files if secret in p.name]
    everything = "".join(p.read_text(errors="replace") for p in files)
    # The masking must leave the story readable, and must have met what was planted.
    for kind in ("fly-token", "jwt"):
        assert f"secret:{kind}#" in everything
    assert "SUPABASE_SERVICE_KEY" in everything
    assert "were found in the finished files" not in done.stderr
