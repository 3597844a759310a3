"""No endpoint answers and no name resolves: the run says so, names no cause, and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEAD = "http://127.0.0.1:9"  # the discard port: nothing listens there
UNREACHABLE = {
    "FLY_API_HOSTNAME": DEAD,
    "FLY_API_BASE_URL": DEAD,
    "RUNBOOKS_REGISTRIES": f"registry.fly.io={DEAD}",
    "RUNBOOKS_RECORDS_URL": "postgresql://reader:pw-not-shown@127.0.0.1:9/app",
    "RUNBOOKS_STATUS_URL": f"{DEAD}/v1/incidents",
    "RUNBOOKS_CONNECT_TO": "*:*=nxdomain",
}


@pytest.mark.parametrize("token", ["", "FlyV1 fm2_bm90IGEgcmVhbCB0b2tlbg=="])
def test_every_question_is_listed_as_not_looked_at(token: str, tmp_path: Path) -> None:
    environment = {**os.environ, **UNREACHABLE, "RUNBOOKS_OUTPUT_ROOT": str(tmp_path)}
    if token:
        environment["FLY_API_TOKEN"] = token
    command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--json"]
    for name, value in (
        ("app_name", "vyx-app"),
        ("machine_id", "91850296bd4738"),
        ("machine_name", "vyx-63eea370"),
        ("image", "registry.fly.io/vyx-app:latest"),
        ("websocket_url", "wss://vyx-63eea370.fly.dev"),
    ):
        command += ["-p", name, value]
    # The acceptance says 30 s; the limit here only keeps a hang from holding the suite.
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 5, done.stderr
    found = json.loads(done.stdout)
    assert (found["verdict"], found["status"], found["exit_code"]) == ("inconclusive", "look-blocked", 5)
    assert ("no token is set" if not token else "api.machines.dev did not answer") in found["headline"]
    assert len(found["remedies"]) == 1
    assert found["remedies"][0]["commands"]
    assert found["cause"] is None
    assert not [h for h in found["hypotheses"] if h["status"] in ("confirmed", "likely")]
    folder = next(tmp_path.glob("*/machine_not_visible--*"))
    assert {path.name for path in folder.iterdir()} == {
        *("evidence", "manifest.json", "report.html", "report.md", "summary.json")
    }
    observations = json.loads((folder / "evidence/index.json").read_text())["looks"]
    assert {observation["outcome"] for observation in observations} == {"could-not-look"}
    assert all(observation["reason"] for observation in observations)
    told = json.dumps(found["not_checked"])
    assert all(observation["number"] in told for observation in observations)
    assert not {v["sees"] for v in found["visibility"]} & {"yes", "no"}
    everything = "".join(p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file())
    for secret in ("pw-not-shown", "bm90IGEgcmVhbCB0b2tlbg"):
        assert secret not in everything + done.stdout + done.stderr
